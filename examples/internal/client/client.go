// SPDX-License-Identifier: MIT

// Package client speaks just enough Engine.IO and Socket.IO to try the examples: raw
// packets in the namespace "/", over polling and WebSocket. It is for tests only.
package client

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// patience is how long an answer may take. It only makes a hanging test readable.
const patience = time.Minute

// A Client is one connection. It is not safe for concurrent use. What goes wrong ends
// the test, so that it belongs to the test's own goroutine.
type Client struct {
	// Header is that of the last response.
	Header http.Header
	// Proto is the protocol of the last polling response, such as "HTTP/1.1".
	Proto string
	// TLS is the state of the WebSocket's connection, nil without TLS.
	TLS *tls.ConnectionState

	t    testing.TB
	http *http.Client
	url  *url.URL // of the server, with Socket.IO's path
	sid  string
	in   []string // packets that came together with others

	conn net.Conn // nil: polling
	r    io.Reader
}

// New returns a client that is not connected. base is the URL of the server, path that
// of Socket.IO on it. The jar and the certificates of hc are used for WebSockets too.
func New(t testing.TB, hc *http.Client, base, path string) *Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("the server's URL: %v", err)
	}
	u.Path = path
	return &Client{t: t, http: hc, url: u}
}

// Poll opens a session with a polling request and joins "/". It returns what the server
// says to that: 40 and an object, or 44 and an error.
func (c *Client) Poll() string {
	c.t.Helper()
	c.opened(c.Next())
	c.Send("40")
	return c.Next()
}

// Dial opens a session with a WebSocket and joins "/", like Poll.
func (c *Client) Dial() string {
	c.t.Helper()
	c.dial()
	c.opened(c.Next())
	c.Send("40")
	return c.Next()
}

// Upgrade moves the session from polling to a WebSocket.
func (c *Client) Upgrade() {
	c.t.Helper()
	c.dial()
	c.Send("2probe")
	if p := c.Next(); p != "3probe" {
		c.t.Fatalf("got %q, want 3probe", p)
	}
	c.Send("5")
}

// Send sends one packet.
func (c *Client) Send(packet string) {
	c.t.Helper()
	if c.conn != nil {
		if err := wsutil.WriteClientText(c.conn, []byte(packet)); err != nil {
			c.t.Fatalf("send %q: %v", packet, err)
		}
		return
	}
	if body := c.request(http.MethodPost, packet); body != "ok" {
		c.t.Fatalf("send %q: got %q, want ok", packet, body)
	}
}

// Next waits for the next packet. Pings are answered and left out.
func (c *Client) Next() string {
	c.t.Helper()
	for {
		p, err := c.next()
		if err != nil {
			c.t.Fatalf("receive: %v", err)
		}
		if p != "2" {
			return p
		}
		c.Send("3")
	}
}

// Closed waits for the end of a WebSocket, and fails if a packet comes instead.
func (c *Client) Closed() {
	c.t.Helper()
	p, err := c.next()
	if err == nil {
		c.t.Fatalf("got %q, want the end of the connection", p)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatal("the connection is still open")
	}
}

func (c *Client) next() (string, error) {
	if c.conn != nil {
		c.conn.SetReadDeadline(time.Now().Add(patience))
		data, _, err := wsutil.ReadServerData(c.readWriter())
		return string(data), err
	}
	for len(c.in) == 0 {
		c.in = strings.Split(c.request(http.MethodGet, ""), "\x1e")
	}
	p := c.in[0]
	c.in = c.in[1:]
	return p, nil
}

// opened reads the session's id from an open packet.
func (c *Client) opened(packet string) {
	c.t.Helper()
	_, rest, ok := strings.Cut(packet, `"sid":"`)
	sid, _, ok2 := strings.Cut(rest, `"`)
	if !strings.HasPrefix(packet, "0{") || !ok || !ok2 {
		c.t.Fatalf("got %q, want an open packet", packet)
	}
	c.sid = sid
}

// target returns the URL of a request.
func (c *Client) target(transport string) *url.URL {
	u := *c.url
	q := url.Values{"EIO": {"4"}, "transport": {transport}}
	if c.sid != "" {
		q.Set("sid", c.sid)
	}
	u.RawQuery = q.Encode()
	return &u
}

func (c *Client) request(method, body string) string {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.target("polling").String(), strings.NewReader(body))
	if err != nil {
		c.t.Fatalf("request: %v", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	c.Header, c.Proto = resp.Header, resp.Proto
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: got status %s, %q", method, resp.Status, data)
	}
	return string(data)
}

// dial opens a WebSocket on a connection of its own, with the cookies of the jar.
func (c *Client) dial() {
	c.t.Helper()
	c.Header = http.Header{}
	dialer := ws.Dialer{
		Timeout: patience,
		OnHeader: func(key, value []byte) error {
			c.Header.Add(string(key), string(value))
			return nil
		},
	}
	if c.http.Jar != nil {
		var cookies []string
		for _, cookie := range c.http.Jar.Cookies(c.url) {
			cookies = append(cookies, cookie.String())
		}
		if len(cookies) > 0 {
			dialer.Header = ws.HandshakeHeaderHTTP{"Cookie": {strings.Join(cookies, "; ")}}
		}
	}
	u := c.target("websocket")
	u.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
	if u.Scheme == "wss" {
		dialer.TLSConfig = &tls.Config{ServerName: u.Hostname()}
		if tr, ok := c.http.Transport.(*http.Transport); ok && tr.TLSClientConfig != nil {
			dialer.TLSConfig.RootCAs = tr.TLSClientConfig.RootCAs
		}
		dialer.TLSConfig.NextProtos = []string{"http/1.1"} // as browsers do for a WebSocket
	}
	conn, early, _, err := dialer.Dial(c.t.Context(), u.String())
	if err != nil {
		c.t.Fatalf("dial: %v", err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	c.conn, c.r = conn, conn
	if early != nil {
		c.r = early
	}
	if secure, ok := conn.(*tls.Conn); ok {
		state := secure.ConnectionState()
		c.TLS = &state
	}
}

// readWriter returns the connection with what came together with the handshake.
func (c *Client) readWriter() io.ReadWriter {
	return struct {
		io.Reader
		io.Writer
	}{c.r, c.conn}
}
