// SPDX-License-Identifier: MIT

package client

import (
	"context"
	"fmt"
	"time"

	"github.com/sio-go/sio/engine/dial"
)

// open begins to connect unless there is a connection or somebody is at it. mu is held.
func (m *Manager) open() {
	if m.link != nil || m.stop != nil || m.closed {
		return
	}
	m.begin(true)
}

// begin starts the goroutine that opens the connection. mu is held.
func (m *Manager) begin(first bool) {
	ctx, stop := context.WithCancel(m.ctx)
	m.stop = stop
	m.tasks.Go(func() { m.connect(ctx, stop, first) })
}

// connect opens the connection, with as many attempts as it takes (C2.12-C2.14). Unless it is
// the first connection, a delay comes before the first attempt.
func (m *Manager) connect(ctx context.Context, stop context.CancelFunc, first bool) {
	defer stop()
	h := &m.cfg.Hooks
	n := 0 // attempts to reconnect
	for {
		if !first {
			if !wait(ctx, m.cfg.delay(n)) {
				break
			}
			n++
			attempt := n
			m.hooks.call(bind(h.ReconnectAttempt, attempt))
		}
		err := m.attempt(ctx, n)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			break
		}
		m.debug("connecting failed", "err", err)
		m.failed(err)
		m.hooks.call(bind(h.Error, err))
		last := m.cfg.NoReconnection || n >= m.cfg.ReconnectionAttempts
		if last && !m.cfg.NoReconnection {
			m.hooks.call(h.ReconnectFailed)
		}
		if !first {
			m.hooks.call(bind(h.ReconnectError, err))
		}
		if last {
			m.giveUp(err)
			return
		}
		first = false
	}
	m.giveUp(ErrClosed)
}

// attempt tries once, within Config.Timeout. n is the number of the attempt to reconnect.
func (m *Manager) attempt(ctx context.Context, n int) error {
	if m.cfg.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, m.cfg.Timeout, fmt.Errorf("not open within %v: %w", m.cfg.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	var l *link
	_, err := m.dialer.Dial(ctx, func(s *dial.Session) dial.Receiver {
		l = newLink(m, s)
		m.tasks.Add(1) // until Closed
		return l
	})
	if err != nil {
		return err
	}
	return m.install(l, n)
}

// install makes a connection the manager's, and sends a CONNECT for each active socket.
func (m *Manager) install(l *link, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.over {
		return &DisconnectError{Reason: l.reason, Err: l.err}
	}
	m.stop = nil
	m.link = l
	m.paused.Store(false)
	m.debug("connected", "transport", l.session.Transport())
	m.hooks.call(m.cfg.Hooks.Open)
	if n > 0 {
		m.hooks.call(bind(m.cfg.Hooks.Reconnect, n))
	}
	for _, s := range m.sockets {
		if s.active {
			s.greet(l)
		}
	}
	m.release() // the last socket may have gone meanwhile
	return nil
}

// failed tells the active sockets that an attempt has failed (C3.7).
func (m *Manager) failed(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sockets {
		if s.active {
			s.lastErr = err
			if s.queue.Len() < m.cfg.DispatchQueue { // a handler may hang for ever
				s.push(job{op: opConnectError, err: err})
				s.queue.Wake()
			}
		}
	}
}

// giveUp ends opening without a connection.
func (m *Manager) giveUp(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop = nil
	again := false
	for _, s := range m.sockets {
		switch {
		case err != ErrClosed: //nolint:errorlint // ours
			s.refuse(err)
		case s.active:
			again = true // it was opened while the opening was being stopped
		}
	}
	if again {
		m.open()
	}
}

// lost takes the end of a connection.
func (m *Manager) lost(l *link, reason Reason, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.over, l.reason, l.err = true, reason, err
	l.cancel()
	m.debug("connection closed", "reason", reason, "err", err)
	if m.link == l || l.released {
		m.hooks.call(bind2(m.cfg.Hooks.Close, reason, err))
	}
	if m.link != l { // released, or it ended before it was installed
		return
	}
	m.link = nil
	for _, s := range m.sockets {
		s.lost(l, reason, err)
	}
	if m.closed || !m.anyActive() {
		return
	}
	if !m.cfg.NoReconnection {
		m.begin(false)
		return
	}
	for _, s := range m.sockets {
		s.refuse(&DisconnectError{Reason: reason, Err: err})
	}
}

// release closes the connection if no socket wants it any more (C2.18). mu is held.
func (m *Manager) release() {
	if m.anyActive() {
		return
	}
	if m.stop != nil {
		m.stop()
	}
	if l := m.link; l != nil {
		m.link, l.released = nil, true
		m.tasks.Go(func() {
			l.session.Close()
			<-l.session.Done()
		})
	}
}

// debug logs, not with a lock held but when hooks are called.
func (m *Manager) debug(msg string, args ...any) {
	m.hooks.call(func() { m.cfg.Logger.Debug(msg, args...) })
}

// wait waits unless ctx ends.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// bind returns a call of f, or nil.
func bind[T any](f func(T), v T) func() {
	if f == nil {
		return nil
	}
	return func() { f(v) }
}

func bind2[A, B any](f func(A, B), a A, b B) func() {
	if f == nil {
		return nil
	}
	return func() { f(a, b) }
}
