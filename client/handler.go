// SPDX-License-Identifier: MIT

package client

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"

	"github.com/sio-go/sio/packet"
)

// Handler handles one event. What it returns goes to Hooks.HandlerError and the log; the
// server gets to know nothing. An event with no handler is ignored.
//
// All handlers of one socket run one at a time and in the order in which their causes
// arrived, on a goroutine that exists only while there is something to do and that is not
// the one that reads from the connection. So a handler may take its time, and may wait for
// the server's answer (EmitWithAck). When Config.DispatchQueue events wait, the connection
// is not read until some of them are handled.
//
// ctx ends when the connection ends over which the event came.
//
// A panic is recovered, reported to Hooks.HandlerError and the log, and disconnects the
// socket with ReasonClientDisconnect.
type Handler = func(ctx context.Context, s *Socket, m *Message) error

// handlers are the handlers of a socket.
type handlers struct {
	mu           sync.Mutex
	events       map[string][]*listener
	incoming     []*listener
	outgoing     []*outgoing
	connect      []func(context.Context) error
	connectError []func(error)
	disconnect   []func(Reason, error)
}

// listener is a registered handler. Its address tells it from others.
type listener struct {
	f    Handler
	once bool
}

type outgoing struct {
	f func(event string, args []any)
}

// On adds a handler for an event and returns a function that removes it. Handlers may be
// added and removed at any time, and run in the order of registration. It panics if the
// event's name is reserved: see OnConnect, OnConnectError and OnDisconnect.
func (s *Socket) On(event string, h Handler) (off func()) { return s.handlers.on(event, h, false) }

// Once adds a handler that is called for the next event of that name only.
func (s *Socket) Once(event string, h Handler) (off func()) { return s.handlers.on(event, h, true) }

// Off removes all handlers for the event.
func (s *Socket) Off(event string) {
	s.handlers.mu.Lock()
	defer s.handlers.mu.Unlock()
	delete(s.handlers.events, event)
}

// OnAny adds a handler for all events, which is called before the others, and returns a
// function that removes it.
func (s *Socket) OnAny(h Handler) (off func()) {
	notNil(h == nil)
	l := &listener{f: h}
	return register(&s.handlers, &s.handlers.incoming, l)
}

// OnAnyOutgoing adds a function that is told of each event that is sent, when it is sent: for
// one that waits for a connection, that is later, and on another goroutine than that of
// Emit (C3.18). It returns a function that removes it.
func (s *Socket) OnAnyOutgoing(f func(event string, args []any)) (off func()) {
	notNil(f == nil)
	return register(&s.handlers, &s.handlers.outgoing, &outgoing{f})
}

// OnConnect adds a handler that is called each time the server has accepted the socket,
// before the events that it sends then. What it returns goes where errors of handlers go.
func (s *Socket) OnConnect(f func(ctx context.Context) error) {
	notNil(f == nil)
	s.handlers.mu.Lock()
	defer s.handlers.mu.Unlock()
	s.handlers.connect = append(slices.Clip(s.handlers.connect), f)
}

// OnConnectError adds a handler that is called each time the server has refused the socket
// (*ConnectError), and each time an attempt to connect has failed (for example a
// *dial.Error), after which the manager tries again.
func (s *Socket) OnConnectError(f func(err error)) {
	notNil(f == nil)
	s.handlers.mu.Lock()
	defer s.handlers.mu.Unlock()
	s.handlers.connectError = append(slices.Clip(s.handlers.connectError), f)
}

// OnDisconnect adds a handler that is called each time the socket was disconnected. err
// says more about the reason, and may be nil.
func (s *Socket) OnDisconnect(f func(reason Reason, err error)) {
	notNil(f == nil)
	s.handlers.mu.Lock()
	defer s.handlers.mu.Unlock()
	s.handlers.disconnect = append(slices.Clip(s.handlers.disconnect), f)
}

func (h *handlers) on(event string, f Handler, once bool) (off func()) {
	notNil(f == nil)
	if packet.IsReserved(event) {
		panic(fmt.Sprintf("client: %q is a reserved event name: see OnConnect and OnDisconnect", event)) //nolint:forbidigo // a programmer's error
	}
	l := &listener{f: f, once: once}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.events == nil {
		h.events = map[string][]*listener{}
	}
	h.events[event] = append(slices.Clip(h.events[event]), l)
	return func() { h.remove(event, l) }
}

// remove takes a handler out. It reports false if that was done already.
func (h *handlers) remove(event string, l *listener) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.events[event]
	rest := without(list, l)
	if len(rest) == 0 {
		delete(h.events, event)
	} else {
		h.events[event] = rest
	}
	return len(rest) < len(list)
}

// register adds v to a list of h and returns a function that takes it out.
func register[T comparable](h *handlers, list *[]T, v T) (off func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*list = append(slices.Clip(*list), v)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		*list = without(*list, v)
	}
}

// without returns a new list without v: the old one may be in use.
func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(other T) bool { return other == v })
}

// read returns what h holds in a list that is never changed.
func read[T any](h *handlers, list *[]T) []T {
	h.mu.Lock()
	defer h.mu.Unlock()
	return *list
}

// handle runs the handlers of an event: the catch-all ones first (top-25 #17).
func (s *Socket) handle(ctx context.Context, m *Message) {
	h := &s.handlers
	call := func(l *listener) bool {
		err := guard(func() error { return l.f(ctx, s, m) })
		s.report("event "+strconv.Quote(m.event), err)
		return !panicked(err)
	}
	for _, l := range read(h, &h.incoming) {
		if !call(l) {
			return
		}
	}
	h.mu.Lock()
	list := h.events[m.event]
	h.mu.Unlock()
	for _, l := range list {
		if l.once && !h.remove(m.event, l) {
			continue
		}
		if !call(l) {
			return
		}
	}
}

// sent tells the functions of OnAnyOutgoing of an event.
func (s *Socket) sent(event string, args []any) {
	for _, o := range read(&s.handlers, &s.handlers.outgoing) {
		s.report("OnAnyOutgoing", guard(func() error { o.f(event, args); return nil }))
	}
}

// report tells of what a handler returned. A panic ends the socket.
func (s *Socket) report(what string, err error) {
	if err == nil {
		return
	}
	cfg := &s.manager.cfg
	if panicked(err) {
		cfg.Logger.Error("panic in a handler", "in", what, "namespace", s.namespace, "err", err, "stack", stack(err))
	} else {
		cfg.Logger.Warn("handler failed", "in", what, "namespace", s.namespace, "err", err)
	}
	s.manager.hooks.call(bind2(cfg.Hooks.HandlerError, s, err))
	if panicked(err) {
		s.Disconnect()
	}
}

// guard calls user code. It is the only place where a panic is recovered; it returns it as
// a *PanicError.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

func panicked(err error) bool {
	_, ok := errors.AsType[*PanicError](err)
	return ok
}

// stack returns the stack of a *PanicError for the log.
func stack(err error) string {
	if e, ok := errors.AsType[*PanicError](err); ok {
		return string(e.Stack)
	}
	return ""
}

func notNil(isNil bool) {
	if isNil {
		panic("client: nil handler") //nolint:forbidigo // a programmer's error
	}
}
