// SPDX-License-Identifier: MIT

package adapter

import (
	"context"
	"slices"
	"strings"

	"github.com/sio-go/sio/packet"
)

// Emitter sends events to the clients of a cluster, from a program that is no server (A9.1). It
// is an immutable value like sio.Target: its methods return a changed copy, so it may be kept,
// shared and used concurrently, and sio.Emit takes it for typed events. Packages of
// buses make it with NewEmitter. The zero value fails.
//
// Nobody tells whether there are servers, so that no error does not mean that
// somebody has got the event.
type Emitter struct {
	send func(ctx context.Context, m *Message) error
	ctx  context.Context //nolint:containedctx // of what is sent: Emit is that of sio.Emitter, which has none
	nsp  string
	opt  Options
}

// NewEmitter returns an Emitter for the namespace "/". send sends a message to all servers
// of its Namespace; it may wait for I/O, until ctx ends, and is called concurrently.
func NewEmitter(send func(ctx context.Context, m *Message) error) Emitter {
	return Emitter{send: send, nsp: "/"}
}

// Of chooses the namespace. A missing leading slash is added.
func (e Emitter) Of(nsp string) Emitter {
	if !strings.HasPrefix(nsp, "/") {
		nsp = "/" + nsp
	}
	e.nsp = nsp
	return e
}

// Context sets what limits how long sending may take. Without it there is no limit but
// that of the backend.
func (e Emitter) Context(ctx context.Context) Emitter {
	e.ctx = ctx
	return e
}

// To adds rooms to choose from: a socket in at least one of them is chosen, once. A
// socket's id is a room too. Without rooms all sockets of the namespace are chosen.
func (e Emitter) To(rooms ...string) Emitter {
	e.opt.Rooms = slices.Concat(e.opt.Rooms, rooms)
	return e
}

// In is To.
func (e Emitter) In(rooms ...string) Emitter { return e.To(rooms...) }

// Except leaves out the sockets that are in one of the rooms.
func (e Emitter) Except(rooms ...string) Emitter {
	e.opt.Except = slices.Concat(e.opt.Except, rooms)
	return e
}

// Volatile sends packets that a socket may miss that is not ready to take them at once.
func (e Emitter) Volatile() Emitter {
	e.opt.Volatile = true
	return e
}

// Compress says whether packets may be compressed. They are by default.
func (e Emitter) Compress(on bool) Emitter {
	e.opt.Plain = !on
	return e
}

// Emit sends an event to the sockets chosen. The error is that of encoding
// (*packet.ReservedError, *packet.ArgError) or of sending.
func (e Emitter) Emit(event string, args ...any) error {
	if packet.IsReserved(event) {
		return &packet.ReservedError{Event: event}
	}
	list, err := named(event, args)
	if err != nil {
		return err
	}
	return e.do(&Message{Type: Broadcast, Args: list, Options: e.opt})
}

// Send is Emit of the event "message".
func (e Emitter) Send(args ...any) error { return e.Emit("message", args...) }

// SocketsJoin puts the sockets chosen into rooms.
func (e Emitter) SocketsJoin(rooms ...string) error {
	return e.do(&Message{Type: SocketsJoin, Options: e.choice(), Rooms: rooms})
}

// SocketsLeave takes the sockets chosen out of rooms.
func (e Emitter) SocketsLeave(rooms ...string) error {
	return e.do(&Message{Type: SocketsLeave, Options: e.choice(), Rooms: rooms})
}

// DisconnectSockets disconnects the sockets chosen; closeConn says whether their
// connections are closed too.
func (e Emitter) DisconnectSockets(closeConn bool) error {
	return e.do(&Message{Type: DisconnectSockets, Options: e.choice(), Close: closeConn})
}

// ServerSideEmit sends an event to all servers. They cannot answer. The names "connect",
// "connection" and "new_namespace" are reserved (*packet.ReservedError).
func (e Emitter) ServerSideEmit(event string, args ...any) error {
	if ReservedServerSide(event) {
		return &packet.ReservedError{Event: event}
	}
	list, err := named(event, args)
	if err != nil {
		return err
	}
	return e.do(&Message{Type: ServerSideEmit, Args: list})
}

// ReservedServerSide reports whether an event cannot be sent to servers (S7.11).
func ReservedServerSide(event string) bool {
	return event == "connect" || event == "connection" || event == "new_namespace"
}

// choice leaves out the flags that are for packets.
func (e Emitter) choice() Options { return Options{Rooms: e.opt.Rooms, Except: e.opt.Except} }

func (e Emitter) do(m *Message) error {
	if e.send == nil {
		return ErrClosed
	}
	ctx := e.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.UID, m.Namespace = EmitterUID, e.nsp
	return e.send(ctx, m)
}

// named encodes an event.
func named(event string, args []any) (packet.Args, error) {
	return Args(append([]any{event}, args...)...)
}
