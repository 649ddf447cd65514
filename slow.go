// SPDX-License-Identifier: MIT

package sio

import (
	"context"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// Overflow says what becomes of an event for a client that does not take what was sent
// before: see Config.Overflow. In every case Emit of the socket returns ErrQueueFull if the
// event is not sent; a broadcast passes the socket over.
type Overflow = engine.Overflow

const (
	// OverflowDisconnect closes the connection with ReasonSlowConsumer.
	OverflowDisconnect = engine.OverflowClose
	// OverflowDropNewest does not send the event.
	OverflowDropNewest = engine.OverflowDropNewest
	// OverflowDropVolatile makes room: the oldest volatile events that wait are dropped. If
	// that is not enough, a volatile event is not sent, and any other closes the connection.
	// Volatile events wait like others, so that a slow client has the latest of them, and
	// not the first.
	OverflowDropVolatile = engine.OverflowDropVolatile
)

// SetOverflow changes Config.Overflow for what is sent to this socket from now on.
func (s *Socket) SetOverflow(o Overflow) { s.policy.Store(int32(o)) }

// Buffered returns how many bytes wait to be sent to the client, on the connection, which its
// sockets of all namespaces share.
func (s *Socket) Buffered() int { return s.conn.session.Buffered() }

// OnDrain adds a handler that is called each time when everything has left that had to wait
// because the client did not take it at once, or polls. It runs like the handlers of
// events, in their order. What Buffered returns then may be more than 0 again.
func (s *Socket) OnDrain(f func()) {
	notNil(f == nil)
	s.handlers().change(func(t *table) { t.drain = add(t.drain, f) })
	s.conn.session.OnDrain(s.conn.drained)
}

// drained implements what engine.Session.OnDrain calls.
func (c *conn) drained() {
	c.mu.Lock()
	all := c.all()
	c.mu.Unlock()
	for _, s := range all {
		if len(s.own.Load().load().drain) > 0 && s.drains.CompareAndSwap(false, true) {
			s.queue.Push(job{op: opDrain})
			s.queue.Wake()
		}
	}
}

// drained handles opDrain.
func (s *Socket) drained() {
	s.drains.Store(false)
	for _, f := range s.own.Load().load().drain {
		if s.ending.Load() != nil {
			return
		}
		if err := guard(func() error { f(); return nil }); err != nil {
			s.ns.server.hooks.failed(s, "OnDrain", err)
			s.disconnect()
		}
	}
}

// EmitWait is Emit for who sends much: it waits until there is room for the event in the
// first half of the outbox, so that it is neither dropped nor closes the connection, and
// answers and other events have room too. It returns ErrClosed if the socket ends
// first, and ctx's error if ctx does. A handler may call it; its client's later events wait
// meanwhile. With Config.Recovery, who uses Emit at the same time may take the room.
func (s *Socket) EmitWait(ctx context.Context, event string, args ...any) error {
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.Context(), cancel)()
	session := s.conn.session
	if s.ns.history != nil && !s.conn.legacy() {
		if err := session.WaitRoom(wait, 0); err != nil {
			return s.waitError(ctx, err)
		}
		return s.Emit(event, args...)
	}
	m, err := s.ns.encodeOnce(packet.Packet{Type: packet.Event, Event: event, Args: args})
	if err != nil {
		return err
	}
	if s.ending.Load() != nil {
		m.Discard()
		return ErrClosed
	}
	if err := session.SendWait(wait, m, s.options(engine.SendOptions{})); err != nil {
		return s.waitError(ctx, err)
	}
	if s.ns.watched.Load() {
		s.sent(event, args)
	}
	return nil
}

// waitError returns why EmitWait has ended.
func (s *Socket) waitError(ctx context.Context, err error) error {
	if s.ending.Load() != nil {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return sendError(err)
}

// Conflate chooses this socket, like Volatile. See Target.Conflate.
func (s *Socket) Conflate(key string) Target { return s.alone().Conflate(key) }

// options returns opt with the socket's Overflow.
func (s *Socket) options(opt engine.SendOptions) engine.SendOptions {
	opt.Overflow = Overflow(s.policy.Load()) //nolint:gosec // it was one
	return opt
}

// scoped returns opt with a key that is not another namespace's.
func (ns *Namespace) scoped(opt engine.SendOptions) engine.SendOptions {
	if opt.Key != "" {
		ns.keyed.Store(true)
		opt.Key = ns.keyScope() + opt.Key
	}
	return opt
}

func (ns *Namespace) keyScope() string { return ns.name + "\x00" }

// passing reports whether an event is not stored for clients that return (S8.2).
func passing(opt engine.SendOptions) bool { return opt.Volatile || opt.Key != "" }

// unwait drops what waits because of Conflate: nothing follows the socket's end.
func (s *Socket) unwait() {
	if s.Connected() && s.ns.keyed.Load() {
		s.conn.session.DropKeys(s.ns.keyScope())
	}
}

// Conflate chooses all sockets. See Target.Conflate.
func (ns *Namespace) Conflate(key string) Target { return Target{ns: ns}.Conflate(key) }

// Conflate chooses all sockets of all children. See Target.Conflate.
func (p *ParentNamespace) Conflate(key string) Target { return Target{parent: p}.Conflate(key) }
