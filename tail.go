// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
)

// tail is what a client that returns gets: first what the log says that it has missed, then
// what was queued meanwhile, which stream.mu guards.
//
// JS differs: S8.7, there what comes while a session is read from the log may be lost.
type tail struct {
	rooms  map[string]struct{} // of the session
	limits outboxLimits        // for either part

	missed part
	end    string // the position of the log's end

	queued  part
	offsets []string // of queued
}

// part is some of the broadcasts, in order.
type part struct {
	list  []*engine.Message
	bytes int
	more  bool // than the limits allow: the client cannot return
}

func (p *part) add(m *engine.Message, l outboxLimits) {
	if p.bytes += m.Len(); len(p.list) >= l.packets || p.bytes > l.bytes {
		p.more = true
		return
	}
	p.list = append(p.list, m)
}

// wants reports whether the client should have got a broadcast (S8.6).
func (t *tail) wants(o adapter.Options) bool {
	in := func(room string) bool { _, ok := t.rooms[room]; return ok }
	return (len(o.Rooms) == 0 || slices.ContainsFunc(o.Rooms, in)) && !slices.ContainsFunc(o.Except, in)
}

// queue adds what is queued for the sockets here. stream.mu is held.
func (t *tail) queue(m *engine.Message, offset string, o adapter.Options) {
	if t.queued.more || !t.wants(o) {
		return
	}
	if t.queued.add(m, t.limits); !t.queued.more {
		t.offsets = append(t.offsets, offset)
	}
}

// openShared is open if the Bus keeps broadcasts.
func (s *Socket) openShared(st *stream, greeting *engine.Message) bool {
	var t *tail
	if s.Recovered() {
		t = st.follow(s) // first, or what comes now would fall between the two
		defer st.forget(t)
		if err := st.read(s, t); err != nil {
			if errors.Is(err, errTooMuch) || errors.Is(err, adapter.ErrNoSession) {
				s.comeback.kept = nil // it would be the same the next time
			}
			st.notRestored(s, err)
			return false
		}
	}
	f := s.ns.server.engine.Fanout()
	defer f.Flush()
	st.mu.Lock()
	defer st.mu.Unlock()
	if t != nil && t.queued.more {
		s.comeback.kept = nil
		return false
	}
	s.phase.Store(connected)
	if t != nil { // S8.7: before CONNECT
		for _, m := range t.missed.list {
			f.Send(s.conn.session, m, engine.SendOptions{})
		}
		for i, m := range t.queued.list {
			if adapter.CompareOffsets(t.offsets[i], t.end) > 0 {
				f.Send(s.conn.session, m, engine.SendOptions{})
			}
		}
		st.skip(s, t.end)
	}
	if greeting != nil {
		f.Send(s.conn.session, greeting, engine.SendOptions{})
	}
	s.ns.add(s)
	s.phase.Store(listed)
	s.conn.join()
	return true
}

var errTooMuch = errors.New("sio: the client has missed more than its outbox takes")

// read reads what a client has missed, from memory or as far as the log has it.
func (st *stream) read(s *Socket, t *tail) error {
	if st.recall(t) {
		if t.missed.more {
			return errTooMuch
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(s.Context(), st.patience())
	defer cancel()
	err := st.log.Since(ctx, t.end, func(m *adapter.Message) bool {
		t.end = m.Offset
		if m.Type != adapter.Broadcast || m.Request != "" || m.Options.Volatile || !t.wants(m.Options) {
			return true
		}
		if packed, _, _, err := st.encode(m, m.Offset); err == nil { // else nobody has got it
			t.missed.add(packed, t.limits)
		}
		return !t.missed.more
	})
	if err == nil && t.missed.more {
		err = errTooMuch
	}
	return err
}

// recall reads from memory. It reports false if that does not go back so far.
func (st *stream) recall(t *tail) bool {
	h := st.ns.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.index[t.end]; !ok {
		return false
	}
	for _, p := range h.since(t.end) {
		t.end = p.offset
		if t.wants(adapter.Options{Rooms: p.rooms, Except: p.except}) {
			t.missed.add(p.message, t.limits)
		}
	}
	return true
}

// patience is how long a session is waited for.
func (st *stream) patience() time.Duration {
	if d := st.ns.server.cfg.BusTiming.Request; d > 0 {
		return d
	}
	return 5 * time.Second
}

// follow has what is queued from now on be kept for a client that returns, until forget.
func (st *stream) follow(s *Socket) *tail {
	t := &tail{rooms: make(map[string]struct{}), limits: s.ns.server.outboxLimits(), end: s.comeback.offset}
	for _, room := range s.comeback.from.rooms {
		t.rooms[room] = struct{}{}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.tails[t] = struct{}{}
	return t
}

func (st *stream) forget(t *tail) {
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.tails, t)
}

// skip has what the log has up to a position not be sent to a socket again, when it comes by
// way of the Bus. mu is held.
func (st *stream) skip(s *Socket, end string) {
	for old := range st.behind {
		if old.ending.Load() != nil {
			delete(st.behind, old)
		}
	}
	s.comeback.after = end
	st.behind[s] = struct{}{}
}
