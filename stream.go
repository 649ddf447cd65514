// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"slices"
	"sync"

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
	mu      sync.Mutex
	tails   map[*tail]struct{}
	behind  map[*Socket]struct{} // those with after
	trouble uint64               // of the bus, when the last broadcast came
}

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
	packed, list, err := st.ns.encodeShared(&packet.Packet{Type: packet.Event, Event: event, Args: args})
	if err != nil {
		return err
	}
	m := &adapter.Message{Type: adapter.Broadcast, Args: list, Options: t.options()}
	place := st.line.take(packed.Len())
	if place == nil {
		m.Namespace = st.ns.name
		st.ns.server.bus.Lose(m, ErrQueueFull)
		return ErrQueueFull
	}
	st.ns.cluster.node.Append(st.log, m, func(offset string) { // "": the sockets here get it nevertheless (A2.4)
		st.line.pass(place, func() { st.deliver(m, offset, args) })
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
	t.queue = true // nothing is written while mu is held
	st.mu.Lock()
	st.remember(packed, offset, m.Options)
	if offset != "" {
		for tail := range st.tails {
			tail.queue(packed, offset, m.Options)
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

// remember keeps a broadcast as it was sent, so that the log is asked only for what is older:
// when a server ends, all of its clients come to the others at once. After any trouble, in
// which one may have been missed here, it begins anew. With a Router not all come here, and
// none is kept. mu is held.
func (st *stream) remember(m *engine.Message, offset string, o adapter.Options) {
	if st.ns.cluster.node.Router() != nil {
		return
	}
	stats, h := st.ns.server.bus.Stats(), st.ns.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if trouble := stats.Lost + stats.Failures; trouble != st.trouble {
		st.trouble = trouble
		h.forget()
	}
	if offset != "" && !o.Volatile {
		h.keep(stored{offset: offset, message: m, rooms: o.Rooms, except: o.Except})
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
	if err == nil && m.Options.Plain {
		packed.WithoutCompression()
	}
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

// notRestored tells why a client is a new one, if that is not its own affair. When the backend
// is in trouble, many come.
func (st *stream) notRestored(s *Socket, err error) {
	if s.Context().Err() == nil && !errors.Is(err, adapter.ErrNoSession) && !errors.Is(err, errTooMuch) {
		st.ns.server.bus.Refuse(st.ns.name, err)
	}
}

// take gives the socket the state of a session (S8.5), if there is one.
func (st *stream) take(s *Socket, pid, offset string) {
	ctx, cancel := context.WithTimeout(s.Context(), st.patience())
	defer cancel()
	one, err := st.log.Take(ctx, pid, offset)
	if err != nil {
		st.notRestored(s, err) // S8.8
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

// restored is a value that has come back by way of JSON.
type restored struct{ v any }
