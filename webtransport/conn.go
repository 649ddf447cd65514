// SPDX-License-Identifier: MIT

package webtransport

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/webtransport-go"
)

// lingerTimeout is how long a client may take to read what it was sent last.
const lingerTimeout = time.Second

// conn is the one stream of a session that is used, as a net.Conn, at the server.
type conn struct {
	*webtransport.Stream
	session *webtransport.Session
	closed  atomic.Bool

	writing sync.Mutex // held by Write: Close must not end the stream meanwhile
	wrote   bool       // guarded by writing
}

// Read reads from the stream. The end of the session, or of the connection that carries it,
// is its end.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	return n, c.ending(err, io.EOF)
}

// Write writes to the stream.
func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.wrote = true
	n, err := c.Stream.Write(p)
	return n, c.ending(err, io.ErrClosedPipe)
}

// ending returns what an error of the stream is for a net.Conn: over says that the peer
// has ended the session or the connection, of which QUIC has many ways to tell.
func (c *conn) ending(err, over error) error {
	_, reset := errors.AsType[*webtransport.StreamError](err)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return err
	case c.closed.Load():
		return net.ErrClosed
	case reset || errors.Is(err, os.ErrDeadlineExceeded):
		return err
	}
	return over
}

// Close ends the stream and then the session. The end of a session makes a client drop
// what it has not read yet, even if it has arrived, and what is lost on the way is not sent
// again. So Close waits in between, for a client that closes the session by itself, as
// those do that were told to go, but for lingerTimeout at most.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	_ = c.SetDeadline(time.Unix(1, 0)) // ends a Write
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.Stream.Close()
	if c.wrote {
		timer := time.NewTimer(lingerTimeout)
		defer timer.Stop()
		select {
		case <-c.session.Context().Done():
		case <-timer.C:
		}
	}
	return c.session.CloseWithError(0, "")
}

// LocalAddr returns this side's UDP address.
func (c *conn) LocalAddr() net.Addr { return c.session.LocalAddr() }

// RemoteAddr returns the peer's UDP address.
func (c *conn) RemoteAddr() net.Addr { return c.session.RemoteAddr() }

// clientConn is a conn at the client.
type clientConn struct{ conn }

// Read reads from the stream. The end of the session is its end.
func (c *clientConn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	return n, c.ending(err, io.EOF)
}

// Write writes to the stream.
func (c *clientConn) Write(p []byte) (int, error) {
	n, err := c.Stream.Write(p)
	return n, c.ending(err, io.ErrClosedPipe)
}

// ending keeps errors of the connection: the client wants to know what was wrong with it.
func (c *clientConn) ending(err, over error) error {
	if _, ended := errors.AsType[*webtransport.SessionError](err); err != nil && (ended || c.closed.Load()) {
		return c.conn.ending(err, over)
	}
	return err
}

// CloseWrite ends the stream after what was written. It must not be called during Write.
func (c *clientConn) CloseWrite() error { return c.ending(c.Stream.Close(), io.ErrClosedPipe) }

// Close ends the session, and with it the QUIC connection.
func (c *clientConn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	return c.session.CloseWithError(0, "")
}
