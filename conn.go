// SPDX-License-Identifier: MIT

package sio

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/alarm"
	"github.com/sio-go/sio/packet"
)

// conn is one connection, an engine session. It decodes what the client sends and
// gives it to the sockets, of which there is one for each namespace. It is the
// session's engine.Receiver; those methods are called by one goroutine at a time, the
// reader, and never block.
type conn struct {
	server  *Server
	session *engine.Session

	// Only the reader uses these.
	decoder packet.MessageDecoder // made for the first packet that is not a CONNECT
	touched *Socket               // those that were given events since the last ReceiveEnd: the last one first
	size    int64                 // bytes of the packet being received, attachments included
	failed  bool                  // the client broke a rule: what comes is ignored
	leaving atomic.Bool           // the server closes the connection: what comes is ignored

	// mu guards the fields below. It may be held while the session is paused and
	// resumed, and not while anything else is locked or called, but queues and alarms.
	mu      sync.Mutex
	joined  bool                // a namespace was joined
	closed  bool                // no new sockets
	alive   int32               // of sockets, and of those that still have a handler running
	full    int32               // of sockets, how many have a full queue
	sockets *Socket             // those that have not begun to end, at most one per namespace
	timeout *alarm.Entry[*conn] // of Config.ConnectTimeout, until a namespace was joined
}

// newConn arms the timeout before the client is told anything (P3.11).
func newConn(srv *Server, session *engine.Session) *conn {
	c := &conn{server: srv, session: session}
	if d := srv.cfg.ConnectTimeout; d > 0 {
		c.timeout = &alarm.Entry[*conn]{Owner: c}
		srv.timeouts.Arm(c.timeout, srv.timeouts.In(d))
	}
	return c
}

// timedOut closes a connection that has joined nothing.
func (c *conn) timedOut() {
	c.mu.Lock()
	joined := c.joined
	c.mu.Unlock()
	if !joined {
		c.server.cfg.Logger.Debug("closing connection: no namespace joined in time")
		c.session.Close()
	}
}

// join notes that a namespace has accepted the client.
func (c *conn) join() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joined = true
	c.stopTimeout()
}

// stopTimeout is called with mu held.
func (c *conn) stopTimeout() {
	if c.timeout != nil {
		c.server.timeouts.Disarm(c.timeout)
		c.timeout = nil
	}
}

// Receive implements engine.Receiver.
func (c *conn) Receive(data []byte, binary bool) {
	if c.failed || c.leaving.Load() {
		return
	}
	c.size += int64(len(data))
	p, complete, err := c.decode(data, binary)
	switch {
	case err != nil:
		c.fail(err)
	case complete:
		c.route(&p)
		c.size = 0
	}
}

// route gives a packet to whom it concerns. See "Socket.IO Protocol", "Exchange
// protocol".
func (c *conn) route(p *packet.Received) {
	if c.legacy() {
		translate(p)
	}
	s := c.find(p.Namespace)
	switch {
	case p.Type == packet.Connect && s == nil:
		c.connect(p)
	case p.Type == packet.Connect:
		// JS differs: P3.8, the official server runs the middlewares a second time if
		// they are still busy with the first packet, and may join twice.
		c.fail(violation("second CONNECT", p.Namespace)) // P3.6
	case p.Type == packet.ConnectError:
		c.fail(violation("CONNECT_ERROR from a client", p.Namespace)) // P3.7
	case s == nil || s.phase.Load() == connecting && !s.early(p):
		c.fail(violation("packet before CONNECT", p.Namespace)) // P3.5
	case p.Type == packet.Disconnect:
		s.end(ReasonClientDisconnect, nil) // P3.9
	case p.Type == packet.Ack && p.HasID:
		s.acked(p.ID, p.Args)
	case p.Type == packet.Event:
		m := &Message{size: c.size, socket: s, event: p.Event, args: p.Args, id: p.ID, hasAck: p.HasID}
		c.push(s, job{op: opEvent, m: m})
	}
}

func violation(what, nsp string) error { return fmt.Errorf("sio: %s: namespace %q", what, nsp) }

// fail closes the connection because of what the client sent. It is graceful: what
// was sent before arrives (P3.13).
func (c *conn) fail(err error) {
	c.failed = true
	c.resetDecoder()
	c.server.hooks.connFailed(c.session, err)
	c.session.Close()
}

// connect makes a socket for a client that wants to join a namespace.
func (c *conn) connect(p *packet.Received) {
	ns, dynamic := c.server.lookup(p.Namespace)
	dynamic = dynamic && len(p.Namespace) <= maxDynamicName
	switch {
	case ns != nil:
	case dynamic: // the socket's goroutine finds out: a function of the user may wait
		ns = &Namespace{name: p.Namespace, server: c.server, pending: true}
	default:
		c.refuse(p.Namespace, "Invalid namespace", nil) // P3.4
		return
	}
	s := newSocket(c, ns, p.Args)
	full, closed := c.add(s)
	if full || closed {
		s.unuse()
	}
	switch {
	case full:
		c.refuse(p.Namespace, "Too many namespaces", nil)
	case !closed:
		c.push(s, job{op: opConnect})
	}
}

// add registers a socket, which is then counted in Server.live. A client that joins
// and leaves while a handler takes its time does not get past the limit, because
// sockets count until they are dropped.
func (c *conn) add(s *Socket) (full, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return false, true
	case int(c.alive) >= c.server.cfg.MaxNamespaces:
		return true, false
	}
	last := &c.sockets
	for *last != nil {
		last = &(*last).sibling
	}
	*last = s
	c.alive++
	c.server.live.Add(1)
	return false, false
}

// refuse answers a CONNECT with a CONNECT_ERROR (P3.3).
func (c *conn) refuse(nsp, message string, data any) {
	type payload struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitzero"`
	}
	p := packet.Packet{Type: packet.ConnectError, Namespace: nsp, Args: []any{payload{message, data}}}
	m, err := c.server.encode(&p)
	if err != nil { // data is at fault
		c.logRefusal(nsp, err)
		p.Args[0] = payload{Message: message}
		if m, err = c.server.encode(&p); err != nil {
			c.mute(nsp, err) // the Codec is
			return
		}
	}
	_ = c.session.Send(m, engine.SendOptions{}) // the client may have gone
}

func (c *conn) logRefusal(nsp string, err error) {
	c.server.cfg.Logger.Warn("data of a ConnectError cannot be sent", "nsp", nsp, "err", err)
}

// find returns the socket of a namespace, or nil.
func (c *conn) find(nsp string) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := c.sockets; s != nil; s = s.sibling {
		if s.ns.name == nsp {
			return s
		}
	}
	return nil
}

// all returns the sockets, in the order in which they came. It is called with mu held.
func (c *conn) all() (list []*Socket) {
	for s := c.sockets; s != nil; s = s.sibling {
		list = append(list, s)
	}
	return list
}

// remove forgets a socket that begins to end.
func (c *conn) remove(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := &c.sockets; *at != nil; at = &(*at).sibling {
		if *at == s {
			*at, s.sibling = s.sibling, nil
			break
		}
	}
	c.setFull(s, false)
}

// dropped undoes add.
func (c *conn) dropped() {
	c.mu.Lock()
	c.alive--
	c.mu.Unlock()
	c.server.release()
}

// push queues a job for a socket, to be started by ReceiveEnd.
func (c *conn) push(s *Socket, j job) {
	n := s.queue.Push(j)
	size := int64(0)
	if j.m != nil {
		size = s.waiting.Add(j.m.size)
	}
	if !s.touched {
		s.touched, s.nextTouched, c.touched = true, c.touched, s
	}
	if n >= c.server.cfg.DispatchQueue || size >= int64(c.server.cfg.DispatchBytes) {
		s.queue.Wake()
		c.gauge(s)
	}
}

// ReceiveEnd implements engine.Receiver.
func (c *conn) ReceiveEnd() {
	for c.touched != nil {
		s := c.touched
		c.touched, s.nextTouched, s.touched = s.nextTouched, nil, false
		s.queue.Wake()
	}
}

// gauge pauses the session when the queue of s is full, and resumes it when all
// queues have room again. The reader calls it after a Push that filled the queue, and
// the socket's goroutine after each job that it finds the queue marked as full.
//
// The mark must be set before the length counts: the goroutine may empty the queue in
// between and see no mark, and then nobody would take the mark away.
func (c *conn) gauge(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg := &c.server.cfg
	asked := s.asking.Load() > 0
	events, bytes := cfg.DispatchQueue, int64(cfg.DispatchBytes)
	if asked {
		events, bytes = events*asking, bytes*asking
	}
	if s.ending.Load() == nil && (s.queue.Len() >= events || s.waiting.Load() >= bytes) {
		c.setFull(s, true)
	}
	// Look again, with full set: the socket's goroutine may have emptied the queue since
	// and found full not set, and then nobody else would resume.
	n, size := s.queue.Len(), s.waiting.Load()
	if asked && n < events && size < bytes || n <= events/2 && size <= bytes/2 {
		c.setFull(s, false) // if the answer is awaited, as soon as there is any room
	}
}

// setFull is called with mu held.
func (c *conn) setFull(s *Socket, full bool) {
	switch {
	case s.full.Load() == full:
	case full:
		s.full.Store(true)
		if c.full++; c.full == 1 {
			c.session.Pause()
		}
	default:
		s.full.Store(false)
		if c.full--; c.full == 0 {
			c.session.Resume()
		}
	}
}

// disconnect disconnects all sockets and then closes the connection (S5.11).
func (c *conn) disconnect() {
	c.mu.Lock()
	all := c.all()
	c.mu.Unlock()
	for _, s := range all {
		s.disconnect()
	}
	c.session.Close()
}

// Closing implements engine.ClosingReceiver: the server shuts down (S1.13). Sockets that are
// still in middlewares end with the connection.
func (c *conn) Closing() {
	c.leaving.Store(true)
	c.mu.Lock()
	all := c.all()
	c.mu.Unlock()
	for _, s := range all {
		if s.Connected() {
			s.end(ReasonShutdown, nil)
		}
	}
}

// Closed implements engine.Receiver.
func (c *conn) Closed(reason engine.Reason, err error) {
	c.mu.Lock()
	c.closed = true
	c.stopTimeout()
	all := c.all()
	c.mu.Unlock()
	why := Reason(reason)
	if why == ReasonForcedClose && (c.leaving.Load() || c.server.closing.Load()) {
		why = ReasonShutdown
	}
	for _, s := range all {
		s.end(why, err)
	}
	c.server.release()
}
