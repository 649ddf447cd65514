// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
)

// readers has a reader for each stream that the namespaces joined are in.
type readers struct {
	bus *Bus
	mu  sync.Mutex
	all map[string]*reader
}

// join returns the reader of a link's stream, and begins to read.
func (r *readers) join(k *link) *reader {
	name := streams{&r.bus.cfg}.stream(k.peer.Namespace)
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.all[name]
	if one == nil {
		one = &reader{bus: r.bus, name: name, wake: make(chan struct{}, 1), changed: make(chan struct{}, 1), begun: make(chan struct{})}
		var ctx context.Context
		ctx, one.stop = context.WithCancel(r.bus.ctx)
		if r.all == nil {
			r.all = make(map[string]*reader)
		}
		r.all[name] = one
		r.bus.tasks.Go(func() { one.run(ctx) })
		r.bus.tasks.Go(func() { one.settle(ctx) })
	}
	one.mu.Lock()
	one.links = append(slices.Clip(one.links), k)
	k.reading = one.reading // nobody else has the link yet
	one.mu.Unlock()
	return one
}

// leave ends what a link has of its reader.
func (r *readers) leave(k *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := k.stream
	one.mu.Lock()
	defer one.mu.Unlock()
	if i := slices.Index(one.links, k); i >= 0 {
		one.links = slices.Delete(slices.Clone(one.links), i, i+1)
	}
	for _, a := range one.appended {
		if a.link == k && a.state != failed {
			a.state, a.err = failed, adapter.ErrClosed
		}
	}
	notify(one.wake)
	if len(one.links) == 0 {
		one.stop()
		delete(r.all, one.name)
	}
}

// reader reads a stream, in order, without missing what is still there (A5.7, A5.8).
type reader struct {
	bus     *Bus
	name    string
	stop    context.CancelFunc
	wake    chan struct{} // something has failed
	changed chan struct{} // something was answered
	begun   chan struct{} // closed when it is known where to begin

	last string // the entry read last; of run

	// turn is held while links are told of entries, and of what was appended, in order. No
	// method of a Link takes it.
	turn sync.Mutex

	mu       sync.Mutex
	links    []*link // the slice is not changed
	reading  bool
	appended []*appended // in order; those at the front are settled first
}

// block is how long a read waits. Node's blockTimeInMs, 5 s by default, is not seen by others.
const block = 2 * time.Second

// run reads until ctx ends.
func (r *reader) run(ctx context.Context) {
	client, err := r.bus.conn.wait(ctx)
	if err != nil {
		return
	}
	for pause := new(backoff); ; {
		begin := time.Now()
		err := r.session(ctx, client)
		if ctx.Err() != nil {
			return
		}
		for _, k := range r.set(false) {
			k.fail(fmt.Errorf("redis: reading the stream %s: %w", r.name, err))
		}
		if time.Since(begin) > r.bus.cfg.Probe {
			*pause = backoff{}
		}
		if !pause.wait(ctx) {
			return
		}
	}
}

// set says whether the stream is being read, and returns the links.
func (r *reader) set(on bool) []*link {
	r.mu.Lock()
	r.reading = on
	links := r.links
	var up []*link
	for _, k := range links {
		if k.set(&k.reading, on) {
			up = append(up, k)
		}
	}
	r.mu.Unlock()
	tell(up)
	return links
}

// session reads as long as nothing goes wrong.
func (r *reader) session(ctx context.Context, client rueidis.Client) error {
	var err error
	if r.last == "" { // B8: "$" each time would miss entries
		err = r.begin(ctx, client)
	} else {
		err = r.resume(ctx, client)
	}
	if err != nil {
		return err
	}
	count := int64(r.bus.cfg.Stream.ReadCount)
	for first := true; ; first = false {
		var cmd rueidis.Completed
		if first {
			cmd = client.B().Xread().Count(count).Streams().Key(r.name).Id(r.last).Build()
		} else {
			cmd = client.B().Xread().Count(count).Block(block.Milliseconds()).Streams().Key(r.name).Id(r.last).Build().UnblockOnCancel()
		}
		limited, cancel := context.WithTimeout(ctx, block+r.bus.cfg.Timeout)
		streams, err := client.Do(limited, cmd).AsXRead()
		cancel()
		if err != nil && !rueidis.IsRedisNil(err) {
			return err
		}
		if first {
			r.set(true)
		}
		for _, e := range streams[r.name] {
			if !r.entry(ctx, e) {
				return ctx.Err()
			}
			r.last = e.ID
		}
	}
}

// begin learns where the stream ends now.
func (r *reader) begin(ctx context.Context, client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, r.bus.cfg.Timeout)
	defer cancel()
	list, err := client.Do(ctx, client.B().Xrevrange().Key(r.name).End("+").Start("-").Count(1).Build()).AsXRange()
	if err != nil && !rueidis.IsRedisNil(err) {
		return err
	}
	r.last = "0-0"
	if len(list) > 0 {
		r.last = list[0].ID
	}
	close(r.begun)
	return nil
}

var errGap = errors.New("redis: the stream does not reach back to where reading it was interrupted: messages may be missing")

// resume tells if entries behind the one read last are not there any more. It does not see interruptions
// that are shorter than a read may take: the client repeats the read by itself.
func (r *reader) resume(ctx context.Context, client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, r.bus.cfg.Timeout)
	defer cancel()
	list, err := client.Do(ctx, client.B().Xrange().Key(r.name).Start(r.last).End(r.last).Build()).AsXRange()
	if err != nil && !rueidis.IsRedisNil(err) {
		return err
	}
	if len(list) > 0 || r.last == "0-0" {
		return nil
	}
	r.mu.Lock()
	links := r.links
	r.mu.Unlock()
	for _, k := range links {
		k.fail(fmt.Errorf("%w (%s)", errGap, r.name))
	}
	return nil
}

// entry hands on an entry. It returns false if ctx ends.
func (r *reader) entry(ctx context.Context, e rueidis.XRangeEntry) bool {
	for {
		r.turn.Lock()
		wait := r.reach(e.ID, e.FieldValues["uid"])
		if !wait {
			break
		}
		r.turn.Unlock()
		select {
		case <-r.changed:
		case <-ctx.Done():
			return false
		}
	}
	defer r.turn.Unlock()
	nsp := e.FieldValues["nsp"]
	if nsp == "" { // A5.7
		return true
	}
	r.mu.Lock()
	links := r.links
	r.mu.Unlock()
	for _, k := range links {
		if k.peer.Namespace != nsp || k.peer.UID == e.FieldValues["uid"] {
			continue
		}
		m, err := parseEntry(e.ID, e.FieldValues)
		if err != nil {
			k.bad(r.name, fmt.Errorf("entry %s: %w", e.ID, err))
			continue
		}
		k.receive(m)
	}
	return true
}

// position is the id of an entry as numbers.
func position(id string) (ms, seq uint64) {
	for i := range len(id) {
		if id[i] == '-' {
			ms, _ = strconv.ParseUint(id[:i], 10, 64)
			seq, _ = strconv.ParseUint(id[i+1:], 10, 64)
			break
		}
	}
	return ms, seq
}
