// SPDX-License-Identifier: MIT

package dial_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
)

// hello is an open packet.
const hello = `0{"sid":"abcdefghijklmnopqrst","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`

// helloUpgrade is one that offers WebSocket.
const helloUpgrade = `0{"sid":"abcdefghijklmnopqrst","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`

// script is a server of one session that does what a test says. Its fields are set before
// the first request.
type script struct {
	t      testing.TB
	open   string                                       // the answer to the handshake
	get    func(w http.ResponseWriter, r *http.Request) // nil: waits until the end
	post   func(w http.ResponseWriter, body string)     // nil: ok
	socket func(s *socket)                              // of a WebSocket; nil: 400

	mu     sync.Mutex
	bodies []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Upgrade") != "":
		if s.socket == nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		conn, rw, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			s.t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		s.socket(&socket{s.t, conn, rw.Reader})
	case r.Method == http.MethodPost:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.bodies = append(s.bodies, string(body))
		s.mu.Unlock()
		if s.post != nil {
			s.post(w, string(body))
			return
		}
		_, _ = io.WriteString(w, "ok")
	case r.URL.Query().Get("sid") == "":
		_, _ = io.WriteString(w, s.open)
	case s.get != nil:
		s.get(w, r)
	default:
		<-r.Context().Done()
	}
}

// posted returns the bodies of all POSTs.
func (s *script) posted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.bodies...)
}

// serveScript starts a server in memory that does what a test says.
func serveScript(t testing.TB, s *script) *network {
	t.Helper()
	s.t = t
	if s.open == "" {
		s.open = hello
	}
	return serveHTTP(t, s.ServeHTTP)
}

// socket is the server's end of a WebSocket, which may break every rule.
type socket struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (c *socket) write(p []byte) { _, _ = c.conn.Write(p) }

func (c *socket) send(texts ...string) {
	var all []byte
	for _, s := range texts {
		all = append(all, ws.MustCompileFrame(ws.NewTextFrame([]byte(s)))...)
	}
	c.write(all)
}

// read returns the next frame, which has to be masked.
func (c *socket) read() (ws.Frame, error) {
	f, err := ws.ReadFrame(c.r)
	if err != nil {
		return f, err
	}
	if !f.Header.Masked || !f.Header.Fin {
		c.t.Errorf("bad frame: %+v", f.Header)
	}
	return ws.UnmaskFrameInPlace(f), nil
}

func (c *socket) wantFrame(op ws.OpCode, payload string) {
	c.t.Helper()
	f, err := c.read()
	if err != nil || f.Header.OpCode != op || string(f.Payload) != payload {
		c.t.Errorf("got frame %#x %.60q (%v), want %#x %.60q", f.Header.OpCode, f.Payload, err, op, payload)
	}
}

func (c *socket) want(texts ...string) {
	c.t.Helper()
	for _, s := range texts {
		c.wantFrame(ws.OpText, s)
	}
}

// wantEnd checks that the client closes the connection without another frame.
func (c *socket) wantEnd() {
	c.t.Helper()
	f, err := c.read()
	assert.True(c.t, err != nil, "frame %#x %.60q, want the end", f.Header.OpCode, f.Payload)
}

// drain reads until the end.
func (c *socket) drain() { _, _ = io.Copy(io.Discard, c.r) }

// closing reads a close frame with a code, 0 for none, and answers it.
func (c *socket) wantClose(code ws.StatusCode) {
	c.t.Helper()
	payload := ""
	if code != 0 {
		payload = string(ws.NewCloseFrameBody(code, ""))
	}
	c.wantFrame(ws.OpClose, payload)
	c.write(ws.MustCompileFrame(ws.NewCloseFrame(nil)))
}

// gate is what a test opens for a server.
type gate chan struct{}

func (g gate) wait(r *http.Request) bool {
	select {
	case <-g:
		return true
	case <-r.Context().Done():
		return false
	}
}

// wantError checks that the error is of a type, and has a text.
func wantError[E error](t testing.TB, err error, text string) (e E) {
	t.Helper()
	assert.True(t, errors.As(err, &e), "error %v (%T), want a %T", err, err, e)
	if err != nil {
		assert.Equal(t, err.Error(), text)
	}
	return e
}

func idle() { synctest.Wait() }

// acceptKey returns the answer to the key of a WebSocket handshake.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
