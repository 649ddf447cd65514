// SPDX-License-Identifier: MIT

package sio

import (
	"context"

	"github.com/sio-go/sio/internal/event"
)

// Event is the name of an event together with the type of what goes with it. It is
// meant for constants, shared by all who send or handle the event, with package client
// too:
//
//	const Say sio.Event[Chat] = "chat message"
//
// T is the type of the event's one argument, or None for no argument, Args2 or Args3
// for several, Args for any number, undecoded.
type Event[T any] = event.Event[T]

// Request is the name of an event that is answered, together with the type of what
// goes with it and the type of the answer. Both may be what T of Event may be.
type Request[Req, Res any] = event.Request[Req, Res]

// Registrar is where typed handlers are registered: a *Server, a *Namespace, a
// *ParentNamespace or a *Socket, for which S is *Socket and M is *Message.
// On and Handle infer both.
type Registrar[S any, M event.Message] interface {
	On(event string, h func(ctx context.Context, s S, m M) error) (off func())
}

// Emitter is what typed events are sent with: a *Server, a *Namespace, a *Socket, a
// RemoteSocket or a Target.
type Emitter interface {
	Emit(event string, args ...any) error
}

// Asker is what typed requests are sent with: a *Socket or a RemoteSocket.
type Asker interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (Args, error)
}

// On adds a typed handler for an event. If what the client sent cannot be decoded, or
// an argument is missing, h is not called: the error goes where errors of h go, to
// ErrorHook and the log. It returns a function that removes the handler. See Handler for
// the rest.
func On[S any, M event.Message, T any](r Registrar[S, M], ev Event[T], h func(ctx context.Context, s S, v T) error) (off func()) {
	return event.On(r, ev, h)
}

// Emit sends a typed event. See Socket.Emit and Target.Emit.
func Emit[T any](e Emitter, ev Event[T], v T) error {
	return e.Emit(string(ev), event.Spread(v)...)
}

// Handle adds a handler for a request. What it returns is sent to the client if it
// asked for an answer. A *ReplyError is sent in its place; with any other error, and
// if what the client sent cannot be decoded, the client gets no answer, and the error
// goes to ErrorHook and the log.
//
// It returns a function that removes the handler.
func Handle[S any, M event.Message, Req, Res any](r Registrar[S, M], rq Request[Req, Res], h func(ctx context.Context, s S, v Req) (Res, error)) (off func()) {
	return event.Handle(r, rq, h)
}

// Ask sends a request and waits for the answer. The error is one of EmitWithAck's, a
// *ReplyError of the other side, or says that the answer cannot be decoded.
func Ask[Req, Res any](ctx context.Context, a Asker, rq Request[Req, Res], v Req) (Res, error) {
	return event.Ask(ctx, a, rq, v)
}

// ReplyError is returned by the handler of a Request to make the client's request
// fail. It has the fields Message, a string, and Data, which is sent as JSON unless it is
// nil. It travels as the only argument of the acknowledgement:
//
//	{"error": {"message": "...", "data": ...}}
//
// Ask turns an answer of this form back into a *ReplyError, whose Data is then the
// decoded JSON value. So a response type must not itself look like this.
type ReplyError = event.ReplyError

// None stands for no argument.
type None = event.None

// Args2 stands for two arguments. Its fields are A and B.
type Args2[A, B any] = event.Args2[A, B]

// Args3 stands for three arguments. Its fields are A, B and C.
type Args3[A, B, C any] = event.Args3[A, B, C]
