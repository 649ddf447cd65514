// SPDX-License-Identifier: MIT

package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/packet"
)

// answer is what EmitWithAck returns.
type answer struct {
	args Args
	err  error
}

// ack is an answer that is awaited.
type ack struct {
	packet *outPacket
	done   chan answer // with room for one; nil: packet is one of Socket.retries
}

// timer is a *time.Timer.
type timer = time.Timer

// EmitWithAck sends an event like Emit and waits for the server's answer, which it returns.
// If ctx ends first, the error wraps ctx.Err(), and the event is not sent if it still waits
// for a connection. If the socket is disconnected after the event was sent, it is a
// *DisconnectError; an event that waits is sent with the next connection (C3.14). After
// SocketConfig.AckTimeout it is ErrNoAnswer. With SocketConfig.Retries, the event is sent
// again before, also after a new connection. A ctx that never ends is allowed. More than
// Config.MaxPendingAcks at a time are refused with ErrTooManyAcks. A volatile event that is
// not sent is ErrDropped.
//
// It may be called by a handler of the same socket.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return s.emitWithAck(ctx, event, args, dial.SendOptions{})
}

func (s *Socket) emitWithAck(ctx context.Context, event string, args []any, opt dial.SendOptions) (Args, error) {
	if err := ctx.Err(); err != nil {
		return Args{}, ackError(event, err)
	}
	done := make(chan answer, 1)
	var p *outPacket
	var err error
	if s.cfg.Retries > 0 && !opt.Volatile {
		p, err = s.queueRetry(event, args, opt, done)
	} else {
		if s.cfg.AckTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, s.cfg.AckTimeout, ErrNoAnswer)
			defer cancel()
		}
		p, err = s.ask(event, args, opt, done)
	}
	if err != nil {
		return Args{}, err
	}
	select {
	case a := <-done:
		return a.args, a.err
	case <-ctx.Done():
	}
	s.forget(p)
	select {
	case a := <-done: // it has come as well
		return a.args, a.err
	default:
	}
	if errors.Is(context.Cause(ctx), ErrNoAnswer) {
		return Args{}, ackError(event, ErrNoAnswer)
	}
	return Args{}, ackError(event, ctx.Err())
}

func ackError(event string, err error) error {
	return fmt.Errorf("client: waiting for the acknowledgement of %q: %w", event, err)
}

// ask sends an event that is to be answered.
func (s *Socket) ask(event string, args []any, opt dial.SendOptions, done chan answer) (*outPacket, error) {
	p, err := s.withID(event, args, opt)
	if err != nil {
		return nil, err
	}
	m := s.manager
	m.mu.Lock()
	if len(s.acks) >= m.cfg.MaxPendingAcks {
		m.mu.Unlock()
		return nil, ErrTooManyAcks
	}
	s.await(p.id, &ack{packet: p, done: done})
	left, err := s.put(p)
	if err == nil && opt.Volatile && !left {
		err = ErrDropped
	}
	if err != nil {
		delete(s.acks, p.id)
	}
	m.mu.Unlock()
	if left {
		s.sent(event, args)
	}
	return p, err
}

// withID encodes an event with the next acknowledgement id.
func (s *Socket) withID(event string, args []any, opt dial.SendOptions) (*outPacket, error) {
	s.manager.mu.Lock()
	id := s.ids
	s.ids++
	s.manager.mu.Unlock()
	text, attachments, err := s.encode(packet.Packet{Type: packet.Event, Event: event, Args: args, ID: id, HasID: true})
	if err != nil {
		return nil, err
	}
	return &outPacket{event: event, args: args, text: text, attachments: attachments, opt: opt, id: id}, nil
}

// await registers an answer to come. Reading goes on meanwhile even if the queue is long:
// the answer comes behind the events in it. Manager.mu is held.
func (s *Socket) await(id uint64, a *ack) {
	if s.acks == nil {
		s.acks = map[uint64]*ack{}
	}
	s.acks[id] = a
	if s.link != nil {
		s.link.gauge()
	}
}

// forget undoes ask and queueRetry.
func (s *Socket) forget(p *outPacket) {
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	delete(s.acks, p.id)
	s.unbuffer(p)
	if slices.Contains(s.retries, p) {
		s.unqueue(p)
		s.drain()
		s.queue.Wake()
	}
}

// acked takes an answer, on the reader. Unknown ids are ignored, and so are second answers
// (top-25 #18). Manager.mu is held.
func (s *Socket) acked(id uint64, args Args) {
	a := s.acks[id]
	if a == nil {
		return
	}
	delete(s.acks, id)
	if a.done != nil {
		a.done <- answer{args: args}
		return
	}
	s.unqueue(a.packet)
	if a.packet.done != nil {
		a.packet.done <- answer{args: args}
	}
	s.drain()
}

// unanswered tells those who wait that no answer will come, but for events that have not
// been sent yet (C3.14). Manager.mu is held.
func (s *Socket) unanswered(err *DisconnectError) {
	for id, a := range s.acks {
		if a.packet.waiting {
			continue
		}
		delete(s.acks, id)
		if a.done != nil {
			a.done <- answer{err: err}
		} else {
			s.tryAgain(a.packet, err)
		}
	}
}

// abandon gives up all that waits: the manager was closed. Manager.mu is held.
func (s *Socket) abandon() {
	for _, p := range s.buffer {
		p.waiting = false
	}
	s.buffer, s.buffered = nil, 0
	gone := &DisconnectError{Reason: ReasonClientDisconnect}
	s.unanswered(gone)
	for len(s.retries) > 0 {
		s.drop(s.retries[0], gone)
	}
}
