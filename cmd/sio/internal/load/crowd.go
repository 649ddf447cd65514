// SPDX-License-Identifier: MIT

package load

import (
	"errors"
	"net"
	"sync"
	"time"
)

// crowd is a loop with a goroutine for each connection: for systems without epoll.
type crowd struct {
	links   []*link
	mu      sync.Mutex // held while runner is called
	over    bool       // it must not be called any more
	readers sync.WaitGroup
}

func (c *crowd) add(l *link, conn *net.TCPConn, early []byte) error {
	l.socket = socket{conn: conn}
	l.scanner.feed(early, func(*message) {})
	c.links = append(c.links, l)
	return nil
}

func (c *crowd) run(r *runner) error {
	for _, l := range c.links {
		c.readers.Go(func() { c.read(r, l) })
	}
	for {
		c.mu.Lock()
		wait, more := r.tick()
		c.flush(r)
		c.over = !more
		c.mu.Unlock()
		if !more {
			c.close()
			return nil
		}
		<-time.After(min(wait, 5*time.Millisecond))
	}
}

func (c *crowd) read(r *runner, l *link) {
	buf := make([]byte, 32<<10)
	for {
		n, err := l.socket.conn.Read(buf)
		c.mu.Lock()
		if c.over {
			c.mu.Unlock()
			return
		}
		r.now = time.Now()
		if n > 0 && !l.scanner.feed(buf[:n], func(m *message) { r.message(l, m) }) {
			err = errors.New("the server sent what is no frame")
		}
		c.flush(r)
		if err != nil && !errors.Is(err, net.ErrClosed) {
			r.lost(l, err)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// flush writes what was queued. A peer that does not read makes all wait: it is measured
// after all.
func (c *crowd) flush(r *runner) {
	for _, l := range r.dirty {
		l.dirty = false
		if _, err := l.socket.conn.Write(l.out); err != nil && !errors.Is(err, net.ErrClosed) {
			r.lost(l, err)
		}
		l.out = l.out[:0]
	}
	r.dirty = r.dirty[:0]
}

func (c *crowd) close() {
	for _, l := range c.links {
		_ = l.socket.conn.Close()
	}
	c.readers.Wait()
}
