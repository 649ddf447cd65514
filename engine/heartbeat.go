// SPDX-License-Identifier: MIT

package engine

import (
	"time"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/alarm"
	"github.com/sio-go/sio/internal/websocket"
)

// heartbeat is the one alarm of a session: it sends pings, waits for pongs, and ends
// a polite close that takes too long. It is guarded by Session.mu. Times are those of
// Server.beats, whose one timer is that of all sessions.
// See "Engine.IO Protocol", "Heartbeat". In revision 3 the client pings and the server
// answers (E8.4), so that a session of it is always waiting.
type heartbeat struct {
	entry    alarm.Entry[*Session]
	due      time.Duration // of the next ping or, while waiting, of what the peer owes
	closeDue time.Duration // of the end of a polite close; zero if there is none
	waiting  bool          // the peer owes a pong or, in revision 3, a ping
}

// startHeartbeat arms the first ping. It comes before the open packet is sent.
func (s *Session) startHeartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.heartbeat
	h.entry.Owner = s
	if s.revision == 3 {
		h.waiting = true
		s.armLocked(s.grace())
	} else {
		s.armLocked(s.server.cfg.PingInterval)
	}
}

// grace is how long the peer may take for what it owes.
func (s *Session) grace() time.Duration {
	if s.revision == 3 {
		return s.server.cfg.PingInterval + s.server.cfg.PingTimeout
	}
	return s.server.cfg.PingTimeout
}

// beat runs when the alarm rings.
func (s *Session) beat() {
	s.mu.Lock()
	h := &s.heartbeat
	now := s.server.beats.Now()
	switch {
	case s.state == stateClosed:
	case s.state == stateClosing && h.closeDue != 0 && now >= h.closeDue:
		s.endLocked(ReasonForcedClose, nil, true, websocket.CloseNone)
	case now < h.due:
		s.rearmLocked() // a pong moved the time after the alarm had rung
	case !h.waiting:
		// Arm first: a pong that comes at once must find the alarm it is to move.
		h.waiting = true
		s.armLocked(s.grace())
		if s.state == stateOpen { // a closing session waits no longer than for a pong, and says no more
			s.outbox.push(pingPacket)
			s.flushLocked()
		}
	case s.resumed != nil:
		// What the peer owes may wait behind what is not read. Another packet finds out
		// whether there still is a connection: if there is none, writing fails. A client of
		// revision 3 ignores it.
		s.armLocked(s.grace())
		if s.revision == 3 {
			s.outbox.push(noopPacket)
		} else {
			s.outbox.push(pingPacket)
		}
		s.flushLocked()
	default:
		s.endLocked(ReasonPingTimeout, nil, true, websocket.CloseNone)
	}
	s.unlockAndTell()
}

// heartbeatPacket takes a ping or pong. It reports false if the session has ended,
// because it is not for the peer to send this one (E8.3, E8.4).
func (s *Session) heartbeatPacket(t wire.Type) bool {
	s.mu.Lock()
	defer s.unlockAndTell()
	h := &s.heartbeat
	switch {
	case (t == wire.Ping) != (s.revision == 3):
		s.endLocked(ReasonTransportError, errHeartbeat, true, websocket.CloseNone)
	case s.state == stateClosed:
	case t == wire.Ping:
		s.armLocked(s.grace())
		s.outbox.push(pongPacket)
		s.flushLocked()
		s.limitLocked()
	case h.waiting:
		h.waiting = false
		s.armLocked(s.server.cfg.PingInterval)
	default:
		// JS differs: B2, the official server puts off the next ping at each pong, asked for
		// or not.
	}
	return s.state != stateClosed
}

// armLocked sets when the next ping, or what the peer owes, is due.
func (s *Session) armLocked(after time.Duration) {
	s.heartbeat.due = s.server.beats.In(after)
	s.rearmLocked()
}

func (s *Session) rearmLocked() {
	h := &s.heartbeat
	next := h.due
	if h.closeDue != 0 {
		next = min(next, h.closeDue)
	}
	s.server.beats.Arm(&h.entry, next)
}

// closeByLocked makes the alarm ring at due at the latest.
func (s *Session) closeByLocked(due time.Duration) {
	s.heartbeat.closeDue = due
	s.rearmLocked()
}

// forgiveLocked gives a peer that was not read a whole timeout for its pong.
func (s *Session) forgiveLocked() {
	if s.heartbeat.waiting && s.state == stateOpen {
		s.armLocked(s.grace())
	}
}
