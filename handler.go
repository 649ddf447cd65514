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
// then those of the socket, each in the order of registration.
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
type Handler func(ctx context.Context, s *Socket, m *Message) error

// table holds the handlers of a namespace or a socket. It is never changed.
type table struct {
	uses          []func(context.Context, *Socket) error
	connect       []func(context.Context, *Socket) error
	events        map[string][]Handler
	disconnecting []func(*Socket, Reason)
	disconnect    []func(*Socket, Reason)
}

// handlers is the current table. Reading takes no lock; a change makes a new table.
type handlers struct {
	table atomic.Pointer[table]
	mu    sync.Mutex // held to change table
}

var noHandlers table

// load returns the current table.
func (h *handlers) load() *table {
	if t := h.table.Load(); t != nil {
		return t
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

func (h *handlers) on(event string, f Handler) {
	notNil(f == nil)
	if packet.IsReserved(event) {
		panic(fmt.Sprintf("sio: %q is a reserved event name: see OnConnect and OnDisconnect", event)) //nolint:forbidigo // a programmer's error
	}
	h.change(func(t *table) {
		events := maps.Clone(t.events)
		if events == nil {
			events = make(map[string][]Handler, 1)
		}
		events[event] = add(events[event], f)
		t.events = events
	})
}

// add returns a new list with v at its end.
func add[T any](list []T, v T) []T { return append(slices.Clip(list), v) }

func notNil(isNil bool) {
	if isNil {
		panic("sio: nil handler") //nolint:forbidigo // a programmer's error
	}
}
