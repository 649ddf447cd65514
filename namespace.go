// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/rooms"
	"github.com/sio-go/sio/packet"
)

// Namespace is a part of a server that clients connect to by name, with handlers,
// rooms and sockets of its own. Server.Of returns it. All methods are safe for
// concurrent use and take effect at once; handlers are best registered before the
// server is given its first request, or clients may connect before.
type Namespace struct {
	name     string
	server   *Server
	pending  bool             // stands for a namespace that is still to be found
	parent   *ParentNamespace // nil unless the namespace is dynamic
	users    int              // sockets, if it is dynamic; guarded by Server.mu
	kept     bool             // Server.Of was asked for it; guarded by Server.mu
	handlers handlers
	watched  atomic.Bool   // somebody uses OnAnyOutgoing
	keyed    atomic.Bool   // somebody uses Conflate
	acks     atomic.Uint64 // the next ack id (top-25 #18)
	rooms    *rooms.Index[*Socket]
	list     rooms.List[*Socket]
	history  *history // nil without Config.Recovery
	cluster  *cluster // nil without Config.Bus

	// mu guards the fields below. Nothing else is locked while it is held.
	mu         sync.RWMutex
	byID       map[string]*Socket // those in list
	serverSide []*serverSide      // in order
}

func newNamespace(srv *Server, name string) *Namespace {
	ns := &Namespace{name: name, server: srv, rooms: rooms.New[*Socket](), byID: make(map[string]*Socket)}
	if srv.cfg.Recovery != nil {
		ns.history = newHistory(srv.cfg.Recovery)
	}
	if srv.cfg.Bus != nil {
		ns.cluster = newCluster(ns)
	}
	return ns
}

// Name returns the name, which begins with a slash.
func (ns *Namespace) Name() string { return ns.name }

// Use adds a middleware, which decides on each client that wants to connect. The
// middlewares of the namespace run one after the other, in order; an error refuses
// the client (see ConnectError). Meanwhile Socket.Connected is false, and broadcasts
// do not reach the socket; it may join rooms, and what it emits is sent before the
// client is told that it is connected. ctx is cancelled when the connection ends.
func (ns *Namespace) Use(f func(ctx context.Context, s *Socket) error) {
	notNil(f == nil)
	ns.handlers.change(func(t *table) { t.uses = add(t.uses, f) })
}

// OnConnect adds a handler that is called for each socket that has connected, before
// its events. An error is reported and disconnects the socket.
func (ns *Namespace) OnConnect(f func(ctx context.Context, s *Socket) error) {
	notNil(f == nil)
	ns.handlers.change(func(t *table) { t.connect = add(t.connect, f) })
}

// On adds a handler for an event of all sockets of the namespace, and returns a function
// that removes it. It panics if the name is reserved, such as "connect" or "disconnect".
func (ns *Namespace) On(event string, h Handler) (off func()) {
	return ns.handlers.on(event, h, false)
}

// Off removes all handlers that On has added for the event.
func (ns *Namespace) Off(event string) {
	ns.handlers.setEvent(event, func([]*listener) []*listener { return nil })
}

// OnAny adds a handler that is called for every event of every socket, before the
// middlewares of UseEvents, which may keep an event from the other handlers. It returns
// a function that removes it. A handler that is to do so itself belongs into UseEvents.
func (ns *Namespace) OnAny(h Handler) (off func()) { return ns.handlers.onAny(h) }

// OnAnyOutgoing adds a function that is called for every event that is sent to a socket
// of the namespace, by Emit, EmitWithAck or a broadcast, once for each socket, and
// returns a function that removes it. Acknowledgements do not count. It runs on the
// goroutine that sends, after the packet was queued, and must not change args. What other
// servers send comes on a goroutine of Config.Bus: the function must not wait.
func (ns *Namespace) OnAnyOutgoing(f func(s *Socket, event string, args []any)) (off func()) {
	ns.watched.Store(true)
	return ns.handlers.onAnyOutgoing(f)
}

// UseEvents adds a middleware for the events of all sockets: it returns a Handler that is
// called for every event, and that may call next, or not, which keeps the event from the
// handlers. What the Handler returns goes where errors of handlers go; next returns
// their errors, joined. f is called once, with the first event.
func (ns *Namespace) UseEvents(f func(next Handler) Handler) {
	ns.handlers.useEvents(f, serveOwn)
}

// OnDisconnecting adds a handler that is called for each socket that is about to be
// disconnected, when it is still in its rooms.
func (ns *Namespace) OnDisconnecting(f func(s *Socket, reason Reason)) {
	notNil(f == nil)
	ns.handlers.change(func(t *table) { t.disconnecting = add(t.disconnecting, f) })
}

// OnDisconnect adds a handler that is called for each socket that was disconnected.
func (ns *Namespace) OnDisconnect(f func(s *Socket, reason Reason)) {
	notNil(f == nil)
	ns.handlers.change(func(t *table) { t.disconnect = add(t.disconnect, f) })
}

// Len returns the number of connected sockets.
func (ns *Namespace) Len() int { return ns.list.Len() }

// Sockets returns the connected sockets of this moment, in no particular order.
func (ns *Namespace) Sockets() []*Socket { return ns.list.Snapshot() }

// Socket returns the connected socket with the given id, or nil.
func (ns *Namespace) Socket(id string) *Socket {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return ns.byID[id]
}

// Emit sends an event to all sockets of the namespace. See Target.Emit.
func (ns *Namespace) Emit(event string, args ...any) error {
	return Target{ns: ns}.Emit(event, args...)
}

// To chooses the sockets in at least one of the rooms. A socket's id is a room too.
func (ns *Namespace) To(rooms ...string) Target { return Target{ns: ns}.To(rooms...) }

// In is To.
func (ns *Namespace) In(rooms ...string) Target { return ns.To(rooms...) }

// Except chooses the sockets that are in none of the rooms.
func (ns *Namespace) Except(rooms ...string) Target { return Target{ns: ns}.Except(rooms...) }

// Local chooses the sockets on this server. See Target.Local.
func (ns *Namespace) Local() Target { return Target{ns: ns}.Local() }

// Volatile chooses all sockets, for packets that may be lost. See Target.Volatile.
func (ns *Namespace) Volatile() Target { return Target{ns: ns}.Volatile() }

// Compress chooses all sockets. See Target.Compress.
func (ns *Namespace) Compress(on bool) Target { return Target{ns: ns}.Compress(on) }

// Timeout chooses all sockets. See Target.Timeout.
func (ns *Namespace) Timeout(d time.Duration) Target { return Target{ns: ns}.Timeout(d) }

// EmitWithAck sends an event to all sockets of the namespace and waits for their answers.
// See Target.EmitWithAck.
func (ns *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]Answer, error) {
	return Target{ns: ns}.EmitWithAck(ctx, event, args...)
}

// Send is Emit of the event "message".
func (ns *Namespace) Send(args ...any) error { return ns.Emit("message", args...) }

// SocketsJoin puts all sockets into rooms. See Target.SocketsJoin.
func (ns *Namespace) SocketsJoin(rooms ...string) { Target{ns: ns}.SocketsJoin(rooms...) }

// SocketsLeave takes all sockets out of rooms.
func (ns *Namespace) SocketsLeave(rooms ...string) { Target{ns: ns}.SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets. See Socket.Disconnect.
func (ns *Namespace) DisconnectSockets(closeConn bool) { Target{ns: ns}.DisconnectSockets(closeConn) }

// add makes s known to broadcasts.
func (ns *Namespace) add(s *Socket) {
	ns.mu.Lock()
	ns.byID[s.id] = s
	ns.mu.Unlock()
	ns.list.Add(&s.member)
}

// remove undoes add.
func (ns *Namespace) remove(s *Socket) {
	ns.list.Remove(&s.member)
	ns.mu.Lock()
	if ns.byID[s.id] == s { // else a client of Socket.IO 2 has joined again
		delete(ns.byID, s.id)
	}
	ns.mu.Unlock()
}

// owner returns the socket whose own room this is, or nil.
func (ns *Namespace) owner(room string) *Socket {
	if len(room) != idLen && !ns.server.cfg.Engine.AllowEIO3 {
		return nil // spares a look-up; ids of clients of Socket.IO 2 have any length
	}
	if s := ns.Socket(room); s != nil && !s.leftOwn.Load() {
		return s
	}
	return nil
}

// idLen is the length of engine.NewID's ids.
const idLen = 20

// encode returns the wire form of a packet of this namespace.
func (ns *Namespace) encode(p packet.Packet) (*engine.Message, error) {
	p.Namespace = ns.name
	return ns.server.encode(&p)
}

// encodeOnce is encode for what is sent once, to one client.
func (ns *Namespace) encodeOnce(p packet.Packet) (*engine.Message, error) {
	p.Namespace = ns.name
	return ns.server.encodeOnce(&p)
}
