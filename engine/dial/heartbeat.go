// SPDX-License-Identifier: MIT

package dial

import (
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// heartbeat is the one timer of a session: it ends the session if the server's ping does
// not come in time (C4.21), and a polite close that takes too long. It is guarded by
// Session.mu.
type heartbeat struct {
	timer    *time.Timer
	due      time.Time // of the next ping
	wall     time.Time // the same by the clock on the wall, which goes on while the machine sleeps
	closeDue time.Time // of the end of a polite close; zero if there is none
}

func (s *Session) startHeartbeatLocked() {
	if s.state == stateClosed { // by its receiver
		return
	}
	h := &s.heartbeat
	h.timer = time.AfterFunc(grace(s.handshake), s.beat)
	h.pinged(s)
}

// beat runs when the timer fires.
func (s *Session) beat() {
	s.mu.Lock()
	h := &s.heartbeat
	now := time.Now()
	switch {
	case s.state == stateClosed:
	case s.state == stateClosing && !h.closeDue.IsZero() && !now.Before(h.closeDue):
		s.endLocked(engine.ReasonForcedClose, nil, true, websocket.CloseNone)
	case s.resumed != nil: // the ping may be among what is not read
		h.pinged(s)
	case s.overdueLocked(now):
		s.endLocked(engine.ReasonPingTimeout, nil, true, websocket.CloseNone)
	default:
		h.arm(now)
	}
	s.unlockAndTell()
}

// pinged gives the server its whole time for the next ping.
func (h *heartbeat) pinged(s *Session) {
	now := time.Now()
	h.due = now.Add(grace(s.handshake))
	h.wall = h.due.Round(0)
	h.arm(now)
}

func (h *heartbeat) arm(now time.Time) {
	if h.timer == nil {
		return // the receiver is being made
	}
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

func (h *heartbeat) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

func (s *Session) overdueLocked(now time.Time) bool {
	h := &s.heartbeat
	return h.timer != nil && s.resumed == nil && (!now.Before(h.due) || now.Round(0).After(h.wall))
}

// Overdue reports whether the server's ping should have come, by the clock. That is so
// when the machine has slept: the timer has not, and the server has most likely given the
// session up. The session then ends with ReasonPingTimeout in a moment (C4.21).
func (s *Session) Overdue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateOpen {
		return false
	}
	overdue := s.overdueLocked(time.Now())
	if overdue {
		s.heartbeat.timer.Reset(0)
	}
	return overdue
}

// ping takes a ping of the server. It reports false if the session has ended.
func (s *Session) ping() bool {
	s.mu.Lock()
	open := s.state != stateClosed
	if open {
		s.heartbeat.pinged(s)
		s.outbox.answer(item{kind: wire.Pong})
		s.flushLocked()
	}
	s.mu.Unlock() // endReceive tells
	if open && s.watcher != nil {
		s.watcher.Ping()
	}
	return open
}
