// SPDX-License-Identifier: MIT

package engine

import (
	"time"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// heartbeat is the one timer of a session: it sends pings, waits for pongs, and ends
// a polite close that takes too long. It is guarded by Session.mu.
// See "Engine.IO Protocol", "Heartbeat". In revision 3 the client pings and the server
// answers (E8.4), so that a session of it is always waiting.
type heartbeat struct {
	timer    *time.Timer
	due      time.Time // of the next ping or, while waiting, of what the peer owes
	waiting  bool      // the peer owes a pong or, in revision 3, a ping
	closeDue time.Time // of the end of a polite close; zero if there is none
}

// startHeartbeat arms the first ping. It comes before the open packet is sent.
func (s *Session) startHeartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.heartbeat
	first := s.server.cfg.PingInterval
	if s.revision == 3 {
		h.waiting = true
		first = s.grace()
	}
	h.due = time.Now().Add(first)
	h.timer = time.AfterFunc(first, s.beat)
}

// grace is how long the peer may take for what it owes.
func (s *Session) grace() time.Duration {
	if s.revision == 3 {
		return s.server.cfg.PingInterval + s.server.cfg.PingTimeout
	}
	return s.server.cfg.PingTimeout
}

// beat runs when the timer fires.
func (s *Session) beat() {
	s.mu.Lock()
	h := &s.heartbeat
	now := time.Now()
	switch {
	case s.state == stateClosed:
	case s.state == stateClosing && !h.closeDue.IsZero() && !now.Before(h.closeDue):
		s.endLocked(ReasonForcedClose, nil, true, websocket.CloseNone)
	case now.Before(h.due):
		h.arm(now) // a pong moved the time after the timer had fired
	case !h.waiting:
		// Arm first: a pong that comes at once must find the timer it is to move.
		h.waiting = true
		h.due = now.Add(s.grace())
		h.arm(now)
		if s.state == stateOpen { // a closing session waits no longer than for a pong, and says no more
			s.outbox.push(pingPacket)
			s.flushLocked()
		}
	case s.resumed != nil:
		// What the peer owes may wait behind what is not read. Another packet finds out
		// whether there still is a connection: if there is none, writing fails. A client of
		// revision 3 ignores it.
		h.due = now.Add(s.grace())
		h.arm(now)
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
	now := time.Now()
	switch {
	case (t == wire.Ping) != (s.revision == 3):
		s.endLocked(ReasonTransportError, errHeartbeat, true, websocket.CloseNone)
	case s.state == stateClosed:
	case t == wire.Ping:
		h.due = now.Add(s.grace())
		h.arm(now)
		s.outbox.push(pongPacket)
		s.flushLocked()
		s.limitLocked()
	case h.waiting:
		h.waiting = false
		h.due = now.Add(s.server.cfg.PingInterval)
		h.arm(now)
	default:
		// JS differs: B2, the official server puts off the next ping at each pong, asked for
		// or not.
	}
	return s.state != stateClosed
}

func (h *heartbeat) arm(now time.Time) {
	next := h.due
	if !h.closeDue.IsZero() && h.closeDue.Before(next) {
		next = h.closeDue
	}
	h.timer.Reset(next.Sub(now))
}

// closeBy makes the timer fire at t at the latest.
func (h *heartbeat) closeBy(t time.Time) {
	h.closeDue = t
	h.arm(time.Now())
}

// forgive gives a peer that was not read a whole timeout for its pong.
func (h *heartbeat) forgive(s *Session) {
	if h.waiting && s.state == stateOpen {
		now := time.Now()
		h.due = now.Add(s.grace())
		h.arm(now)
	}
}

func (h *heartbeat) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}
