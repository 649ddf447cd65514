// SPDX-License-Identifier: MIT

package dial_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// bubble runs a test in parallel with others and in virtual time. It fails if goroutines
// are left.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

type message struct {
	data   string
	binary bool
}

// receiver records what a session receives, and checks the promises of dial.Receiver and
// dial.Watcher: one call at a time, Closed once and last.
type receiver struct {
	t         testing.TB
	session   *dial.Session
	onMessage func(data []byte, binary bool) // instead of recording
	got       chan message
	busy      atomic.Bool
	closes    atomic.Int64
	pings     atomic.Int64
	upgraded  chan string
	failed    chan error
	ended     chan struct{} // closed by Closed
	reason    engine.Reason
	err       error
}

func newReceiver(t testing.TB) *receiver {
	return &receiver{
		t: t, got: make(chan message, 1<<12), ended: make(chan struct{}),
		upgraded: make(chan string, 1), failed: make(chan error, 2),
	}
}

func (r *receiver) enter(call string) func() {
	if r.closes.Load() > 0 {
		r.t.Errorf("%s after Closed", call)
	}
	if r.busy.Swap(true) {
		r.t.Errorf("%s during another call", call)
	}
	return func() { r.busy.Store(false) }
}

func (r *receiver) Receive(data []byte, binary bool) {
	defer r.enter("Receive")()
	if r.onMessage != nil {
		r.onMessage(data, binary)
		return
	}
	select {
	case r.got <- message{string(data), binary}:
	default:
		r.t.Error("the receiver is full")
	}
}

func (r *receiver) ReceiveEnd() { defer r.enter("ReceiveEnd")() }

func (r *receiver) Ping() { defer r.enter("Ping")(); r.pings.Add(1) }

func (r *receiver) Upgraded(name string) { defer r.enter("Upgraded")(); r.upgraded <- name }

func (r *receiver) UpgradeFailed(err error) { defer r.enter("UpgradeFailed")(); r.failed <- err }

func (r *receiver) Closed(reason engine.Reason, err error) {
	defer r.enter("Closed")()
	if r.closes.Add(1) == 1 {
		r.reason, r.err = reason, err
		close(r.ended)
	}
}

// send sends a text message and, after it, binary ones.
func (r *receiver) send(text string, attachments ...string) {
	r.t.Helper()
	var list [][]byte
	for _, a := range attachments {
		list = append(list, []byte(a))
	}
	assert.NoError(r.t, r.session.Send([]byte(text), list, dial.SendOptions{}))
}

// want checks the next messages that were received, binary ones written as "b:...".
func (r *receiver) want(messages ...string) {
	r.t.Helper()
	for _, want := range messages {
		m := message{data: want}
		if data, ok := strings.CutPrefix(want, "b:"); ok {
			m = message{data, true}
		}
		select {
		case got := <-r.got:
			assert.Equal(r.t, got, m)
		case <-r.ended:
			if len(r.got) == 0 {
				r.t.Fatalf("closed (%s: %v) instead of message %.40q", r.reason, r.err, want)
			}
			assert.Equal(r.t, <-r.got, m)
		}
	}
}

// wantClosed waits for the session's end, of which the error's text has to contain text;
// "" means that there is no error.
func (r *receiver) wantClosed(reason engine.Reason, text string) {
	r.t.Helper()
	<-r.ended
	assert.Equal(r.t, r.reason, reason)
	got := ""
	if r.err != nil {
		got = r.err.Error()
	}
	assert.True(r.t, strings.Contains(got, text) && (text != "" || got == ""), "closed with error %q, want %q", got, text)
	<-r.session.Done()
	assert.Equal(r.t, r.closes.Load(), int64(1))
}

func (r *receiver) wantOpen() {
	r.t.Helper()
	select {
	case <-r.ended:
		r.t.Fatalf("session closed: %s: %v", r.reason, r.err)
	default:
	}
}

// network is a server in memory.
type network struct {
	t        testing.TB
	listener *memnet.Listener
	srv      *engine.Server // nil if the handler is something else
	peers    chan *peer     // of new sessions, in order
	requests chan string    // method and URL of each request, as far as there is room
}

// peer is the server's side of a session. It sends back what it gets.
type peer struct {
	session *engine.Session
	header  http.Header
	silent  bool
	mu      sync.Mutex
	got     []string
	ended   chan struct{}
	reason  engine.Reason
}

func (p *peer) Receive(data []byte, binary bool) {
	p.mu.Lock()
	text := string(data)
	if binary {
		text = "b:" + text
	}
	p.got = append(p.got, text)
	p.mu.Unlock()
	switch {
	case p.silent:
	case binary:
		_ = p.session.Send(engine.NewBinary(data), engine.SendOptions{})
	default:
		_ = p.session.Send(engine.NewMessage(append(engine.NewBuffer(len(data)), data...), nil), engine.SendOptions{})
	}
}
func (p *peer) ReceiveEnd() {}
func (p *peer) Closed(reason engine.Reason, _ error) {
	p.reason = reason
	close(p.ended)
}

func (p *peer) received() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.got...)
}

func (p *peer) send(text string) {
	_ = p.session.Send(engine.NewMessage(append(engine.NewBuffer(len(text)), text...), nil), engine.SendOptions{})
}

// serve starts a server in memory, which ends with the test.
func serve(t testing.TB, cfg engine.Config) *network {
	t.Helper()
	n := &network{t: t, peers: make(chan *peer, 100)}
	cfg.OnSession = func(s *engine.Session) engine.Receiver {
		p := &peer{session: s, header: s.Request().Header(), ended: make(chan struct{})}
		n.peers <- p
		return p
	}
	n.srv = engine.NewServer(&cfg)
	n.serve(n.srv)
	t.Cleanup(func() { assert.NoError(t, n.srv.Close()) })
	return n
}

// serveHTTP starts a server in memory that does what a function says.
func serveHTTP(t testing.TB, f http.HandlerFunc) *network {
	t.Helper()
	n := &network{t: t}
	n.serve(f)
	return n
}

func (n *network) serve(h http.Handler) {
	n.listener = memnet.Listen()
	n.requests = make(chan string, 1000)
	var handlers counter
	handlers.zero.L = &handlers.mu
	srv := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.add(1)
		defer handlers.add(-1)
		select {
		case n.requests <- r.Method + " " + r.URL.String():
		default:
		}
		h.ServeHTTP(w, r)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(n.listener) }()
	n.t.Cleanup(func() {
		_ = srv.Close()
		<-done
		handlers.wait()
	})
}

// counter is a sync.WaitGroup to which may be added while somebody waits.
type counter struct {
	mu   sync.Mutex
	zero sync.Cond
	n    int
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n += n; c.n == 0 {
		c.zero.Broadcast()
	}
}

func (c *counter) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.n > 0 {
		c.zero.Wait()
	}
}

// transport returns an http.Transport that reaches the server.
func (n *network) transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return n.listener.DialContext(ctx, network, addr)
	}}
}

// tap counts the bytes that a transport sends.
func tap(t *http.Transport) *atomic.Int64 {
	n, dial := new(atomic.Int64), t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return tapped{conn, n}, err
	}
	return n
}

type tapped struct {
	net.Conn
	n *atomic.Int64
}

func (c tapped) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

const testURL = "http://user:secret@example.com/ignored?token=secret"

// dialer returns a Dialer that reaches the server.
func (n *network) dialer(cfg dial.Config) *dial.Dialer {
	n.t.Helper()
	if cfg.Transport == nil {
		cfg.Transport = n.transport()
	}
	n.t.Cleanup(cfg.Transport.CloseIdleConnections)
	d, err := dial.New(testURL, &cfg)
	assert.NoError(n.t, err)
	return d
}

// dial opens a session.
func (n *network) dial(cfg dial.Config) *receiver {
	n.t.Helper()
	r, err := open(n.t, n.dialer(cfg), nil)
	assert.NoError(n.t, err)
	return r
}

// open opens a session whose receiver is set up by setup, which may be nil. The session
// ends with the test.
func open(t testing.TB, d *dial.Dialer, setup func(*receiver)) (*receiver, error) {
	t.Helper()
	r := newReceiver(t)
	s, err := d.Dial(t.Context(), func(s *dial.Session) dial.Receiver {
		r.session = s
		if setup != nil {
			setup(r)
		}
		return r
	})
	if err != nil {
		return nil, err
	}
	assert.True(t, s == r.session, "another session")
	t.Cleanup(func() {
		s.Close()
		<-s.Done()
	})
	return r, nil
}

var (
	pollingOnly   = []string{engine.Polling}
	webSocketOnly = []string{engine.WebSocket}
)
