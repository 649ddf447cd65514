// SPDX-License-Identifier: MIT

package client

import (
	"context"

	"github.com/sio-go/sio/packet"
)

// The functions of this file are called with Manager.mu held, unless they say otherwise.

// greet sends CONNECT by a connection, from a goroutine, as what it carries may have to be
// waited for. If one was sent and not answered before the socket became inactive for a
// while, its answer counts: a second one would be against the protocol (P3.6).
func (s *Socket) greet(l *link) {
	s.link = l
	if s.asked != l {
		s.manager.tasks.Go(func() { s.sendConnect(l) })
	}
}

// sendConnect sends CONNECT. Manager.mu is not held.
func (s *Socket) sendConnect(l *link) {
	m := s.manager
	var p outPacket
	err := guard(func() (err error) { // an Auth of the user may panic while it is encoded
		p.text, p.attachments, err = s.connectPacket(l.ctx)
		return err
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case s.link != l || !s.active || s.connected || s.asked == l:
	case err != nil:
		s.giveUp(err)
	default:
		s.asked = l
		l.send(&p) // if the connection has ended, lost follows
	}
}

// answered takes the server's answer to CONNECT. One that nobody waits for any more is
// undone.
func (s *Socket) answered(l *link, p *packet.Received) {
	s.asked = nil
	switch {
	case p.Type == packet.ConnectError && s.link == l:
		s.refused(p.Args)
	case p.Type == packet.ConnectError:
	case s.link == l:
		s.accepted(p.Args)
	default:
		l.send(s.farewell)
	}
}

// giveUp makes a socket inactive that could not be connected, and tells why.
func (s *Socket) giveUp(err error) {
	s.active, s.kept, s.link = false, false, nil
	s.clearEarly()
	s.push(job{op: opConnectError, err: err})
	s.answerConnect(err)
	s.queue.Wake()
	s.manager.release()
}

// accepted takes the server's CONNECT (C3.4).
func (s *Socket) accepted(args Args) {
	var payload struct {
		Sid string `json:"sid"`
		Pid string `json:"pid"`
	}
	if args.Len() > 0 {
		_ = args.Unmarshal(0, &payload) // what is no object has no sid
	}
	if payload.Sid == "" {
		s.giveUp(errOldServer) // C3.5
		return
	}
	s.id, s.connected, s.kept = payload.Sid, true, true
	s.recovered = payload.Pid != "" && payload.Pid == s.pid
	if !s.recovered {
		s.offset = ""
	}
	s.pid = payload.Pid
	for _, e := range s.early {
		s.track(e.args)
		s.push(job{op: opEvent, ctx: s.ctx, m: e})
	}
	s.early, s.earlySize = nil, 0
	s.flush()
	s.drain()
	s.push(job{op: opConnect, ctx: s.ctx})
	s.answerConnect(nil)
}

// refused takes the server's CONNECT_ERROR (C3.6).
func (s *Socket) refused(args Args) {
	err := &ConnectError{Namespace: s.namespace}
	var payload struct {
		Message string `json:"message"`
		Data    any    `json:"data"`
	}
	if args.Len() > 0 && args.Unmarshal(0, &payload) == nil {
		err.Message, err.Data = payload.Message, payload.Data
	} else if args.Len() > 0 {
		_ = args.Unmarshal(0, &err.Message) // the servers of Socket.IO 2 send a string
	}
	s.giveUp(err)
}

// The limits of what a server may send before it accepts a socket. A server with recovery
// sends there what was missed.
const (
	maxEarly      = 1 << 16
	maxEarlyBytes = 64 << 20
)

// receive takes an event.
func (s *Socket) receive(p *packet.Received) error {
	e := &Message{socket: s, link: s.link, event: p.Event, args: p.Args, id: p.ID, hasAck: p.HasID}
	if s.connected {
		s.track(p.Args)
		s.push(job{op: opEvent, ctx: s.ctx, m: e})
		return nil
	}
	s.earlySize += size(p.Event, p.Args)
	if len(s.early) >= maxEarly || s.earlySize > maxEarlyBytes {
		return errEarly
	}
	s.early = append(s.early, e)
	return nil
}

func (s *Socket) clearEarly() { s.early, s.earlySize = nil, 0 }

// track remembers the offset that a server with recovery adds to each event (C3.19).
func (s *Socket) track(args Args) {
	if s.pid == "" || args.Len() == 0 {
		return
	}
	if raw, ok := args.Raw(args.Len() - 1); ok && len(raw) > 0 && raw[0] == '"' {
		_ = args.Unmarshal(args.Len()-1, &s.offset)
	}
}

// disconnect makes the socket inactive.
func (s *Socket) disconnect(reason Reason) {
	s.active, s.kept = false, false
	if s.connected && reason == ReasonClientDisconnect {
		s.link.send(s.farewell)
	}
	if s.link != nil {
		s.lost(s.link, reason, nil)
	}
	if s.manager.closed {
		s.abandon()
	}
	s.answerConnect(&DisconnectError{Reason: reason})
	s.queue.Wake()
}

// lost takes the end of the connection, or of the socket on it.
func (s *Socket) lost(l *link, reason Reason, err error) {
	if l.over && s.asked == l {
		s.asked = nil
	}
	if s.link != l {
		return
	}
	s.link = nil
	s.clearEarly()
	if !s.connected {
		return
	}
	s.connected, s.recovered, s.id = false, false, ""
	gone := &DisconnectError{Reason: reason, Err: err}
	s.cancel(gone)
	s.ctx, s.cancel = context.WithCancelCause(s.manager.ctx)
	s.unanswered(gone)
	s.push(job{op: opDisconnect, reason: reason, err: err})
	s.queue.Wake()
}
