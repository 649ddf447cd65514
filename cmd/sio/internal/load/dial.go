// SPDX-License-Identifier: MIT

package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"
)

// dialTimeout limits how long one connection may take.
const dialTimeout = 10 * time.Second

// dialer opens connections.
type dialer struct {
	cfg    *Config
	addr   string // to connect to
	host   string // of the Host field
	secure bool   // TLS, whatever the certificate says
	// control prepares the sockets; nil: as they are.
	control func(network, address string, c syscall.RawConn) error
	join    []byte // the frame that joins the namespace
	joined  string // how the answer to it begins
}

func newDialer(cfg *Config) (*dialer, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	d := &dialer{cfg: cfg, addr: u.Host, host: u.Host, secure: u.Scheme == "https" || u.Scheme == "wss"}
	if u.Port() == "" {
		port := "80"
		if d.secure {
			port = "443"
		}
		d.addr = net.JoinHostPort(u.Hostname(), port)
	}
	prefix := ""
	if cfg.Namespace != "/" {
		prefix = cfg.Namespace + ","
	}
	d.join, d.joined = textFrame("40"+prefix), "40"+prefix
	return d, nil
}

// open opens a connection over WebSocket that has joined the namespace. early is what has
// come behind the answer to that.
// Of a connection over TLS only the one below it is returned: to be held, and not to be used.
func (d *dialer) open(ctx context.Context) (conn *net.TCPConn, early []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, r, err := d.socket(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	if _, err = c.Write(d.join); err == nil {
		err = d.expect(r, d.joined)
	}
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	early, _ = r.Peek(r.Buffered())
	conn = below(c)
	return conn, early, conn.SetDeadline(time.Time{})
}

// below returns the TCP connection that conn is, or uses.
func below(conn net.Conn) *net.TCPConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	return conn.(*net.TCPConn) //nolint:forcetypeassert // socket dials tcp
}

// socket opens a WebSocket, for a session that polls if sid is not "".
func (d *dialer) socket(ctx context.Context, sid string) (net.Conn, *bufio.Reader, error) {
	nd := net.Dialer{Control: d.control}
	conn, err := nd.DialContext(ctx, "tcp", d.addr)
	if err != nil {
		return nil, nil, err
	}
	if d.secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nothing secret is sent
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	request := "GET " + d.cfg.Path + "?EIO=4&transport=websocket"
	if sid != "" {
		request += "&sid=" + sid
	}
	request += " HTTP/1.1\r\nHost: " + d.host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2lvIGJlbmNoIHNpbyBiZQ==\r\n"
	if d.cfg.Deflate {
		request += "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
	}
	r := bufio.NewReaderSize(conn, 4<<10)
	if _, err = io.WriteString(conn, request+"\r\n"); err == nil {
		err = switched(r)
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, r, nil
}

// switched reads the response to a handshake.
func switched(r *bufio.Reader) error {
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		return fmt.Errorf("the server answered the WebSocket handshake with status %s: %s", response.Status, bytes.TrimSpace(body))
	}
	return nil
}

// maxPacket is the size of the largest packet before the load begins.
const maxPacket = 64 << 10

// expect reads messages until one begins with text.
func (d *dialer) expect(r *bufio.Reader, text string) error {
	for {
		h, err := ws.ReadHeader(r)
		if err != nil {
			return fmt.Errorf("waiting for the packet %q: %w", text, err)
		}
		if h.Length > maxPacket {
			return fmt.Errorf("waiting for the packet %q: another one of %d bytes came", text, h.Length)
		}
		payload := make([]byte, h.Length)
		_, err = io.ReadFull(r, payload)
		switch {
		case err != nil:
			return fmt.Errorf("waiting for the packet %q: %w", text, err)
		case bytes.HasPrefix(payload, []byte(text)):
			return nil
		case bytes.HasPrefix(payload, []byte("44")):
			return fmt.Errorf("the server refused the namespace: %s", payload[2:])
		case h.OpCode == ws.OpClose:
			return errors.New("the server closed the connection")
		}
	}
}

// upgrade opens a session by polling, joins the namespace, and moves the session to
// WebSocket, as the official client does.
func (d *dialer) upgrade(ctx context.Context, client *http.Client) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	base := "http://" + d.host + d.cfg.Path + "?EIO=4&transport=polling"
	body, err := request(ctx, client, http.MethodGet, base, "")
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(body, `"sid":"`)
	sid, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return nil, fmt.Errorf("no handshake: %.100s", body)
	}
	base += "&sid=" + sid
	if _, err = request(ctx, client, http.MethodPost, base, "40"); err != nil {
		return nil, err
	}
	for body = ""; !strings.Contains(body, "40"); {
		if body, err = request(ctx, client, http.MethodGet, base, ""); err != nil {
			return nil, err
		}
	}
	polled := make(chan error, 1) // a GET that waits, which the server ends
	var polling sync.WaitGroup
	polling.Go(func() {
		_, err := request(ctx, client, http.MethodGet, base, "")
		polled <- err
	})
	defer polling.Wait()
	conn, r, err := d.socket(ctx, sid)
	if err != nil {
		cancel()
		return nil, err
	}
	if _, err = conn.Write(textFrame("2probe")); err == nil {
		err = d.expect(r, "3probe")
	}
	if err == nil {
		if err = <-polled; err == nil {
			_, err = conn.Write(textFrame("5"))
		}
	}
	if err != nil {
		cancel()
		_ = conn.Close()
		return nil, err
	}
	return below(conn), nil
}

func request(ctx context.Context, client *http.Client, method, address, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the server answered a polling request with status %s", response.Status)
	}
	return string(text), err
}

// dialers is how many connections are opened at a time.
const dialers = 16

// openAll opens connections and calls each with every one, one at a time.
func (d *dialer) openAll(ctx context.Context, n int, each func(conn *net.TCPConn, early []byte)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	opened, asked := 0, 0
	next := func() bool {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return asked <= n && ctx.Err() == nil
	}
	var group sync.WaitGroup
	for range min(dialers, n) {
		group.Go(func() {
			for next() {
				conn, early, err := d.open(ctx)
				if err != nil {
					cancel(fmt.Errorf("connecting to %s: %w", d.addr, err))
					return
				}
				mu.Lock()
				each(conn, early)
				if opened++; opened%500 == 0 {
					d.cfg.Progress(fmt.Sprintf("%s: %d of %d connected", d.cfg.Scenario, opened, n))
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}
