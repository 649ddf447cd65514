// SPDX-License-Identifier: MIT

package engine

import (
	"runtime"
	"sync"
)

// Fanout sends to many sessions. Send only queues; Flush has all of them written by
// a few goroutines, one for each core at most, and does not wait. What several
// broadcasts queue for a session before it is written leaves with one system call.
//
// A Fanout belongs to one goroutine, and to one broadcast.
type Fanout struct {
	flusher  *flusher
	sessions []*Session
}

var fanouts = sync.Pool{New: func() any { return new(Fanout) }}

// Fanout returns an empty Fanout. Its Flush must be called.
func (srv *Server) Fanout() *Fanout {
	f := fanouts.Get().(*Fanout)
	f.flusher = &srv.flusher
	return f
}

// Send queues m for s. Errors concern s alone: a session that is closed or whose
// outbox is full is passed over, and in the second case opt.Overflow says what happens.
func (f *Fanout) Send(s *Session, m *Message, opt SendOptions) { _ = f.TrySend(s, m, opt) }

// TrySend is Send that returns the error of Session.Send.
func (f *Fanout) TrySend(s *Session, m *Message, opt SendOptions) error {
	s.mu.Lock()
	queued, err := s.enqueue(m, opt)
	o := &s.outbox
	if queued && o.holds > 0 {
		s.armHoldLocked()
		s.mu.Unlock()
		return nil
	}
	if err == nil && (!queued || o.writing || o.scheduled || !s.transport.ready()) {
		s.mu.Unlock()
		return nil
	}
	// A session that ended here is scheduled too: its receiver is told by the flusher,
	// because the caller may hold locks.
	ended := s.state == stateClosed && !s.told && !s.inReceive
	if err == nil {
		o.scheduled = true
	}
	s.mu.Unlock()
	if err == nil || ended {
		f.sessions = append(f.sessions, s)
	}
	return err
}

// Flush starts the writing and releases f, which must not be used again.
func (f *Fanout) Flush() {
	f.flusher.add(f.sessions)
	clear(f.sessions)
	f.sessions = f.sessions[:0]
	f.flusher = nil
	if cap(f.sessions) <= 4096 {
		fanouts.Put(f)
	}
}

// flushChunk is the number of sessions that one worker takes at a time.
const flushChunk = 64

// flusher writes scheduled sessions on goroutines that exist only while there are any.
// Its owner is the Server, which waits for them with wait.
type flusher struct {
	// mu guards the fields below.
	mu      sync.Mutex
	queue   []*Session
	head    int // queue[:head] has been taken
	workers int
	idle    sync.Cond // signalled when workers falls to 0; L is &mu
}

func (f *flusher) add(sessions []*Session) {
	if len(sessions) == 0 {
		return
	}
	f.mu.Lock()
	if f.head > len(f.queue)/2 { // under steady load it is never found empty
		n := copy(f.queue, f.queue[f.head:])
		clear(f.queue[n:])
		f.queue, f.head = f.queue[:n], 0
	}
	f.queue = append(f.queue, sessions...)
	want := min((len(f.queue)-f.head+flushChunk-1)/flushChunk, runtime.GOMAXPROCS(0))
	start := max(want-f.workers, 0)
	f.workers += start
	f.mu.Unlock()
	for range start {
		go f.run()
	}
}

func (f *flusher) run() {
	// Let the goroutines that are ready now run first: what they broadcast joins what
	// is already queued.
	runtime.Gosched()
	chunk := make([]*Session, 0, flushChunk)
	for {
		f.mu.Lock()
		n := min(len(f.queue)-f.head, flushChunk)
		if n == 0 {
			f.workers--
			f.queue, f.head = f.queue[:0], 0
			if cap(f.queue) > 1<<16 {
				f.queue = nil
			}
			if f.workers == 0 && f.idle.L != nil {
				f.idle.Broadcast()
			}
			f.mu.Unlock()
			return
		}
		part := f.queue[f.head : f.head+n]
		chunk = append(chunk[:0], part...)
		clear(part)
		f.head += n
		f.mu.Unlock()
		for _, s := range chunk {
			s.flushScheduled()
		}
		clear(chunk)
	}
}

// flushScheduled is Flush for what is not held.
func (s *Session) flushScheduled() {
	s.mu.Lock()
	s.outbox.scheduled = false
	s.writeLocked()
	s.unlockAndTell()
}

// wait returns when no worker runs.
func (f *flusher) wait() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle.L = &f.mu
	for f.workers > 0 {
		f.idle.Wait()
	}
}
