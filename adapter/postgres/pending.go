// SPDX-License-Identifier: MIT

package postgres

import (
	"errors"
	"sync"
	"time"

	"github.com/sio-go/sio/adapter"
)

// pending is what was sent to the log and has not come back from it. found, settle and
// expire are called by the dispatcher alone.
type pending struct {
	link *link

	mu      sync.Mutex
	last    uint64 // tag of the last entry
	entries []entry
	ended   bool
}

type entry struct {
	tag  uint64
	done func(offset string, err error)
	err  error // that it has failed with
	at   time.Time
}

var (
	errNotKept = errors.New("postgres: not found in the log")
	errNoEcho  = errors.New("postgres: the log does not answer")
)

// add sends a message to the log.
func (p *pending) add(m *adapter.Message, done func(string, error)) {
	k := p.link
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		done("", adapter.ErrClosed)
		return
	}
	defer p.mu.Unlock()
	p.last++
	e := entry{tag: p.last, done: done, at: time.Now()}
	data, err := k.bus.cfg.pack(m, e.tag)
	switch {
	case err != nil:
		e.err = err
	case len(p.entries) >= k.bus.cfg.MaxQueue:
		e.err = adapter.ErrQueueFull
	default:
		e.err = k.bus.out.push(job{link: k, packed: data, tag: e.tag, uid: m.UID})
	}
	p.entries = append(p.entries, e)
	if e.err != nil {
		notify(k.bus.settle)
	}
}

// fail says that an entry was not kept.
func (p *pending) fail(tag uint64, err error) {
	p.mu.Lock()
	for i := range p.entries {
		if p.entries[i].tag == tag {
			p.entries[i].err = err
		}
	}
	p.mu.Unlock()
	notify(p.link.bus.settle)
}

// found says that an entry has come back. Those before it that have not are lost, since they
// were sent in order.
func (p *pending) found(tag uint64, offset string) {
	p.pop(func(e entry) (string, error, bool) {
		switch {
		case e.tag > tag:
			return "", nil, false
		case e.tag == tag:
			return offset, nil, true
		case e.err == nil:
			return "", errNotKept, true
		}
		return "", e.err, true
	})
}

// run ends the entries that have failed or waited too long, as far as none is before them of
// which it is not known.
func (p *pending) run(now time.Time, patience time.Duration) {
	p.pop(func(e entry) (string, error, bool) {
		if e.err == nil && now.Sub(e.at) > patience {
			e.err = errNoEcho
		}
		return "", e.err, e.err != nil
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
		p.mu.Unlock()
		e.done(offset, err)
	}
}

// end ends all entries, and refuses further ones.
func (p *pending) end(err error) {
	p.mu.Lock()
	p.ended = true
	list := p.entries
	p.entries = nil
	p.mu.Unlock()
	for _, e := range list {
		e.done("", err)
	}
}
