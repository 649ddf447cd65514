// SPDX-License-Identifier: MIT

package nats

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
	"github.com/sio-go/sio/internal/work"
)

// link is a namespace that was joined.
type link struct {
	bus  *Bus
	peer adapter.Peer
	sub  subjects
	uid  string // token of the own node

	in      chan *nats.Msg  // from the reader of the connection, by way of all subscriptions
	ctx     context.Context //nolint:containedctx // ends when it has left
	leave   context.CancelFunc
	left    atomic.Bool
	queue   work.Queue[item] // what was received
	bytes   atomic.Int64     // in queue
	room    chan struct{}    // there may be room in queue again
	pending pending          // what was sent to the log; unused without one

	// mu guards the fields below.
	mu       sync.Mutex
	subbed   bool
	live     bool   // the log is being followed, or there is none
	upAt     uint64 // turn of the connection at which Up was called; 0: it was not
	lost     int    // that were received and not handled
	dropped  int    // by subscriptions, as was reported
	wanted   map[string]bool
	changed  map[string]struct{} // tokens of rooms to look at
	changing bool                // apply is queued

	// The fields below are changed by the goroutine of Bus.send only; with mu, if others read them.
	subs  []*nats.Subscription
	rooms map[string]*nats.Subscription // by token
	extra map[string]struct{}           // tokens of rooms that have none of their own
	any   *nats.Subscription            // to all rooms, for those in extra
}

// item is something received: a message, or a job to do in its order.
type item struct {
	subject string
	data    []byte
	status  string // of an answer of the server: "503"
	offset  string // in the log
	id      uint64 // in the log, if it is our own
	do      func()
}

func newLink(b *Bus, p adapter.Peer) *link {
	k := &link{
		bus: b, peer: p, sub: subjectsOf(b.cfg.Prefix, p.Namespace), uid: token(p.UID),
		in: make(chan *nats.Msg, intake), room: make(chan struct{}, 1),
		wanted: make(map[string]bool), changed: make(map[string]struct{}),
		rooms: make(map[string]*nats.Subscription), extra: make(map[string]struct{}),
	}
	k.ctx, k.leave = context.WithCancel(b.ctx)
	k.live = b.js == nil
	k.queue.Init(k)
	return k
}

// subscribe subscribes to all but rooms.
func (k *link) subscribe() {
	if k.left.Load() {
		return
	}
	list := []string{k.sub.all(), k.sub.node(k.peer.UID)}
	if k.bus.js != nil {
		list = append(list, k.sub.rooms(), k.sub.ack(k.peer.UID)+"*") // emitters may not know of the log
	}
	for _, subject := range list {
		s, err := k.bus.conn.ChanSubscribe(subject, k.in)
		if err != nil {
			k.fail(fmt.Errorf("nats: subscribing to %s: %w", subject, err))
			return
		}
		k.mu.Lock()
		k.subs = append(k.subs, s)
		k.mu.Unlock()
	}
	k.mu.Lock()
	k.subbed = true
	k.mu.Unlock()
	k.bus.wake()
}

// waits reports whether Up has to be called.
func (k *link) waits(turn uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.subbed && k.live && k.upAt != turn
}

// up tells that the subscription is complete, unless that was done.
func (k *link) up(turn uint64) {
	k.mu.Lock()
	tell := k.subbed && k.live && k.upAt != turn && !k.left.Load()
	if tell {
		k.upAt = turn
	}
	k.mu.Unlock()
	if tell {
		k.peer.Receiver.Up()
	}
}

func (k *link) fail(err error) {
	if !k.left.Load() || errors.As(err, new(*adapter.LostError)) {
		k.peer.Receiver.Fail(err)
	}
}

// pack encodes a message.
func (k *link) pack(m *adapter.Message) ([]byte, error) {
	if k.left.Load() {
		return nil, adapter.ErrClosed
	}
	data, err := envelope.Append(nil, m)
	if err != nil {
		return nil, err
	}
	limit := int64(k.bus.cfg.MaxMessage)
	if n := k.bus.payload.Load(); n > 0 {
		limit = min(limit, n-headerRoom)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("nats: a message of %d bytes, the limit is %d", len(data), limit)
	}
	return data, nil
}

// headerRoom is what headers take at most.
const headerRoom = 256

// Publish implements adapter.Link.
func (k *link) Publish(m *adapter.Message) error {
	data, err := k.pack(m)
	if err != nil {
		return err
	}
	if k.bus.js != nil && m.Type == adapter.Close {
		// What is still on its way through the log would have the others count this server again.
		_ = k.pending.send(k, data, nil) // sent directly too, as the log may not be there
	}
	if k.bus.js != nil && logged(m.Type) {
		return k.pending.send(k, data, nil)
	}
	return k.bus.out.push(job{link: k, msg: &nats.Msg{Subject: k.bus.router.subject(k.sub, m), Data: data}})
}

// Reply implements adapter.Link.
func (k *link) Reply(to string, m *adapter.Message) error {
	data, err := k.pack(m)
	if err != nil {
		return err
	}
	return k.bus.out.push(job{link: k, msg: &nats.Msg{Subject: k.sub.node(to), Data: data}})
}

// Leave implements adapter.Link.
func (k *link) Leave() error {
	if k.left.Swap(true) {
		return nil
	}
	k.leave()
	k.bus.forget(k)
	k.bus.out.control(func() {
		for _, s := range k.subs {
			_ = s.Unsubscribe()
		}
		for s := range maps.Values(k.rooms) {
			_ = s.Unsubscribe()
		}
		if k.any != nil {
			_ = k.any.Unsubscribe()
		}
	})
	k.pending.end(adapter.ErrClosed)
	return nil
}

// pump takes messages from the connection's reader, so that it never waits.
func (k *link) pump() {
	for {
		select {
		case <-k.ctx.Done():
			k.queue.Stop()
			return
		case m := <-k.in:
			it := item{subject: m.Subject, data: m.Data, status: m.Header.Get("Status")}
			if m.Sub != nil && k.double(m) {
				continue
			}
			if k.full() {
				k.mu.Lock()
				k.lost++
				k.mu.Unlock()
				continue
			}
			k.push(it)
		}
	}
}

func (k *link) full() bool {
	return k.queue.Len() >= k.bus.cfg.MaxQueue || k.bytes.Load() > int64(k.bus.cfg.MaxQueueBytes)
}

func (k *link) push(it item) {
	k.bytes.Add(int64(len(it.data) + overhead))
	k.queue.Push(it)
	k.queue.Wake()
}

// sweep reports what was dropped, and what has waited too long.
func (k *link) sweep() {
	k.mu.Lock()
	dropped := k.lost
	for _, s := range k.subs {
		n, _ := s.Dropped()
		dropped += n
	}
	for _, s := range k.rooms {
		n, _ := s.Dropped()
		dropped += n
	}
	n := dropped - k.dropped
	k.dropped = dropped
	k.mu.Unlock()
	if n > 0 {
		k.fail(fmt.Errorf("nats: %d messages dropped: %w", n, nats.ErrSlowConsumer))
	}
	if k.bus.js != nil {
		k.push(item{do: func() { k.pending.expire(time.Now()) }})
	}
}

// Go implements work.Runner.
func (k *link) Go(f func()) { k.bus.tasks.Go(f) }

// Burst implements work.Runner.
func (k *link) Burst(bool) {}

// Run implements work.Runner: it handles what was received.
func (k *link) Run(it item) {
	k.bytes.Add(-int64(len(it.data) + overhead))
	select {
	case k.room <- struct{}{}:
	default:
	}
	switch {
	case it.do != nil:
		it.do()
		return
	case k.left.Load():
		return
	case strings.HasPrefix(it.subject, k.sub.ack(k.peer.UID)):
		n, err := strconv.ParseUint(it.subject[len(k.sub.ack(k.peer.UID)):], 10, 64)
		if err == nil {
			k.pending.ack(n, it)
		}
		return
	case it.id != 0:
		k.pending.found(it.id, it.offset)
		return
	}
	m, err := parse(k.peer.Namespace, it.data)
	if err != nil {
		k.fail(&adapter.MalformedError{Channel: it.subject, Err: err})
		return
	}
	if m.Type == adapter.Broadcast && m.Request == "" {
		m.Offset = it.offset
	}
	k.peer.Receiver.Receive(m)
}

var errNamespace = errors.New("message of another namespace")

// parse reads a message of a namespace.
func parse(nsp string, data []byte) (*adapter.Message, error) {
	m, err := envelope.Parse(data)
	if err != nil {
		return nil, err
	}
	if m.Namespace != "" && m.Namespace != nsp {
		return nil, errNamespace
	}
	m.Namespace = nsp
	return m, nil
}
