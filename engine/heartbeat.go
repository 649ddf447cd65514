// SPDX-License-Identifier: MIT

package engine

import "time"

// heartbeat is the one timer of a session: it sends pings, waits for pongs, and ends
// a polite close that takes too long. It is guarded by Session.mu.
// See "Engine.IO Protocol", "Heartbeat".
type heartbeat struct {
	timer    *time.Timer
	due      time.Time // of the next ping or, while waiting, of the pong
	waiting  bool      // a ping was sent and no pong has come
	closeDue time.Time // of the end of a polite close; zero if there is none
}

// startHeartbeat arms the first ping. It comes before the open packet is sent.
func (s *Session) startHeartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heartbeat.due = time.Now().Add(s.server.cfg.PingInterval)
	s.heartbeat.timer = time.AfterFunc(s.server.cfg.PingInterval, s.beat)
}

// beat runs when the timer fires.
func (s *Session) beat() {
	s.mu.Lock()
	h := &s.heartbeat
	now := time.Now()
	switch {
	case s.state == stateClosed:
	case s.state == stateClosing && !h.closeDue.IsZero() && !now.Before(h.closeDue):
		s.endLocked(ReasonForcedClose, nil, true, closeNone)
	case now.Before(h.due):
		h.arm(now) // a pong moved the time after the timer had fired
	case !h.waiting:
		// Arm first: a pong that comes at once must find the timer it is to move.
		h.waiting = true
		h.due = now.Add(s.server.cfg.PingTimeout)
		h.arm(now)
		if s.state == stateOpen { // a closing session waits no longer than for a pong, and says no more
			s.outbox.push(pingPacket)
			s.flushLocked()
		}
	case s.resumed != nil:
		// The pong may wait behind what is not read. Another ping finds out whether there
		// still is a connection: if there is none, writing fails.
		h.due = now.Add(s.server.cfg.PingTimeout)
		h.arm(now)
		s.outbox.push(pingPacket)
		s.flushLocked()
	default:
		s.endLocked(ReasonPingTimeout, nil, true, closeNone)
	}
	s.unlockAndTell()
}

// pong notes the answer to a ping. An unsolicited pong changes nothing.
//
// JS differs: B2, the official server puts off the next ping at each pong.
func (s *Session) pong() {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.heartbeat
	if !h.waiting || s.state == stateClosed {
		return
	}
	now := time.Now()
	h.waiting = false
	h.due = now.Add(s.server.cfg.PingInterval)
	h.arm(now)
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
		h.due = now.Add(s.server.cfg.PingTimeout)
		h.arm(now)
	}
}

func (h *heartbeat) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}
