// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/sio-go/sio/internal/assert"
)

// socket is a WebSocket client that may break every rule.
type socket struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

const direct = "EIO=4&transport=websocket"

// upgrade sends the opening request of a WebSocket, with early right behind it, and
// reads the answer. header holds names and values in turn; an empty value takes the
// header away. The socket is nil unless the answer is 101.
func (h *host) upgrade(method, query, early string, header ...string) (*socket, answer) {
	h.t.Helper()
	conn, err := h.dial(h.t.Context())
	assert.NoError(h.t, err)
	h.t.Cleanup(func() { _ = conn.Close() })
	fields := http.Header{
		"Connection":            {"keep-alive, Upgrade"},
		"Upgrade":               {"websocket"},
		"Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key":     {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	for i := 0; i < len(header); i += 2 {
		if fields.Set(header[i], header[i+1]); header[i+1] == "" {
			fields.Del(header[i])
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s /engine.io/?%s HTTP/1.1\r\nHost: example.com\r\n", method, query)
	_ = fields.Write(&text)
	text.WriteString("\r\n" + early)
	_, err = io.WriteString(conn, text.String())
	assert.NoError(h.t, err)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return nil, answer{err: err}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return &socket{h.t, conn, r}, answer{status: res.StatusCode, header: res.Header}
	}
	body, err := io.ReadAll(res.Body)
	return nil, answer{res.StatusCode, res.Header, string(body), res.Close, errors.Join(err, res.Body.Close())}
}

// connect opens a session over WebSocket and reads its open packet.
func (h *host) connect() (*socket, *receiver) {
	h.t.Helper()
	c := h.socket(direct)
	assert.True(h.t, strings.HasPrefix(c.text(), `0{"sid":"`), "no open packet")
	return c, h.receiver()
}

// socket opens a WebSocket.
func (h *host) socket(query string) *socket {
	h.t.Helper()
	c, a := h.upgrade("GET", query, "")
	assert.NoError(h.t, a.err)
	if c == nil {
		h.t.Fatalf("refused: %d %s", a.status, a.body)
	}
	return c
}

// probe opens a second transport for a polling session and sends a probe.
func (h *host) probe(sid string) *socket {
	h.t.Helper()
	c := h.socket(direct + "&sid=" + sid)
	c.send("2probe")
	c.want("3probe")
	return c
}

func (c *socket) write(p []byte) {
	c.t.Helper()
	_, err := c.conn.Write(p)
	assert.NoError(c.t, err)
}

// masked returns a frame as a client sends it.
func masked(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }

func text(s string) []byte { return masked(ws.NewTextFrame([]byte(s))) }

func (c *socket) send(s string)       { c.t.Helper(); c.write(text(s)) }
func (c *socket) sendBinary(s string) { c.t.Helper(); c.write(masked(ws.NewBinaryFrame([]byte(s)))) }

// read returns the next frame.
func (c *socket) read() (ws.Frame, error) {
	f, err := ws.ReadFrame(c.r)
	if err == nil && (f.Header.Masked || !f.Header.Fin || f.Header.Rsv != 0) {
		c.t.Errorf("bad frame: %+v", f.Header)
	}
	return f, err
}

func (c *socket) wantFrame(op ws.OpCode, payload string) {
	c.t.Helper()
	f, err := c.read()
	assert.NoError(c.t, err)
	if f.Header.OpCode != op || string(f.Payload) != payload {
		c.t.Fatalf("got frame %#x %.60q, want %#x %.60q", f.Header.OpCode, f.Payload, op, payload)
	}
}

func (c *socket) want(s string)       { c.t.Helper(); c.wantFrame(ws.OpText, s) }
func (c *socket) wantBinary(s string) { c.t.Helper(); c.wantFrame(ws.OpBinary, s) }

// text returns the next text frame.
func (c *socket) text() string {
	c.t.Helper()
	f, err := c.read()
	assert.NoError(c.t, err)
	assert.Equal(c.t, f.Header.OpCode, ws.OpText)
	return string(f.Payload)
}

// wantClose reads a close frame; code 0 means one without a code.
func (c *socket) wantClose(code ws.StatusCode) {
	c.t.Helper()
	payload := ""
	if code != 0 {
		payload = string(ws.NewCloseFrameBody(code, ""))
	}
	c.wantFrame(ws.OpClose, payload)
}

// wantEnd checks that the connection ends without another frame.
func (c *socket) wantEnd() {
	c.t.Helper()
	f, err := c.read()
	assert.True(c.t, err != nil, "frame %#x %.60q, want the end", f.Header.OpCode, f.Payload)
}

// closeAnswer answers a close frame.
var closeAnswer = masked(ws.NewCloseFrame(nil))

// wantGoodbye reads a close frame, answers it and waits for the end.
func (c *socket) wantGoodbye(code ws.StatusCode) {
	c.t.Helper()
	c.wantClose(code)
	c.write(closeAnswer)
	c.wantEnd()
}

// certificates returns the settings of a TLS server and of its clients.
func certificates(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"example.com"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "example.com"}
}
