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
	"sync/atomic"
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
	control control
	join    []byte // the frame that joins the namespace
	joined  string // how the answer to it begins

	sources int           // addresses to connect from, 127.0.0.1 and on; 0: the kernel's choice
	dialed  *atomic.Int64 // connections so far
}

// perSource is how many connections come from one address. It has some 28,000 ports, but
// the kernel takes its time to find one when half of them are in use.
const perSource = 10_000

func newDialer(cfg *Config) (*dialer, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	d := &dialer{cfg: cfg, addr: u.Host, host: u.Host, secure: u.Scheme == "https" || u.Scheme == "wss", dialed: new(atomic.Int64)}
	if n := cfg.Connections + cfg.Idle + cfg.Stalled; n > perSource && strings.HasPrefix(u.Hostname(), "127.") {
		d.sources = min(1+n/perSource, 250)
	}
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
	// Clients wait for the handshake, and some servers lose what comes before it.
	if err = d.expect(r, "0"); err == nil {
		_, err = c.Write(d.join)
	}
	if err == nil {
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
	if d.sources > 0 {
		last := 1 + d.dialed.Add(1)%int64(d.sources)
		nd.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(last))}
		nd.Control = both(latePort, d.control)
	}
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

type control = func(network, address string, c syscall.RawConn) error

// both does the one, and the other unless it is nil.
func both(one, other control) control {
	return func(network, address string, c syscall.RawConn) error {
		if err := one(network, address, c); err != nil || other == nil {
			return err
		}
		return other(network, address, c)
	}
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
		m, op, err := readMessage(r)
		switch {
		case err != nil:
			return fmt.Errorf("waiting for the packet %q: %w", text, err)
		case bytes.HasPrefix(m, []byte(text)):
			return nil
		case bytes.HasPrefix(m, []byte("44")):
			return fmt.Errorf("the server refused the namespace: %s", m[2:])
		case op == ws.OpClose:
			return errors.New("the server closed the connection")
		}
	}
}

// readMessage reads a message, which may come in fragments, or a control frame.
func readMessage(r *bufio.Reader) (data []byte, op ws.OpCode, err error) {
	for {
		h, err := ws.ReadHeader(r)
		if err != nil {
			return nil, 0, err
		}
		if h.Length > maxPacket-int64(len(data)) {
			return nil, 0, fmt.Errorf("a message of more than %d bytes came", maxPacket)
		}
		at := len(data)
		data = append(data, make([]byte, h.Length)...)
		if _, err = io.ReadFull(r, data[at:]); err != nil {
			return nil, 0, err
		}
		if h.Fin {
			return data, h.OpCode, nil
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
