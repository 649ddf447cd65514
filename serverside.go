// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/packet"
)

// ServerSideHandler handles an event that another server has sent. What it returns is
// this server's answer, if one was asked for; an error means that there is none.
type ServerSideHandler func(ctx context.Context, args Args) (answer any, err error)

// ServerSideEmit sends an event to the same namespace of all other servers of a cluster
// (S7.11) that Config.Bus connects. It returns an error, and sends nothing, if an argument
// cannot be encoded or the event's name is "connect", "connection", "new_namespace"
// or "sio:forward" (*packet.ReservedError), or if the Bus does not take it. Nobody to send to is no error.
func (ns *Namespace) ServerSideEmit(event string, args ...any) error {
	if reservedServerSide(event) {
		return &packet.ReservedError{Event: event}
	}
	// Not an Event: names that are reserved there may be used here.
	list, err := ns.server.arguments(append([]any{event}, args...))
	if err != nil || ns.cluster == nil {
		return err
	}
	return ns.cluster.node.Publish(&adapter.Message{Type: adapter.ServerSideEmit, Args: list})
}

// ServerSideEmitWithAck sends an event like ServerSideEmit and waits until each other
// server has answered (S7.12). It returns the answers, one for each other server, in the
// order in which they came: none on a server without a cluster, where it does not wait. If
// ctx has ended it sends nothing, and the error wraps that of the context.
//
// If servers do not answer in time, the error is an *adapter.TimeoutError, which names or
// counts them, and the answers are those that came. That is when ctx ends, or after
// BusTiming.Request if ctx has no deadline. Servers that have no handler do not answer.
//
// JS differs: A2.9, there it is always after 5 s.
func (ns *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	if err := ctx.Err(); err != nil {
		return nil, ackError(event, err)
	}
	if ns.cluster == nil {
		return nil, ns.ServerSideEmit(event, args...)
	}
	if reservedServerSide(event) {
		return nil, &packet.ReservedError{Event: event}
	}
	list, err := ns.server.arguments(append([]any{event}, args...))
	if err != nil {
		return nil, err
	}
	r := ns.cluster.node.Ask(ctx, &adapter.Message{Type: adapter.ServerSideEmit, Args: list})
	defer r.Cancel()
	var answers []Args
	for {
		m, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return answers, nil
		case err != nil:
			return answers, fmt.Errorf("sio: server-side event %q: %w", event, err)
		}
		answers = append(answers, ns.server.adopt(m.Args))
	}
}

// arguments encodes values as JSON, with the options of the Codec.
func (srv *Server) arguments(values []any) (Args, error) {
	p := &packet.Packet{Type: packet.Ack, HasID: true, Args: values}
	list, attachments, err := srv.appendPayload(p)
	if err != nil {
		return Args{}, err
	}
	return packet.NewArgs(list, attachments, unlimited)
}

// OnServerSide adds a handler for an event that another server sends with ServerSideEmit,
// and returns a function that removes it. It panics if the name is one that
// ServerSideEmit refuses. On a server without a cluster the handler is never called:
// what a server sends does not come back to itself.
//
// The handlers of a namespace are called one after the other, in the order in which each
// other server has sent the events. Up to 1,024 events wait; more are lost, and counted by
// ClusterStats. ctx is cancelled when the server is closed. If several handlers have an
// answer, that of the first counts. A handler that waits for answers to what it sends to
// other servers itself holds up later events.
func (ns *Namespace) OnServerSide(event string, h ServerSideHandler) (off func()) {
	notNil(h == nil)
	if reservedServerSide(event) {
		panic(fmt.Sprintf("sio: %q is a reserved event name", event)) //nolint:forbidigo // a programmer's error
	}
	l := &serverSide{event, h}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.serverSide = append(ns.serverSide, l)
	return func() {
		ns.mu.Lock()
		defer ns.mu.Unlock()
		ns.serverSide = slices.DeleteFunc(ns.serverSide, func(one *serverSide) bool { return one == l })
	}
}

// serverSide is a handler of OnServerSide.
type serverSide struct {
	event string
	f     ServerSideHandler
}

func reservedServerSide(event string) bool {
	return event == forwardEvent || adapter.ReservedServerSide(event)
}

// serverSideHandlers returns the handlers of an event.
func (ns *Namespace) serverSideHandlers(event string) []ServerSideHandler {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	var list []ServerSideHandler
	for _, l := range ns.serverSide {
		if l.event == event {
			list = append(list, l.f)
		}
	}
	return list
}
