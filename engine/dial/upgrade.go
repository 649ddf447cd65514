// SPDX-License-Identifier: MIT

package dial

import (
	"context"
	"slices"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// upgrade is the state of a session's move from polling to WebSocket (C4.20). It is
// guarded by Session.mu. See "Engine.IO Protocol", "Upgrade".
//
//  1. A WebSocket is opened with the session's id, and "2probe" is sent.
//  2. When "3probe" has come, polling pauses: no GET and no POST is begun, those under way
//     are waited for, and what is sent meanwhile waits.
//  3. "5" is sent. The WebSocket is the session's transport.
type upgrade struct {
	candidate *socket // that was opened, or nil
	switching bool    // polling pauses
}

// startProbe begins the upgrade of a session that polls, if that is possible (C4.2).
func (s *Session) startProbe() {
	cfg := &s.dialer.cfg
	if cfg.DisableUpgrade || !slices.Contains(cfg.Transports, engine.WebSocket) || !slices.Contains(s.handshake.Upgrades, engine.WebSocket) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen {
		s.spawnLocked(s.probe)
	}
}

// probe opens a WebSocket and asks whether it works.
func (s *Session) probe() {
	s.dialer.worked.Store(false)
	ctx, cancel := context.WithTimeout(s.ctx, s.dialer.cfg.UpgradeTimeout)
	defer cancel()
	w, err := s.dialer.handshake(ctx, s.ID())
	if err != nil {
		s.probeFailed(nil, err)
		return
	}
	w.session, w.phase = s, phaseProbing
	s.mu.Lock()
	if s.state == stateClosed {
		s.mu.Unlock()
		w.hangUp()
		return
	}
	s.upgrade.candidate = w
	s.mu.Unlock()
	w.stop = context.AfterFunc(ctx, w.hangUp)
	_, _ = w.conn.Write(websocket.AppendMasked(nil, ws.OpText, false, []byte("2probe"))) // the reader finds out why
	w.run()
}

// probed takes the first message of a WebSocket that is being probed.
func (s *Session) probed(w *socket, p wire.Packet, err error) bool {
	if err != nil || p.Type != wire.Pong || string(p.Data) != "probe" {
		w.err = errProbe
		return false
	}
	w.phase = phaseOpen
	s.dialer.worked.Store(true)
	s.mu.Lock()
	s.upgrade.switching = s.upgrade.candidate == w
	s.mu.Unlock()
	s.trySwitch()
	return true
}

// trySwitch moves a session to its candidate if polling has paused.
func (s *Session) trySwitch() {
	s.mu.Lock()
	ready := s.upgrade.switching
	s.mu.Unlock()
	if !ready {
		return
	}
	s.receiving.Lock()
	defer s.receiving.Unlock()
	s.mu.Lock()
	u, w := &s.upgrade, s.upgrade.candidate
	polls, _ := s.transport.(*polling)
	// If the time is over, the reader of the candidate reports it.
	if !u.switching || w == nil || polls == nil || polls.getting || s.outbox.writing || s.state == stateClosed || !w.stop() {
		s.mu.Unlock()
		return
	}
	u.candidate = nil
	s.use(w)
	s.outbox.queue = slices.Insert(s.outbox.queue, 0, item{kind: wire.Upgrade})
	s.outbox.bytes++
	s.calling = true
	s.mu.Unlock()
	s.dialer.cfg.Logger.Debug("session upgraded", "sid", s.shortID())
	if s.watcher != nil {
		s.watcher.Upgraded(engine.WebSocket)
	}
	s.mu.Lock()
	s.calling = false
	u.switching = false
	s.flushLocked() // what was held, and the end of a close that was waiting
	s.unlockAndTell()
	s.dialer.Close() // nobody polls any more
}

// probeFailed tells that there is no upgrade; the session goes on polling. w is the
// candidate, or nil if there was none.
func (s *Session) probeFailed(w *socket, err error) {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	s.mu.Lock()
	if s.state == stateClosed || s.upgrade.candidate != w {
		s.unlockAndTell()
		return
	}
	s.upgrade.candidate, s.upgrade.switching = nil, false
	s.dialer.worked.Store(false)
	if t, ok := s.transport.(*polling); ok && !t.running {
		t.running = true
		s.spawnLocked(func() { t.run(nil) })
	}
	s.calling = true
	s.mu.Unlock()
	s.dialer.cfg.Logger.Debug("session not upgraded", "sid", s.shortID(), "err", err)
	if s.watcher != nil {
		s.watcher.UpgradeFailed(err)
	}
	s.mu.Lock()
	s.calling = false
	s.flushLocked()
	s.unlockAndTell()
}
