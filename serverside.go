// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"fmt"
	"slices"

	"github.com/sio-go/sio/packet"
)

// ServerSideHandler handles an event that another server has sent. What it returns is
// this server's answer, if one was asked for; an error means that there is none.
type ServerSideHandler func(ctx context.Context, args Args) (answer any, err error)

// ServerSideEmit sends an event to the same namespace of all other servers of a cluster
// (S7.11). It returns an error, and sends nothing, if an argument cannot be encoded or the
// event's name is "connect", "connection" or "new_namespace" (*packet.ReservedError). A
// server without a cluster, and there is no other yet, has nobody to send to, which is
// no error.
func (ns *Namespace) ServerSideEmit(event string, args ...any) error {
	if reservedServerSide(event) {
		return &packet.ReservedError{Event: event}
	}
	// Not an Event: names that are reserved there may be used here.
	_, err := ns.encode(packet.Packet{Type: packet.Ack, HasID: true, Args: args})
	return err
}

// ServerSideEmitWithAck sends an event like ServerSideEmit and waits until each other
// server has answered (S7.12). It returns the answers, one for each: none on a server
// without a cluster, where it does not wait. If ctx has ended it sends nothing, and the
// error wraps that of the context.
func (ns *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	if err := ctx.Err(); err != nil {
		return nil, ackError(event, err)
	}
	return nil, ns.ServerSideEmit(event, args...)
}

// OnServerSide adds a handler for an event that another server sends with ServerSideEmit,
// and returns a function that removes it. It panics if the name is one that
// ServerSideEmit refuses. On a server without a cluster the handler is never called:
// what a server sends does not come back to itself.
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
	return event == "connect" || event == "connection" || event == "new_namespace"
}
