// SPDX-License-Identifier: MIT

package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// Receiver takes what a session receives. Its methods are called from one goroutine
// at a time and in order, and must not block: a receiver that cannot take more calls
// Session.Pause.
type Receiver interface {
	// Receive takes one message. data belongs to the receiver.
	Receive(data []byte, binary bool)
	// ReceiveEnd follows the last message that came with one read: a receiver wakes
	// what handles the messages once for all of them.
	ReceiveEnd()
	// Closed is the last call, and comes exactly once. err is the cause, or nil.
	Closed(reason Reason, err error)
}

type state uint8

const (
	stateOpen    state = iota
	stateClosing       // Close was called: what is queued is still sent
	stateClosed
)

// Session is one Engine.IO session: what a client keeps while its transports change.
// All methods are safe for concurrent use, and none but Drain blocks.
type Session struct {
	id       string
	server   *Server
	request  Request
	receiver Receiver
	name     atomic.Pointer[string] // of the current transport

	// receiving is held while messages are handed to the receiver. It keeps a late POST
	// and the WebSocket that replaced polling from calling the receiver at once.
	receiving sync.Mutex

	// mu guards the fields below. It is held for moments only: never during I/O and
	// never while the receiver is called.
	mu        sync.Mutex
	revision  uint8 // of the protocol: 4 or 3; constant
	base64    bool  // the client cannot take binary data (E1.5); constant
	upgraded  bool
	state     state
	inReceive bool          // the receiver is being called: Closed has to wait
	reader    *duplex       // whose messages it is being given; nil: those of a POST
	told      bool          // Closed was called, or is left to endReceive
	end       *ending       // why the session ended; nil before
	resumed   chan struct{} // closed by Resume; nil unless paused
	paused    pausedBy      // whose Resume is awaited; 0 unless paused
	meter     *meter        // constant; nil without Config.Flood
	transport transport
	outbox    outbox
	heartbeat heartbeat
	upgrade   *upgrade // that is under way, or nil
}

// ending is why a session has ended.
type ending struct {
	reason Reason
	err    error
}

// transport carries a session's packets. Its methods are called with Session.mu held.
type transport interface {
	name() string
	// ready reports whether a batch can be handed over now.
	ready() bool
	// write takes a batch. It may release Session.mu for I/O and takes it again. It
	// reports false if the transport goes on writing by itself and will end with
	// Session.written.
	write(batch []*Message) (done bool)
	// close ends the transport after what was written. polite allows a last packet or
	// frame that says so.
	close(polite bool, code websocket.Code)
}

func (s *Session) use(t transport) {
	s.transport = t
	s.name.Store(transportNames[t.name()])
}

// transportNames spares each session a name of its own.
var transportNames = func() map[string]*string {
	names := make(map[string]*string, 3)
	for _, name := range []string{Polling, WebSocket, WebTransport} {
		names[name] = &name
	}
	return names
}()

// ID returns the session id: 20 characters unless Config.GenerateID says otherwise.
func (s *Session) ID() string { return s.id }

// Transport returns the name of the current transport: Polling, WebSocket or WebTransport.
func (s *Session) Transport() string { return *s.name.Load() }

// Request returns what is remembered of the request that opened the session.
func (s *Session) Request() *Request { return &s.request }

// Protocol returns the revision of the Engine.IO protocol that the client speaks: 4,
// or 3 if Config.AllowEIO3 is set.
func (s *Session) Protocol() int { return int(s.revision) }

// Upgraded reports whether the session has moved from polling to WebSocket.
func (s *Session) Upgraded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upgraded
}

// Close ends the session after sending what is queued. The receiver is told
// ReasonForcedClose when that is done. A second Close does nothing.
func (s *Session) Close() { s.closeWithin(pollCloseTimeout) }

// closeWithin is Close for which a client that polls, but not at this moment, has to poll
// again within the limit.
func (s *Session) closeWithin(limit time.Duration) {
	s.mu.Lock()
	if t, polls := s.transport.(*polling); !polls || t.get != nil {
		limit = pollCloseTimeout
	}
	due := s.server.beats.In(limit)
	if s.state == stateClosing && due < s.heartbeat.closeDue {
		s.closeByLocked(due)
	}
	if s.state != stateOpen {
		s.mu.Unlock()
		return
	}
	s.state = stateClosing
	s.resumeLocked(pausedByAll)
	s.closeByLocked(due)
	s.flushLocked()
	s.finishCloseLocked()
	s.unlockAndTell()
}

// finishCloseLocked ends a closing session once everything queued has been handed
// to the transport.
func (s *Session) finishCloseLocked() {
	if s.state != stateClosing || s.outbox.busy() || !s.transport.ready() {
		return
	}
	s.endLocked(ReasonForcedClose, nil, true, websocket.CloseNone)
}

// abort ends the session at once; what is queued is lost.
func (s *Session) abort(reason Reason, err error) { s.abortCode(reason, err, websocket.CloseNone) }

// abortCode is abort with a close code for a WebSocket.
func (s *Session) abortCode(reason Reason, err error, code websocket.Code) {
	s.mu.Lock()
	s.endLocked(reason, err, true, code)
	s.unlockAndTell()
}

// endLocked ends the session. The receiver is told by unlockAndTell.
func (s *Session) endLocked(reason Reason, err error, polite bool, code websocket.Code) {
	if s.state == stateClosed {
		return
	}
	s.state, s.end = stateClosed, &ending{reason, err}
	s.server.beats.Disarm(&s.heartbeat.entry)
	s.disarmHoldLocked()
	s.outbox.clear()
	s.resumeLocked(pausedByAll)
	if s.meter != nil {
		s.server.limiter.wakes.Disarm(&s.meter.alarm)
	}
	s.cancelUpgradeLocked()
	s.transport.close(polite, code)
}

// unlockAndTell releases mu and, if the session has ended, tells the receiver and the
// server, once. If the receiver is being called, endReceive does it.
func (s *Session) unlockAndTell() {
	tell := s.state == stateClosed && !s.told && !s.inReceive
	if tell {
		s.told = true
	}
	end := s.end
	s.mu.Unlock()
	if tell {
		s.server.remove(s)
		if f := s.server.cfg.OnClose; f != nil {
			f(s, end.reason, end.err)
		}
		if s.server.debugs() {
			s.server.cfg.Logger.Debug("session closed", "sid", s.shortID(), "reason", end.reason, "err", end.err)
		}
		s.receiver.Closed(end.reason, end.err)
	}
}

// shortID is what logs show: the whole id is a credential.
func (s *Session) shortID() string { return short(s.id) }

func short(id string) string { return id[max(0, len(id)-6):] }

// beginReceive prepares for calls of receive for packets that came by t. It reports
// false if t is not, or no longer, the session's transport.
func (s *Session) beginReceive(t transport) bool {
	d, _ := t.(*duplex)
	if !s.receiving.TryLock() {
		d.mayBlock()
		s.receiving.Lock()
	}
	s.mu.Lock()
	ok := s.state != stateClosed && s.transport == t
	s.inReceive, s.reader = ok, d
	s.mu.Unlock()
	if !ok {
		s.receiving.Unlock()
	}
	return ok
}

// endReceive ends what beginReceive began.
func (s *Session) endReceive() {
	s.meterEnd()
	s.receiver.ReceiveEnd()
	s.mu.Lock()
	s.inReceive = false
	if s.state == stateClosed && !s.told {
		s.reader.mayBlock() // the user is told
	}
	s.unlockAndTell()
	s.receiving.Unlock()
}

// Blocking is for a Receiver, within Receive or ReceiveEnd, that is about to call what may
// wait, such as a function of the user. Without it other sessions would have to wait too.
func (s *Session) Blocking() { s.reader.mayBlock() }

// receive takes one packet of the peer. It reports false when the session has ended.
func (s *Session) receive(p wire.Packet) bool {
	if s.meter != nil && !s.meterPacket() {
		return false
	}
	switch p.Type {
	case wire.Message:
		s.mu.Lock()
		state := s.state
		s.mu.Unlock()
		if state == stateOpen { // E10.8: a closing session ignores messages
			s.receiver.Receive(p.Data, p.Binary)
		}
		return state != stateClosed
	case wire.Ping, wire.Pong:
		return s.heartbeatPacket(p.Type)
	case wire.Close:
		// JS differs: B3, the official server ignores this packet over WebSocket.
		s.peerClosed(nil)
		return false
	case wire.Open, wire.Upgrade, wire.Noop:
	}
	return true // no meaning on a session's transport: ignored, as the official server does
}

// peerClosed ends the session because the peer closed it.
func (s *Session) peerClosed(err error) {
	s.mu.Lock()
	s.endLocked(ReasonTransportClose, err, false, websocket.CloseNone)
	s.unlockAndTell()
}

// Pause stops reading from the peer after what has been read already, so that TCP
// slows the peer down. While paused, a missing pong does not end the session: it may
// be among what is not read. A session that is paused stays so until Resume or its end.
func (s *Session) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pauseLocked(pausedByReceiver)
}

// pausedBy says who has paused a session.
type pausedBy uint8

const (
	pausedByReceiver pausedBy = 1 << iota
	pausedByFlood
	pausedByAll = pausedByReceiver | pausedByFlood
)

func (s *Session) pauseLocked(by pausedBy) {
	if s.state != stateOpen {
		return
	}
	s.paused |= by
	if s.resumed == nil {
		s.resumed = make(chan struct{})
		s.pausePollLocked(true)
	}
}

// pausePollLocked tells a polled connection; a reader finds out by itself.
func (s *Session) pausePollLocked(on bool) {
	if d, ok := s.transport.(*duplex); ok && d.stream.polled != nil {
		d.stream.polled.pause(on)
	}
}

// Resume undoes Pause.
func (s *Session) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumeLocked(pausedByReceiver)
}

func (s *Session) resumeLocked(by pausedBy) {
	s.paused &^= by
	if s.resumed != nil && s.paused == 0 {
		close(s.resumed)
		s.resumed = nil
		s.pausePollLocked(false)
		s.forgiveLocked()
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
