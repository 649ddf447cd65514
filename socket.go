// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/rooms"
	"github.com/sio-go/sio/internal/work"
	"github.com/sio-go/sio/packet"
)

// Socket is a client's connection to one namespace. All methods are safe for
// concurrent use, on a socket that is disconnected too. A socket is never reused: a
// client that connects again has another one.
type Socket struct {
	id     string
	ns     *Namespace
	conn   *conn
	auth   *Args // nil if the client sent none
	member rooms.Member[*Socket]
	queue  work.Queue[job]
	// roomLog is nil without a RoomHook.
	roomLog *roomLog
	// comeback is set before the middlewares run; nil without Config.Recovery.
	comeback *comeback

	sibling     *Socket // the next one of conn.sockets; guarded by conn.mu
	nextTouched *Socket // of conn.touched; only the connection's reader uses it

	touched bool // in conn.touched, the same
	left    bool // only the socket's goroutine uses it: released

	leftOwn atomic.Bool  // the socket is not in the room of its own id
	full    atomic.Bool  // the queue is full; written with conn.mu held
	phase   atomic.Int32 // of the constants below
	asking  atomic.Int32 // how many calls of EmitWithAck wait
	policy  atomic.Int32 // Overflow
	drains  atomic.Bool  // opDrain is queued
	waiting atomic.Int64 // bytes of the events in queue
	ending  atomic.Pointer[DisconnectError]
	life    atomic.Pointer[life]     // made at first use
	own     atomic.Pointer[handlers] // of this socket alone, the same
	expiry  atomic.Pointer[expiry]   // written with mu held; nil: none

	// mu guards the fields below. Nothing else is locked while it is held, but alarms.
	mu     sync.Mutex
	acks   map[uint64]waiter // what EmitWithAck waits for
	values map[any]any
}

// life is a socket's context.
type life struct {
	context context.Context //nolint:containedctx // the life of the socket
	cancel  context.CancelCauseFunc
}

// The phases of a socket's life.
const (
	connecting   int32 = iota // middlewares run
	connected                 // the client is told
	listed                    // broadcasts reach it
	disconnected              // it has left everything
)

func newSocket(c *conn, ns *Namespace, auth Args) *Socket {
	s := &Socket{id: c.socketID(ns.name), ns: ns, conn: c}
	if auth.Len() > 0 {
		s.auth = &auth
	}
	s.member.Init(s)
	s.queue.Init((*runner)(s))
	s.policy.Store(int32(ns.server.cfg.Overflow))
	if len(ns.server.hooks.rooms) > 0 {
		s.roomLog = new(roomLog)
	}
	return s
}

// ID returns the socket's id: 20 characters, unguessable, and not the id of the
// connection. It is also the name of a room that only this socket is in.
//
// For a client of Socket.IO 2 it is the id of the connection, in another namespace than
// "/" with the namespace's name and "#" in front (P4.2). A client that leaves and joins
// again on the same connection then has the same id. Such an id is a credential: who
// knows it can act for a client that uses polling.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket belongs to.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Transport returns the name of the connection's current transport: "polling",
// "websocket" or "webtransport".
func (s *Socket) Transport() string { return s.conn.session.Transport() }

// Session returns the connection, which the client's sockets of all namespaces share: to
// wait until it has taken what was sent (engine.Session.Drain), or to close it in a way
// that makes the client reconnect (engine.Session.Close).
func (s *Socket) Session() *engine.Session { return s.conn.session }

// Context returns a context that is cancelled as soon as the end of the socket is
// known. Its cause is a *DisconnectError. It has the values of the context of the HTTP
// request that opened the connection, for example those of a middleware (see
// Server.Engine). Middlewares of the namespace, OnConnect and handlers are given it.
func (s *Socket) Context() context.Context {
	if l := s.life.Load(); l != nil {
		return l.context
	}
	ctx, cancel := context.WithCancelCause(s.conn.session.Request().Context())
	if !s.life.CompareAndSwap(nil, &life{ctx, cancel}) {
		cancel(nil)
		return s.life.Load().context
	}
	// Either this finds that the end has begun, or begin finds the context.
	if e := s.ending.Load(); e != nil {
		cancel(e)
	}
	return ctx
}

// handlers returns those of this socket alone, to add to.
func (s *Socket) handlers() *handlers {
	if s.own.Load() == nil {
		s.own.CompareAndSwap(nil, new(handlers))
	}
	return s.own.Load()
}

// Connected reports whether the socket is connected: from before OnConnect until
// after OnDisconnecting.
func (s *Socket) Connected() bool {
	p := s.phase.Load()
	return p == connected || p == listed
}

// SetValue attaches a value to the socket, for example who its user is. Keys are
// compared like those of a map.
func (s *Socket) SetValue(key, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = make(map[any]any, 1)
	}
	s.values[key] = value
}

// Value returns the value that SetValue attached, or nil.
func (s *Socket) Value(key any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.values[key]
	if r, ok := v.(restored); ok {
		return r.v
	}
	return v
}

// On adds a handler for an event of this socket only, and returns a function that removes
// it. It panics if the name is reserved, such as "connect" or "disconnect".
func (s *Socket) On(event string, h Handler) (off func()) { return s.handlers().on(event, h, false) }

// Once is On for a handler that is called once at most, and then removed.
func (s *Socket) Once(event string, h Handler) (off func()) { return s.handlers().on(event, h, true) }

// Off removes all handlers that On and Once have added for the event.
func (s *Socket) Off(event string) {
	s.handlers().setEvent(event, func([]*listener) []*listener { return nil })
}

// OnAny adds a handler that is called for every event of this socket. See Namespace.OnAny.
func (s *Socket) OnAny(h Handler) (off func()) { return s.handlers().onAny(h) }

// OnAnyOutgoing adds a function that is called for every event that is sent to this
// socket. See Namespace.OnAnyOutgoing.
func (s *Socket) OnAnyOutgoing(f func(s *Socket, event string, args []any)) (off func()) {
	s.ns.watched.Store(true)
	return s.handlers().onAnyOutgoing(f)
}

// UseEvents adds a middleware for the events of this socket, which come to it behind the
// middlewares of the namespace. See Namespace.UseEvents.
func (s *Socket) UseEvents(f func(next Handler) Handler) { s.handlers().useEvents(f, serve) }

// OnDisconnecting adds a handler that is called when the socket is about to be
// disconnected and is still in its rooms.
func (s *Socket) OnDisconnecting(f func(reason Reason)) {
	notNil(f == nil)
	s.handlers().change(func(t *table) {
		t.disconnecting = add(t.disconnecting, func(_ *Socket, r Reason) { f(r) })
	})
}

// OnDisconnect adds a handler that is called when the socket was disconnected. It is
// not called for a socket that a middleware refused.
func (s *Socket) OnDisconnect(f func(reason Reason)) {
	notNil(f == nil)
	s.handlers().change(func(t *table) {
		t.disconnect = add(t.disconnect, func(_ *Socket, r Reason) { f(r) })
	})
}

// Emit sends an event to the client. It never blocks: the packet is queued, and
// written when the connection can take it. It returns an error, and sends nothing,
// if an argument cannot be encoded or the event's name is reserved
// (*packet.ReservedError); ErrClosed if the socket is disconnected; ErrQueueFull if
// the client has not read too much already, which closes the connection unless
// SetOverflow or Config.Overflow says otherwise. See also EmitWait and Conflate.
// A nil error does not mean that the client has got the event.
func (s *Socket) Emit(event string, args ...any) error {
	return s.emit(event, args, engine.SendOptions{}, false)
}

// Send is Emit of the event "message" (S5.9).
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// emit encodes and queues an event, unless the socket has begun to end.
func (s *Socket) emit(event string, args []any, opt engine.SendOptions, plain bool) error {
	opt = s.ns.scoped(opt)
	if s.ns.history != nil && !s.conn.legacy() {
		if st := s.ns.stream(); st != nil && s.phase.Load() != connecting {
			return s.emitShared(st, event, args, opt, plain)
		} else if st == nil && !passing(opt) {
			return s.emitStored(event, args, plain)
		}
	}
	m, err := s.ns.encodeOnce(packet.Packet{Type: packet.Event, Event: event, Args: args})
	if err != nil {
		return err
	}
	if plain {
		m.WithoutCompression()
	}
	if s.ending.Load() != nil {
		return ErrClosed
	}
	err = sendError(s.conn.session.Send(m, s.options(opt)))
	if err == nil && s.ns.watched.Load() {
		s.sent(event, args)
	}
	return err
}

// emitStored is emit with an offset (S8.2). What is sent to a socket whose client may
// return is stored (S8.15).
func (s *Socket) emitStored(event string, args []any, plain bool) error {
	h := s.ns.history
	offset := h.offset()
	m, err := s.ns.encode(packet.Packet{Type: packet.Event, Event: event, Args: append(slices.Clip(args), offset)})
	if err != nil {
		return err
	}
	if plain {
		m.WithoutCompression()
	}
	if e := s.ending.Load(); e != nil && !e.Reason.recoverable() {
		return ErrClosed
	}
	f := s.ns.server.engine.Fanout() // nothing is written, and nobody told, while the history is locked
	defer f.Flush()
	h.add(stored{offset: offset, message: m, rooms: []string{s.id}}, func() {
		to := s
		if s.ending.Load() != nil {
			to = s.ns.Socket(s.id) // the client may have returned to another one
		}
		if to == nil || to.Recovered() && to.phase.Load() == connecting {
			return // it follows with what was missed, or if the client returns
		}
		if e := f.TrySend(to.conn.session, m, to.options(engine.SendOptions{})); errors.Is(e, ErrQueueFull) {
			err = e // a client that was gone already gets it if it returns
		}
	})
	if err == nil && s.ns.watched.Load() {
		s.sent(event, args)
	}
	return err
}

// emitShared is emit if the Bus keeps broadcasts (S8.2). What is sent to a socket whose
// client may return goes wherever it returns to.
func (s *Socket) emitShared(st *stream, event string, args []any, opt engine.SendOptions, plain bool) error {
	if e := s.ending.Load(); e != nil && (passing(opt) || !e.Reason.recoverable()) {
		return ErrClosed
	}
	t := Target{ns: s.ns, rooms: []string{s.id}, opt: opt, plain: plain}
	if !passing(opt) {
		return st.emit(t, event, args)
	}
	return t.Local().Emit(event, args...)
}

// sent tells the functions of OnAnyOutgoing of an event.
func (s *Socket) sent(event string, args []any) {
	for _, list := range [][]*outgoing{s.ns.handlers.load().outgoing, s.own.Load().load().outgoing} {
		for _, o := range list {
			if err := guard(func() error { o.f(s, event, args); return nil }); err != nil {
				s.ns.server.hooks.failed(s, "OnAnyOutgoing", err)
			}
		}
	}
}

// Join puts the socket into rooms. After the socket's end it does nothing and
// returns ErrClosed; beyond Config.MaxRooms it returns ErrTooManyRooms, and ErrQueueFull if
// a RoomHook does not keep up. The socket is then in the rooms that came before.
func (s *Socket) Join(rooms ...string) error {
	defer s.ns.tellRoutes()
	s.lockRooms()
	defer s.tellRooms()
	for _, room := range rooms {
		if s.untold() {
			return ErrQueueFull
		}
		if room == s.id {
			s.leftOwn.Store(false)
			s.movedOwn()
			continue
		}
		did, ok := s.ns.rooms.Join(&s.member, room, s.ns.server.cfg.MaxRooms)
		if !ok {
			if s.phase.Load() == disconnected {
				return ErrClosed
			}
			return ErrTooManyRooms
		}
		s.joined(room, did)
		s.ns.turn(room, did)
	}
	return nil
}

// Leave takes the socket out of rooms. Rooms that it is not in are ignored.
func (s *Socket) Leave(rooms ...string) {
	defer s.ns.tellRoutes()
	s.lockRooms()
	defer s.tellRooms()
	for _, room := range rooms {
		if room == s.id {
			s.leftOwn.Store(true)
			s.movedOwn()
		} else {
			did := s.ns.rooms.Leave(&s.member, room)
			s.parted(room, did)
			s.ns.turn(room, did)
		}
	}
}

// Rooms returns the rooms that the socket is in: the one of its own id, and then the
// others, sorted. It is empty after the socket's end.
func (s *Socket) Rooms() []string {
	names := s.ns.rooms.Rooms(&s.member)
	if !s.inOwn() {
		return names
	}
	return append([]string{s.id}, names...)
}

// InRoom reports whether the socket is in the room.
func (s *Socket) InRoom(room string) bool {
	return room == s.id && s.inOwn() || s.ns.rooms.In(&s.member, room)
}

func (s *Socket) inOwn() bool { return s.phase.Load() != disconnected && !s.leftOwn.Load() }

// To chooses the other sockets that are in at least one of the rooms.
func (s *Socket) To(rooms ...string) Target { return s.target().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) Target { return s.target().To(rooms...) }

// Except chooses the other sockets that are in none of the rooms.
func (s *Socket) Except(rooms ...string) Target { return s.target().Except(rooms...) }

// Broadcast chooses all other sockets of the namespace.
func (s *Socket) Broadcast() Target { return s.target() }

// Local chooses the other sockets on this server. See Target.Local.
func (s *Socket) Local() Target { return s.target().Local() }

// Volatile chooses this socket, for a packet that may be lost. See Target.Volatile.
// A To, In, Except or Local that follows turns it into a broadcast to others.
func (s *Socket) Volatile() Target { return s.alone().Volatile() }

// Compress chooses this socket, like Volatile. See Target.Compress.
func (s *Socket) Compress(on bool) Target { return s.alone().Compress(on) }

func (s *Socket) target() Target { return Target{ns: s.ns, self: s} }
func (s *Socket) alone() Target  { return Target{ns: s.ns, self: s, alone: true} }

// Disconnect disconnects the socket with ReasonServerDisconnect, after what was sent
// to it before. The client is told, even if the outbox is full, and does not reconnect by itself. If
// closeConn is set, all sockets of the client's connection are disconnected, and
// then the connection is closed. A socket that is not connected is left alone.
//
// JS differs: S5.11, the handlers of OnDisconnecting and OnDisconnect run after the
// handler that is running, not within the call.
func (s *Socket) Disconnect(closeConn bool) {
	if s.Connected() && s.ending.Load() == nil {
		s.ns.inLine(0, func() { s.kick(closeConn) })
	}
}

// kick is Disconnect, at once.
func (s *Socket) kick(closeConn bool) {
	switch {
	case !s.Connected() || s.ending.Load() != nil:
	case closeConn:
		s.conn.disconnect()
	default:
		s.disconnect()
	}
}
