// SPDX-License-Identifier: MIT

package engine

import (
	"slices"
	"strings"

	"github.com/sio-go/sio/internal/websocket"
)

// Overflow says what becomes of a message for an outbox that is at its limit. Whatever it
// is, Send returns ErrQueueFull if this message is not sent for that reason.
type Overflow uint8

const (
	// OverflowClose closes the session with ReasonSlowConsumer.
	OverflowClose Overflow = iota
	// OverflowDropNewest does not send this message. The session goes on.
	OverflowDropNewest
	// OverflowDropVolatile makes room: the oldest volatile messages that wait are not sent,
	// as many as make an eighth of the outbox free. If that is not enough, a volatile message
	// is not sent, and any other closes the session. Volatile messages wait like others, up
	// to the limit.
	OverflowDropVolatile
)

// slow is what an outbox has besides if its peer is slow, or somebody wants to know.
// Guarded by Session.mu, like the outbox. A nil *slow has nothing.
type slow struct {
	volatile []uint64       // which of the queued messages may be dropped, as outbox.pushed counts, in order
	latest   map[string]int // the index in values of each key
	values   []keyedMessage // what waits until the queue is empty, in the order in which keys came
	onDrain  func()
}

// keyedMessage is one value of SendOptions.Key.
type keyedMessage struct {
	key     string
	message *Message
}

func (w *slow) keyed() int {
	if w == nil {
		return 0
	}
	return len(w.values)
}

// clear drops all that waits.
func (w *slow) clear(o *outbox) {
	for _, v := range w.values {
		o.bytes -= v.message.size
	}
	w.volatile, w.latest, w.values = nil, nil, nil
}

// rarely returns o.slow to add to.
func (o *outbox) rarely() *slow {
	if o.slow == nil {
		o.slow = new(slow)
	}
	return o.slow
}

// enqueue applies the rules of Send. It reports whether m was queued.
func (s *Session) enqueue(m *Message, opt SendOptions) (queued bool, err error) {
	o := &s.outbox
	if s.state != stateOpen {
		return false, ErrClosed
	}
	if opt.Key != "" && (o.writing || !s.transport.ready() || o.slow.keyed() > 0) {
		return s.enqueueLatest(m, opt)
	}
	wait := false // m is volatile, and may be dropped later
	if opt.Volatile && opt.Key == "" {
		if wait = opt.Overflow == OverflowDropVolatile; !wait && !s.transport.ready() {
			return false, nil
		}
	}
	if !m.last && !s.fits(m.size) {
		if opt.Overflow != OverflowDropVolatile || !s.makeRoom(m.size) {
			return false, s.overflow(opt, wait)
		}
	}
	o.push(m)
	if wait {
		o.mark()
	}
	if o.holds == 0 {
		o.due = o.pushed // a Hold that comes before it was written does not concern it
	}
	return true, nil
}

// mark notes that the message queued last may be dropped.
func (o *outbox) mark() {
	w := o.rarely()
	w.volatile = append(o.unsent(w.volatile), o.pushed)
}

// unsent returns those of the numbers of messages that are still queued.
func (o *outbox) unsent(numbers []uint64) []uint64 {
	taken := o.pushed - uint64(len(o.queue))
	for len(numbers) > 0 && numbers[0] <= taken {
		numbers = numbers[1:]
	}
	return numbers
}

// fits reports whether a message finds room in the outbox. An empty one takes any.
func (s *Session) fits(size int) bool {
	o := &s.outbox
	return !o.busy() || o.bytes+size <= s.server.cfg.OutboxBytes && len(o.queue)+o.slow.keyed() < s.server.cfg.OutboxPackets
}

// overflow does what is to be done for a message that does not fit.
func (s *Session) overflow(opt SendOptions, droppable bool) error {
	if opt.Overflow == OverflowClose || opt.Overflow == OverflowDropVolatile && !droppable {
		s.endLocked(ReasonSlowConsumer, ErrQueueFull, false, websocket.CloseNone)
	}
	return ErrQueueFull
}

// enqueueLatest is enqueue of a message with a key for a peer that has not taken yet what
// was sent before.
func (s *Session) enqueueLatest(m *Message, opt SendOptions) (queued bool, err error) {
	w := s.outbox.rarely()
	if i, ok := w.latest[opt.Key]; ok {
		more := m.size - w.values[i].message.size
		if more > 0 && s.outbox.bytes+more > s.server.cfg.OutboxBytes {
			return false, s.overflow(opt, false)
		}
		s.outbox.bytes += more
		w.values[i].message.Discard()
		w.values[i].message = m
		return true, nil
	}
	if !s.fits(m.size) && (opt.Overflow != OverflowDropVolatile || !s.makeRoom(m.size)) {
		return false, s.overflow(opt, false)
	}
	if w.latest == nil {
		w.latest = make(map[string]int)
	}
	w.latest[opt.Key] = len(w.values)
	w.values = append(w.values, keyedMessage{opt.Key, m})
	s.outbox.bytes += m.size
	return true, nil
}

// settle queues the latest values if nothing else is queued. It reports whether it did.
func (o *outbox) settle() bool {
	if len(o.queue) > 0 || o.slow.keyed() == 0 {
		return false
	}
	values := o.slow.values
	o.slow.values, o.slow.latest = nil, nil
	for _, v := range values {
		o.bytes -= v.message.size // which push adds
		o.push(v.message)
	}
	o.due = o.pushed
	return true
}

// DropKeys drops what waits with a SendOptions.Key that begins with prefix.
func (s *Session) DropKeys(prefix string) {
	s.mu.Lock()
	defer s.unlockAndTell()
	w := s.outbox.slow
	if w.keyed() == 0 {
		return
	}
	kept := w.values[:0]
	clear(w.latest)
	for _, v := range w.values {
		if strings.HasPrefix(v.key, prefix) {
			s.outbox.bytes -= v.message.size
			v.message.Discard()
			continue
		}
		w.latest[v.key] = len(kept)
		kept = append(kept, v)
	}
	clear(w.values[len(kept):])
	w.values = kept
	s.finishCloseLocked()
}

// makeRoom drops volatile messages, the oldest first, until a message fits and an eighth of
// the outbox is free: not one at a time, for each time the whole queue is moved. It reports
// whether the message fits.
func (s *Session) makeRoom(size int) bool {
	o, cfg := &s.outbox, &s.server.cfg
	if o.slow == nil || len(o.slow.volatile) == 0 {
		return false
	}
	enough := func() bool {
		return s.fits(size) && o.bytes <= cfg.OutboxBytes-cfg.OutboxBytes/8 &&
			len(o.queue)+o.slow.keyed() <= cfg.OutboxPackets-cfg.OutboxPackets/8
	}
	loose, marked := o.unsent(o.slow.volatile), []uint64(nil)
	first := o.pushed - uint64(len(o.queue)) // queue[i] is number first+i+1
	queue, gone := o.queue, []uint64(nil)
	o.queue = o.queue[:0]
	kept := 0
	for i, m := range queue {
		number := first + uint64(i) + 1
		o.queue = queue[:kept+len(queue)-i] // as long as it would be
		if len(loose) > 0 && loose[0] == number {
			loose = loose[1:]
			if !enough() {
				o.bytes -= m.size
				m.Discard()
				gone = append(gone, number)
				continue
			}
			marked = append(marked, number-uint64(len(gone)))
		}
		queue[kept] = m
		kept++
	}
	clear(queue[kept:])
	o.queue, o.slow.volatile = queue[:kept], marked
	o.forget(gone)
	return s.fits(size)
}

// forget renumbers what comes behind messages that are gone from the queue. Their numbers
// are those that they had.
func (o *outbox) forget(gone []uint64) {
	before := func(number uint64) uint64 {
		n, _ := slices.BinarySearch(gone, number+1)
		return uint64(n) //nolint:gosec // not negative
	}
	o.due -= before(o.due)
	o.pushed -= uint64(len(gone))
	if w := o.waits; w != nil {
		for i := range w.drains {
			w.drains[i].upTo -= before(w.drains[i].upTo)
		}
		o.wake()
	}
}
