// SPDX-License-Identifier: MIT

// Package event is the typed level of sio, shared by the server and the client: which
// types stand for which arguments, and handlers that take them. The packages sio and
// client name again what is public of it, and say there what it does.
package event

import (
	"bytes"
	"context"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/packet"
)

// Event is the name of an event with the type of what goes with it.
type Event[T any] string

// Request is the name of an event that is answered, with the types of both.
type Request[Req, Res any] string

// Message is an event that has arrived, of the server or of the client.
type Message interface {
	Args() packet.Args
	HasAck() bool
	Reply(args ...any) error
}

// Registrar is where handlers are registered that get a socket S and a message M.
type Registrar[S any, M Message] interface {
	On(event string, h func(ctx context.Context, s S, m M) error) (off func())
}

// Emitter sends events.
type Emitter interface {
	Emit(event string, args ...any) error
}

// Asker sends events that are answered.
type Asker interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (packet.Args, error)
}

// On adds a handler for an event.
func On[S any, M Message, T any](r Registrar[S, M], ev Event[T], h func(ctx context.Context, s S, v T) error) (off func()) {
	notNil(h == nil)
	return r.On(string(ev), func(ctx context.Context, s S, m M) error {
		v, err := Decode[T](m.Args())
		if err != nil {
			return err
		}
		return h(ctx, s, v)
	})
}

// Handle adds a handler for a request.
func Handle[S any, M Message, Req, Res any](r Registrar[S, M], rq Request[Req, Res], h func(ctx context.Context, s S, v Req) (Res, error)) (off func()) {
	notNil(h == nil)
	return r.On(string(rq), func(ctx context.Context, s S, m M) error {
		v, err := Decode[Req](m.Args())
		if err != nil {
			return err
		}
		res, err := h(ctx, s, v)
		e, isReply := err.(*ReplyError) //nolint:errorlint // only what the handler chose to send
		switch {
		case err != nil && !isReply:
			return err
		case !m.HasAck():
			return nil
		case isReply:
			return m.Reply(wireError{&wireReply{e.Message, e.Data}})
		}
		return m.Reply(Spread(res)...)
	})
}

// Ask sends a request and waits for the answer.
func Ask[Req, Res any](ctx context.Context, a Asker, rq Request[Req, Res], v Req) (Res, error) {
	args, err := a.EmitWithAck(ctx, string(rq), Spread(v)...)
	if err != nil {
		var none Res
		return none, err
	}
	return Answer[Res](args)
}

// Answer decodes the answer to a request.
func Answer[Res any](args packet.Args) (v Res, err error) {
	if err := replyError(args); err != nil {
		return v, err
	}
	return Decode[Res](args)
}

// ReplyError makes the request of the other side fail.
type ReplyError struct {
	Message string
	Data    any
}

// Error implements error.
func (e *ReplyError) Error() string { return e.Message }

// wireError is the form in which a ReplyError travels.
type wireError struct {
	Error *wireReply `json:"error"`
}

type wireReply struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitzero"`
}

// replyError returns the *ReplyError that an answer is, or nil.
func replyError(args packet.Args) error {
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

func notNil(isNil bool) {
	if isNil {
		panic("sio: nil handler") //nolint:forbidigo // a programmer's error
	}
}
