// SPDX-License-Identifier: MIT

package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	bufferLen = 64 << 10 // unread bytes that a direction holds
	keepLen   = 4 << 10  // an empty buffer of up to this size is kept
)

// half is one direction of a connection.
type half struct {
	mu             sync.Mutex
	cond           sync.Cond // anything below has changed
	buf            []byte    // buf[off:] is unread
	off            int
	busy           bool // a Write is going on: others wait, so that they do not mix
	finished       bool // CloseWrite was called
	reader, writer side
}

// side is what one of the two ends has done to a half.
type side struct {
	closed  bool
	expired bool        // the deadline is over
	timer   *time.Timer // makes it so; nil if there is none to come
}

func newHalf() *half {
	h := &half{}
	h.cond.L = &h.mu
	return h
}

// err returns why the side can do nothing any more, or nil.
func (s *side) err() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if err := h.reader.err(); err != nil {
			return 0, err
		}
		if len(p) == 0 {
			return 0, nil
		}
		if h.off < len(h.buf) {
			break
		}
		if h.finished || h.writer.closed {
			return 0, io.EOF
		}
		h.cond.Wait()
	}
	n := copy(p, h.buf[h.off:])
	if h.off += n; h.off == len(h.buf) {
		h.off, h.buf = 0, h.buf[:0]
		if cap(h.buf) > keepLen {
			h.buf = nil
		}
	}
	h.cond.Broadcast()
	return n, nil
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.busy && h.writeErr() == nil {
		h.cond.Wait()
	}
	if err := h.writeErr(); err != nil {
		return 0, err
	}
	h.busy = true
	defer func() {
		h.busy = false
		h.cond.Broadcast()
	}()
	for len(p) > 0 {
		free := bufferLen - (len(h.buf) - h.off)
		if free == 0 {
			h.cond.Wait()
			if err := h.writeErr(); err != nil {
				return n, err
			}
			continue
		}
		k := min(free, len(p))
		if h.off > 0 && len(h.buf)+k > cap(h.buf) {
			h.buf = h.buf[:copy(h.buf, h.buf[h.off:])]
			h.off = 0
		}
		h.buf = append(h.buf, p[:k]...)
		n, p = n+k, p[k:]
		h.cond.Broadcast()
	}
	return n, nil
}

// writeErr returns why nothing can be written any more, or nil.
func (h *half) writeErr() error {
	if err := h.writer.err(); err != nil {
		return err
	}
	if h.finished || h.reader.closed {
		return os.NewSyscallError("write", syscall.EPIPE)
	}
	return nil
}

// close closes one side and reports whether it was open.
func (h *half) close(s *side) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	s.stop()
	if h.reader.closed {
		h.buf, h.off = nil, 0 // nobody will read it
	}
	h.cond.Broadcast()
	return true
}

// finish marks the end of the data and reports whether the writer is open.
func (h *half) finish() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.writer.closed {
		return false
	}
	h.finished = true
	h.cond.Broadcast()
	return true
}

// setDeadline reports whether the side is open.
func (h *half) setDeadline(s *side, t time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return false
	}
	s.stop()
	s.expired = false
	if t.IsZero() {
		return true
	}
	d := time.Until(t)
	if d <= 0 {
		s.expired = true
		h.cond.Broadcast()
		return true
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if s.timer == timer { // and not one that came too late to be stopped
			s.timer, s.expired = nil, true
			h.cond.Broadcast()
		}
	})
	s.timer = timer
	return true
}

func (s *side) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}
