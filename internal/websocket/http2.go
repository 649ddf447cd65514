// SPDX-License-Identifier: MIT

package websocket

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// acceptStream answers an extended CONNECT (RFC 8441): the stream becomes the connection.
func acceptStream(w http.ResponseWriter, r *http.Request, header http.Header, n *negotiation, timeout time.Duration, first []byte) (*Upgrade, error) {
	text, err := n.extensions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, err
	}
	h := w.Header()
	for name, values := range header {
		h[name] = values
	}
	for _, name := range own {
		h.Del(name)
	}
	if protocol := offered(r); protocol != "" {
		h.Set("Sec-WebSocket-Protocol", protocol)
	}
	if text != "" {
		h.Set("Sec-WebSocket-Extensions", text)
	}
	if len(h) == 0 { // Flush waits until the response is written only if it has a field
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	rc := http.NewResponseController(w)
	// The deadlines of http.Server are for requests, not for streams that stay.
	_ = rc.SetReadDeadline(time.Time{})
	_ = rc.SetWriteDeadline(time.Now().Add(timeout))
	w.WriteHeader(http.StatusOK)
	if len(first) > 0 {
		_, _ = w.Write(first) // Flush tells
	}
	if err := rc.Flush(); err != nil {
		return nil, err
	}
	_ = rc.SetWriteDeadline(time.Time{})
	c := &streamConn{w: w, rc: rc, r: r, done: make(chan struct{})}
	return &Upgrade{Conn: c, Params: n.params, closed: c.done}, nil
}

// streamConn is a net.Conn over an HTTP/2 stream.
type streamConn struct {
	r    *http.Request
	done chan struct{} // closed by Close, after which the handler returns

	writing sync.Mutex // held while something is written

	// mu guards the fields below. net/http panics if they are used after the handler
	// has returned.
	mu     sync.Mutex
	w      http.ResponseWriter
	rc     *http.ResponseController
	closed bool
}

// Read implements net.Conn. The body ends by itself when the handler returns.
func (c *streamConn) Read(p []byte) (int, error) {
	n, err := c.r.Body.Read(p)
	if errors.Is(err, http.ErrBodyReadAfterClose) {
		err = net.ErrClosed
	}
	return n, err
}

// Write implements net.Conn.
func (c *streamConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	w, rc, closed := c.w, c.rc, c.closed
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	n, err := w.Write(p)
	if err == nil {
		err = rc.Flush()
	}
	return n, err
}

// Close implements net.Conn. It ends what is being written.
func (c *streamConn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	if first {
		_ = c.rc.SetReadDeadline(time.Unix(1, 0))
	}
	if first && !c.writing.TryLock() {
		_ = c.rc.SetWriteDeadline(time.Unix(1, 0)) // resets the stream
		c.mu.Unlock()
		c.writing.Lock() // nobody writes any more
		c.mu.Lock()
	}
	c.mu.Unlock()
	if !first {
		return net.ErrClosed
	}
	defer c.writing.Unlock()
	close(c.done)
	return nil
}

// LocalAddr implements net.Conn.
func (c *streamConn) LocalAddr() net.Addr {
	addr, _ := c.r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return addr
}

// RemoteAddr implements net.Conn.
func (c *streamConn) RemoteAddr() net.Addr { return addr(c.r.RemoteAddr) }

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

// SetDeadline implements net.Conn. A deadline that has passed ends the stream.
func (c *streamConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *streamConn) SetReadDeadline(t time.Time) error {
	return c.set(t, (*http.ResponseController).SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (c *streamConn) SetWriteDeadline(t time.Time) error {
	return c.set(t, (*http.ResponseController).SetWriteDeadline)
}

func (c *streamConn) set(t time.Time, set func(*http.ResponseController, time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	return set(c.rc, t)
}
