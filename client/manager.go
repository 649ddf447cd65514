// SPDX-License-Identifier: MIT

package client

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/work"
)

// Manager owns one connection to a server, which the sockets of several namespaces share,
// and opens it again when it was lost. Made by NewManager; all methods are safe for
// concurrent use. The connection is open, or being opened, while at least one socket is
// active.
type Manager struct {
	cfg    Config
	dialer *dial.Dialer
	hooks  hooks
	ctx    context.Context //nolint:containedctx // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // goroutines that open, lose and greet; Close waits for them

	paused atomic.Bool // the open connection is not read: a queue is full

	// mu guards the fields below and, of each socket, those that say so. It is held for
	// moments only, and never while user code is called. dial.Session.Send, which does
	// not block, is called with it: what is sent keeps its order.
	mu      sync.Mutex
	sockets map[string]*Socket
	link    *link              // the open connection; nil: none
	stop    context.CancelFunc // ends opening; nil: nobody is opening
	closed  bool
}

// New returns a socket that connects to the URL, for the namespace that the URL's path is:
// "https://example.com/chat" is the namespace "/chat" of that server. A query becomes
// Config.Engine.Query if that is nil. Nothing is sent before Connect or Open: handlers
// that are registered now miss nothing. The socket has a Manager of its own.
//
// The URL has the scheme http, https, ws or wss. cfg may be nil.
func New(rawURL string, cfg *Config) (*Socket, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	namespace := cmp.Or(u.RawPath, u.EscapedPath()) // as it stands there (C1.1)
	m, err := NewManager(rawURL, cfg)
	if err != nil {
		return nil, err
	}
	return m.Socket(namespace, &m.cfg.Socket), nil
}

// NewManager returns a manager for the server of the URL, whose path means nothing: see New.
func NewManager(rawURL string, cfg *Config) (*Manager, error) {
	m := &Manager{cfg: cfg.withDefaults(), sockets: map[string]*Socket{}}
	var err error
	if m.dialer, err = dial.New(rawURL, &m.cfg.Engine); err != nil { // C1.3: also the query
		return nil, err
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.hooks.logger = m.cfg.Logger
	m.hooks.queue.Init(&m.hooks)
	return m, nil
}

// Socket returns the manager's socket of a namespace. cfg, which may be nil, counts for the
// first call with that namespace only; later ones return the same socket (C1.5).
func (m *Manager) Socket(namespace string, cfg *SocketConfig) *Socket {
	if !strings.HasPrefix(namespace, "/") {
		namespace = "/" + namespace
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sockets[namespace]
	if s == nil {
		s = newSocket(m, namespace, cfg.withDefaults())
		m.sockets[namespace] = s
	}
	return s
}

// Transport returns the name of the connection's current transport, or "" without one.
func (m *Manager) Transport() string {
	if l := m.current(); l != nil {
		return l.session.Transport()
	}
	return ""
}

// SessionID returns the id of the connection, which is not that of a socket, or "" without
// one.
func (m *Manager) SessionID() string {
	if l := m.current(); l != nil {
		return l.session.ID()
	}
	return ""
}

func (m *Manager) current() *link {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.link
}

// Reconnect cuts the connection as if it were lost, so that the manager opens a new one.
// Without a connection it does nothing.
func (m *Manager) Reconnect() {
	if l := m.current(); l != nil {
		l.session.Abort(engine.ReasonForcedClose, nil)
	}
}

// Close disconnects all sockets for good, which tells the server, and ends the connection.
// It returns when no goroutine of the manager is left but those that run handlers and
// hooks, which end by themselves: handlers have a context that has ended. A second Close
// does nothing but wait. Close may be called by handlers and hooks.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	for _, s := range m.sockets {
		s.disconnect(ReasonClientDisconnect)
	}
	m.release()
	m.mu.Unlock()
	m.cancel()
	m.tasks.Wait()
	m.dialer.Close()
	return nil
}

// anyActive reports whether a socket wants a connection. mu is held.
func (m *Manager) anyActive() bool {
	for _, s := range m.sockets {
		if s.active {
			return true
		}
	}
	return false
}

// hooks calls the functions of Hooks one at a time.
type hooks struct {
	logger interface {
		Error(msg string, args ...any)
	}
	queue work.Queue[func()]
}

// maxHooks is the number of calls that may wait.
const maxHooks = 1024

// call queues a call. f is nil if there is no such hook.
func (h *hooks) call(f func()) {
	if f == nil {
		return
	}
	if h.queue.Len() < maxHooks {
		h.queue.Push(f)
		h.queue.Wake()
	}
}

// Run implements work.Runner.
func (h *hooks) Run(f func()) {
	if err := guard(func() error { f(); return nil }); err != nil {
		h.logger.Error("panic in a hook", "err", err, "stack", stack(err))
	}
}

// Burst implements work.Runner.
func (*hooks) Burst(bool) {}

// Go implements work.Runner. The goroutine ends when no call waits.
func (*hooks) Go(f func()) { go f() }
