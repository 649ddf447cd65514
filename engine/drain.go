// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"slices"
)

// waits are those who wait for an outbox.
type waits struct {
	drains []drain         // calls of Drain, in the order of upTo
	idle   chan struct{}   // closed when nothing is left to be written; nil if nobody waits
	room   []chan struct{} // closed when something has left, or the session has ended
}

// drain is a call that waits until the first upTo messages have left. Its channel has
// room for the one answer it gets.
type drain struct {
	upTo uint64
	done chan error
}

// waiting returns waits to add to.
func (o *outbox) waiting() *waits {
	if o.waits == nil {
		o.waits = new(waits)
	}
	return o.waits
}

// wake tells those whose messages have left, and those who wait for room.
func (o *outbox) wake() {
	w := o.waits
	for len(w.drains) > 0 && w.drains[0].upTo <= o.written {
		w.drains[0].done <- nil
		w.drains = w.drains[1:]
	}
	if w.idle != nil && len(o.queue) == 0 {
		close(w.idle)
		w.idle = nil
	}
	w.wakeRoom()
	if len(w.drains) == 0 && w.idle == nil {
		o.waits = nil
	}
}

func (w *waits) wakeRoom() {
	for _, c := range w.room {
		close(c)
	}
	w.room = nil
}

// end tells those who wait that the session has ended.
func (w *waits) end() {
	for _, d := range w.drains {
		d.done <- ErrClosed
	}
	w.drains = nil
	w.wakeRoom()
}

// Drain waits until all that was queued before the call has left: the kernel took it, or
// for polling, it was written in a response. Packets with a SendOptions.Key may leave later. It returns ErrClosed if the session ends
// first, and ctx's error if ctx does. A producer that calls it now and then never fills
// the outbox. A Receiver must not call it.
func (s *Session) Drain(ctx context.Context) error {
	s.Flush()
	s.mu.Lock()
	o := &s.outbox
	switch {
	case s.state == stateClosed:
		s.mu.Unlock()
		return ErrClosed
	case !o.writing && len(o.queue) == 0:
		s.mu.Unlock()
		return nil
	}
	d := drain{upTo: o.pushed, done: make(chan error, 1)}
	w := o.waiting()
	w.drains = append(w.drains, d)
	s.mu.Unlock()
	select {
	case err := <-d.done:
		return err
	case <-ctx.Done():
		s.mu.Lock()
		w.drains = slices.DeleteFunc(w.drains, func(other drain) bool { return other.done == d.done })
		s.mu.Unlock()
		return ctx.Err()
	}
}

// SendWait is Send that waits until the outbox has room: for any message if it is empty, and
// else within half of its limits, so that who does not wait finds room too. It returns ErrClosed if the session ends first, and ctx's error if
// ctx does. A Receiver must not call it. Several that wait get room in no
// particular order, and those who call Send do not wait for them.
func (s *Session) SendWait(ctx context.Context, m *Message, opt SendOptions) error {
	for {
		if err := s.WaitRoom(ctx, m.size); err != nil {
			m.Discard()
			return err
		}
		s.mu.Lock()
		if s.state != stateOpen || s.roomy(m.size) {
			return s.sendLocked(m, opt)
		}
		s.mu.Unlock() // somebody else has taken the room
	}
}

// roomy reports whether there is room for who waits for it.
func (s *Session) roomy(size int) bool {
	o, cfg := &s.outbox, &s.server.cfg
	return !o.busy() || o.bytes+size <= cfg.OutboxBytes/2 && len(o.queue)+o.slow.keyed() < cfg.OutboxPackets/2
}

// WaitRoom waits until the outbox has room for a message of size bytes, as SendWait does.
func (s *Session) WaitRoom(ctx context.Context, size int) error {
	flushed := false
	for {
		s.mu.Lock()
		if s.state != stateOpen {
			s.mu.Unlock()
			return ErrClosed
		}
		if s.roomy(size) {
			s.mu.Unlock()
			return nil
		}
		if !flushed { // what is held would not leave
			flushed = true
			s.flushLocked()
			s.unlockAndTell()
			continue
		}
		c := make(chan struct{})
		w := s.outbox.waiting()
		w.room = append(w.room, c)
		s.mu.Unlock()
		select {
		case <-c:
			flushed = false
		case <-ctx.Done():
			s.mu.Lock()
			w.room = slices.DeleteFunc(w.room, func(other chan struct{}) bool { return other == c })
			s.mu.Unlock()
			return ctx.Err()
		}
	}
}

// OnDrain has f called each time when everything has left that had to wait for the peer: the
// kernel did not take it at once, or the client polls. nil: nobody. f is called by who writes,
// with nothing locked. It must not block.
func (s *Session) OnDrain(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.rarely().onDrain = f
}

// drainedLocked returns what is to be called when a write that had to wait is done.
func (s *Session) drainedLocked() func() {
	o := &s.outbox
	if o.slow == nil || o.busy() || s.state != stateOpen {
		return nil
	}
	return o.slow.onDrain
}

// Buffered returns the number of bytes that wait to be sent.
func (s *Session) Buffered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outbox.bytes
}
