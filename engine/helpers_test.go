// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// bubble runs a test in parallel with others and in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

type message struct {
	data   string
	binary bool
}

// receiver records what a session receives, and checks the promises of
// engine.Receiver: one call at a time, Closed once and last.
type receiver struct {
	t         testing.TB
	session   *engine.Session
	onMessage func(data []byte, binary bool) // instead of recording
	onEnd     func()
	got       chan message
	ends      atomic.Int64 // calls of ReceiveEnd
	open      atomic.Bool  // messages were received since the last ReceiveEnd
	busy      atomic.Bool
	closes    atomic.Int64
	ended     chan struct{} // closed by Closed
	reason    engine.Reason
	err       error
}

func newReceiver(t testing.TB, s *engine.Session) *receiver {
	return &receiver{t: t, session: s, got: make(chan message, 1<<12), ended: make(chan struct{})}
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
	r.open.Store(true)
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

func (r *receiver) ReceiveEnd() {
	defer r.enter("ReceiveEnd")()
	r.open.Store(false)
	r.ends.Add(1)
	if r.onEnd != nil {
		r.onEnd()
	}
}

func (r *receiver) Closed(reason engine.Reason, err error) {
	defer r.enter("Closed")()
	if r.open.Load() {
		r.t.Error("Closed without a ReceiveEnd after the last Receive")
	}
	if r.closes.Add(1) == 1 {
		r.reason, r.err = reason, err
		close(r.ended)
	}
}

// send sends a text message and, after it, binary ones.
func (r *receiver) send(text string, attachments ...string) error {
	return r.session.Send(newMessage(text, attachments...), engine.SendOptions{})
}

func newMessage(text string, attachments ...string) *engine.Message {
	var list [][]byte
	for _, a := range attachments {
		list = append(list, []byte(a))
	}
	return engine.NewMessage(append(engine.NewBuffer(len(text)), text...), list)
}

// wantMessage checks the next message that was received.
func (r *receiver) wantMessage(data string, binary bool) {
	r.t.Helper()
	select {
	case m := <-r.got:
		assert.Equal(r.t, m, message{data, binary})
	case <-r.ended:
		select {
		case m := <-r.got:
			assert.Equal(r.t, m, message{data, binary})
		default:
			r.t.Fatalf("closed (%s: %v) instead of message %.40q", r.reason, r.err, data)
		}
	}
}

// wantClosed waits for the session's end.
func (r *receiver) wantClosed(reason engine.Reason, err string) {
	r.t.Helper()
	<-r.ended
	assert.Equal(r.t, r.reason, reason)
	text := ""
	if r.err != nil {
		text = r.err.Error()
	}
	assert.True(r.t, strings.Contains(text, err) && (err != "" || text == ""), "closed with error %q, want %q", text, err)
}

// wantOpen checks that the session has not ended.
func (r *receiver) wantOpen() {
	r.t.Helper()
	select {
	case <-r.ended:
		r.t.Fatalf("session closed: %s: %v", r.reason, r.err)
	default:
	}
}

func echo(r *receiver) {
	r.onMessage = func(data []byte, binary bool) {
		if binary {
			_ = r.session.Send(engine.NewBinary(data), engine.SendOptions{})
			return
		}
		_ = r.send(string(data))
	}
}

// host is a server in memory, unless it listens somewhere else, and its HTTP client.
type host struct {
	t         testing.TB
	srv       *engine.Server
	http      *http.Server
	dial      func(context.Context) (net.Conn, error)
	client    *http.Client
	receivers chan *receiver // of new sessions, in order
}

// serve starts a host whose receivers are set up by setup, which may be nil. It ends
// with the test.
func serve(t testing.TB, cfg engine.Config, setup func(*receiver)) *host {
	t.Helper()
	l := memnet.Listen()
	return serveOn(t, cfg, setup, l, l.Dial)
}

// serveTCP is serve over loopback TCP.
func serveTCP(t testing.TB, cfg engine.Config, setup func(*receiver)) *host {
	t.Helper()
	l, dial := listenTCP(t)
	return serveOn(t, cfg, setup, l, dial)
}

// serveTLS is serve over TLS over loopback TCP.
func serveTLS(t testing.TB, cfg engine.Config, setup func(*receiver)) *host {
	t.Helper()
	l, dial := listenTCP(t)
	server, client := certificates(t)
	return serveOn(t, cfg, setup, tls.NewListener(l, server), func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return tls.Client(conn, client), nil
	})
}

func listenTCP(t testing.TB) (net.Listener, func(context.Context) (net.Conn, error)) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	return l, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", l.Addr().String())
	}
}

func serveOn(t testing.TB, cfg engine.Config, setup func(*receiver), l net.Listener, dial func(context.Context) (net.Conn, error)) *host {
	t.Helper()
	h := &host{t: t, dial: dial, receivers: make(chan *receiver, 1<<12)}
	if cfg.OnSession == nil {
		cfg.OnSession = func(s *engine.Session) engine.Receiver {
			r := newReceiver(t, s)
			if setup != nil {
				setup(r)
			}
			h.receivers <- r
			return r
		}
	}
	h.srv = engine.NewServer(&cfg)
	h.http = &http.Server{Handler: h.srv, ReadHeaderTimeout: time.Minute}
	transport := &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) },
		DialTLSContext:      func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) },
		MaxIdleConnsPerHost: 100,
	}
	h.client = &http.Client{Transport: transport}
	done := make(chan error, 1)
	go func() { done <- h.http.Serve(l) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, h.srv.Close())
		assert.NoError(t, h.http.Close())
		assert.ErrorIs(t, <-done, http.ErrServerClosed)
		assert.Equal(t, h.srv.Count(), 0)
		for len(h.receivers) > 0 { // what no test looked at
			<-(<-h.receivers).ended
		}
	})
	return h
}

// receiver returns the receiver of the next new session.
func (h *host) receiver() *receiver {
	h.t.Helper()
	return <-h.receivers
}

// answer is a response to a request. Its status is 0 if there was none.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool // the connection is closed after it
	err    error
}

// do sends a request. header holds names and values in turn.
func (h *host) do(ctx context.Context, method, query string, body io.Reader, header ...string) answer {
	req, err := http.NewRequestWithContext(ctx, method, "http://example.com/engine.io/?"+query, body)
	if err != nil {
		return answer{err: err}
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := h.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text), res.Close, errors.Join(err, res.Body.Close())}
}

const polled = "EIO=4&transport=polling"

// poll opens a session over polling and returns its id.
func (h *host) poll() (sid string, r *receiver) {
	h.t.Helper()
	a := h.do(h.t.Context(), "GET", polled, nil)
	assert.NoError(h.t, a.err)
	assert.Equal(h.t, a.status, 200)
	r = h.receiver()
	return r.session.ID(), r
}

func (h *host) get(sid string) answer {
	return h.do(h.t.Context(), "GET", polled+"&sid="+sid, nil)
}

func (h *host) post(sid, body string) answer {
	return h.do(h.t.Context(), "POST", polled+"&sid="+sid, strings.NewReader(body))
}

// getLater starts a GET and, in a bubble, waits until it is pending or answered.
func (h *host) getLater(sid string) <-chan answer {
	done := make(chan answer, 1)
	go func() { done <- h.get(sid) }()
	synctest.Wait()
	return done
}

func (a answer) want(t testing.TB, status int, body string) {
	t.Helper()
	assert.NoError(t, a.err)
	assert.Equal(t, a.status, status)
	assert.Equal(t, a.body, body)
}

func wantPending(t testing.TB, pending <-chan answer) {
	t.Helper()
	synctest.Wait()
	assert.Equal(t, len(pending), 0)
}
