// SPDX-License-Identifier: MIT

package engine

import (
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// stream reads and writes a connection. Over plain TCP on Linux it reads and writes
// without ever entering a call that may block, and holds no buffer while it waits;
// for any other connection, such as TLS, it uses the connection's own methods.
//
// A polled connection has no goroutine either: see poller.
type stream struct {
	polled *polled         // in place of conn; nil: a goroutine reads
	conn   net.Conn        // nil: not there yet, or polled
	raw    syscall.RawConn // nil unless raw calls are possible
	hung   atomic.Bool     // hangUp was called
	due    atomic.Int64    // deadline in Unix nanoseconds; 0: none
}

// open takes a connection over.
func (s *stream) open(d *duplex, conn net.Conn) {
	s.polled = d.session.server.poller.adopt(d, conn)
	if s.polled != nil {
		return
	}
	s.conn = conn
	if !rawCalls {
		return
	}
	switch c := conn.(type) { // not any syscall.Conn: it may be wrapped for a reason
	case *net.TCPConn:
		s.raw, _ = c.SyscallConn()
	case *net.UnixConn:
		s.raw, _ = c.SyscallConn()
	}
}

func (s *stream) isOpen() bool { return s.polled != nil || s.conn != nil }

// close closes the connection.
func (s *stream) close() {
	if s.polled != nil {
		s.polled.close()
	} else {
		_ = s.conn.Close()
	}
}

var past = time.Unix(1, 0)

// hangUp ends what reads and writes now and later. The reader closes the connection
// when it has ended. Close itself would wait until readRaw has ended, whose function
// may have called this one or wait for a lock of the caller, and over TLS it writes.
func (s *stream) hangUp() {
	if s.polled != nil {
		s.polled.hangUp()
		return
	}
	s.hung.Store(true)
	_ = s.conn.SetDeadline(past)
}

// setDeadline is that of the connection. It does not undo hangUp.
func (s *stream) setDeadline(t time.Time) {
	if s.polled != nil {
		s.polled.setDeadline(t)
		return
	}
	due := int64(0)
	if !t.IsZero() {
		due = t.UnixNano()
	}
	s.due.Store(due)
	_ = s.conn.SetDeadline(t)
	if s.hung.Load() {
		_ = s.conn.SetDeadline(past)
	}
}

const (
	readSize = 32 << 10
	// joinSize is the largest piece that is copied to be written together with others.
	// Beyond it copying costs more than a system call.
	joinSize = 16 << 10
	// copySize is the largest piece that is copied to be written later.
	copySize  = 512
	writeSize = 64 << 10
)

// Buffers are borrowed for the time between a wake-up and the next wait only.
var (
	readBuffers = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}
)

// readAll calls handle with what arrives, first with early, until handle returns
// false or the connection ends. The bytes are valid during the call only. After hangUp
// the error is net.ErrClosed.
func (s *stream) readAll(early []byte, handle func([]byte) bool) error {
	if len(early) > 0 && !handle(early) {
		return nil
	}
	read := s.readConn
	if s.raw != nil {
		read = s.readRaw
	}
	err := read(handle)
	if err != nil && s.hung.Load() {
		return net.ErrClosed
	}
	return err
}

// idleSize is the buffer that a connection holds while it waits, where that needs one.
const idleSize = 512

// readConn waits with a small buffer, and borrows a large one while there is more.
func (s *stream) readConn(handle func([]byte) bool) error {
	small := make([]byte, idleSize)
	for {
		n, err := s.conn.Read(small)
		if n > 0 && !handle(small[:n]) {
			return nil
		}
		if err == nil && n == len(small) {
			var more bool
			if more, err = s.readMore(handle); !more {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// readMore reads what follows a full buffer, until a large one is not full either. It reports false if no more is wanted.
func (s *stream) readMore(handle func([]byte) bool) (more bool, err error) {
	buf := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buf)
	for {
		n, err := s.conn.Read(*buf)
		if n > 0 && !handle((*buf)[:n]) {
			return false, nil
		}
		if err != nil || n < len(*buf) {
			return true, err
		}
	}
}

// readRaw reads within one RawConn.Read for the life of the connection: it returns
// false, which waits for more, only after a read that found nothing. Stopping at a
// short read would miss an end of file that came with the last bytes, because the
// runtime's poller reports each change once.
func (s *stream) readRaw(handle func([]byte) bool) error {
	var end error
	err := s.raw.Read(func(fd uintptr) bool {
		buf := readBuffers.Get().(*[]byte)
		defer readBuffers.Put(buf)
		for {
			n, errno := rawRead(fd, *buf)
			switch {
			case s.hung.Load():
				end = net.ErrClosed
				return true
			case errno == syscall.EINTR:
			case errno == syscall.EAGAIN:
				return false
			case errno != 0:
				end = errno
				return true
			case n == 0:
				end = io.EOF
				return true
			case !handle((*buf)[:n]):
				return true
			}
			// The poller is not asked while there is something to read.
			if due := s.due.Load(); due != 0 && time.Now().UnixNano() > due {
				end = os.ErrDeadlineExceeded
				return true
			}
		}
	})
	if end != nil {
		return end
	}
	return err
}

// tryWrite writes the batch without waiting and returns what the kernel did not take,
// in memory of its own. Without raw calls that is everything.
func (s *stream) tryWrite(batch []*Message) (rest net.Buffers, err error) {
	if s.polled != nil {
		return s.polled.tryWrite(batch)
	}
	if s.raw == nil {
		return s.join(batch), nil
	}
	w := batchWrites.Get().(*batchWrite)
	w.batch = batch
	err = s.raw.Write(w.call)
	if w.err != nil {
		err = w.err
	}
	rest = w.rest
	w.batch, w.rest, w.err, w.copied = nil, nil, nil, false
	batchWrites.Put(w)
	return rest, err
}

// each calls f with the pieces of the batch in order.
func each(batch []*Message, f func(piece []byte)) {
	for _, m := range batch {
		if m.buf != nil {
			f(m.buf[m.start:])
		}
		for _, a := range m.attachments {
			f(a.head)
			f(a.data)
		}
	}
}

// join returns the pieces of a batch, small ones put together.
func (s *stream) join(batch []*Message) net.Buffers {
	var out net.Buffers
	var small []byte
	each(batch, func(piece []byte) {
		if len(piece) <= joinSize {
			small = append(small, piece...)
			return
		}
		if len(small) > 0 {
			out = append(out, small)
			small = nil
		}
		out = append(out, piece)
	})
	if len(small) > 0 {
		out = append(out, small)
	}
	return out
}

// batchWrite is one tryWrite over a raw connection. It is borrowed, with its buffer and
// the function that the connection calls, so that a write allocates nothing.
type batchWrite struct {
	batch  []*Message
	fd     uintptr
	small  []byte   // pieces to be written together
	joined [][]byte // and the pieces themselves
	rest   net.Buffers
	copied bool // the last of rest is a copy of small pieces
	err    error
	call   func(fd uintptr) bool // run, made once
}

var batchWrites = sync.Pool{New: func() any {
	w := new(batchWrite)
	w.call = w.run
	return w
}}

// run joins small pieces and writes large ones as they are, until the kernel takes no
// more.
func (w *batchWrite) run(fd uintptr) bool {
	w.fd = fd
	if m := w.batch[0]; len(w.batch) == 1 && len(m.attachments) == 0 {
		w.write(m.buf[m.start:])
		return true
	}
	if w.small == nil {
		w.small = make([]byte, 0, writeSize)
	}
	each(w.batch, w.add)
	w.flush()
	return true
}

// add takes a piece, to be written now or with those that follow.
func (w *batchWrite) add(piece []byte) {
	if len(piece) > joinSize || len(w.small)+len(piece) > cap(w.small) {
		w.flush()
	}
	switch {
	case w.rest != nil || w.err != nil:
		w.keep(piece)
	case len(piece) > joinSize:
		w.write(piece)
	default:
		w.small = append(w.small, piece...)
		w.joined = append(w.joined, piece)
	}
}

// flush writes what was joined.
func (w *batchWrite) flush() {
	if len(w.small) == 0 {
		return
	}
	var n int
	n, w.err = writeFull(w.fd, w.small)
	if n < len(w.small) {
		for _, piece := range w.joined {
			done := min(n, len(piece))
			w.keep(piece[done:])
			n -= done
		}
	}
	w.small = w.small[:0]
	clear(w.joined)
	w.joined = w.joined[:0]
}

// write writes a piece.
func (w *batchWrite) write(p []byte) {
	var n int
	n, w.err = writeFull(w.fd, p)
	w.keep(p[n:])
}

// keep adds to rest what the kernel has not taken. The memory is the message's, which many
// peers that stall may share; only small pieces are copied, so that they leave together.
func (w *batchWrite) keep(p []byte) {
	switch last := len(w.rest) - 1; {
	case w.err != nil || len(p) == 0:
	case len(p) > copySize:
		w.rest, w.copied = append(w.rest, p), false
	case w.copied:
		w.rest[last] = append(w.rest[last], p...)
	default:
		w.rest, w.copied = append(w.rest, slices.Clone(p)), true
	}
}

// writeFull writes until the kernel takes no more.
func writeFull(fd uintptr, p []byte) (written int, err error) {
	for written < len(p) {
		n, errno := rawWrite(fd, p[written:])
		switch errno {
		case 0:
			written += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return written, nil
		default:
			return written, errno
		}
	}
	return written, nil
}
