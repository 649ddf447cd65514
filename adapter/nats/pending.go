// SPDX-License-Identifier: MIT

package nats

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
)

// headerID names an entry of the log: the UID of who has sent it, a dot, and a number.
const headerID = "Sio-Id"

// logged reports whether messages of a type go by way of the log, if there is one. All that
// has an effect on clients does, so that its order holds.
func logged(t adapter.Type) bool {
	switch t {
	case adapter.Broadcast, adapter.SocketsJoin, adapter.SocketsLeave, adapter.DisconnectSockets,
		adapter.FetchSockets, adapter.ServerSideEmit:
		return true
	default:
		return false
	}
}

// pending is what was sent to the log and has not come back from it. Apart from send and
// end, its methods are called by one goroutine, that of link.Run.
type pending struct {
	mu      sync.Mutex
	link    *link
	last    uint64 // number of the last entry
	entries []entry
	ended   bool
	created time.Time // of the stream that is read, from behind a place on:
	from    uint64
}

type entry struct {
	n    uint64
	done func(offset string, err error) // nil: nobody asks
	err  error                          // that it has failed with
	kept bool                           // the server says so, and where:
	seq  uint64
	at   time.Time
}

var (
	errNotKept = errors.New("nats: not found in the log")
	errLate    = errors.New("nats: the log does not answer")
)

// send sends data to the log. done is called later, in order, unless it is nil; then an error
// that is known at once is returned.
func (p *pending) send(k *link, data []byte, done func(string, error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return adapter.ErrClosed
	}
	p.link = k
	e := entry{n: p.last + 1, done: done, at: time.Now()}
	if len(p.entries) >= k.bus.cfg.MaxQueue {
		e.err = adapter.ErrQueueFull
	} else {
		n := strconv.FormatUint(e.n, 10)
		m := &nats.Msg{Subject: k.sub.log(), Reply: k.sub.ack(k.peer.UID) + n, Data: data}
		m.Header = nats.Header{headerID: {k.peer.UID + "." + n}}
		e.err = k.bus.out.push(job{link: k, msg: m})
	}
	if e.err != nil && done == nil {
		return e.err
	}
	p.last++
	p.entries = append(p.entries, e)
	if e.err != nil {
		k.push(item{do: p.settle})
	}
	return nil
}

// refuse has done be called with an error, in order.
func (p *pending) refuse(k *link, err error, done func(string, error)) {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		done("", err)
		return
	}
	p.link = k
	p.last++
	p.entries = append(p.entries, entry{n: p.last, done: done, err: err, at: time.Now()})
	p.mu.Unlock()
	k.push(item{do: p.settle})
}

// found says that an entry has come back. Those before it that have not are lost, since what
// one connection sends is kept in order.
func (p *pending) found(n uint64, offset string) {
	p.pop(func(e entry) (string, error, bool) {
		if e.n > n {
			return "", nil, false
		}
		if e.n == n {
			return offset, nil, true
		}
		if offset, err, ok := p.settledLocked(e); ok {
			return offset, err, true
		}
		return "", errNotKept, true
	})
}

// begin says that the log is read from behind a place on: what is kept in front of it does not
// come back.
func (p *pending) begin(k *link, created time.Time, seq uint64) {
	p.mu.Lock()
	p.created, p.from = created, seq
	p.mu.Unlock()
	k.push(item{do: p.settle})
}

// settledLocked reports whether it is known what has become of an entry that has not come back.
func (p *pending) settledLocked(e entry) (place string, err error, ok bool) { //nolint:revive // the order of done
	switch {
	case e.err != nil:
		return "", e.err, true
	case e.kept && e.seq <= p.from:
		return offset(p.created, e.seq), nil, true
	}
	return "", nil, false
}

// settle ends the entries of which that is known, as far as none is before them of which it is not.
func (p *pending) settle() { p.pop(p.settledLocked) }

// expire ends the entries that have waited too long.
func (p *pending) expire(now time.Time) {
	p.pop(func(e entry) (string, error, bool) {
		if e.err != nil {
			return "", e.err, true
		}
		return "", errLate, now.Sub(e.at) > ackWait
	})
}

// pop ends entries from the first on, as long as end wants it.
func (p *pending) pop(end func(e entry) (offset string, err error, ok bool)) {
	for {
		p.mu.Lock()
		if len(p.entries) == 0 {
			p.mu.Unlock()
			return
		}
		e := p.entries[0]
		offset, err, ok := end(e)
		if !ok {
			p.mu.Unlock()
			return
		}
		if p.entries = p.entries[1:]; len(p.entries) == 0 {
			p.entries = nil
		}
		k := p.link
		p.mu.Unlock()
		switch {
		case e.done != nil:
			e.done(offset, err)
		case err != nil && !e.kept:
			k.fail(&adapter.LostError{Count: 1, Err: err})
		}
	}
}

// ack handles the answer of the server to an entry. Of a good one, done is called when the
// entry is found in its place.
func (p *pending) ack(n uint64, it item) {
	var answer struct {
		Seq   uint64 `json:"seq"`
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	var err error
	if it.status != "" {
		err = fmt.Errorf("nats: no stream takes it (status %.3s)", it.status)
	} else if json.Unmarshal(it.data, &answer) != nil {
		return // from somebody else
	} else if answer.Error != nil {
		err = fmt.Errorf("nats: not kept: %.200s (%d)", answer.Error.Description, answer.Error.Code)
	}
	p.mu.Lock()
	for i := range p.entries {
		if e := &p.entries[i]; e.n == n {
			e.err, e.kept, e.seq = err, err == nil, answer.Seq
		}
	}
	p.mu.Unlock()
	p.settle()
}

// end ends all entries, and refuses further ones.
func (p *pending) end(err error) {
	p.mu.Lock()
	p.ended = true
	list := p.entries
	p.entries = nil
	p.mu.Unlock()
	for _, e := range list {
		if e.done != nil {
			e.done("", err)
		}
	}
}
