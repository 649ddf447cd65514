// SPDX-License-Identifier: MIT

package client

import (
	"context"
	"errors"
	"time"

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
	control  []*outPacket // CONNECT and DISCONNECT that the outbox had no room for
	pauses   uint64       // how often reading was paused
	watching bool         // a timer of watch runs
	over     bool         // it has ended
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

// send sends a CONNECT or DISCONNECT packet. Other than an event it must not be lost when
// the outbox is full: the server and this side would not agree any more on who is
// connected. Manager.mu is held.
func (l *link) send(p *outPacket) {
	l.control = append(l.control, p)
	l.sendControl()
}

func (l *link) sendControl() {
	for len(l.control) > 0 && !l.over {
		p := l.control[0]
		if errors.Is(l.session.Send(p.text, p.attachments, p.opt), engine.ErrQueueFull) {
			l.manager.later(l.sendControl)
			return
		}
		l.control = l.control[1:] // sent, or the connection has ended
	}
	l.control = nil
}

// later runs f, with mu held, when an outbox that was full may have room.
func (m *Manager) later(f func()) {
	time.AfterFunc(flushDelay, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		f()
	})
}

// flushDelay is how long that is.
const flushDelay = 50 * time.Millisecond

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
			s.disconnect(ReasonServerDisconnect)
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
	m := l.manager
	if m.link != l {
		return
	}
	full, low := m.fill()
	if full && !m.paused.Swap(true) {
		l.session.Pause()
		l.pauses++
		l.watch()
		_, low = m.fill() // a handler that has just ended did not see paused
	}
	if low && m.paused.Swap(false) {
		l.session.Resume()
	}
}

// watch ends a connection of which nothing was read for so long that the server must have
// given it up, if an answer is awaited: a handler may wait for one that is not read
// because of the handler. There is one timer, however often reading is paused. Manager.mu
// is held.
func (l *link) watch() {
	if l.watching {
		return
	}
	l.watching = true
	n, h := l.pauses, l.session.Handshake()
	time.AfterFunc(time.Duration(h.PingInterval+h.PingTimeout)*time.Millisecond, func() {
		m := l.manager
		m.mu.Lock()
		defer m.mu.Unlock()
		l.watching = false
		switch {
		case m.link != l || !m.paused.Load():
		case l.pauses == n && m.asking():
			l.session.Abort(engine.ReasonPingTimeout, nil)
		default:
			l.watch()
		}
	})
}

// asking reports whether an answer is awaited. mu is held.
func (m *Manager) asking() bool {
	for _, s := range m.sockets {
		if len(s.acks) > 0 {
			return true
		}
	}
	return false
}

// fill reports whether a queue is full, and whether all are half empty. mu is held.
func (m *Manager) fill() (full, low bool) {
	low = true
	for _, s := range m.sockets {
		n, limit := s.queue.Len(), m.cfg.DispatchQueue
		if len(s.acks) > 0 {
			limit *= asking
		}
		full = full || n >= limit
		low = low && n <= limit/2
	}
	return full, low
}

// Closed implements dial.Receiver. The session may call it from within Send, with the
// manager's lock held: so a goroutine takes it on.
func (l *link) Closed(reason engine.Reason, err error) {
	m := l.manager
	go func() {
		defer m.tasks.Done() // counted since the link was made, so that Close cannot miss it
		m.lost(l, Reason(reason), err)
		<-l.session.Done()
	}()
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
