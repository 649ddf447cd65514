// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
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
	opDrain
	opExpire
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
	case opDrain:
		s.drained()
	case opExpire:
		s.expire()
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
func (r *runner) Go(f func()) { r.conn.server.pool.Go(f) }

// handle runs the handlers of an event.
func (s *Socket) handle(m *Message) {
	if e := s.ending.Load(); e != nil && e.Reason.local() {
		return // the server has disconnected the socket since (top-25 #16)
	}
	if s.phase.Load() == connecting {
		return // an early event of a client that left before it was let in
	}
	if s.expired() {
		if s.expire(); s.ending.Load() != nil {
			return
		}
	}
	// top-25 #17: catch-all handlers, middlewares, handlers.
	shared, own := s.ns.handlers.load().incoming, s.own.Load().load().incoming
	err := runAll(s.Context(), s, m, shared, nil)
	if !panicked(err) {
		s.report(m, err)
		err = runAll(s.Context(), s, m, own, nil)
	}
	if !panicked(err) {
		s.report(m, err)
		err = guard(func() error { return serveShared(s.Context(), s, m) })
	}
	s.report(m, err)
}

// serveShared runs the middlewares of the namespace and what comes behind them.
func serveShared(ctx context.Context, s *Socket, m *Message) error {
	if chain := s.ns.handlers.chain.Load(); chain != nil {
		return chain.call(ctx, s, m)
	}
	return serveOwn(ctx, s, m)
}

// serveOwn is what comes behind the middlewares of the namespace: those of the socket.
func serveOwn(ctx context.Context, s *Socket, m *Message) error {
	if own := s.own.Load(); own != nil {
		if chain := own.chain.Load(); chain != nil {
			return chain.call(ctx, s, m)
		}
	}
	return serve(ctx, s, m)
}

// serve is what comes behind all middlewares: the handlers.
func serve(ctx context.Context, s *Socket, m *Message) error {
	err := runAll(ctx, s, m, s.ns.handlers.load().events[m.event], &s.ns.handlers)
	if panicked(err) {
		return err
	}
	mine := s.own.Load()
	own := runAll(ctx, s, m, mine.load().events[m.event], mine)
	switch {
	case own == nil:
		return err
	case err == nil:
		return own
	}
	return errors.Join(err, own)
}

// runAll calls handlers until one panics, and returns their errors. Those to be called
// once are taken out of from.
func runAll(ctx context.Context, s *Socket, m *Message, list []*listener, from *handlers) error {
	var errs []error
	for _, l := range list {
		if l.used.Load() || l.once && l.used.Swap(true) {
			continue
		}
		if l.once {
			from.remove(m.event, l)
		}
		err := guard(func() error { return l.f(ctx, s, m) })
		if err == nil {
			continue
		}
		errs = append(errs, err)
		if panicked(err) {
			s.report(m, err) // at once: a middleware may keep the error to itself
			errs[len(errs)-1] = reportedError{err}
			break
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

func panicked(err error) bool {
	_, ok := errors.AsType[*PanicError](err)
	return ok
}

// reportedError is an error that has been reported.
type reportedError struct{ error }

func (e reportedError) Unwrap() error { return e.error }

// report tells of what handlers returned, each error by itself. A panic ends the socket.
func (s *Socket) report(m *Message, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			s.report(m, err)
		}
		return
	}
	if _, done := errors.AsType[reportedError](err); done {
		return
	}
	s.ns.server.hooks.failed(s, "event "+strconv.Quote(m.event), err)
	if panicked(err) {
		s.disconnect()
	}
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
