// SPDX-License-Identifier: MIT

package dial

import (
	"encoding/base64"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
)

// SendOptions modify one Send. The zero value is a normal message.
type SendOptions struct {
	// Volatile drops the message, without an error, if the transport is busy: see
	// Session.Writable (C3.12).
	Volatile bool
	// NoCompression makes a WebSocket send it as it is.
	NoCompression bool
}

// item is one packet that waits to be sent, or a frame of a WebSocket.
type item struct {
	kind   wire.Type
	binary bool
	plain  bool      // not to be compressed
	op     ws.OpCode // of a control frame; 0: it is a packet
	data   []byte    // without the type
}

// size is that of the item in a polling payload.
func (i *item) size() int64 {
	if i.binary {
		return int64(1 + base64.StdEncoding.EncodedLen(len(i.data)))
	}
	return int64(1 + len(i.data))
}

// outbox holds what waits to be sent. It is guarded by Session.mu. At most one goroutine
// writes. It takes what is queued and looks again before it stops, so nothing stays behind.
type outbox struct {
	queue    []item
	bytes    int  // of queue and of the batch being written
	inFlight int  // bytes of the batch being written
	writing  bool // there is a goroutine that writes
}

func (o *outbox) busy() bool { return o.writing || len(o.queue) > 0 }

func (o *outbox) push(i item) {
	o.queue = append(o.queue, i)
	o.bytes += 1 + len(i.data)
}

// answer queues an answer to a ping. If one is waiting already it takes its place: what
// the server sends must not fill memory. See RFC 6455, section 5.5.3.
func (o *outbox) answer(i item) {
	for k := range o.queue {
		if q := &o.queue[k]; q.kind == i.kind && q.op == i.op {
			o.bytes += len(i.data) - len(q.data)
			*q = i
			return
		}
	}
	o.push(i)
}

// take returns the first items that make a payload of at most the given size, or one that
// is larger (C4.22). JS differs: the size of binary data is not estimated.
func (o *outbox) take(most int64) []item {
	n := len(o.queue)
	if most > 0 {
		size := int64(0)
		for k := range o.queue {
			if k > 0 {
				size++ // the separator
			}
			if size += o.queue[k].size(); size > most && k > 0 {
				n = k
				break
			}
		}
	}
	batch := o.queue[:n:n]
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil
	}
	for k := range batch {
		o.inFlight += 1 + len(batch[k].data)
	}
	return batch
}

// done ends the writing of a batch.
func (o *outbox) done() {
	o.bytes -= o.inFlight
	o.inFlight = 0
}

func (o *outbox) clear() {
	o.queue = nil
	o.bytes = o.inFlight
}

// Send queues a message: a text and the binary messages that follow it, as one unit. text
// may be nil: then there are only the others. It keeps them all: the caller must not
// change them. It never waits for the server. Messages arrive in the order of the calls.
//
// It returns engine.ErrClosed if the session is closing or closed, and engine.ErrQueueFull if
// more waits already than Config.OutboxBytes and OutboxPackets allow; then nothing is
// queued, and other than that of a server the session goes on.
func (s *Session) Send(text []byte, attachments [][]byte, opt SendOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.outbox
	switch {
	case s.state != stateOpen:
		return engine.ErrClosed
	case opt.Volatile && !s.writableLocked():
		return nil
	}
	size, packets := 0, len(attachments)
	if text != nil {
		size, packets = 1+len(text), packets+1
	}
	for _, a := range attachments {
		size += 1 + len(a)
	}
	cfg := &s.dialer.cfg
	if o.busy() && (size > cfg.OutboxBytes-o.bytes || packets > cfg.OutboxPackets-len(o.queue)) {
		return engine.ErrQueueFull
	}
	if text != nil {
		o.push(item{kind: wire.Message, data: text, plain: opt.NoCompression})
	}
	for _, a := range attachments {
		o.push(item{kind: wire.Message, binary: true, data: a, plain: opt.NoCompression})
	}
	s.flushLocked()
	return nil
}

// Writable reports whether a message sent now would leave at once: nothing else is being
// written or waits, and the session is not just moving to another transport (C3.12).
func (s *Session) Writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writableLocked()
}

func (s *Session) writableLocked() bool {
	return s.state == stateOpen && !s.outbox.busy() && !s.upgrade.switching
}

// flushLocked has what is queued written, unless somebody writes already. While the
// session moves to another transport, writes are held (C4.20).
func (s *Session) flushLocked() {
	o := &s.outbox
	if s.state != stateClosed && !o.writing && len(o.queue) > 0 && !s.upgrade.switching {
		o.writing = true
		s.spawnLocked(s.write)
	}
	s.finishCloseLocked()
}

// write writes until nothing is left. It runs on a goroutine of its own, which exists
// only while there is something to write.
func (s *Session) write() {
	o := &s.outbox
	s.mu.Lock()
	for s.state != stateClosed && len(o.queue) > 0 && !s.upgrade.switching {
		t := s.transport
		batch := o.take(t.most())
		s.mu.Unlock()
		err := t.write(batch)
		s.mu.Lock()
		o.done()
		if err != nil && s.transport == t {
			s.endLocked(engine.ReasonTransportError, err, false, 0)
		}
	}
	t, bye := s.transport, s.farewell
	if s.state == stateClosed && bye.due { // the session ends while writing is set: nobody else writes
		s.mu.Unlock()
		t.sayGoodbye(bye.code)
		s.mu.Lock()
		s.outbox.writing = false
		s.mu.Unlock()
		return
	}
	o.writing = false
	s.finishCloseLocked()
	s.unlockAndTell()
	s.trySwitch()
}
