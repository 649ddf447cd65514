// SPDX-License-Identifier: MIT

package sio

import (
	"runtime/debug"
	"strconv"
)

// job is what a socket's goroutine does.
type job struct {
	op op
	m  *Message // of opEvent
}

type op uint8

const (
	opConnect op = iota // the first job
	opEvent
	opEnd // the last job
)

// runner is a Socket as its queue sees it: it has the methods of work.Runner, which
// are nobody else's business.
type runner Socket

// Run implements work.Runner.
func (r *runner) Run(j job) {
	s := (*Socket)(r)
	switch j.op {
	case opConnect:
		s.connect()
	case opEvent:
		s.waiting.Add(-j.m.size)
		s.handle(j.m)
	case opEnd:
		s.close()
	}
	if s.full.Load() {
		s.conn.gauge(s)
	}
}

// Burst implements work.Runner: what the handlers of several events send leaves with
// one system call.
func (r *runner) Burst(more bool) {
	if more {
		r.conn.session.Hold()
	} else {
		r.conn.session.Release()
	}
}

// Go implements work.Runner. The goroutine ends with the socket's last job, for
// which Server.live waits.
func (r *runner) Go(f func()) { go f() }

// handle runs the handlers of an event.
func (s *Socket) handle(m *Message) {
	if e := s.ending.Load(); e != nil && e.Reason.local() {
		return // the server has disconnected the socket since (top-25 #16)
	}
	if s.phase.Load() == connecting {
		return // an early event of a client that left before it was let in
	}
	if s.run(m, s.ns.handlers.load().events[m.event]) {
		s.run(m, s.handlers.load().events[m.event])
	}
}

// run reports false if a handler panicked.
func (s *Socket) run(m *Message, list []Handler) bool {
	for _, h := range list {
		err := guard(func() error { return h(s.ctx, s, m) })
		if err == nil {
			continue
		}
		s.ns.server.hooks.failed(s, "event "+strconv.Quote(m.event), err)
		if _, ok := err.(*PanicError); ok { //nolint:errorlint // guard returns it unwrapped
			s.disconnect()
			return false
		}
	}
	return true
}

// guard calls user code. It is the only place where a panic is recovered; it returns
// it as a *PanicError.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// stack returns the stack of a *PanicError for the log.
func stack(err error) string {
	if e, ok := err.(*PanicError); ok { //nolint:errorlint // guard returns it unwrapped
		return string(e.Stack)
	}
	return ""
}
