// SPDX-License-Identifier: MIT

package sio_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// env is a server behind net/http on a network in memory, within a bubble of
// testing/synctest: time is virtual, and synctest.Wait waits until nothing moves.
type env struct {
	t    *testing.T
	srv  *sio.Server
	seen *recorder
	net  *memnet.Listener
}

// run runs f with a new server.
func run(t *testing.T, cfg sio.Config, f func(t *testing.T, e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &env{t: t, seen: &recorder{}, net: memnet.Listen()}
		if cfg.Logger == nil {
			cfg.Logger = slog.New(slog.DiscardHandler)
		}
		cfg.Hooks = append([]sio.Hook{e.seen}, cfg.Hooks...)
		e.srv = sio.NewServer(&cfg)
		server := &http.Server{Handler: e.srv}
		served := make(chan error, 1)
		go func() { served <- server.Serve(e.net) }()
		defer func() {
			assert.NoError(t, e.srv.Close())
			assert.NoError(t, server.Close())
			assert.ErrorIs(t, <-served, http.ErrServerClosed)
			synctest.Wait()
		}()
		f(t, e)
	})
}

// recorder is a hook that writes down what it is told.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

// take returns what was written down since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// settled is take once nothing moves any more.
func (r *recorder) settled() []string {
	synctest.Wait()
	return r.take()
}

func (r *recorder) HookConnect(*sio.Socket) { r.add("connect") }
func (r *recorder) HookDisconnect(_ *sio.Socket, reason sio.Reason) {
	r.add("disconnect: %s", reason)
}
func (r *recorder) HookError(_ *sio.Socket, err error) { r.add("error: %v", err) }
func (r *recorder) HookPanic(_ *sio.Socket, err *sio.PanicError) {
	r.add("panic: %v, stack %t", err.Value, bytes.Contains(err.Stack, []byte("_test.go")))
}
func (r *recorder) HookConnError(_ *engine.Session, err error) { r.add("conn: %v", err) }

// client is a small client that speaks the protocol over WebSocket. It answers pings
// when it reads.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	out  []byte // frames held back by queue
	open string // the handshake packet
	sid  string // of the last connect
}

// dial opens a connection; no namespace is joined.
func (e *env) dial(opts ...func(*ws.Dialer)) *client {
	e.t.Helper()
	return dial(e.t, e.net.DialContext, "ws://mem.test/socket.io/?EIO=4&transport=websocket&token=q", opts...)
}

// join opens a connection and joins "/".
func (e *env) join() *client {
	e.t.Helper()
	c := e.dial()
	c.join("")
	return c
}

// response is an HTTP response that was read.
type response struct {
	*http.Response
	body string
}

// request makes a request of the polling transport.
func (e *env) request(method, query, body string) response {
	e.t.Helper()
	transport := &http.Transport{DialContext: e.net.DialContext, DisableKeepAlives: true, DisableCompression: true}
	r, err := http.NewRequestWithContext(e.t.Context(), method, "http://mem.test/socket.io/?EIO=4&transport=polling"+query, strings.NewReader(body))
	assert.NoError(e.t, err)
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := transport.RoundTrip(r)
	assert.NoError(e.t, err)
	text, err := io.ReadAll(res.Body)
	assert.NoError(e.t, err)
	assert.NoError(e.t, res.Body.Close())
	return response{res, string(text)}
}

// poll opens a session by polling and returns its id.
func (e *env) poll() string {
	e.t.Helper()
	var open struct {
		SID string `json:"sid"`
	}
	res := e.request(http.MethodGet, "", "")
	assert.NoError(e.t, json.Unmarshal([]byte(res.body[1:]), &open))
	return open.SID
}

// upgrade moves a session that polls to WebSocket.
func (e *env) upgrade(sid string) *client {
	e.t.Helper()
	c := connect(e.t, e.net.DialContext, "ws://mem.test/socket.io/?EIO=4&transport=websocket&sid="+sid)
	c.queueRaw("2probe").flush()
	assert.Equal(e.t, c.raw(), "3probe")
	c.queueRaw("5").flush()
	return c
}

func dial(t testing.TB, d func(ctx context.Context, network, addr string) (net.Conn, error), url string, opts ...func(*ws.Dialer)) *client {
	t.Helper()
	c := connect(t, d, url, opts...)
	if c.open = c.raw(); !strings.HasPrefix(c.open, `0{"sid":`) {
		t.Fatalf("no open packet: %q", c.open)
	}
	return c
}

// connect opens a WebSocket.
func connect(t testing.TB, d func(ctx context.Context, network, addr string) (net.Conn, error), url string, opts ...func(*ws.Dialer)) *client {
	t.Helper()
	dialer := ws.Dialer{NetDial: d}
	for _, o := range opts {
		o(&dialer)
	}
	conn, br, _, err := dialer.Dial(t.Context(), url)
	assert.NoError(t, err)
	if br == nil {
		br = bufio.NewReader(conn)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t: t, conn: conn, r: br}
}

// frame reads one frame; control frames are returned too.
func (c *client) frame() (ws.Frame, error) { return readFrame(c.r) }

func readFrame(r io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(r); err == nil {
		f.Payload = make([]byte, f.Header.Length)
		_, err = io.ReadFull(r, f.Payload)
	}
	return f, err
}

// raw returns the next Engine.IO packet, or "closed". Binary packets start with "b:".
func (c *client) raw() string {
	c.t.Helper()
	for {
		f, err := c.frame()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
			return "closed"
		case err != nil:
			c.t.Fatalf("read: %v", err)
		case f.Header.OpCode == ws.OpClose:
			_ = c.conn.Close()
			return "closed"
		case f.Header.OpCode == ws.OpBinary:
			return "b:" + string(f.Payload)
		case f.Header.OpCode != ws.OpText:
		case string(f.Payload) == "2":
			c.queueRaw("3").flush()
		default:
			return string(f.Payload)
		}
	}
}

// next returns the text of the next Socket.IO packet, "b:" and the bytes of an
// attachment, or "closed".
func (c *client) next() string {
	c.t.Helper()
	p := c.raw()
	if text, ok := strings.CutPrefix(p, "4"); ok {
		return text
	}
	return p
}

// want reads packets and compares them.
func (c *client) want(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		if got := c.next(); got != p {
			c.t.Fatalf("received %q, want %q", got, p)
		}
	}
}

// quiet checks that nothing has been sent to the client.
func (c *client) quiet() {
	c.t.Helper()
	synctest.Wait()
	assert.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(time.Millisecond)))
	f, err := c.frame()
	assert.True(c.t, err != nil, "received %q, want nothing", f.Payload)
	assert.NoError(c.t, c.conn.SetReadDeadline(time.Time{}))
}

// send sends Socket.IO packets, all with one write.
func (c *client) send(packets ...string) {
	for _, p := range packets {
		c.queueRaw("4" + p)
	}
	c.flush()
}

func (c *client) queueRaw(packet string) *client {
	return c.queueFrame(ws.NewTextFrame([]byte(packet)))
}

func (c *client) queueBinary(data string) *client {
	return c.queueFrame(ws.NewBinaryFrame([]byte(data)))
}

func (c *client) queueFrame(f ws.Frame) *client {
	var b bytes.Buffer
	if err := ws.WriteFrame(&b, ws.MaskFrameInPlace(f)); err != nil {
		c.t.Error(err)
	}
	c.out = append(c.out, b.Bytes()...)
	return c
}

// flush writes what was queued. A connection that the server has closed is no error.
func (c *client) flush() {
	_, _ = c.conn.Write(c.out)
	c.out = nil
}

// join connects to a namespace and returns the socket's id. What comes before the
// answer is skipped.
func (c *client) join(nsp string) string {
	c.t.Helper()
	prefix := ""
	if nsp != "" {
		prefix = nsp + ","
	}
	c.send("0" + prefix)
	answer := c.next()
	text, ok := strings.CutPrefix(answer, "0"+prefix)
	var payload map[string]string
	if !ok || json.Unmarshal([]byte(text), &payload) != nil || len(payload) != 1 || len(payload["sid"]) != 20 {
		c.t.Fatalf("no CONNECT for %q: %q", nsp, answer)
	}
	c.sid = payload["sid"]
	return c.sid
}

func (c *client) close() { _ = c.conn.Close() }

// withReceiver returns settings that NewServer must not accept.
func withReceiver() *sio.Config {
	return &sio.Config{Engine: engine.Config{OnSession: func(*engine.Session) engine.Receiver { return nil }}}
}
