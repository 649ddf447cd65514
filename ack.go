// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"fmt"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// EmitWithAck sends an event like Emit and waits for the client's answer, which it
// returns. If ctx ends first, the error wraps ctx.Err(), and an answer that comes
// later is ignored; if the socket is disconnected first, it is a *DisconnectError. A
// ctx that never ends is allowed, but behind more events than 8 times
// Config.DispatchQueue the answer is not read, and only a deadline ends the wait. It
// may be called by a handler of the same socket, but not by a middleware (ErrNotConnected). More than Config.MaxPendingAcks at a time
// are refused with ErrTooManyAcks.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	if err := ctx.Err(); err != nil {
		return Args{}, ackError(event, err)
	}
	if s.phase.Load() == connecting {
		return Args{}, ErrNotConnected
	}
	id := s.ns.acks.Add(1) - 1
	m, err := s.ns.encodeOnce(packet.Packet{Type: packet.Event, Event: event, Args: args, ID: id, HasID: true})
	if err != nil {
		return Args{}, err
	}
	if st := s.ns.stream(); st != nil {
		if err := st.line.wait(ctx); err != nil {
			return Args{}, ackError(event, err)
		}
	}
	answer := make(oneAnswer, 1)
	if err := s.await(id, answer); err != nil {
		return Args{}, err
	}
	defer s.forget(id)
	if err := s.conn.session.Send(m, s.options(engine.SendOptions{})); err != nil {
		return Args{}, sendError(err)
	}
	if s.ns.watched.Load() {
		s.sent(event, args)
	}
	s.conn.session.Flush() // it may be held for a burst that goes on after the answer only
	select {
	case a := <-answer:
		return a.Args, a.Err
	case <-ctx.Done():
	}
	select {
	case a := <-answer: // it has come as well
		return a.Args, a.Err
	default:
	}
	return Args{}, ackError(event, ctx.Err())
}

// waiter takes the answer of a socket, once, and must not wait. Socket.mu is held.
type waiter interface{ answer(a Answer) }

// oneAnswer is a channel with room for one.
type oneAnswer chan Answer

func (c oneAnswer) answer(a Answer) { c <- a }

func ackError(event string, err error) error {
	return fmt.Errorf("sio: waiting for the acknowledgement of %q: %w", event, err)
}

// await registers an answer to come: of the client, or, if the socket ends first, a
// *DisconnectError. Reading goes on meanwhile even if the queue is long: the answer comes
// behind the events in it.
func (s *Socket) await(id uint64, w waiter) error {
	s.mu.Lock()
	switch {
	case s.ending.Load() != nil:
		s.mu.Unlock()
		return s.ending.Load()
	case len(s.acks) >= s.ns.server.cfg.MaxPendingAcks:
		s.mu.Unlock()
		return ErrTooManyAcks
	}
	if s.acks == nil {
		s.acks = make(map[uint64]waiter, 1)
	}
	s.acks[id] = w
	s.mu.Unlock()
	s.asking.Add(1)
	s.conn.gauge(s) // always: the reader may be about to find the queue full
	return nil
}

// forget undoes await.
func (s *Socket) forget(id uint64) {
	s.mu.Lock()
	delete(s.acks, id)
	s.mu.Unlock()
	if s.asking.Add(-1) == 0 && s.queue.Len() > 0 {
		s.conn.gauge(s)
	}
}

// acked takes an answer, on the reader. Unknown ids are ignored, and so are second
// answers (top-25 #18).
func (s *Socket) acked(id uint64, args Args) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.acks[id]; w != nil {
		delete(s.acks, id)
		w.answer(Answer{ID: s.id, Args: args})
	}
}

// unanswered tells those who wait that no answer will come.
func (s *Socket) unanswered(err *DisconnectError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, w := range s.acks {
		delete(s.acks, id)
		w.answer(Answer{ID: s.id, Err: err})
	}
}
