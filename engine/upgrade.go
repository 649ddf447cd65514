// SPDX-License-Identifier: MIT

package engine

import (
	"time"

	"github.com/sio-go/sio/engine/wire"
)

// upgrade is the state of a session's move from polling to WebSocket. It is guarded
// by Session.mu. See "Engine.IO Protocol", "Upgrade".
//
//  1. The client opens a WebSocket with the session's id and sends "2probe".
//  2. The server answers "3probe", and from now on ends pending GETs with a noop, so
//     that the client can stop polling. Messages still go by polling.
//  3. The client sends "5". The WebSocket becomes the session's transport.
type upgrade struct {
	socket *webSocket  // that probes, or nil
	noops  *time.Timer // runs while socket has been answered
	done   bool        // the session has been upgraded
}

// beginUpgrade makes w the session's candidate. It reports false if there is one
// already, if the session was upgraded before, or if it does not poll (E9.1, E9.8).
func (s *Session) beginUpgrade(w *webSocket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, polls := s.transport.(*polling)
	if s.state == stateClosed || s.upgrade.socket != nil || s.upgrade.done || !polls {
		return false
	}
	w.probing = true
	w.stream.setDeadline(time.Now().Add(s.server.cfg.UpgradeTimeout))
	s.upgrade.socket = w
	return true
}

// probe takes a packet of a WebSocket that is not yet the session's transport.
func (w *webSocket) probe(p wire.Packet, err error) bool {
	s := w.session
	switch {
	case err != nil:
		return false
	case p.Type == wire.Ping && string(p.Data) == "probe":
		// Nobody else writes to a probing connection, and a few bytes do not block.
		if _, err := w.stream.conn.Write(probePongPacket.buf[probePongPacket.start:]); err != nil {
			return false
		}
		s.armNoops(w)
		return true
	case p.Type == wire.Upgrade:
		return s.completeUpgrade(w)
	}
	return false // E9.5: the WebSocket is closed, the session goes on polling
}

func (s *Session) armNoops(w *webSocket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.upgrade.socket == w && s.upgrade.noops == nil {
		s.upgrade.noops = time.AfterFunc(noopInterval, s.freePoll)
	}
}

// freePoll ends a pending GET during an upgrade, again and again, because the client
// must not have one when it switches (E9.3).
func (s *Session) freePoll() {
	s.mu.Lock()
	if t, polls := s.transport.(*polling); polls && s.upgrade.noops != nil && s.state != stateClosed {
		if t.get != nil && !s.outbox.busy() {
			t.answer(noopPacketBatch)
		}
		s.upgrade.noops.Reset(noopInterval)
	}
	s.unlockAndTell()
}

// completeUpgrade makes w the session's transport.
func (s *Session) completeUpgrade(w *webSocket) bool {
	s.mu.Lock()
	if s.state == stateClosed || s.upgrade.socket != w {
		s.mu.Unlock()
		return false
	}
	old := s.transport
	w.stream.setDeadline(time.Time{})
	w.probing = false
	s.upgrade.stopLocked()
	s.upgrade.socket, s.upgrade.done = nil, true
	old.close(true, closeNone) // a GET that is still pending gets a close packet
	s.use(w)
	s.flushLocked() // what was queued meanwhile, and the end of a close that was waiting
	s.unlockAndTell()
	s.server.cfg.Logger.Debug("session upgraded", "sid", s.shortID())
	return true
}

// probeFailed forgets a candidate; the session goes on polling.
func (s *Session) probeFailed(w *webSocket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.upgrade.socket == w {
		s.upgrade.stopLocked()
		s.upgrade.socket = nil
	}
}

func (u *upgrade) stopLocked() {
	if u.noops != nil {
		u.noops.Stop()
		u.noops = nil
	}
}

// cancelLocked ends an upgrade because the session has ended.
func (u *upgrade) cancelLocked() {
	u.stopLocked()
	if u.socket != nil {
		u.socket.stream.hangUp()
		u.socket = nil
	}
}
