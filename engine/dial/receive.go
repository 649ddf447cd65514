// SPDX-License-Identifier: MIT

package dial

import (
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// beginReceive prepares for calls of receive for packets that came by t. It reports
// false if t is not, or no longer, the session's transport.
func (s *Session) beginReceive(t transport) bool {
	s.receiving.Lock()
	s.mu.Lock()
	ok := s.state != stateClosed && s.transport == t
	s.calling = ok
	s.mu.Unlock()
	if !ok {
		s.receiving.Unlock()
	}
	return ok
}

// endReceive ends what beginReceive began.
func (s *Session) endReceive() {
	s.receiver.ReceiveEnd()
	s.mu.Lock()
	s.calling = false
	s.unlockAndTell()
	s.receiving.Unlock()
}

// receive takes one packet of the server. It reports false when the session has ended.
func (s *Session) receive(p wire.Packet) bool {
	switch p.Type {
	case wire.Message:
		s.mu.Lock()
		open := s.state != stateClosed
		s.mu.Unlock()
		if open {
			s.receiver.Receive(p.Data, p.Binary)
		}
		return open
	case wire.Ping:
		return s.ping()
	case wire.Close:
		// JS differs: C4.25, over WebSocket the official client ignores this packet.
		s.mu.Lock()
		s.endLocked(engine.ReasonTransportClose, s.fail(ErrServerClosed), false, websocket.CloseNone)
		s.mu.Unlock() // endReceive tells
		return false
	case wire.Open, wire.Pong, wire.Upgrade, wire.Noop:
	}
	return true
}

// malformed ends the session because of what is no packet (C4.26).
func (s *Session) malformed(err error) {
	s.mu.Lock()
	s.endLocked(engine.ReasonTransportError, s.fail(err), true, websocket.CloseNone)
	s.unlockAndTell()
}

// fail returns the error of the current transport.
func (s *Session) fail(err error) *Error { return s.dialer.fail(s.Transport(), "", err) }

// Pause stops reading from the server after what has been read already, so that TCP slows
// the server down. While paused the session does not miss pings; but a server that gets
// no answer to them closes the session. It stays paused until Resume or its end.
func (s *Session) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resumed == nil && s.state == stateOpen {
		s.resumed = make(chan struct{})
	}
}

// Resume undoes Pause.
func (s *Session) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumeLocked()
}

func (s *Session) resumeLocked() {
	if s.resumed != nil {
		close(s.resumed)
		s.resumed = nil
		if s.state == stateOpen {
			s.heartbeat.pinged(s)
		}
	}
}

// waitResumed blocks a reader while the session is paused.
func (s *Session) waitResumed() {
	s.mu.Lock()
	resumed := s.resumed
	s.mu.Unlock()
	if resumed != nil {
		<-resumed
	}
}
