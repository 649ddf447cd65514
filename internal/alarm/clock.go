// SPDX-License-Identifier: MIT

// Package alarm wakes many with one timer. A time.Timer for each of a hundred thousand
// idle connections would be half of the memory that they take.
package alarm

import (
	"math"
	"sync"
	"time"
)

// Clock calls a function for each Entry whose time has come, each on a goroutine of its
// own, as time.AfterFunc does. It must be made with NewClock. All methods are safe for
// concurrent use, and none waits for a call.
//
// A clock without armed entries has neither a timer that runs nor a goroutine.
type Clock[T any] struct {
	ring  func(T)
	start time.Time

	// mu guards the fields below, and those of all entries. Nothing else is locked while
	// it is held.
	mu    sync.Mutex
	heap  []*Entry[T] // binary: an entry is due no later than the two at 2i+1 and 2i+2
	timer *time.Timer // made at first use
	next  time.Duration
	runs  bool // the timer does, and fires at next, or has fired and ring is about to look
}

// Entry is one deadline. Owner is not changed while it is armed. It must not be copied
// then.
type Entry[T any] struct {
	Owner T

	due   time.Duration
	index int // in heap, plus one; 0: not armed
}

// NewClock returns a clock that calls ring with the owners of entries.
func NewClock[T any](ring func(T)) *Clock[T] { return &Clock[T]{ring: ring, start: time.Now()} }

// Now returns the time since the clock was made, which never goes back. In a bubble of
// testing/synctest, for a clock that was made outside, it is below zero.
func (c *Clock[T]) Now() time.Duration { return time.Since(c.start) }

// In returns the time after d, or the last time there is.
func (c *Clock[T]) In(d time.Duration) time.Duration {
	now := c.Now()
	if sum := now + d; sum >= now || d < 0 {
		return sum
	}
	return math.MaxInt64
}

// Arm sets when an entry is due, in the time of Now, in place of what was set before. The
// entry is called once, unless Disarm comes before.
func (c *Clock[T]) Arm(e *Entry[T], due time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.due = due
	if e.index == 0 {
		c.heap = append(c.heap, e)
		e.index = len(c.heap)
	}
	c.fix(e)
	c.set()
}

// Disarm undoes Arm. The owner may be called nevertheless if the time has come already.
func (c *Clock[T]) Disarm(e *Entry[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.index != 0 {
		c.remove(e)
		c.set()
	}
}

// Len returns the number of entries that are armed.
func (c *Clock[T]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.heap)
}

// All methods below are called with mu held, but strike.

// set has the timer fire at the first deadline, or before: one that fires for nothing
// costs less than to set it anew with each change.
func (c *Clock[T]) set() {
	switch {
	case len(c.heap) == 0:
		if c.runs && c.timer.Stop() {
			c.runs = false
		}
	case !c.runs || c.heap[0].due < c.next:
		c.next, c.runs = c.heap[0].due, true
		wait := c.next - c.Now()
		if c.next == math.MaxInt64 {
			wait = math.MaxInt64 // no overflow where time begins below zero
		}
		if c.timer == nil {
			c.timer = time.AfterFunc(wait, c.strike)
		} else {
			c.timer.Reset(wait)
		}
	}
}

// strike runs when the timer fires.
func (c *Clock[T]) strike() {
	var owners []T
	c.mu.Lock()
	for now := c.Now(); len(c.heap) > 0 && c.heap[0].due <= now; {
		e := c.heap[0]
		c.remove(e)
		owners = append(owners, e.Owner)
	}
	c.runs = false
	c.set()
	c.mu.Unlock()
	for i, owner := range owners {
		if i < len(owners)-1 {
			go c.ring(owner)
		} else {
			c.ring(owner)
		}
	}
}

// minCap is the room below which the heap is not made smaller.
const minCap = 64

func (c *Clock[T]) remove(e *Entry[T]) {
	i, last := e.index-1, len(c.heap)-1
	e.index = 0
	moved := c.heap[last]
	c.heap[last] = nil
	c.heap = c.heap[:last]
	if moved != e {
		c.heap[i] = moved
		moved.index = i + 1
		c.fix(moved)
	}
	if cap(c.heap) > minCap && last < cap(c.heap)/4 {
		c.heap = append(make([]*Entry[T], 0, cap(c.heap)/2), c.heap...)
	}
}

// fix moves an entry to where it belongs.
func (c *Clock[T]) fix(e *Entry[T]) {
	h, i := c.heap, e.index-1
	for i > 0 && e.due < h[(i-1)/2].due {
		i = c.put(h[(i-1)/2], i)
	}
	for {
		child := 2*i + 1
		if child+1 < len(h) && h[child+1].due < h[child].due {
			child++
		}
		if child >= len(h) || h[child].due >= e.due {
			break
		}
		i = c.put(h[child], i)
	}
	c.put(e, i)
}

// put sets the place of an entry, and returns the one where it was.
func (c *Clock[T]) put(e *Entry[T], i int) (was int) {
	was = e.index - 1
	c.heap[i], e.index = e, i+1
	return was
}
