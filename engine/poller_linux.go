// SPDX-License-Identifier: MIT

//go:build linux && !386 && !s390x && !sio_goroutines

package engine

import (
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// poller waits for plain TCP connections without a goroutine or a buffer for each: epoll
// sets, one for each core, of which each has one goroutine, its worker, that reads what
// has arrived. They exist while there are connections. Its owner is the Server, which waits for the
// workers with wait.
//
// The sets are level-triggered: what a worker leaves unread, it is told of again. A worker
// waits for its set as for any connection, in the runtime's own poller. Blocking in
// epoll_wait would cost a thread, and each time the price of a call that may block.
//
// What a worker calls must not wait. Where it may, because a function of the user is
// called, the worker hands its set over to another goroutine first: see worker.
type poller struct {
	workers sync.WaitGroup

	// mu guards the fields below.
	mu    sync.RWMutex
	sets  []*epoll
	next  int       // set of the next connection
	conns []*polled // by descriptor
	count int
}

// epoll is one set. But for file it belongs to its worker.
type epoll struct {
	poller *poller
	fd     int
	file   *os.File // of fd
	raw    syscall.RawConn
	wait   func(fd uintptr) bool // take, made once
	events [128]syscall.EpollEvent
	ready  [128]*polled // of events; nil: it was closed
	n      int          // of events, those that there are
	done   int          // and those that were handled
	err    error
}

// worker is a goroutine that handles the events of a set.
type worker struct {
	set  *epoll
	buf  []byte
	lost bool // the set has another worker now
}

// adopt takes a connection over. It returns nil, and leaves the connection alone, if it is
// not one that can be polled.
func (p *poller) adopt(d *duplex, conn net.Conn) *polled {
	var raw syscall.RawConn
	switch c := conn.(type) { // not any syscall.Conn: it may be wrapped for a reason
	case *net.TCPConn:
		raw, _ = c.SyscallConn()
	case *net.UnixConn:
		raw, _ = c.SyscallConn()
	}
	if raw == nil {
		return nil
	}
	c := &polled{owner: d, fd: -1}
	// A descriptor of our own: that of net.Conn would keep telling the runtime's poller of
	// what arrives, and costs memory.
	_ = raw.Control(func(fd uintptr) {
		if n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0); errno == 0 {
			c.fd = int(n)
		}
	})
	if c.fd < 0 || !p.add(c) {
		c.closeFD()
		return nil
	}
	_ = conn.Close()
	return c
}

// add gives a connection its set.
func (p *poller) add(c *polled) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 && !p.open() {
		return false
	}
	if c.fd >= len(p.conns) {
		p.conns = append(p.conns, make([]*polled, c.fd+1-len(p.conns))...)
	}
	p.conns[c.fd] = c
	p.count++
	c.set = p.sets[p.next%len(p.sets)]
	p.next++
	return true
}

// remove forgets a connection. Its descriptor is closed afterwards. The sets are closed
// with the last one.
func (p *poller) remove(c *polled) {
	p.mu.Lock()
	var sets []*epoll
	p.conns[c.fd] = nil
	p.count--
	if p.count == 0 {
		sets, p.sets, p.conns = p.sets, nil, nil
	}
	p.mu.Unlock()
	closeSets(sets) // which waits for workers that need the lock
}

// open makes the sets.
func (p *poller) open() bool {
	var sets []*epoll
	for range runtime.GOMAXPROCS(0) {
		fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err == nil {
			err = syscall.SetNonblock(fd, true) // so that os.File waits for it in the runtime's poller
		}
		if err != nil {
			closeSets(sets)
			return false
		}
		e := &epoll{poller: p, fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
		e.wait = e.take
		e.raw, err = e.file.SyscallConn()
		if err != nil {
			closeSets(append(sets, e))
			return false
		}
		sets = append(sets, e)
	}
	for _, e := range sets {
		e.start()
	}
	p.sets = sets
	return true
}

// closeSets has the workers end.
func closeSets(sets []*epoll) {
	for _, e := range sets {
		_ = e.file.Close()
	}
}

// each calls f for each connection. f must not use the poller.
func (p *poller) each(f func(*duplex)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, c := range p.conns {
		if c != nil {
			f(c.owner)
		}
	}
}

// wait returns when no worker runs.
func (p *poller) wait() { p.workers.Wait() }

// start makes a worker, which goes on where the one before has stopped.
func (e *epoll) start() {
	e.poller.workers.Go(func() {
		buf := readBuffers.Get().(*[]byte)
		defer readBuffers.Put(buf)
		w := &worker{set: e, buf: *buf}
		w.run()
	})
}

func (w *worker) run() {
	e := w.set
	for {
		for e.done < e.n {
			i := e.done
			e.done++
			if c := e.ready[i]; c != nil {
				e.ready[i] = nil
				c.event(w, e.events[i].Events)
				if w.lost {
					return
				}
			}
		}
		// Until it finds nothing: the runtime's poller reports each change once.
		if err := e.raw.Read(e.wait); err != nil || e.err != nil {
			return // closed
		}
	}
}

// handOver gives the set to another worker, because this one may have to wait.
func (w *worker) handOver() {
	if !w.lost {
		w.lost = true
		w.set.start()
	}
}

// take asks for events without waiting. It reports false if there are none.
func (e *epoll) take(uintptr) bool {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events[0])),
		uintptr(len(e.events)), 0, 0, 0)
	switch {
	case errno == syscall.EINTR:
		n = 0
	case errno != 0:
		e.err = errno
		return true
	case n == 0:
		return false
	}
	e.n, e.done = int(n), 0
	p := e.poller
	p.mu.RLock()
	defer p.mu.RUnlock()
	for i := range e.n {
		// A descriptor that was closed since, and is another connection's now: that one
		// reads in vain, which does no harm.
		e.ready[i] = nil
		if fd := int(e.events[i].Fd); fd < len(p.conns) {
			e.ready[i] = p.conns[fd]
		}
	}
	return true
}

// change sets which events of a descriptor are told.
func (e *epoll) change(fd int, was, mask uint32) error {
	op := syscall.EPOLL_CTL_MOD
	switch {
	case was == mask:
		return nil
	case was == 0:
		op = syscall.EPOLL_CTL_ADD
	case mask == 0:
		op = syscall.EPOLL_CTL_DEL
	}
	return syscall.EpollCtl(e.fd, op, fd, &syscall.EpollEvent{Events: mask, Fd: int32(fd)}) //nolint:gosec // descriptors are small
}
