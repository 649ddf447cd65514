// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sio-go/sio/packet"
)

// Handler handles one event. What it returns goes to ErrorHook and the log; the
// client gets to know nothing. An event with no handler is ignored.
//
// The middlewares and handlers of one socket (Use, OnConnect, On, OnDisconnecting,
// OnDisconnect) run one at a time and in the order in which their causes arrived, on
// a goroutine that exists only while there is something to do and that is not the
// one that reads from the connection. Those of different sockets run concurrently.
// If there are several handlers for an event, those of the namespace come first, and
// then those of the socket, each in the order of registration. Before them come OnAny
// and then the middlewares of UseEvents, those of the namespace first, too.
//
// So a handler may take its time: neither the client's heartbeat nor its
// acknowledgements wait for it, only its later events. A handler may also wait for
// the answer of its own client (EmitWithAck). When Config.DispatchQueue events wait,
// the connection is not read until some of them are handled.
//
// ctx is Socket.Context. It is cancelled as soon as the socket's end is known. Events
// that arrived before the client left are still handled, with a cancelled ctx; a
// handler that must finish its work then uses context.WithoutCancel.
//
// A panic is recovered, reported to PanicHook and the log, and disconnects the
// socket with ReasonServerDisconnect. Other sockets do not notice.
type Handler = func(ctx context.Context, s *Socket, m *Message) error

// table holds the handlers of a namespace or a socket. It is never changed.
type table struct {
	uses          []func(context.Context, *Socket) error
	connect       []func(context.Context, *Socket) error
	events        map[string][]*listener
	incoming      []*listener                  // of OnAny
	outgoing      []*outgoing                  // of OnAnyOutgoing
	wraps         []func(next Handler) Handler // of UseEvents; handlers.chain is made of them
	disconnecting []func(*Socket, Reason)
	disconnect    []func(*Socket, Reason)
	drain         []func() // of a socket only
	expire        []func(context.Context, *Socket) error
}

// listener is a registered handler. Its address tells it from others.
type listener struct {
	f    Handler
	once bool
	used atomic.Bool // not to be called any more
}

// outgoing is a registered function of OnAnyOutgoing.
type outgoing struct {
	f func(s *Socket, event string, args []any)
}

// handlers is the current table. Reading takes no lock; a change makes a new table.
type handlers struct {
	table atomic.Pointer[table]
	chain atomic.Pointer[link] // of UseEvents; nil if there are none

	mu   sync.Mutex // held to change table and chain
	last *link      // of chain
}

// link is the next of a middleware: another middleware, or what comes behind all.
type link struct {
	next atomic.Pointer[Handler]
	end  Handler
}

func (l *link) call(ctx context.Context, s *Socket, m *Message) error {
	if next := l.next.Load(); next != nil {
		return (*next)(ctx, s, m)
	}
	return l.end(ctx, s, m)
}

var noHandlers table

// load returns the current table. A nil h has no handlers.
func (h *handlers) load() *table {
	if h != nil {
		if t := h.table.Load(); t != nil {
			return t
		}
	}
	return &noHandlers
}

// change makes a changed copy the current table. f must replace what it changes.
func (h *handlers) change(f func(t *table)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := *h.load()
	f(&t)
	h.table.Store(&t)
}

func (h *handlers) on(event string, f Handler, once bool) (off func()) {
	l := newListener(event, f, once)
	h.addEvent(event, l)
	return func() { h.remove(event, l) }
}

func newListener(event string, f Handler, once bool) *listener {
	notNil(f == nil)
	if packet.IsReserved(event) {
		panic(fmt.Sprintf("sio: %q is a reserved event name: see OnConnect and OnDisconnect", event)) //nolint:forbidigo // a programmer's error
	}
	return &listener{f: f, once: once}
}

func (h *handlers) addEvent(event string, l *listener) {
	h.setEvent(event, func(list []*listener) []*listener { return add(list, l) })
}

// remove undoes on.
func (h *handlers) remove(event string, l *listener) {
	h.setEvent(event, func(list []*listener) []*listener { return without(list, l) })
}

// setEvent changes the handlers of one event.
func (h *handlers) setEvent(event string, f func([]*listener) []*listener) {
	h.change(func(t *table) {
		events := maps.Clone(t.events)
		if events == nil {
			events = make(map[string][]*listener, 1)
		}
		if list := f(events[event]); len(list) > 0 {
			events[event] = list
		} else {
			delete(events, event)
		}
		t.events = events
	})
}

func (h *handlers) onAny(f Handler) (off func()) {
	notNil(f == nil)
	l := &listener{f: f}
	h.change(func(t *table) { t.incoming = add(t.incoming, l) })
	return func() { h.change(func(t *table) { t.incoming = without(t.incoming, l) }) }
}

func (h *handlers) onAnyOutgoing(f func(*Socket, string, []any)) (off func()) {
	notNil(f == nil)
	o := &outgoing{f}
	h.change(func(t *table) { t.outgoing = add(t.outgoing, o) })
	return func() { h.change(func(t *table) { t.outgoing = without(t.outgoing, o) }) }
}

// useEvents adds a middleware. end comes behind all of them.
func (h *handlers) useEvents(f func(next Handler) Handler, end Handler) {
	notNil(f == nil)
	last := &link{end: end}
	var once sync.Once
	var made Handler
	wrapped := func(ctx context.Context, s *Socket, m *Message) error {
		once.Do(func() { made = f(last.call) }) // not before: locks may be held now
		return made(ctx, s, m)
	}
	h.change(func(t *table) { t.wraps = add(t.wraps, f) })
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		h.last = &link{end: end}
		h.chain.Store(h.last)
	}
	h.last.next.Store(&wrapped)
	h.last = last
}

// copyFrom gives a new namespace what its parent has.
func (h *handlers) copyFrom(parent *handlers) {
	t := *parent.load()
	for _, f := range t.wraps {
		h.useEvents(f, serveOwn)
	}
	h.table.Store(&t)
}

// add returns a new list with v at its end.
func add[T any](list []T, v T) []T { return append(slices.Clip(list), v) }

// without returns a new list without v.
func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(other T) bool { return other == v })
}

func notNil(isNil bool) {
	if isNil {
		panic("sio: nil handler") //nolint:forbidigo // a programmer's error
	}
}
