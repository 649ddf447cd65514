// SPDX-License-Identifier: MIT

// Package memnet is a network in memory, for tests: a net.Listener and
// buffered net.Conns that behave like TCP on one machine.
//
// Whatever waits, waits on a sync.Cond, and deadlines come from time.AfterFunc.
// So in a bubble of testing/synctest every wait is durably blocking and virtual
// time drives the deadlines.
package memnet

import (
	"context"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// Addr is the address of a listener (0) or of a dialing end (1, 2, ...). It
// reads "mem:1", which net.SplitHostPort understands.
type Addr int

// Network returns "mem".
func (Addr) Network() string { return "mem" }

// String returns "mem:" and the number.
func (a Addr) String() string { return "mem:" + strconv.Itoa(int(a)) }

// Listener is a net.Listener whose address is "mem:0". All methods may be
// called concurrently. Listen makes one.
type Listener struct {
	mu     sync.Mutex
	cond   sync.Cond // a connection is pending, or closed is set
	dialed int
	queue  []*Conn // dialed and not yet accepted
	closed bool
}

// Listen returns a listener that only its own Dial reaches.
func Listen() *Listener {
	l := &Listener{}
	l.cond.L = &l.mu
	return l
}

// Dial connects to the listener and returns the client's end. It does not
// wait for Accept; the backlog has no limit. The error matches
// syscall.ECONNREFUSED if the listener is closed, or is that of ctx.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := ctx.Err()
	if l.closed && err == nil {
		err = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "mem", Addr: l.Addr(), Err: err}
	}
	l.dialed++
	client, server := pipe(Addr(l.dialed), l.Addr())
	l.queue = append(l.queue, server)
	l.cond.Signal()
	return client, nil
}

// DialContext is Dial in the form that http.Transport and others want. It
// pays no regard to network and address.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return l.Dial(ctx)
}

// Accept waits for a connection. After Close the error matches net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 && !l.closed {
		l.cond.Wait()
	}
	if l.closed {
		return nil, l.error("accept")
	}
	c := l.queue[0]
	l.queue = l.queue[1:]
	return c, nil
}

// Close ends the listener and the connections that were not accepted yet, but
// no others. A second call returns an error that matches net.ErrClosed.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.error("close")
	}
	l.closed = true
	for _, c := range l.queue {
		_ = c.Close()
	}
	l.queue = nil
	l.cond.Broadcast()
	return nil
}

// Addr returns Addr(0).
func (l *Listener) Addr() net.Addr { return Addr(0) }

func (l *Listener) error(op string) error {
	return &net.OpError{Op: op, Net: "mem", Addr: l.Addr(), Err: net.ErrClosed}
}
