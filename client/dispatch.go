// SPDX-License-Identifier: MIT

package client

import "context"

// job is what a socket's goroutine does.
type job struct {
	op     op
	ctx    context.Context //nolint:containedctx // of the handlers
	m      *Message        // of opEvent
	reason Reason          // of opDisconnect
	err    error           // of opDisconnect and opConnectError
	event  string          // of opSent
	args   []any
}

type op uint8

const (
	opEvent op = iota
	opConnect
	opConnectError
	opDisconnect
	opSent
)

func (s *Socket) push(j job) { s.queue.Push(j) }

// pushSent has OnAnyOutgoing told of a packet that was sent. Manager.mu is held.
func (s *Socket) pushSent(p *outPacket) {
	if len(read(&s.handlers, &s.handlers.outgoing)) > 0 {
		s.push(job{op: opSent, event: p.event, args: p.args})
		s.queue.Wake()
	}
}

// runner is a Socket as its queue sees it: it has the methods of work.Runner.
type runner Socket

// Run implements work.Runner.
func (r *runner) Run(j job) {
	s := (*Socket)(r)
	h := &s.handlers
	switch j.op {
	case opEvent:
		s.handle(j.ctx, j.m)
	case opConnect:
		for _, f := range read(h, &h.connect) {
			s.report("OnConnect", guard(func() error { return f(j.ctx) }))
		}
	case opConnectError:
		for _, f := range read(h, &h.connectError) {
			s.report("OnConnectError", guard(func() error { f(j.err); return nil }))
		}
	case opDisconnect:
		for _, f := range read(h, &h.disconnect) {
			s.report("OnDisconnect", guard(func() error { f(j.reason, j.err); return nil }))
		}
	case opSent:
		s.sent(j.event, j.args)
	}
	if s.manager.paused.Load() {
		s.manager.regauge()
	}
}

// Burst implements work.Runner.
func (*runner) Burst(bool) {}

// Go implements work.Runner. The goroutine ends when the queue is empty; handlers are told
// by their context when to end.
func (*runner) Go(f func()) { go f() }

// regauge looks again whether reading goes on.
func (m *Manager) regauge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.link != nil {
		m.link.gauge()
	}
}
