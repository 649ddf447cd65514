// SPDX-License-Identifier: MIT

package client

import (
	"context"

	"github.com/sio-go/sio/internal/event"
	"github.com/sio-go/sio/packet"
)

// Event is the name of an event together with the type of what goes with it: the same
// type as Event of package sio, so that a client and a server can share constants:
//
//	const Say client.Event[Chat] = "chat message"
//
// T is the type of the event's one argument, or None for no argument, Args2 or Args3
// for several, Args for any number, undecoded.
type Event[T any] = event.Event[T]

// Request is the name of an event that is answered, together with the type of what
// goes with it and the type of the answer. Both may be what T of Event may be.
type Request[Req, Res any] = event.Request[Req, Res]

// Args are the arguments of an event or of an acknowledgement, decoded on demand.
// Given to Emit or Reply, they are sent as they came.
type Args = packet.Args

// ReplyError is returned by the handler of a Request to make the server's request fail,
// and by Ask if a handler of the server did so. It has the fields Message, a string, and
// Data, which travels as JSON. See ReplyError of package sio.
type ReplyError = event.ReplyError

// None stands for no argument.
type None = event.None

// Args2 stands for two arguments. Its fields are A and B.
type Args2[A, B any] = event.Args2[A, B]

// Args3 stands for three arguments. Its fields are A, B and C.
type Args3[A, B, C any] = event.Args3[A, B, C]

// Emitter is what typed events are sent with: a *Socket or a Sender.
type Emitter interface {
	Emit(event string, args ...any) error
}

// Asker is what typed requests are sent with: a *Socket or a Sender.
type Asker interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (Args, error)
}

// On adds a typed handler for an event. If what the server sent cannot be decoded, or
// an argument is missing, h is not called: the error goes where errors of h go, to
// Hooks.HandlerError and the log. It returns a function that removes the handler. See
// Handler for the rest.
func On[T any](s *Socket, ev Event[T], h func(ctx context.Context, s *Socket, v T) error) (off func()) {
	return event.On(s, ev, h)
}

// Handle adds a handler for a request. What it returns is sent to the server if it asked
// for an answer. A *ReplyError is sent in its place; with any other error, and if what the
// server sent cannot be decoded, the server gets no answer, and the error goes to
// Hooks.HandlerError and the log.
//
// It returns a function that removes the handler.
func Handle[Req, Res any](s *Socket, rq Request[Req, Res], h func(ctx context.Context, s *Socket, v Req) (Res, error)) (off func()) {
	return event.Handle(s, rq, h)
}

// Emit sends a typed event. See Socket.Emit.
func Emit[T any](e Emitter, ev Event[T], v T) error {
	return e.Emit(string(ev), event.Spread(v)...)
}

// Ask sends a request and waits for the answer. The error is one of EmitWithAck's, a
// *ReplyError of the server, or says that the answer cannot be decoded.
func Ask[Req, Res any](ctx context.Context, a Asker, rq Request[Req, Res], v Req) (Res, error) {
	return event.Ask(ctx, a, rq, v)
}
