// SPDX-License-Identifier: MIT

package engine

import (
	"time"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// upgrade is the state of a session's move from polling to WebSocket. It is guarded
// by Session.mu. See "Engine.IO Protocol", "Upgrade".
//
//  1. The client opens a WebSocket with the session's id and sends "2probe".
//  2. The server answers "3probe", and from now on ends pending GETs with a noop, so
//     that the client can stop polling. Messages still go by polling.
//  3. The client sends "5". The WebSocket becomes the session's transport.
type upgrade struct {
	candidate *duplex     // that probes
	noops     *time.Timer // runs while the probe was answered
}

// beginUpgrade makes d the session's candidate. It reports false if there is one
// already, if the session was upgraded before, or if it does not poll (E9.1, E9.8).
func (s *Session) beginUpgrade(d *duplex) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, polls := s.transport.(*polling)
	if s.state == stateClosed || s.upgrade != nil || s.upgraded || !polls {
		return false
	}
	d.probing = true
	d.stream.setDeadline(time.Now().Add(s.server.cfg.UpgradeTimeout))
	s.upgrade = &upgrade{candidate: d}
	return true
}

// probe takes a packet of a WebSocket that is not yet the session's transport.
func (d *duplex) probe(p wire.Packet, err error) bool {
	s := d.session
	switch {
	case err != nil:
		return false
	case p.Type == wire.Ping && string(p.Data) == "probe":
		// Nobody else writes to a probing connection, and a few bytes do not block.
		if err := d.writeNow(probePongPacket); err != nil {
			return false
		}
		s.armNoops(d)
		return true
	case p.Type == wire.Upgrade:
		return s.completeUpgrade(d)
	}
	return false // E9.5: the WebSocket is closed, the session goes on polling
}

func (s *Session) armNoops(d *duplex) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.upgradeBy(d); u != nil && u.noops == nil {
		u.noops = time.AfterFunc(noopInterval, s.freePoll)
	}
}

// freePoll ends a pending GET during an upgrade, again and again, because the client
// must not have one when it switches (E9.3).
func (s *Session) freePoll() {
	s.mu.Lock()
	if t, polls := s.transport.(*polling); polls && s.upgrade != nil && s.upgrade.noops != nil && s.state != stateClosed {
		if t.get != nil && !s.outbox.busy() {
			t.answer(noopPacketBatch)
		}
		s.upgrade.noops.Reset(noopInterval)
	}
	s.unlockAndTell()
}

// completeUpgrade makes d the session's transport.
func (s *Session) completeUpgrade(d *duplex) bool {
	s.mu.Lock()
	if s.state == stateClosed || s.upgradeBy(d) == nil {
		s.mu.Unlock()
		return false
	}
	old := s.transport
	d.stream.setDeadline(time.Time{})
	d.probing = false
	s.endUpgradeLocked()
	s.upgraded = true
	old.close(true, websocket.CloseNone) // a GET that is still pending gets a close packet
	s.use(d)
	if s.resumed != nil {
		s.pausePollLocked(true)
	}
	s.mu.Unlock()
	s.server.cfg.Logger.Debug("session upgraded", "sid", s.shortID())
	if f := s.server.cfg.OnUpgrade; f != nil {
		d.mayBlock()
		f(s) // before the end of a close that was waiting is told
	}
	s.mu.Lock()
	s.flushLocked() // what was queued meanwhile, and that end
	s.unlockAndTell()
	return true
}

// probeFailed forgets a candidate; the session goes on polling.
func (s *Session) probeFailed(d *duplex) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.upgradeBy(d) != nil {
		s.endUpgradeLocked()
	}
}

// upgradeBy returns the upgrade that is under way if d is its candidate, or nil.
func (s *Session) upgradeBy(d *duplex) *upgrade {
	if s.upgrade != nil && s.upgrade.candidate == d {
		return s.upgrade
	}
	return nil
}

func (s *Session) endUpgradeLocked() {
	if u := s.upgrade; u != nil && u.noops != nil {
		u.noops.Stop()
	}
	s.upgrade = nil
}

// cancelUpgradeLocked ends an upgrade because the session has ended.
func (s *Session) cancelUpgradeLocked() {
	if s.upgrade != nil {
		s.upgrade.candidate.stream.hangUp()
		s.endUpgradeLocked()
	}
}
