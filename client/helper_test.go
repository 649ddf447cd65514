// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// env is a server on a network in memory, within a bubble of testing/synctest: time is
// virtual, and synctest.Wait waits until nothing moves.
type env struct {
	t      *testing.T
	srv    *sio.Server
	net    *memnet.Listener
	log    *record
	hooked *record // by hooks, which run beside handlers

	mu     sync.Mutex
	faulty func() *fault // what the next connection does wrong, up and down; nil: nothing
	down   bool          // no connection can be made
	dials  int
	cables []*cable // not cut and not stalled
	all    []*cable
}

// cable is a connection that can be cut, or stalled: then it stays open, and what is
// sent is lost on the way.
type cable struct {
	client, server net.Conn
	stalled        atomic.Bool
}

// carry takes what comes from one end to the other.
func (c *cable) carry(from, to net.Conn, f *fault) {
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		for rest := buf[:n]; len(rest) > 0 && !c.stalled.Load(); {
			var piece []byte
			piece, rest = f.next(c, rest)
			_, _ = to.Write(piece)
		}
		if err != nil {
			if !c.stalled.Load() {
				_ = to.Close()
			}
			return
		}
	}
}

func (c *cable) cut() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// run runs f with a server.
func run(t *testing.T, cfg sio.Config, f func(t *testing.T, e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if cfg.Logger == nil {
			cfg.Logger = slog.New(slog.DiscardHandler)
		}
		srv := sio.NewServer(&cfg)
		serve(t, srv, func(t *testing.T, e *env) {
			e.srv = srv
			defer func() { assert.NoError(t, srv.Close()) }()
			f(t, e)
		})
	})
}

// runBad runs f with an HTTP handler in place of the server.
func runBad(t *testing.T, h http.Handler, f func(t *testing.T, e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { serve(t, h, f) })
}

func serve(t *testing.T, h http.Handler, f func(t *testing.T, e *env)) {
	e := &env{t: t, net: memnet.Listen(), log: &record{}, hooked: &record{}}
	server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(e.net) }()
	defer func() {
		assert.NoError(t, server.Close())
		assert.ErrorIs(t, <-served, http.ErrServerClosed)
		synctest.Wait()
	}()
	defer func() {
		synctest.Wait() // a transport may still be dialing for a request that was given up
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, c := range e.all {
			c.cut()
		}
	}()
	f(t, e)
}

// blocking is a middleware that does not let requests through.
func blocking() func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	}
}

var errDown = errors.New("network is down")

func (e *env) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	e.mu.Lock()
	e.dials++
	isDown := e.down
	e.mu.Unlock()
	if isDown {
		return nil, errDown
	}
	server, err := e.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	here, there := memnet.Pipe()
	c := &cable{client: there, server: server}
	e.mu.Lock()
	var up, down *fault
	if e.faulty != nil {
		up, down = e.faulty(), e.faulty()
	}
	go c.carry(c.client, c.server, up)
	go c.carry(c.server, c.client, down)
	e.cables, e.all = append(e.cables, c), append(e.all, c)
	e.mu.Unlock()
	return here, nil
}

// cut breaks all connections.
func (e *env) cut() {
	for _, c := range e.take() {
		c.cut()
	}
}

// stall stalls all connections.
func (e *env) stall() {
	for _, c := range e.take() {
		c.stalled.Store(true)
	}
}

func (e *env) take() []*cable {
	e.mu.Lock()
	defer e.mu.Unlock()
	cables := e.cables
	e.cables = nil
	return cables
}

// isDown switches the network off or on.
func (e *env) isDown(down bool) {
	e.mu.Lock()
	e.down = down
	e.mu.Unlock()
	if down {
		e.cut()
	}
}

// config completes settings with the network in memory.
func (e *env) config(cfg client.Config) *client.Config {
	cfg.Engine.Transport = &http.Transport{DialContext: e.dial}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &cfg
}

// overWebSocket are settings without polling.
func overWebSocket() (cfg client.Config) {
	cfg.Engine.Transports = []string{"websocket"}
	return cfg
}

// manager returns a manager that is closed at the end of f.
func (e *env) manager(cfg client.Config, f func(m *client.Manager)) {
	e.t.Helper()
	m, err := client.NewManager("http://mem.test", e.config(cfg))
	assert.NoError(e.t, err)
	defer func() { assert.NoError(e.t, m.Close()) }()
	f(m)
}

// socket is manager with a socket of the namespace "/" that writes down what happens.
func (e *env) socket(cfg client.Config, f func(s *client.Socket)) {
	e.t.Helper()
	e.manager(cfg, func(m *client.Manager) {
		s := m.Socket("/", &cfg.Socket)
		e.log.watch(s)
		f(s)
	})
}

// connect connects a socket.
func (e *env) connect(s *client.Socket) {
	e.t.Helper()
	assert.NoError(e.t, s.Connect(e.t.Context()))
}

// record is what happened.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *record) watch(s *client.Socket) {
	s.OnConnect(func(context.Context) error { r.add("connect"); return nil })
	s.OnConnectError(func(err error) { r.add("connect error: %v", err) })
	s.OnDisconnect(func(reason client.Reason, _ error) { r.add("disconnect: %s", reason) })
}

// take returns what has happened since the last call, once nothing moves any more.
func (r *record) take() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// want compares what has happened.
func (e *env) want(lines ...string) {
	e.t.Helper()
	if got := e.log.take(); !slices.Equal(got, lines) {
		e.t.Errorf("happened:\n%q, want\n%q", got, lines)
	}
}

// wantHooks compares what hooks were told.
func (e *env) wantHooks(lines ...string) {
	e.t.Helper()
	if got := e.hooked.take(); !slices.Equal(got, lines) {
		e.t.Errorf("hooks were told:\n%q, want\n%q", got, lines)
	}
}

// hooks writes all down that a manager tells.
func (r *record) hooks() client.Hooks {
	return client.Hooks{
		Open:             func() { r.add("open") },
		Close:            func(reason client.Reason, _ error) { r.add("close: %s", reason) },
		Error:            func(error) { r.add("error") },
		Upgrade:          func(transport string) { r.add("upgrade: %s", transport) },
		UpgradeError:     func(err error) { r.add("upgrade error: %v", err) },
		ReconnectAttempt: func(n int) { r.add("reconnect_attempt %d", n) },
		Reconnect:        func(n int) { r.add("reconnect %d", n) },
		ReconnectError:   func(error) { r.add("reconnect_error") },
		ReconnectFailed:  func() { r.add("reconnect_failed") },
		HandlerError:     func(_ *client.Socket, err error) { r.add("handler error: %v", err) },
		Dropped:          func(_ *client.Socket, event string, err error) { r.add("dropped %s: %v", event, err) },
	}
}

// echo answers the events that the tests send.
func echo(srv *sio.Server) {
	srv.On("echo", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		if m.HasAck() {
			return m.Reply(m.Args())
		}
		return s.Emit("echo", m.Args())
	})
}

const second = time.Second
