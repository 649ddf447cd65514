// SPDX-License-Identifier: MIT

package engine

import (
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/sio-go/sio/internal/alarm"
	"github.com/sio-go/sio/internal/websocket"
)

// Flood limits how fast clients may send. The zero value has no limits. What one read has
// brought is still taken, and the client pays for it with a longer pause.
type Flood struct {
	// Packets limits the Engine.IO packets that one session sends: messages, each
	// attachment of one, and answers to pings.
	Packets Rate
	// Bytes limits the bytes that one session sends: those that come in on its connection,
	// with the headers of frames and before decompression, and those of bodies.
	Bytes Rate
	// AddrPackets is Packets for all sessions of one remote address together.
	AddrPackets Rate
	// AddrBytes is Bytes for all sessions of one remote address together.
	AddrBytes Rate
	// AddrSessions limits the handshakes of one remote address. More are refused with
	// status 429 and CodeForbidden, before AllowRequest is asked.
	AddrSessions Rate
	// MaxAddrSessions limits the sessions of one remote address at one time; more are
	// refused in the same way. 0 and negative: no limit.
	MaxAddrSessions int
	// MaxAddrs limits how many addresses without a session are remembered; those of which
	// nothing was heard for the longest time are forgotten first. 0 and negative: 16,384.
	MaxAddrs int
	// Addr returns what counts as the remote address of a handshake. Behind a proxy that is
	// what the proxy says it is, or all clients share the limits: a header is only to be
	// trusted if the proxy sets it. "": no limits for this one. nil means the IP address of
	// http.Request.RemoteAddr, of IPv6 the first 64 bits.
	Addr func(*http.Request) string
	// OnExceed decides what happens to a session that is beyond a limit. It is called once
	// for each read that is, by the reader of the session. nil: FloodThrottle for all.
	OnExceed func(*Session, FloodLimit) FloodAction
}

// Rate is how much may come in the long run, and how much at once. The zero value is no
// limit.
type Rate struct {
	// PerSecond is the long-term rate. 0 and negative: no limit.
	PerSecond float64
	// Burst is how much may come at once after a pause. 0 and negative: what comes in one
	// second.
	Burst int
}

// FloodLimit names a field of Flood.
type FloodLimit string

// The limits that Flood.OnExceed is asked about.
const (
	FloodPackets     FloodLimit = "packets"
	FloodBytes       FloodLimit = "bytes"
	FloodAddrPackets FloodLimit = "packets of the address"
	FloodAddrBytes   FloodLimit = "bytes of the address"
)

// FloodAction is what happens to a session that is beyond a limit.
type FloodAction uint8

const (
	// FloodThrottle does not read the session until it is within the limit again, so that
	// TCP slows the client down. Nothing is lost. Session.Pause says what that means for
	// the heartbeat.
	FloodThrottle FloodAction = iota
	// FloodDisconnect ends the session with ReasonFlood, a WebSocket with code 1008.
	FloodDisconnect
	// FloodIgnore lets the client go on.
	FloodIgnore
)

// errFlood is the cause of a session's end.
var errFlood = errors.New("engine: the client sends too fast")

// rate is a Rate as a bucket needs it. The zero value is no limit.
type rate struct {
	each  float64       // nanoseconds that one takes
	burst time.Duration // what Burst takes
}

// maxDebt bounds the times that are reckoned with.
const maxDebt = 24 * time.Hour

func (r Rate) rate() rate {
	if !(r.PerSecond > 0) {
		return rate{}
	}
	each := float64(time.Second) / r.PerSecond
	burst := float64(r.Burst)
	if r.Burst <= 0 {
		burst = math.Max(r.PerSecond, 1)
	}
	return rate{each, time.Duration(math.Min(burst*each, float64(maxDebt)))}
}

// bucket is a token bucket: the time at which it is full again. Other than with package
// rate of golang.org/x/time it may owe more than it holds, because what is taken out of it
// has been read already, and it takes eight bytes.
type bucket time.Duration

// take takes n out of the bucket, and returns how long it is until it owes nothing.
func (b *bucket) take(now time.Duration, n int, r rate) (wait time.Duration) {
	if r.each == 0 {
		return 0
	}
	cost := time.Duration(math.Min(float64(n)*r.each, float64(maxDebt)))
	*b = min(max(*b, bucket(now))+bucket(cost), bucket(now+r.burst+maxDebt))
	return max(time.Duration(*b)-now-r.burst, 0)
}

// limiter is Flood, ready to use.
type limiter struct {
	cfg                               Flood
	packets, bytes                    rate
	addrPackets, addrBytes, addrOpens rate
	addrs                             addresses
	wakes                             *alarm.Clock[*Session] // calls unthrottle
}

func newLimiter(cfg *Flood) *limiter {
	if cfg == nil {
		return nil
	}
	l := &limiter{
		cfg: *cfg, packets: cfg.Packets.rate(), bytes: cfg.Bytes.rate(),
		addrPackets: cfg.AddrPackets.rate(), addrBytes: cfg.AddrBytes.rate(), addrOpens: cfg.AddrSessions.rate(),
		wakes: alarm.NewClock((*Session).unthrottle),
	}
	if l.cfg.Addr == nil {
		l.cfg.Addr = remoteAddr
	}
	l.addrs.init(cfg.MaxAddrs, cfg.MaxAddrSessions)
	return l
}

// meter is what a session has sent. Session.receiving guards it, but the last two fields.
type meter struct {
	packets, bytes bucket
	wait           time.Duration // of what the current read has brought
	asked          bool          // OnExceed was, for this read
	action         FloodAction   // what it said

	addr  *address // constant; nil: none
	alarm alarm.Entry[*Session]
}

// begin gives a new session its meter. It reports false if its address has too many.
func (l *limiter) begin(s *Session, addr string) bool {
	one, ok := l.addrs.begin(addr)
	if ok {
		s.meter = &meter{addr: one}
		s.meter.alarm.Owner = s
	}
	return ok
}

// meterPacket counts a packet. It reports false if that ends the session.
func (s *Session) meterPacket() bool {
	m, l := s.meter, s.server.limiter
	now := l.wakes.Now()
	if wait := m.packets.take(now, 1, l.packets); wait > 0 && !s.exceed(FloodPackets, wait) {
		return false
	}
	wait := m.addr.takePackets(now, 1, l.addrPackets)
	return wait == 0 || s.exceed(FloodAddrPackets, wait)
}

// meterBytes counts the bytes of a read.
func (s *Session) meterBytes(n int) {
	m, l := s.meter, s.server.limiter
	if m == nil {
		return
	}
	now := l.wakes.Now()
	if wait := m.bytes.take(now, n, l.bytes); wait > 0 && !s.exceed(FloodBytes, wait) {
		return
	}
	if wait := m.addr.takeBytes(now, n, l.addrBytes); wait > 0 {
		s.exceed(FloodAddrBytes, wait)
	}
}

// exceed notes that the client is beyond a limit. It reports false if that ends the session.
func (s *Session) exceed(limit FloodLimit, wait time.Duration) bool {
	m := s.meter
	if f := s.server.limiter.cfg.OnExceed; f != nil && !m.asked {
		s.Blocking()
		m.action = f(s, limit)
	}
	m.asked = true
	switch m.action {
	case FloodThrottle:
		m.wait = max(m.wait, wait)
	case FloodDisconnect:
		s.abortCode(ReasonFlood, errFlood, websocket.ClosePolicy)
		return false
	case FloodIgnore:
	}
	return true
}

// meterEnd throttles a session that was beyond a limit, at the end of a read.
func (s *Session) meterEnd() {
	m := s.meter
	if m == nil {
		return
	}
	wait := m.wait
	m.wait, m.asked, m.action = 0, false, FloodThrottle
	if wait == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateOpen {
		clock := s.server.limiter.wakes
		clock.Arm(&m.alarm, clock.In(wait))
		s.pauseLocked(pausedByFlood)
	}
}

// unthrottle is called when a session is within its limits again.
func (s *Session) unthrottle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumeLocked(pausedByFlood)
}
