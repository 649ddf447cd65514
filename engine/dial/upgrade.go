// SPDX-License-Identifier: MIT

package dial

import (
	"context"
	"slices"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
)

// upgrade is the state of a session's move from polling to WebSocket or WebTransport
// (C4.20). It is guarded by Session.mu. See "Engine.IO Protocol", "Upgrade".
//
//  1. A connection is opened with the session's id, and "2probe" is sent. If there are
//     both, WebTransport is the first, and WebSocket follows a little later.
//  2. When "3probe" has come on one, the other one is given up. Polling pauses: no GET and
//     no POST is begun, those under way are waited for, and what is sent meanwhile waits.
//  3. "5" is sent. The connection is the session's transport.
type upgrade struct {
	probes    []*probe // under way
	candidate *duplex  // that has answered, until it is the transport
	switching bool     // polling pauses
}

// probe is one attempt to upgrade.
type probe struct {
	name   string
	ctx    context.Context //nolint:containedctx // of the attempt: ends with it
	cancel context.CancelFunc
	conn   *duplex // once it is open
}

// probeDelay is how much later than WebTransport a WebSocket is tried.
const probeDelay = 200 * time.Millisecond

// startProbe begins the upgrade of a session that polls, if that is possible (C4.2).
func (s *Session) startProbe() {
	cfg := &s.dialer.cfg
	if cfg.DisableUpgrade {
		return
	}
	var names []string
	for _, name := range cfg.Transports {
		if name != engine.Polling && slices.Contains(s.handshake.Upgrades, name) {
			names = append(names, name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != stateOpen {
		return
	}
	for _, name := range names {
		p := &probe{name: name}
		p.ctx, p.cancel = context.WithCancel(s.ctx)
		delay := time.Duration(0)
		if name != engine.WebTransport && slices.Contains(names, engine.WebTransport) {
			delay = probeDelay
		}
		s.upgrade.probes = append(s.upgrade.probes, p)
		s.spawnLocked(func() { s.tryUpgrade(p, delay) })
	}
}

// tryUpgrade opens a connection and asks whether it works.
func (s *Session) tryUpgrade(p *probe, delay time.Duration) {
	defer p.cancel()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.ctx.Done():
			return
		}
	}
	s.dialer.worked.Store(false)
	ctx, cancel := context.WithTimeout(p.ctx, s.dialer.cfg.UpgradeTimeout)
	defer cancel()
	w, err := s.dialer.connect(ctx, p.name, s.ID())
	if err != nil {
		s.probeFailed(p, err)
		return
	}
	w.session, w.probe, w.phase = s, p, phaseProbing
	w.stop = context.AfterFunc(ctx, w.hangUp)
	s.mu.Lock()
	wanted := slices.Contains(s.upgrade.probes, p)
	if wanted {
		p.conn = w
	}
	s.mu.Unlock()
	if !wanted {
		w.hangUp()
		return
	}
	w.write1(w.appendItem(w.begin(s.ID()), &item{kind: wire.Ping, plain: true, data: []byte("probe")}))
	w.run()
}

// giveUpLocked ends probes, but not the one that is to go on, if any.
func (s *Session) giveUpLocked(but *probe) {
	u := &s.upgrade
	for _, p := range u.probes {
		if p == but {
			continue
		}
		if w := p.conn; w != nil && w.stop() {
			s.spawnLocked(w.hangUp) // over TLS it writes
		}
		p.cancel()
	}
	u.probes = slices.DeleteFunc(u.probes, func(p *probe) bool { return p != but })
}

// probed takes the first message of a connection that is being probed.
func (s *Session) probed(w *duplex, p wire.Packet, err error) bool {
	if err != nil || p.Type != wire.Pong || string(p.Data) != "probe" {
		w.err = errProbe
		return false
	}
	w.phase = phaseOpen
	s.mu.Lock()
	if u := &s.upgrade; slices.Contains(u.probes, w.probe) { // else another one was faster
		s.dialer.worked.Store(w.name() == engine.WebSocket)
		u.candidate, u.switching = w, true
		s.giveUpLocked(w.probe)
	}
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
	u.candidate, u.probes = nil, nil
	s.use(w)
	s.outbox.queue = slices.Insert(s.outbox.queue, 0, item{kind: wire.Upgrade})
	s.outbox.bytes++
	s.calling = true
	s.mu.Unlock()
	s.dialer.cfg.Logger.Debug("session upgraded", "sid", s.shortID(), "transport", w.name())
	if s.watcher != nil {
		s.watcher.Upgraded(w.name())
	}
	s.mu.Lock()
	s.calling = false
	u.switching = false
	s.flushLocked() // what was held, and the end of a close that was waiting
	s.unlockAndTell()
	s.dialer.Close() // nobody polls any more
}

// probeFailed tells that one attempt to upgrade has failed; the session goes on polling.
func (s *Session) probeFailed(p *probe, err error) {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	s.mu.Lock()
	u := &s.upgrade
	i := slices.Index(u.probes, p)
	if s.state == stateClosed || i < 0 { // it was given up, or has succeeded
		s.unlockAndTell()
		return
	}
	u.probes = slices.Delete(u.probes, i, i+1)
	if u.candidate != nil { // it was this one
		u.candidate, u.switching = nil, false
	}
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
