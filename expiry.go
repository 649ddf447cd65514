// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"time"

	"github.com/sio-go/sio/internal/alarm"
)

// expiry is how long a socket may stay. Socket.mu guards its fields.
type expiry struct {
	alarm alarm.Entry[*Socket]
	at    time.Time
	asked bool // OnExpire was queued for it
}

// expireGrace is how long OnExpire may take to extend a socket's time.
const expireGrace = 10 * time.Second

// SetExpiry says until when the client is let in, for example the time at which its token
// expires. Then the handlers of OnExpire are called; if they set no later time within 10 s, or
// there are none, the socket is disconnected with ReasonExpired. Events that come after the
// time are not handled before that is decided. The zero time takes the limit away. It may be
// called from anywhere: by a middleware, and again by the handler of an event with which the
// client shows a new token.
//
// A client that returns (Config.Recovery) has the time that it had, and is a new one once it
// is over, or if a Bus keeps the sessions: then the middlewares decide.
func (s *Socket) SetExpiry(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clock := s.ns.server.expiries
	if at.IsZero() {
		if e := s.expiry.Swap(nil); e != nil {
			clock.Disarm(&e.alarm)
		}
		return
	}
	e := s.expiry.Load()
	if e == nil {
		e = &expiry{alarm: alarm.Entry[*Socket]{Owner: s}}
		s.expiry.Store(e)
	}
	e.at, e.asked = at, false
	if s.ending.Load() == nil { // else stopExpiry has been here, or comes
		clock.Arm(&e.alarm, clock.In(time.Until(at)))
	}
}

// Expiry returns what SetExpiry has set, or the zero time.
func (s *Socket) Expiry() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.expiry.Load(); e != nil {
		return e.at
	}
	return time.Time{}
}

// OnExpire adds a handler that is called when the time of a socket has come: see
// Socket.SetExpiry. It may ask the client for a new token (EmitWithAck) and set a later
// time. ctx ends after 10 s, and so does the socket if it still has no later time. An error
// disconnects it at once; the handler's later ones are then not called. Handlers run like
// those of events.
func (ns *Namespace) OnExpire(f func(ctx context.Context, s *Socket) error) {
	notNil(f == nil)
	ns.handlers.change(func(t *table) { t.expire = add(t.expire, f) })
}

// expired reports whether the time has come.
func (s *Socket) expired() bool {
	if s.expiry.Load() == nil {
		return false
	}
	at := s.Expiry()
	return !at.IsZero() && !time.Now().Before(at)
}

// ring is called when the time has come, and again when the grace is over.
func (s *Socket) ring() {
	s.mu.Lock()
	e := s.expiry.Load()
	if e == nil || s.ending.Load() != nil {
		s.mu.Unlock()
		return
	}
	now, clock := time.Now(), s.ns.server.expiries
	over := e.at.Add(expireGrace)
	wait := e.at.Sub(now)
	ask := wait <= 0 && !e.asked && len(s.ns.handlers.load().expire) > 0
	if wait <= 0 && (ask || e.asked) {
		e.asked = true
		wait = over.Sub(now)
		if ask {
			wait = max(wait, expireGrace)
		}
	}
	if wait > 0 {
		clock.Arm(&e.alarm, clock.In(wait))
	}
	s.mu.Unlock()
	switch {
	case ask:
		s.queue.Push(job{op: opExpire})
		s.queue.Wake()
	case wait <= 0:
		s.dismissExpired()
	}
}

// dismissExpired disconnects a client whose time is over. One that is not connected yet is
// sent away with its connection, because a middleware takes longer than that.
func (s *Socket) dismissExpired() {
	if s.phase.Load() == connecting {
		s.conn.session.Close()
		return
	}
	s.dismiss(ReasonExpired)
}

// expire asks the handlers of OnExpire, and disconnects a client whose time they do not
// extend. Only the socket's goroutine calls it.
func (s *Socket) expire() {
	if s.ending.Load() != nil || !s.expired() {
		return
	}
	ctx, cancel := context.WithTimeoutCause(s.Context(), expireGrace, errExpired)
	defer cancel()
	for _, f := range s.ns.handlers.load().expire {
		if err := guard(func() error { return f(ctx, s) }); err != nil {
			s.ns.server.hooks.failed(s, "OnExpire", err)
			s.dismissExpired()
			return
		}
	}
	if s.expired() {
		s.dismissExpired()
	}
}

// stopExpiry is called at the end of a socket.
func (s *Socket) stopExpiry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.expiry.Load(); e != nil {
		s.ns.server.expiries.Disarm(&e.alarm)
	}
}

var errExpired = errors.New("sio: expired")
