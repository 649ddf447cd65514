// SPDX-License-Identifier: MIT

package dial

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

type state uint8

const (
	stateOpen    state = iota
	stateClosing       // Close was called: what is queued is still sent
	stateClosed
)

// Session is one Engine.IO session, seen from the end that has dialed. All methods are
// safe for concurrent use, and none blocks.
type Session struct {
	dialer    *Dialer
	handshake wire.Handshake
	receiver  Receiver
	watcher   Watcher                // the receiver, or nil
	name      atomic.Pointer[string] // of the current transport
	done      chan struct{}          // closed when nothing is left
	ctx       context.Context        //nolint:containedctx // of the session's requests: ends with it
	hangUp    context.CancelFunc     // ends ctx

	// receiving is held while the receiver or watcher is called, but for Closed.
	receiving sync.Mutex

	// mu guards the fields below. It is held for moments only: never during I/O and
	// never while the receiver is called.
	mu        sync.Mutex
	state     state
	reason    engine.Reason // why the session ended
	err       error
	calling   bool          // the receiver or watcher is being called: Closed has to wait
	told      bool          // Closed was called, or is left to endReceive
	live      int           // goroutines, and calls of Closed
	resumed   chan struct{} // closed by Resume; nil unless paused
	transport transport
	outbox    outbox
	heartbeat heartbeat
	upgrade   upgrade
	farewell  farewell
}

// transport carries a session's packets.
type transport interface {
	name() string
	// most is the size of the largest payload that the server takes; 0: no limit.
	most() int64
	// write sends a batch and waits until it was sent. One goroutine at a time calls it.
	write(batch []item) error
	// sayGoodbye tells the server that the session has ended. It is the last write.
	sayGoodbye(code websocket.Code)
	// hangUp ends what the transport does.
	hangUp()
}

// farewell is how a session that has ended takes leave of the server.
type farewell struct {
	due   bool // it is to be sent
	code  websocket.Code
	timer *time.Timer // ends what takes too long
}

// newSession makes a session that a transport has opened, and its receiver. The transport
// begins to read when it has returned.
func (d *Dialer) newSession(h wire.Handshake, t transport, newReceiver func(*Session) Receiver) (*Session, error) {
	s := &Session{dialer: d, handshake: h, done: make(chan struct{}), calling: true}
	s.ctx, s.hangUp = context.WithCancel(context.Background())
	s.use(t)
	s.live = 1 // of the caller, until it has called start
	if s.receiver = newReceiver(s); s.receiver == nil {
		s.mu.Lock()
		s.told = true
		s.endLocked(engine.ReasonForcedClose, errNoReceiver, true, websocket.CloseNone)
		s.mu.Unlock()
		s.exit()
		return nil, d.fail(t.name(), "", errNoReceiver)
	}
	s.watcher, _ = s.receiver.(Watcher)
	s.mu.Lock()
	s.calling = false
	s.startHeartbeatLocked()
	s.unlockAndTell()
	return s, nil
}

// start runs the reader of a new session.
func (s *Session) start(read func()) {
	s.mu.Lock()
	s.spawnLocked(read)
	s.mu.Unlock()
	s.exit()
}

// spawnLocked runs f on a goroutine that belongs to the session.
func (s *Session) spawnLocked(f func()) {
	s.live++
	go func() {
		defer s.exit()
		f()
	}()
}

// exit ends what was counted in live. The last one closes Done.
func (s *Session) exit() {
	s.mu.Lock()
	s.live--
	last := s.live == 0 && s.told
	if last && s.farewell.timer != nil {
		s.farewell.timer.Stop()
	}
	s.mu.Unlock()
	if last {
		s.hangUp()
		s.dialer.Close() // their goroutines would outlive the session
		close(s.done)
	}
}

func (s *Session) use(t transport) {
	s.transport = t
	name := t.name()
	s.name.Store(&name)
}

// ID returns the session id. It is a credential: whoever has it can take part in the session.
func (s *Session) ID() string { return s.handshake.SID }

// shortID is what logs show.
func (s *Session) shortID() string { return s.handshake.SID[max(0, len(s.handshake.SID)-6):] }

// Transport returns the name of the current transport: engine.Polling, engine.WebSocket
// or engine.WebTransport.
func (s *Session) Transport() string { return *s.name.Load() }

// Handshake returns what the server has told when it opened the session. MaxPayload is 0
// if it has told none. Upgrades must not be changed.
func (s *Session) Handshake() wire.Handshake { return s.handshake }

// Done is closed when everything of the session has ended, all goroutines included. That
// is after Closed has returned, and no later than some seconds after it was called.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the session after sending what is queued and, if the session is just moving
// to another transport, after that (C4.23); but after 5 s in any case. The receiver then
// is told ReasonForcedClose. Until then it may get messages. A second Close does nothing.
func (s *Session) Close() {
	s.mu.Lock()
	if s.state == stateOpen {
		s.state = stateClosing
		s.resumeLocked()
		s.heartbeat.closeBy(time.Now().Add(closeTimeout))
		s.flushLocked()
	}
	s.unlockAndTell()
}

// finishCloseLocked ends a closing session once everything queued was sent.
func (s *Session) finishCloseLocked() {
	if s.state == stateClosing && !s.outbox.busy() && !s.upgrade.switching {
		s.endLocked(engine.ReasonForcedClose, nil, true, websocket.CloseNone)
	}
}

// Abort ends the session at once; what is queued is lost. The receiver is told reason and
// err. Within its methods, it is told when they have returned. The server is told too, if
// that can be done within a moment.
func (s *Session) Abort(reason engine.Reason, err error) {
	s.mu.Lock()
	s.endLocked(reason, err, true, websocket.CloseNone)
	s.unlockAndTell()
}

// lost ends the session because its transport t has failed.
func (s *Session) lost(t transport, reason engine.Reason, err error) {
	s.mu.Lock()
	if s.transport == t {
		s.endLocked(reason, err, false, websocket.CloseNone)
	}
	s.unlockAndTell()
}

// endLocked ends the session. If polite, the server is told. The receiver is told by
// unlockAndTell.
func (s *Session) endLocked(reason engine.Reason, err error, polite bool, code websocket.Code) {
	if s.state == stateClosed {
		return
	}
	s.state, s.reason, s.err = stateClosed, reason, err
	s.heartbeat.stop()
	s.outbox.clear()
	s.resumeLocked()
	if reason == engine.ReasonTransportError {
		s.dialer.worked.Store(false) // C4.3
	}
	t := s.transport
	s.giveUpLocked(nil)
	s.upgrade = upgrade{}
	if !polite {
		s.hangUp()
		s.spawnLocked(t.hangUp)
		return
	}
	s.farewell.due, s.farewell.code = true, code
	s.farewell.timer = time.AfterFunc(goodbyeTimeout, func() {
		s.hangUp()
		t.hangUp()
	})
	if !s.outbox.writing {
		s.outbox.writing = true
		s.spawnLocked(s.write)
	}
}

// unlockAndTell releases mu and, if the session has ended, tells the receiver, once. If
// the receiver is being called, endReceive does it.
func (s *Session) unlockAndTell() {
	tell := s.state == stateClosed && !s.told && !s.calling
	if tell {
		s.told = true
		s.live++
	}
	reason, err := s.reason, s.err
	s.mu.Unlock()
	if tell {
		s.dialer.cfg.Logger.Debug("session closed", "sid", s.shortID(), "reason", reason, "err", err)
		s.receiver.Closed(reason, err)
		s.exit()
	}
}
