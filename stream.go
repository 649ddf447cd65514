// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// stream is in the place of a history if the Bus keeps broadcasts: clients may return to
// any server. What is sent gets its offset from the Bus, which takes a while; it is queued
// for the sockets here when it has one, in the order of the log. What must not overtake it
// waits in line.
type stream struct {
	ns   *Namespace
	log  adapter.Log
	line line

	// mu is held while a broadcast of the log is queued for sockets, so that a client that
	// returns misses none and gets none twice. What history.mu comes before, it does too.
	mu     sync.Mutex
	tails  map[*tail]struct{}
	behind map[*Socket]struct{} // those with after
}

// tail is what was queued while a client returns.
//
// JS differs: S8.7, there what comes while a session is read from the log may be lost.
type tail struct{ messages []*adapter.Message }

// stream returns the namespace's stream, or nil if broadcasts are not kept by a Bus.
func (ns *Namespace) stream() *stream {
	c := ns.cluster
	if c == nil || ns.history == nil {
		return nil
	}
	c.streams.Do(func() {
		if log := c.node.Log(); log != nil {
			c.stream = &stream{ns: ns, log: log, tails: make(map[*tail]struct{}), behind: make(map[*Socket]struct{})}
		}
	})
	return c.stream
}

// emit sends an event to the sockets chosen, those of other servers too.
func (st *stream) emit(t Target, event string, args []any) error {
	_, list, err := st.ns.encodeShared(&packet.Packet{Type: packet.Event, Event: event, Args: args})
	if err != nil {
		return err
	}
	m := &adapter.Message{Type: adapter.Broadcast, Args: list, Options: t.options()}
	place := st.line.take()
	if place == nil {
		return ErrQueueFull
	}
	st.ns.cluster.node.Append(st.log, m, func(offset string) { // "": the sockets here get it nevertheless (A2.4)
		st.line.ready(place, func() { st.deliver(m, offset, args) })
	})
	return nil
}

// deliver queues a broadcast for the sockets here. own are its arguments, if they are known.
func (st *stream) deliver(m *adapter.Message, offset string, own []any) {
	packed, event, args, err := st.encode(m, offset)
	if err != nil {
		st.ns.server.bus.Ignore(m, err)
		return
	}
	t := (*local)(st.ns.cluster).target(m.Options)
	if t.plain {
		packed.WithoutCompression()
	}
	t.queue = true // nothing is written while mu is held
	st.mu.Lock()
	if offset != "" && len(st.tails) > 0 {
		kept := *m
		kept.Offset = offset
		for tail := range st.tails {
			tail.messages = append(tail.messages, &kept)
		}
	}
	sent := t.send(packed, func(s *Socket) bool {
		return s.comeback == nil || s.comeback.after == "" || offset == "" || adapter.CompareOffsets(offset, s.comeback.after) > 0
	})
	for s := range st.behind {
		if offset != "" && adapter.CompareOffsets(offset, s.comeback.after) >= 0 {
			s.comeback.after = "" // this server has come so far: positions may begin anew, for what we know
			delete(st.behind, s)
		}
	}
	st.mu.Unlock()
	if own == nil {
		own = []any{args}
	}
	for _, s := range sent {
		s.sent(event, own)
	}
}

// encode encodes a broadcast, with its offset (S8.2).
func (st *stream) encode(m *adapter.Message, offset string) (*engine.Message, string, Args, error) {
	event, args := split(m.Args)
	p := packet.Packet{Type: packet.Event, Event: event, Args: []any{args}}
	if offset != "" {
		p.Args = append(p.Args, offset)
	}
	packed, err := st.ns.encode(p)
	return packed, event, args, err
}

// save keeps a socket that is about to leave its rooms (S8.4).
func (st *stream) save(s *Socket) {
	st.put(&adapter.Session{ID: s.id, PID: s.comeback.pid, Rooms: s.Rooms(), Data: s.data()})
}

func (st *stream) put(one *adapter.Session) {
	if err := st.log.Save(one, st.ns.history.cfg.MaxDisconnection); err != nil {
		st.ns.server.bus.Lose(&adapter.Message{Namespace: st.ns.name}, err)
	}
}

// take gives the socket the state of a session (S8.5), if there is one.
func (st *stream) take(s *Socket, pid, offset string) {
	ctx, cancel := context.WithTimeout(s.Context(), st.patience())
	defer cancel()
	one, err := st.log.Take(ctx, pid, offset)
	if err != nil {
		if !errors.Is(err, adapter.ErrNoSession) { // S8.8
			st.ns.server.cfg.Logger.Warn("cluster: session not restored", "nsp", st.ns.name, "err", err)
		}
		return
	}
	if len(one.ID) != idLen || one.PID != pid || slices.ContainsFunc(one.Rooms, func(r string) bool { return r == "" }) {
		return // nothing that a server has saved
	}
	s.id = one.ID
	*s.comeback = comeback{pid: one.PID, offset: offset, from: &session{id: one.ID, pid: one.PID, rooms: one.Rooms}, kept: one}
	var data map[string]any
	if one.Data.Len() > 0 && one.Data.Unmarshal(0, &data) == nil {
		for name, v := range data {
			s.SetValue(name, restored{v})
		}
	}
	s.leftOwn.Store(!slices.Contains(one.Rooms, s.id))
	for _, room := range one.Rooms {
		if room != s.id {
			_ = s.Join(room) // it was in no more than the limit allows
		}
	}
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

// patience is how long a session is waited for.
func (st *stream) patience() time.Duration {
	if d := st.ns.server.cfg.BusTiming.Request; d > 0 {
		return d
	}
	return 5 * time.Second
}

// follow has what is queued from now on be kept for a client that returns, until forget.
func (st *stream) follow() *tail {
	t := new(tail)
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

var errTooMuch = errors.New("sio: the client has missed more than its outbox takes")

// missed returns what a client has missed, as far as the log has it, and the position of its
// end.
func (st *stream) missed(s *Socket) (list []*engine.Message, end string, err error) {
	ctx, cancel := context.WithTimeout(s.Context(), st.patience())
	defer cancel()
	end = s.comeback.offset
	limits, bytes := st.ns.server.outboxLimits(), 0
	collect := func(m *adapter.Message) bool {
		end = m.Offset
		if !s.missed(m) {
			return true
		}
		packed, _, _, e := st.encode(m, m.Offset)
		if e != nil {
			return true // nobody has got it
		}
		list = append(list, packed)
		if bytes += packed.Len(); len(list) > limits.packets || bytes > limits.bytes {
			err = errTooMuch
		}
		return err == nil
	}
	return list, end, errors.Join(st.log.Since(ctx, s.comeback.offset, collect), err)
}

// missed reports whether a client that returns should have got a broadcast (S8.6).
func (s *Socket) missed(m *adapter.Message) bool {
	in := func(room string) bool { return slices.Contains(s.comeback.from.rooms, room) }
	o := m.Options
	return m.Type == adapter.Broadcast && !o.Volatile && m.Request == "" &&
		(len(o.Rooms) == 0 || slices.ContainsFunc(o.Rooms, in)) && !slices.ContainsFunc(o.Except, in)
}

// restored is a value that has come back by way of JSON.
type restored struct{ v any }

// line keeps the order of what waits for the Bus and of what must not overtake it.
type line struct {
	// mu guards the fields below.
	mu      sync.Mutex
	places  []*place
	running bool // somebody calls the functions
}

// place is one place in line.
type place struct{ run func() } // nil: not ready

// maxLine limits the places in line.
const maxLine = 65_536

// take takes a place, or returns nil if the line is too long.
func (l *line) take() *place {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) >= maxLine {
		return nil
	}
	p := new(place)
	l.places = append(l.places, p)
	return p
}

// ready has f called when nothing is in front of the place any more.
func (l *line) ready(p *place, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.run = f
	l.drain()
}

// drain calls what is ready at the front. mu is held, but not meanwhile.
func (l *line) drain() {
	if l.running {
		return
	}
	l.running = true
	for len(l.places) > 0 && l.places[0].run != nil {
		run := l.places[0].run
		l.places[0] = nil
		l.places = l.places[1:]
		l.mu.Unlock()
		run()
		l.mu.Lock()
	}
	l.running = false
}

// do calls f: at once, if nothing is in line, and else later.
func (l *line) do(f func()) {
	l.mu.Lock()
	if len(l.places) == 0 && !l.running || len(l.places) >= maxLine {
		l.mu.Unlock()
		f()
		return
	}
	l.places = append(l.places, &place{f})
	l.mu.Unlock()
}

// wait waits until what is in line now is gone, or ctx ends.
func (l *line) wait(ctx context.Context) error {
	done := make(chan struct{})
	l.do(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inLine calls f, behind what waits for the Bus.
func (ns *Namespace) inLine(f func()) {
	if ns != nil { // else it is of the zero Target
		if st := ns.stream(); st != nil {
			st.line.do(f)
			return
		}
	}
	f()
}
