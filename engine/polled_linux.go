// SPDX-License-Identifier: MIT

//go:build linux && !386 && !s390x && !sio_goroutines

package engine

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// polled is a connection that a poller waits for: no goroutine of its own reads it, and
// what the peer does not take is written when the poller says so.
type polled struct {
	owner *duplex
	set   *epoll
	fd    int

	// mu guards the fields below. Session.mu may be held when it is taken.
	mu      sync.Mutex
	mask    uint32 // the events that are told
	started bool
	paused  bool // Session.Pause
	reading bool // a worker is at it
	lent    bool // and has handed its set over
	writing bool // a goroutine writes rest
	over    bool // nothing is to be read any more, because of cause
	cause   error
	ended   bool // and nothing is: owner.finish was called
	hung    bool // nothing is written any more either
	rest    *remainder
	timer   *time.Timer // of setDeadline
	due     time.Time

	worker *worker // that is reading; only its goroutine uses it
}

// remainder is what the kernel has not taken of a batch.
type remainder struct {
	batch  []*Message
	pieces net.Buffers
}

// readsInTurn is how many reads a connection has before it is another's turn.
const readsInTurn = 8

// update has the poller tell what is of interest. It is called with mu held.
func (c *polled) update() {
	mask := uint32(0)
	if c.started && !c.paused && !c.over && !c.lent {
		mask |= syscall.EPOLLIN
	}
	if c.rest != nil && !c.writing && !c.hung {
		mask |= syscall.EPOLLOUT
	}
	if err := c.set.change(c.fd, c.mask, mask); err != nil {
		// The set is out of memory: without it nothing is found out any more.
		c.mask = 0
		c.endLocked(err)
		return
	}
	c.mask = mask
}

// start begins to read.
func (c *polled) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = true
	c.update()
	c.finishLocked()
}

// end is endLocked.
func (c *polled) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(err)
}

// pause stops reading after what is being handled, or goes on with it.
func (c *polled) pause(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused != on {
		c.paused = on
		c.update()
	}
}

// event handles what the poller has told.
func (c *polled) event(w *worker, events uint32) {
	c.mu.Lock()
	told := events & (c.mask | syscall.EPOLLERR | syscall.EPOLLHUP)
	if told&^syscall.EPOLLIN != 0 && c.rest != nil && !c.writing {
		c.writing = true
		c.update()
		go c.writeOn()
	}
	if told == 0 || c.mask&syscall.EPOLLIN == 0 || c.reading {
		c.mu.Unlock()
		return
	}
	c.reading, c.worker = true, w
	c.mu.Unlock()
	more, err := c.read(w.buf)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading, c.worker = false, nil
	if !more {
		c.endLocked(err)
		return
	}
	if c.lent {
		c.lent = false
		c.update()
	}
	c.finishLocked()
}

// read reads what has arrived. It reports false if nothing more is to be read.
func (c *polled) read(buf []byte) (more bool, err error) {
	for range readsInTurn {
		n, errno := rawRead(uintptr(c.fd), buf)
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return true, nil
		case errno != 0:
			return false, errno
		case n == 0:
			return false, io.EOF
		case !c.owner.read(buf[:n]):
			return false, nil
		case n < len(buf) || c.stopped():
			return true, nil
		}
	}
	return true, nil
}

func (c *polled) stopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused || c.over
}

// endLocked notes that nothing more is to be read; nil is an end that the owner wants.
func (c *polled) endLocked(err error) {
	if !c.over {
		c.over, c.cause = true, err
	}
	c.finishLocked()
}

// finishLocked has the owner finish, once and when nobody reads, on a goroutine of its own:
// it waits for writers, and tells the user.
func (c *polled) finishLocked() {
	if !c.over || c.ended || c.reading || !c.started {
		return
	}
	c.ended = true
	c.update()
	go c.owner.finish(c.cause) // counted in Server.goroutines
}

// mayBlock is called by what a worker calls, before something that may wait.
func (c *polled) mayBlock() {
	if c.worker == nil {
		return
	}
	c.mu.Lock()
	c.lent = true
	c.update()
	c.mu.Unlock()
	c.worker.handOver()
}

// hangUp ends what reads and writes, now and later.
func (c *polled) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hung = true
	c.dropRest()
	c.endLocked(net.ErrClosed)
}

// dropRest ends the wait for the peer to take what is left.
func (c *polled) dropRest() {
	if rest := c.rest; rest != nil && !c.writing {
		c.rest = nil
		c.update()
		go c.owner.restWritten(rest.batch, net.ErrClosed) // counted in owner.writers
	}
}

// setDeadline hangs up at t; the zero time means never.
func (c *polled) setDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due = t
	switch {
	case t.IsZero():
		if c.timer != nil {
			c.timer.Stop()
			c.timer = nil
		}
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(t), c.expire)
	default:
		c.timer.Reset(time.Until(t))
	}
}

func (c *polled) expire() {
	c.mu.Lock()
	due := c.due
	c.mu.Unlock()
	if !due.IsZero() && !time.Now().Before(due) {
		c.hangUp()
	}
}

// tryWrite writes without waiting, and returns what the kernel did not take.
func (c *polled) tryWrite(batch []*Message) (rest net.Buffers, err error) {
	c.mu.Lock()
	hung := c.hung
	c.mu.Unlock()
	if hung {
		return nil, net.ErrClosed
	}
	w := batchWrites.Get().(*batchWrite)
	w.batch = batch
	w.run(uintptr(c.fd))
	rest, err = w.rest, w.err
	w.batch, w.rest, w.err, w.copied = nil, nil, nil, false
	batchWrites.Put(w)
	return rest, err
}

// writeLater keeps what is left of a batch until the peer takes it. owner.restWritten
// follows.
func (c *polled) writeLater(batch []*Message, pieces net.Buffers) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest = &remainder{batch, pieces}
	if c.hung {
		c.dropRest()
		return
	}
	c.update()
}

// writeOn writes what the kernel takes now.
func (c *polled) writeOn() {
	rest := c.rest
	var err error
	for err == nil && len(rest.pieces) > 0 {
		piece := rest.pieces[0]
		var n int
		n, err = writeFull(uintptr(c.fd), piece)
		if n < len(piece) {
			rest.pieces[0] = piece[n:]
			break
		}
		rest.pieces = rest.pieces[1:]
	}
	c.mu.Lock()
	c.writing = false
	if err == nil && len(rest.pieces) > 0 {
		if c.hung {
			c.dropRest()
		} else {
			c.update()
		}
		c.mu.Unlock()
		return
	}
	c.rest = nil
	c.update()
	c.mu.Unlock()
	c.owner.restWritten(rest.batch, err)
}

// abandon gives up what is left to be written. The owner, which has ended, then waits for
// its writers and calls close.
func (c *polled) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hung = true
	c.dropRest()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// close closes the connection, which nobody reads or writes any more.
func (c *polled) close() {
	c.abandon()
	c.mu.Lock()
	c.over, c.ended, c.hung = true, true, true
	c.update()
	c.mu.Unlock()
	c.set.poller.remove(c)
	c.closeFD()
}

func (c *polled) closeFD() {
	if c.fd >= 0 {
		_ = syscall.Close(c.fd)
	}
}
