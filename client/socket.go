// SPDX-License-Identifier: MIT

package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/sio-go/sio/internal/work"
	"github.com/sio-go/sio/packet"
)

// Socket is one namespace of a server. It is made by New or by Manager.Socket, outlives
// connections, and is the same before and after a reconnection. All methods are safe for
// concurrent use.
type Socket struct {
	manager   *Manager
	namespace string
	cfg       SocketConfig
	farewell  *outPacket // DISCONNECT
	handlers  handlers
	queue     work.Queue[job]

	// Manager.mu guards the fields below.
	active    bool            // it wants a connection
	kept      bool            // also when all calls of Connect have failed
	connected bool            // the server has accepted it
	touched   bool            // in link.touched
	recovered bool            // the server has given it back what it had
	asked     *link           // by which CONNECT was sent and not answered
	link      *link           // by which the socket is, or is being, connected
	ctx       context.Context //nolint:containedctx // of handlers
	cancel    context.CancelCauseFunc
	id        string     // "" unless connected
	pid       string     // for recovery
	offset    string     // of the last event
	early     []*Message // events that came before CONNECT
	earlySize int
	waiters   []chan error    // calls of Connect
	lastErr   error           // why the last attempt failed
	ids       uint64          // the next acknowledgement id
	acks      map[uint64]*ack // answers that are awaited
	buffer    []*outPacket    // what waits for a connection
	buffered  int             // bytes of buffer
	flushing  bool            // a timer is to flush buffer
	retries   []*outPacket    // of SocketConfig.Retries; the first one is on its way
	retrying  int             // bytes of retries
}

func newSocket(m *Manager, namespace string, cfg SocketConfig) *Socket {
	s := &Socket{manager: m, namespace: namespace, cfg: cfg}
	s.queue.Init((*runner)(s))
	s.ctx, s.cancel = context.WithCancelCause(m.ctx)
	s.farewell = new(outPacket)
	s.farewell.text, s.farewell.attachments, _ = s.encode(packet.Packet{Type: packet.Disconnect}) // has no arguments
	return s
}

// Namespace returns the socket's namespace, with a slash in front.
func (s *Socket) Namespace() string { return s.namespace }

// Manager returns the manager of the socket's connection.
func (s *Socket) Manager() *Manager { return s.manager }

// ID returns the id that the server has given the socket, or "" while it is not connected.
// A new connection has another id, unless it was recovered.
func (s *Socket) ID() string {
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	return s.id
}

// Connected reports whether the server has accepted the socket and it was not disconnected
// since.
func (s *Socket) Connected() bool {
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	return s.connected
}

// Active reports whether the socket is connected or the manager will try to connect it: it
// is false before Connect and Open, after Disconnect, when the server has disconnected
// or refused the socket.
func (s *Socket) Active() bool {
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	return s.active
}

// Recovered reports whether the server has recognized the socket when it returned: then it
// has the same id, is in its rooms, and has got what it had missed.
func (s *Socket) Recovered() bool {
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	return s.recovered
}

// Open makes the socket active: the manager connects it, and reconnects it when the
// connection is lost. It does not wait: see OnConnect and OnConnectError.
func (s *Socket) Open() {
	m := s.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	s.open()
	s.kept = s.active
}

func (s *Socket) open() {
	m := s.manager
	if m.closed {
		return
	}
	s.active = true
	switch {
	case m.link == nil:
		m.open()
	case s.link == nil:
		s.greet(m.link)
	}
}

// Connect is Open, and waits until the server has accepted the socket. It returns a
// *ConnectError if the server refuses it; a *dial.Error or *DisconnectError when the last
// attempt to connect has failed, which with Config.ReconnectionAttempts 0 is never; and if ctx
// ends first an error that wraps ctx.Err() and that of the last attempt. If it fails, and
// nobody else wants the socket, by Open or another Connect, the socket becomes inactive.
//
// It must not be called by a handler of this socket, which then would wait for itself.
func (s *Socket) Connect(ctx context.Context) error {
	m := s.manager
	m.mu.Lock()
	switch {
	case m.closed:
		m.mu.Unlock()
		return ErrClosed
	case s.connected:
		m.mu.Unlock()
		return nil
	}
	done := make(chan error, 1)
	s.waiters = append(s.waiters, done)
	s.open()
	m.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case err := <-done: // there is an answer as well
		return err
	default:
	}
	s.waiters = slices.DeleteFunc(s.waiters, func(w chan error) bool { return w == done })
	err := fmt.Errorf("client: connecting: %w", ctx.Err())
	if s.lastErr != nil {
		err = fmt.Errorf("client: connecting: %w; the last attempt: %w", ctx.Err(), s.lastErr)
	}
	if len(s.waiters) == 0 && !s.kept {
		s.disconnect(ReasonClientDisconnect)
		m.release()
	}
	return err
}

// refuse tells those who wait in Connect that there will be no connection. Unless
// somebody else wants the socket, it becomes inactive. Manager.mu is held.
func (s *Socket) refuse(err error) {
	s.answerConnect(err)
	s.active = s.active && s.kept
}

// answerConnect tells those who wait in Connect. Manager.mu is held.
func (s *Socket) answerConnect(err error) {
	for _, w := range s.waiters {
		w <- err
	}
	s.waiters = nil
	s.lastErr = nil
}

// Disconnect leaves the namespace, with ReasonClientDisconnect, after what was sent before.
// The connection ends if no other socket of the manager uses it. Connect or Open bring the
// socket back. Events that wait for a connection go on waiting.
func (s *Socket) Disconnect() {
	m := s.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	s.disconnect(ReasonClientDisconnect)
	m.release()
}

// Close closes the socket's manager, with all its sockets. See Manager.Close.
func (s *Socket) Close() error { return s.manager.Close() }

// Volatile returns a Sender for events that may be lost: they are dropped while the socket
// is not connected or the connection is busy (C3.12).
func (s *Socket) Volatile() Sender { return Sender{s: s}.Volatile() }

// Compress returns a Sender for events that are, or are not, compressed, if the connection
// compresses at all.
func (s *Socket) Compress(on bool) Sender { return Sender{s: s}.Compress(on) }
