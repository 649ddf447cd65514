// SPDX-License-Identifier: MIT

package sio

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/rooms"
	"github.com/sio-go/sio/packet"
)

// A socket's life, in order. What is not said to run elsewhere runs on the socket's
// goroutine, so that it needs no locks against the handlers.
//
//	connect  middlewares; a refusal ends here (drop)
//	open     connected; CONNECT is queued; listed, so that broadcasts reach it
//	connect  OnConnect
//	         events
//	end      (anywhere) the connection forgets the socket, ctx is cancelled, opEnd
//	         is queued
//	close    OnDisconnecting; leave all rooms; disconnected; OnDisconnect

// connect handles opConnect.
func (s *Socket) connect() {
	if s.ns.pending && !s.find() {
		return
	}
	s.ns.open() // whoever has made it may not have come so far
	s.restore()
	t := s.ns.handlers.load() // S3.4: a snapshot
	uses := t.uses
	if s.Recovered() && !s.ns.server.cfg.Recovery.RunMiddlewares {
		uses = nil // S8.9
	}
	for _, use := range uses {
		err := guard(func() error { return use(s.Context(), s) })
		if s.ending.Load() != nil {
			return // S3.6, B14: opEnd follows, and nobody is told
		}
		if err != nil {
			s.reject(err)
			return
		}
	}
	if s.ending.Load() != nil {
		return
	}
	// A client that knows that it is connected expects that OnConnect is done, or has come
	// to where it waits, as with the official server: that rooms are joined, for example.
	s.conn.session.HoldFor(connectHold)
	defer s.conn.session.Release()
	if !s.open() {
		s.conn.session.Close() // the client returns, and then is a new one
		return
	}
	if s.roomLog != nil {
		s.lockRooms()
		s.movedOwn()
		s.tellRooms()
	}
	s.ns.server.hooks.connected(s)
	for _, f := range s.ns.handlers.load().connect {
		if err := guard(func() error { return f(s.Context(), s) }); err != nil {
			s.ns.server.hooks.failed(s, "OnConnect", err)
			s.disconnect()
			return
		}
	}
}

// find gives the socket its namespace, if a ParentNamespace accepts it. If not, it
// refuses the client.
func (s *Socket) find() bool {
	ns := s.ns.server.resolve(s.Context(), s.ns.name, s.credentials())
	if ns != nil {
		s.conn.mu.Lock() // which the reader holds to look at ns
		s.ns = ns
		s.conn.mu.Unlock()
		return true
	}
	if s.begin("", nil) { // else opEnd follows
		name := s.ns.name
		s.drop()
		s.conn.refuse(name, "Invalid namespace", nil)
	}
	return false
}

// unuse tells the server that the socket does not use its namespace any more.
func (s *Socket) unuse() {
	if !s.ns.pending {
		s.ns.server.unused(s.ns)
	}
}

// reject refuses the client (S3.7).
func (s *Socket) reject(err error) {
	message, data := err.Error(), any(nil)
	if e, ok := errors.AsType[*PanicError](err); ok {
		s.ns.server.hooks.failed(s, "middleware", e)
		message = "internal error" // what the panic says is not the client's business
	} else if e, ok := errors.AsType[*ConnectError](err); ok {
		message, data = e.Message, e.Data
	}
	if !s.begin("", err) {
		return // opEnd follows
	}
	s.drop()
	if s.conn.legacy() {
		s.conn.refuseLegacy(s.ns.name, message, data)
		return
	}
	s.conn.refuse(s.ns.name, message, data)
}

// connectHold is how long OnConnect delays the client's CONNECT at most.
const connectHold = 20 * time.Millisecond

// open makes the socket a connected one (top-25 #15). The session is held, so that
// the client cannot answer its CONNECT before broadcasts reach the socket. It reports false
// if what a returning client has missed was forgotten while middlewares ran.
func (s *Socket) open() bool {
	defer s.turnOwn()
	session := s.conn.session
	greeting, err := s.greeting()
	h := s.ns.history
	if st := s.ns.stream(); st != nil && !s.conn.legacy() {
		return s.openShared(st, greeting)
	}
	if h != nil {
		h.mu.Lock() // so that nothing is missed, or got twice
		defer h.mu.Unlock()
		if s.Recovered() {
			if _, ok := h.index[s.comeback.offset]; !ok {
				return false
			}
		}
	}
	s.phase.Store(connected)         // before CONNECT: the client may send events after it
	f := s.ns.server.engine.Fanout() // a full outbox tells user code, which must not happen under a lock
	defer f.Flush()
	send := func(m *engine.Message) { f.Send(session, m, engine.SendOptions{}) } // if it is closed, opEnd follows
	if s.Recovered() {
		h.missed(s.comeback.offset, s.comeback.from.rooms, send) // S8.7: before CONNECT
	}
	if err == nil {
		send(greeting)
	}
	s.ns.add(s)
	s.phase.Store(listed)
	s.conn.join()
	return true
}

// greeting returns the CONNECT that tells the client that it is connected.
func (s *Socket) greeting() (*engine.Message, error) {
	p := packet.Packet{Type: packet.Connect}
	if s.conn.legacy() { // P4.1
		return s.ns.encode(p)
	}
	payload := append(make([]byte, 0, textHint), `{"sid":`...)
	payload, _ = jsontext.AppendQuote(payload, s.id)
	if s.comeback != nil {
		payload = append(payload, `,"pid":`...)
		payload, _ = jsontext.AppendQuote(payload, s.comeback.pid)
	}
	payload = append(payload, '}')
	if s.ns.server.cfg.Codec != nil {
		p.Args = []any{packet.Raw(payload)}
		return s.ns.encode(p)
	}
	p.Namespace = s.ns.name
	text, _, err := packet.Append(engine.NewBuffer(textHint), &p)
	if err != nil {
		return nil, err
	}
	return engine.NewMessage(append(text, payload...), nil), nil
}

// begin starts the end of s, on any goroutine. It reports whether it was the first.
func (s *Socket) begin(reason Reason, err error) bool {
	e := &DisconnectError{Reason: reason, Err: err}
	if !s.ending.CompareAndSwap(nil, e) {
		return false
	}
	s.conn.remove(s)
	s.unanswered(e) // first: who waits with the context of the socket is told why
	if l := s.life.Load(); l != nil {
		l.cancel(e)
	}
	s.unwait()
	s.stopExpiry()
	return true
}

// end begins the end of s, and has it completed after the events that are queued.
func (s *Socket) end(reason Reason, err error) {
	if s.begin(reason, err) {
		s.queue.Push(job{op: opEnd})
		s.queue.Wake()
	}
}

// disconnect ends s from this side: the client is told (P3.10).
func (s *Socket) disconnect() { s.dismiss(ReasonServerDisconnect) }

// dismiss is disconnect for a reason.
func (s *Socket) dismiss(reason Reason) {
	if !s.Connected() || !s.begin(reason, nil) {
		return
	}
	if m, err := s.ns.encode(packet.Packet{Type: packet.Disconnect}); err == nil {
		_ = s.conn.session.Send(m, engine.SendOptions{}) // the client may have gone
	}
	s.queue.Push(job{op: opEnd})
	s.queue.Wake()
}

// close handles opEnd, in the order of top-25 #16.
func (s *Socket) close() {
	defer s.drop() // also if a handler ends the goroutine
	if s.phase.Load() == connecting {
		if s.Recovered() { // the connection broke again before the client had its socket
			s.putBack()
		}
		return
	}
	reason := s.ending.Load().Reason
	shared, own := s.ns.handlers.load(), s.own.Load().load()
	s.tell(shared.disconnecting, reason)
	s.tell(own.disconnecting, reason)
	if s.comeback != nil && reason.recoverable() {
		s.save()
	}
	s.leave()
	shared, own = s.ns.handlers.load(), s.own.Load().load()
	s.tell(shared.disconnect, reason)
	s.tell(own.disconnect, reason)
	s.ns.server.hooks.disconnected(s, reason)
}

func (s *Socket) tell(list []func(*Socket, Reason), reason Reason) {
	for _, f := range list {
		if err := guard(func() error { f(s, reason); return nil }); err != nil {
			s.ns.server.hooks.failed(s, "disconnect handler", err)
		}
	}
}

// leave takes s out of everything. It may be called again.
func (s *Socket) leave() {
	was := s.phase.Swap(disconnected)
	if s.ns.pending {
		return // it never had a namespace
	}
	defer s.ns.tellRoutes()
	if s.roomLog != nil {
		s.lockRooms()
		defer s.tellRooms()
		s.movedOwn()
	}
	if s.roomLog != nil || s.ns.cluster != nil {
		s.ns.rooms.Close(&s.member, func(room string, did rooms.Change) {
			s.parted(room, did)
			s.ns.turn(room, did)
		})
	} else {
		s.ns.rooms.Close(&s.member, nil)
	}
	if was == listed {
		s.ns.remove(s)
		s.turnOwn()
	}
}

// drop is the last thing that happens to a socket.
func (s *Socket) drop() {
	s.leave()
	s.queue.Stop()
	if !s.left {
		s.left = true
		s.unuse()
		s.conn.dropped()
	}
}
