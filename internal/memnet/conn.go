// SPDX-License-Identifier: MIT

package memnet

import (
	"errors"
	"io"
	"net"
	"time"
)

// Conn is one end of a connection. All methods may be called concurrently;
// the bytes of concurrent Writes do not mix. Errors are *net.OpError, except
// io.EOF.
type Conn struct {
	in, out       *half
	local, remote net.Addr
}

// Pipe returns the two ends of a connection, "mem:1" and "mem:2".
func Pipe() (a, b *Conn) { return pipe(Addr(1), Addr(2)) }

func pipe(here, there net.Addr) (a, b *Conn) {
	up, down := newHalf(), newHalf()
	return &Conn{in: down, out: up, local: here, remote: there},
		&Conn{in: up, out: down, local: there, remote: here}
}

// Read waits for data. It returns io.EOF when the peer has closed its end, or
// that direction, and everything sent before has been read. An expired
// deadline gives os.ErrDeadlineExceeded, an own Close net.ErrClosed.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = c.error("read", err)
	}
	return n, err
}

// Write returns once all of p is in the peer's buffer of 64 KiB, or with what
// was taken until then and an error: syscall.EPIPE if the peer has closed its
// end or CloseWrite was called, os.ErrDeadlineExceeded, or net.ErrClosed after
// an own Close.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	if err != nil {
		err = c.error("write", err)
	}
	return n, err
}

// Close ends both directions. The peer can still read what was written. Other
// than with TCP, unread data on this end resets nothing. A second call returns
// an error that matches net.ErrClosed.
func (c *Conn) Close() error {
	first := c.in.close(&c.in.reader)
	c.out.close(&c.out.writer)
	if !first {
		return c.error("close", net.ErrClosed)
	}
	return nil
}

// CloseWrite ends the outgoing direction: the peer reads io.EOF after what
// was written, and can still write.
func (c *Conn) CloseWrite() error {
	if !c.out.finish() {
		return c.error("close", net.ErrClosed)
	}
	return nil
}

// LocalAddr returns the Addr of this end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the Addr of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets when Read, a pending one too, fails; zero means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(c.in, &c.in.reader, t)
}

// SetWriteDeadline sets when Write, a pending one too, fails; zero means never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(c.out, &c.out.writer, t)
}

func (c *Conn) setDeadline(h *half, s *side, t time.Time) error {
	if !h.setDeadline(s, t) {
		return c.error("set", net.ErrClosed)
	}
	return nil
}

func (c *Conn) error(op string, err error) error {
	return &net.OpError{Op: op, Net: "mem", Source: c.local, Addr: c.remote, Err: err}
}
