// SPDX-License-Identifier: MIT

package engine

import (
	"sync"
	"time"

	"github.com/sio-go/sio/internal/alarm"
	"github.com/sio-go/sio/internal/websocket"
)

// SendOptions modify one Send. The zero value is a normal packet.
type SendOptions struct {
	// Volatile drops the packet, without an error, if the peer is not ready for it: a
	// WebSocket that is being written to (E5.8), or polling without a pending GET.
	// With OverflowDropVolatile it waits instead, until it has to give way.
	Volatile bool
	// Overflow says what happens if the outbox is at its limit.
	Overflow Overflow
	// Key, unless it is empty, has only the latest packet of this key be sent when the peer
	// cannot take them all: while there is something that the peer has not taken yet, the
	// packet waits apart, in place of the one with the same key that waits there, and leaves
	// when the outbox has emptied. Packets without a key may overtake it. Volatile means
	// nothing then.
	Key string
}

// outbox holds what waits to be sent to one peer. It is guarded by Session.mu.
//
// At any time at most one goroutine writes (writing). Whoever appends to an outbox
// that nobody writes or is scheduled to write either writes it (Send), schedules it
// (Fanout), or leaves it to the holder (Hold). A writer takes all that is queued and
// not held, and looks again before it stops, so nothing stays behind.
type outbox struct {
	queue     []*Message
	first     [1]*Message // memory of a queue of one
	lone      bool        // and it is in use
	writing   bool
	scheduled bool // in the flusher's queue
	holds     int32
	limit     time.Duration          // of holds
	hold      *alarm.Entry[*Session] // runs out after limit; nil unless something waits for that
	bytes     int                    // of queue and of the batch being written
	pushed    uint64                 // messages ever queued
	written   uint64                 // and of them, how many have left
	due       uint64                 // and of them, how many are to leave even if the session is held
	waits     *waits                 // those who wait that something was written; nil if nobody does
	slow      *slow                  // what only some peers have; nil for the others
}

// keptQueue is the length of the queues that sessions borrow while they have more than
// one message to send. An idle one has none.
const keptQueue = 16

var queues = sync.Pool{New: func() any { return new([keptQueue]*Message) }}

func (o *outbox) busy() bool { return o.writing || o.waitingToLeave() }

// waitingToLeave reports whether anything waits that nobody writes yet.
func (o *outbox) waitingToLeave() bool { return len(o.queue) > 0 || o.slow.keyed() > 0 }

func (o *outbox) push(m *Message) {
	switch {
	case o.queue == nil && !o.lone:
		o.lone, o.queue = true, o.first[:0]
	case o.queue == nil:
		o.queue = queues.Get().(*[keptQueue]*Message)[:0]
	case cap(o.queue) == 1:
		o.queue = append(queues.Get().(*[keptQueue]*Message)[:0], o.queue...)
		o.lone, o.first[0] = false, nil
	}
	o.queue = append(o.queue, m)
	o.bytes += m.size
	o.pushed++
}

// writable returns how many of the queued messages nobody holds back.
func (o *outbox) writable() int {
	if o.holds == 0 {
		return len(o.queue)
	}
	return min(len(o.queue), int(max(o.due, o.written)-o.written))
}

// take returns the first n that are queued, to be given back with done.
func (o *outbox) take(n int) []*Message {
	batch, rest := o.queue[:n], o.queue[n:]
	o.queue = nil
	if len(rest) > 0 { // what is held stays
		o.queue = append(queues.Get().(*[keptQueue]*Message)[:0], rest...)
		clear(rest)
	}
	return batch
}

func (o *outbox) done(batch []*Message) {
	for _, m := range batch {
		o.bytes -= m.size
		m.Discard()
	}
	o.written += uint64(len(batch))
	clear(batch)
	switch cap(batch) {
	case 1:
		o.lone = false
	case keptQueue:
		queues.Put((*[keptQueue]*Message)(batch[:keptQueue]))
	}
	if o.waits != nil {
		o.wake()
	}
}

// clear drops what is queued and not being written.
func (o *outbox) clear() {
	for _, m := range o.queue {
		o.bytes -= m.size
	}
	if cap(o.queue) == 1 {
		o.lone, o.first[0] = false, nil
	}
	o.queue = nil
	if o.waits != nil {
		o.waits.end()
	}
	if o.slow != nil {
		o.slow.clear(o)
	}
}

// limitLocked ends the session if answers to what the peer sends pile up in the outbox.
func (s *Session) limitLocked() {
	o := &s.outbox
	if len(o.queue) > s.server.cfg.OutboxPackets || len(o.queue) > 1 && o.bytes > 12*s.server.cfg.OutboxBytes {
		s.endLocked(ReasonSlowConsumer, ErrQueueFull, false, websocket.CloseNone)
	}
}

// Send queues a message and, unless the session is held or somebody writes already,
// writes all that is queued with one non-blocking system call. It never waits for
// the peer. Messages arrive in the order of the calls. It returns ErrClosed if the
// session is closing or closed, and ErrQueueFull if the outbox is at its limit, which
// ends the session unless SendOptions.Overflow says otherwise.
func (s *Session) Send(m *Message, opt SendOptions) error {
	s.mu.Lock()
	return s.sendLocked(m, opt)
}

// sendLocked is Send with mu held, which it releases.
func (s *Session) sendLocked(m *Message, opt SendOptions) error {
	queued, err := s.enqueue(m, opt)
	if queued {
		if s.outbox.holds > 0 {
			s.armHoldLocked()
		} else {
			s.flushLocked()
		}
	} else {
		m.Discard()
	}
	s.unlockAndTell()
	return err
}

// Hold makes sends wait, so that what the handlers of one burst send leaves with one
// system call. Each Hold needs a Release. A handler that takes longer than a
// millisecond does not delay what it has sent any further.
func (s *Session) Hold() { s.HoldFor(holdTimeout) }

// HoldFor is Hold with another limit.
func (s *Session) HoldFor(limit time.Duration) {
	s.mu.Lock()
	s.outbox.holds++
	s.outbox.limit = max(s.outbox.limit, limit)
	s.mu.Unlock()
}

// Release undoes one Hold; the last one writes what was queued.
func (s *Session) Release() {
	s.mu.Lock()
	o := &s.outbox
	if o.holds > 0 {
		o.holds--
	}
	if o.holds == 0 {
		o.limit = 0
		s.disarmHoldLocked()
		s.flushLocked()
	}
	s.unlockAndTell()
}

// Flush writes what is queued, even if the session is held. A holder that is about
// to wait calls it.
func (s *Session) Flush() {
	s.mu.Lock()
	s.outbox.scheduled = false
	s.flushLocked()
	s.unlockAndTell()
}

var holds = sync.Pool{New: func() any { return new(alarm.Entry[*Session]) }}

func (s *Session) armHoldLocked() {
	if o := &s.outbox; o.hold == nil {
		o.hold = holds.Get().(*alarm.Entry[*Session])
		o.hold.Owner = s
		s.server.holds.Arm(o.hold, s.server.holds.In(o.limit))
	}
}

func (s *Session) disarmHoldLocked() {
	if o := &s.outbox; o.hold != nil {
		s.server.holds.Disarm(o.hold)
		o.hold.Owner = nil
		holds.Put(o.hold)
		o.hold = nil
	}
}

// holdExpired runs when a hold has lasted as long as it may.
func (s *Session) holdExpired() {
	s.mu.Lock()
	if s.outbox.hold != nil {
		s.disarmHoldLocked()
		s.flushLocked()
	}
	s.unlockAndTell()
}

// flushLocked writes all that is queued, even if the session is held, unless somebody
// else is writing, who will then find it.
func (s *Session) flushLocked() {
	s.outbox.due = s.outbox.pushed
	s.writeLocked()
}

// writeLocked writes until nothing is left that is not held.
func (s *Session) writeLocked() {
	o := &s.outbox
	for !o.writing && s.transport.ready() && (o.writable() > 0 || o.settle()) {
		batch := o.take(o.writable())
		o.writing = true
		if !s.transport.write(batch) {
			return // the transport writes on and calls written
		}
		o.writing = false
		o.done(batch)
	}
	s.finishCloseLocked()
}

// written ends a write that the transport took over: the batch has left.
func (s *Session) written(batch []*Message) {
	s.mu.Lock()
	s.outbox.writing = false
	s.outbox.done(batch)
	s.writeLocked()
	drained := s.drainedLocked()
	s.unlockAndTell()
	if drained != nil {
		drained()
	}
}

// waitWritten waits until the outbox of a closed session is empty. The deadline of
// the connection bounds it.
func (s *Session) waitWritten() {
	var idle chan struct{}
	s.mu.Lock()
	if s.outbox.busy() {
		idle = make(chan struct{})
		s.outbox.waiting().idle = idle
	}
	s.mu.Unlock()
	if idle != nil {
		<-idle
	}
}
