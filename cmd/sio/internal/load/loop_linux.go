// SPDX-License-Identifier: MIT

package load

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// socket is a connection as the loop sees it.
type socket struct {
	file    *os.File // keeps fd open
	fd      int
	index   int32    // in poll.links
	conn    net.Conn // of the portable loop
	waiting bool     // until it can be written to
}

func newLoop() loop { return &poll{buf: make([]byte, 256<<10)} }

// poll is a loop on one goroutine with an epoll of its own.
type poll struct {
	fd     int
	opened bool
	links  []*link
	buf    []byte
}

func (p *poll) add(l *link, conn *net.TCPConn, early []byte) error {
	if !p.opened {
		fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			return err
		}
		p.fd, p.opened = fd, true
	}
	file, err := conn.File() // of its own, and in blocking mode
	_ = conn.Close()
	if err != nil {
		return err
	}
	fd := int(file.Fd()) //nolint:gosec // a descriptor
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	l.socket = socket{file: file, fd: fd, index: int32(len(p.links))} //nolint:gosec // an index
	l.scanner.feed(early, func(*message) {})                          // it has been read before there was anything to wait for
	p.links = append(p.links, l)
	return p.listen(l, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN)
}

func (p *poll) run(r *runner) error {
	events := make([]syscall.EpollEvent, 1024)
	for {
		wait, more := r.tick()
		if !more {
			return nil
		}
		p.flush(r)
		n, err := syscall.EpollWait(p.fd, events, int(wait/time.Millisecond))
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		r.now = time.Now()
		for _, e := range events[:max(n, 0)] {
			l := p.links[e.Fd]
			if e.Events&syscall.EPOLLOUT != 0 {
				p.write(r, l, true)
			}
			if e.Events&^syscall.EPOLLOUT != 0 {
				p.read(r, l)
			}
		}
		p.flush(r)
	}
}

// read reads what there is.
func (p *poll) read(r *runner, l *link) {
	for !l.closed {
		n, err := syscall.Read(l.socket.fd, p.buf)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			return
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			r.lost(l, err)
			return
		case n == 0:
			r.lost(l, errors.New("the server closed a connection"))
			return
		}
		if !l.scanner.feed(p.buf[:n], func(m *message) { r.message(l, m) }) {
			r.lost(l, errors.New("the server sent what is no frame"))
		}
		if n < len(p.buf) {
			return
		}
	}
}

// flush writes what was queued.
func (p *poll) flush(r *runner) {
	for _, l := range r.dirty {
		l.dirty = false
		if !l.socket.waiting {
			p.write(r, l, false)
		}
	}
	r.dirty = r.dirty[:0]
}

// write writes what the kernel takes. ready says that this was waited for.
func (p *poll) write(r *runner, l *link, ready bool) {
	for len(l.out) > 0 && !l.closed {
		n, err := syscall.Write(l.socket.fd, l.out)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			if !l.socket.waiting {
				l.socket.waiting = true
				_ = p.listen(l, syscall.EPOLL_CTL_MOD, syscall.EPOLLIN|syscall.EPOLLOUT)
			}
			return
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			r.lost(l, err)
			return
		}
		l.out = l.out[:copy(l.out, l.out[n:])]
	}
	if l.socket.waiting && ready {
		l.socket.waiting = false
		_ = p.listen(l, syscall.EPOLL_CTL_MOD, syscall.EPOLLIN)
	}
}

// listen says what is waited for.
func (p *poll) listen(l *link, operation int, events uint32) error {
	e := syscall.EpollEvent{Events: events, Fd: l.socket.index}
	return syscall.EpollCtl(p.fd, operation, l.socket.fd, &e)
}

func (p *poll) close() {
	for _, l := range p.links {
		_ = l.socket.file.Close()
	}
	if p.opened {
		_ = syscall.Close(p.fd)
	}
}
