// SPDX-License-Identifier: MIT

package client

import (
	"context"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/packet"
)

// link is one connection. It decodes what the server sends and gives it to the sockets.
// It is the session's dial.Receiver: those methods are called by one goroutine at a time,
// the reader, and never block.
type link struct {
	manager *Manager
	session *dial.Session
	ctx     context.Context //nolint:containedctx // of SocketConfig.AuthFunc
	cancel  context.CancelFunc

	// Only the reader uses these.
	decoder packet.Decoder
	custom  packet.MessageDecoder // of Config.Codec; nil: decoder
	touched []*Socket             // those that were given events since the last ReceiveEnd
	failed  bool                  // the server broke a rule: what comes is ignored

	// Manager.mu guards these.
	over     bool // it has ended
	reason   Reason
	err      error
	released bool // closed because no socket wanted it
}

func newLink(m *Manager, session *dial.Session) *link {
	l := &link{manager: m, session: session}
	l.ctx, l.cancel = context.WithCancel(m.ctx)
	limits := packet.Limits{Attachments: m.cfg.MaxAttachments, Depth: m.cfg.MaxDepth}
	l.decoder.Limits = limits
	if m.cfg.Codec != nil {
		l.custom = m.cfg.Codec.NewDecoder(limits)
	}
	return l
}

// Receive implements dial.Receiver.
func (l *link) Receive(data []byte, binary bool) {
	if l.failed {
		return
	}
	p, complete, err := l.decode(data, binary)
	switch {
	case err != nil:
		l.fail(err)
	case complete:
		l.route(&p)
	}
}

func (l *link) decode(data []byte, binary bool) (packet.Received, bool, error) {
	if l.custom != nil {
		return l.custom.Add(data, binary)
	}
	return l.decoder.Add(data, binary)
}

// fail ends the connection because of what the server sent; the manager opens another one
// (C2.16).
func (l *link) fail(err error) {
	l.failed = true
	l.session.Abort(engine.ReasonParseError, err)
}

// route gives a packet to whom it concerns. Packets for namespaces that no socket wants
// are ignored.
func (l *link) route(p *packet.Received) {
	m := l.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sockets[p.Namespace]
	switch {
	case s == nil:
		return
	case s.asked == l && (p.Type == packet.Connect || p.Type == packet.ConnectError):
		s.answered(l, p)
		l.touch(s)
		return
	case s.link != l:
		return
	}
	switch p.Type {
	case packet.Connect, packet.ConnectError: // nobody has asked
	case packet.Disconnect:
		if s.connected {
			s.disconnect(ReasonServerDisconnect, nil)
			m.release()
		}
	case packet.Ack:
		if p.HasID {
			s.acked(p.ID, p.Args)
		}
	case packet.Event:
		if err := s.receive(p); err != nil {
			l.fail(err)
		}
	case packet.BinaryEvent, packet.BinaryAck: // never after decoding (P1.1)
	}
	l.touch(s)
}

// touch has the socket woken at the end of the read.
func (l *link) touch(s *Socket) {
	if s.queue.Len() > 0 && !s.touched {
		s.touched = true
		l.touched = append(l.touched, s)
	}
}

// ReceiveEnd implements dial.Receiver: each socket is woken once for all that one read has
// brought.
func (l *link) ReceiveEnd() {
	if len(l.touched) == 0 {
		return
	}
	m := l.manager
	m.mu.Lock()
	for _, s := range l.touched {
		s.touched = false
	}
	l.gauge()
	m.mu.Unlock()
	for i, s := range l.touched {
		s.queue.Wake()
		l.touched[i] = nil
	}
	l.touched = l.touched[:0]
}

// gauge pauses reading while a queue is full, and resumes it when all are half empty.
// Manager.mu is held.
func (l *link) gauge() {
	full, low := false, true
	for _, s := range l.manager.sockets {
		n, limit := s.queue.Len(), l.manager.cfg.DispatchQueue
		if len(s.acks) > 0 {
			limit *= asking
		}
		full = full || n >= limit
		low = low && n <= limit/2
	}
	switch {
	case full && !l.manager.paused.Swap(true):
		l.session.Pause()
	case low && l.manager.paused.Swap(false):
		l.session.Resume()
	}
}

// Closed implements dial.Receiver. The session may call it from within Send, with the
// manager's lock held: so a goroutine takes it on.
func (l *link) Closed(reason engine.Reason, err error) {
	m := l.manager
	m.tasks.Go(func() { m.lost(l, Reason(reason), err) })
}

// Ping implements dial.Watcher.
func (l *link) Ping() { l.manager.hooks.call(l.manager.cfg.Hooks.Ping) }

// Upgraded implements dial.Watcher.
func (l *link) Upgraded(transport string) {
	l.manager.hooks.call(bind(l.manager.cfg.Hooks.Upgrade, transport))
}

// UpgradeFailed implements dial.Watcher.
func (l *link) UpgradeFailed(err error) {
	l.manager.hooks.call(bind(l.manager.cfg.Hooks.UpgradeError, err))
}
