// SPDX-License-Identifier: MIT

// Package work runs queued values one at a time on a goroutine that exists
// only while there is something to run.
package work

import (
	"sync"
)

// burstLen is the number of values after which a burst is ended and begun
// anew, so that what its owner holds back is flushed now and then.
const burstLen = 64

// firstLen is the number of values that a borrowed buffer has room for, and maxLen the
// largest room with which one is kept for the next who borrows.
const (
	firstLen = 8
	maxLen   = 64
)

// Queue runs values one at a time and in order of their Push, on a goroutine
// that exists only while there is work. Idle, it has no goroutine and no buffer.
//
// The zero value needs Init before anything else. All other methods may be
// called concurrently, also from within the Runner's methods; none of them
// waits for a Run. A Queue must not be copied. It has no limit of its own:
// the owner looks at what Push and Len return.
type Queue[T any] struct {
	runner Runner[T] // set by Init

	mu      sync.Mutex
	buf     *buffer[T] // nil while nothing is queued
	running bool       // a goroutine runs or is about to
	stopped bool
}

// buffer holds queued values. It is borrowed, so that neither an idle queue has one
// nor a lone value allocates.
type buffer[T any] struct {
	items []T // items[head:] are queued; what is below head is zeroed
	head  int
}

// buffers are those of all types of values: one of another type is dropped.
var buffers sync.Pool

func borrow[T any]() *buffer[T] {
	if b, ok := buffers.Get().(*buffer[T]); ok {
		return b
	}
	return &buffer[T]{items: make([]T, 0, firstLen)}
}

// release gives back a buffer whose values are all zeroed.
func (b *buffer[T]) release() {
	if cap(b.items) <= maxLen {
		b.items, b.head = b.items[:0], 0
		buffers.Put(b)
	}
}

func (b *buffer[T]) len() int {
	if b == nil {
		return 0
	}
	return len(b.items) - b.head
}

// push appends v.
func (b *buffer[T]) push(v T) {
	// Moving down is worth it once half of the buffer is free: each value
	// is then moved a constant number of times at most, and a queue that
	// never runs empty does not grow without need.
	if len(b.items) == cap(b.items) && b.head > 0 && b.head >= len(b.items)/2 {
		n := copy(b.items, b.items[b.head:])
		clear(b.items[n:])
		b.items, b.head = b.items[:n], 0
	}
	b.items = append(b.items, v)
}

// pop takes the first value.
func (b *buffer[T]) pop() (v T) {
	v, b.items[b.head] = b.items[b.head], v
	b.head++
	return v
}

// Runner is what the owner of a queue provides. Run and Burst are called by
// one goroutine at a time and without any lock of the queue.
type Runner[T any] interface {
	// Run handles one value. It recovers its own panics. If it ends its
	// goroutine with runtime.Goexit, a new one carries on after it.
	Run(v T)

	// Burst(true) precedes a Run when more than one value is queued and no
	// burst is on. Burst(false) ends a burst: after at most 64 values, or
	// when the queue is found empty. Lone values cause no call. The calls
	// alternate, and the goroutine never ends with a burst on.
	Burst(more bool)

	// Go runs f, exactly once, on a new goroutine. The owner waits for it
	// where that matters, for example by means of sync.WaitGroup.Go.
	Go(f func())
}

// Init makes the queue ready. It is called once.
func (q *Queue[T]) Init(r Runner[T]) { q.runner = r }

// Push appends v without waking anyone and returns the number of queued
// values, v included and the one that is being run not. After Stop it
// discards v and returns -1.
func (q *Queue[T]) Push(v T) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return -1
	}
	if q.buf == nil {
		q.buf = borrow[T]()
	}
	q.buf.push(v)
	return q.buf.len()
}

// Wake starts the goroutine if there is something to run and none is running.
func (q *Queue[T]) Wake() {
	q.mu.Lock()
	start := !q.running && q.buf != nil
	if start {
		q.running = true
	}
	q.mu.Unlock()
	if start {
		q.runner.Go(q.loop)
	}
}

// Len returns the number of values queued and not yet being run.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.buf.len()
}

// Stop makes the queue refuse later values and returns those that were
// queued, in order, for the caller to dispose of. A Run that is going on is
// neither interrupted nor awaited; it is the last. Further calls return nil.
func (q *Queue[T]) Stop() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	if q.buf == nil {
		return nil
	}
	rest := q.buf.items[q.buf.head:] // the caller's, with the buffer
	q.buf = nil
	return rest
}

// loop is the goroutine.
func (q *Queue[T]) loop() {
	var (
		count int  // values run in this burst
		burst bool // a burst is on
		done  bool
	)
	defer func() {
		if done {
			return
		}
		// Run left by runtime.Goexit, as t.FailNow in a handler does. Hand
		// over to a new goroutine, or the queue would stand still forever.
		if burst {
			q.runner.Burst(false)
		}
		q.mu.Lock()
		q.running = false
		q.mu.Unlock()
		q.Wake()
	}()
	for {
		v, n := q.pop(!burst)
		if burst && (n == 0 || count == burstLen) {
			q.runner.Burst(false)
			burst, count = false, 0
			if n == 0 {
				continue // look again: Burst gave time for a Push
			}
		}
		if n == 0 {
			done = true
			return
		}
		if !burst && n > 1 {
			burst = true
			q.runner.Burst(true)
		}
		if burst {
			count++
		}
		q.runner.Run(v)
	}
}

// pop takes the next value and returns the number that was queued, it
// included. If there is none it returns 0 and, if exit is set, gives up the
// goroutine's claim to the queue: the caller must then return.
//
// No wake-up is lost, because the queue is found empty and running is cleared
// in one critical section. A Push comes either before it, and the value is
// found, whatever its Wake did; or after it, and then its Wake comes after it
// too, sees that nothing is running and starts a new goroutine. The old one
// touches neither the queue nor the runner any more, so the two cannot
// overlap. Were running cleared in a section of its own, a Push and Wake
// between the two would see a goroutine running that is about to leave.
func (q *Queue[T]) pop(exit bool) (v T, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n = q.buf.len(); n == 0 {
		q.running = !exit
		return v, 0
	}
	v = q.buf.pop()
	if n == 1 {
		q.buf.release()
		q.buf = nil
	}
	return v, n
}
