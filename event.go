// SPDX-License-Identifier: MIT

package sio

import (
	"bytes"
	"context"

	"github.com/go-json-experiment/json"
)

// Event is the name of an event together with the type of what goes with it. It is
// meant for constants, shared by all who send or handle the event:
//
//	const Say sio.Event[Chat] = "chat message"
//
// T is the type of the event's one argument, or None for no argument, Args2 or Args3
// for several, Args for any number, undecoded.
type Event[T any] string

// Request is the name of an event that is answered, together with the type of what
// goes with it and the type of the answer. Both may be what T of Event may be.
type Request[Req, Res any] string

// Registrar is where typed handlers are registered: a *Server, a *Namespace or a
// *Socket.
type Registrar interface {
	On(event string, h Handler) (off func())
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
func On[T any](r Registrar, ev Event[T], h func(ctx context.Context, s *Socket, v T) error) (off func()) {
	notNil(h == nil)
	return r.On(string(ev), func(ctx context.Context, s *Socket, m *Message) error {
		v, err := decode[T](m.args)
		if err != nil {
			return err
		}
		return h(ctx, s, v)
	})
}

// Emit sends a typed event. See Socket.Emit and Target.Emit.
func Emit[T any](e Emitter, ev Event[T], v T) error { return e.Emit(string(ev), spread(v)...) }

// Handle adds a handler for a request. What it returns is sent to the client if it
// asked for an answer. A *ReplyError is sent in its place; with any other error, and
// if what the client sent cannot be decoded, the client gets no answer, and the error
// goes to ErrorHook and the log.
//
// It returns a function that removes the handler.
func Handle[Req, Res any](r Registrar, rq Request[Req, Res], h func(ctx context.Context, s *Socket, v Req) (Res, error)) (off func()) {
	notNil(h == nil)
	return r.On(string(rq), func(ctx context.Context, s *Socket, m *Message) error {
		v, err := decode[Req](m.args)
		if err != nil {
			return err
		}
		res, err := h(ctx, s, v)
		e, isReply := err.(*ReplyError) //nolint:errorlint // only what the handler chose to send
		switch {
		case err != nil && !isReply:
			return err
		case !m.hasAck:
			return nil
		case isReply:
			return m.Reply(wireError{&wireReply{e.Message, e.Data}})
		}
		return m.Reply(spread(res)...)
	})
}

// Ask sends a request and waits for the answer. The error is one of EmitWithAck's, a
// *ReplyError of the other side, or says that the answer cannot be decoded.
func Ask[Req, Res any](ctx context.Context, a Asker, rq Request[Req, Res], v Req) (Res, error) {
	args, err := a.EmitWithAck(ctx, string(rq), spread(v)...)
	if err == nil {
		err = replyError(args)
	}
	if err != nil {
		var none Res
		return none, err
	}
	return decode[Res](args)
}

// wireError is the form in which a ReplyError travels.
type wireError struct {
	Error *wireReply `json:"error"`
}

type wireReply struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitzero"`
}

// replyError returns the *ReplyError that an answer is, or nil.
func replyError(args Args) error {
	if args.Len() != 1 {
		return nil
	}
	raw, _ := args.Raw(0)
	if !bytes.HasPrefix(raw, []byte(`{"error":`)) { // spares most answers the decoding
		return nil
	}
	var w struct {
		Error *struct {
			Message *string `json:"message"`
			Data    any     `json:"data"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &w) != nil || w.Error == nil || w.Error.Message == nil {
		return nil
	}
	return &ReplyError{Message: *w.Error.Message, Data: w.Error.Data}
}

// None stands for no argument.
type None struct{}

// Args2 stands for two arguments.
type Args2[A, B any] struct {
	A A
	B B
}

// Args3 stands for three arguments.
type Args3[A, B, C any] struct {
	A A
	B B
	C C
}

// many is implemented by what stands for another number of arguments than one.
type many interface {
	decodeArgs(args Args) error
	spread() []any
}

func (*None) decodeArgs(Args) error { return nil }
func (*None) spread() []any         { return nil }

func (v *Args2[A, B]) decodeArgs(args Args) error { return decodeAll(args, &v.A, &v.B) }
func (v *Args2[A, B]) spread() []any              { return []any{v.A, v.B} }

func (v *Args3[A, B, C]) decodeArgs(args Args) error { return decodeAll(args, &v.A, &v.B, &v.C) }
func (v *Args3[A, B, C]) spread() []any              { return []any{v.A, v.B, v.C} }

func decodeAll(args Args, dst ...any) error {
	for i, v := range dst {
		if err := args.Unmarshal(i, v); err != nil {
			return err
		}
	}
	return nil
}

// decode returns the value that the arguments stand for.
func decode[T any](args Args) (v T, err error) {
	switch p := any(&v).(type) {
	case *Args:
		*p = args
	case many:
		err = p.decodeArgs(args)
	default:
		err = args.Unmarshal(0, p)
	}
	return v, err
}

// spread returns the arguments that v stands for.
func spread[T any](v T) []any {
	if p, ok := any(&v).(many); ok {
		return p.spread()
	}
	return []any{v}
}
