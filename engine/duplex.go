// SPDX-License-Identifier: MIT

package engine

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// duplex carries a session over one connection that both sides read and write: a
// WebSocket, or a stream of WebTransport. One goroutine at a time reads it: a worker of the
// poller, or one of its own, which is the reader. Only then it has, while the peer takes
// less than it is sent, a second one that waits to write the rest.
type duplex struct {
	session *Session
	stream  stream
	framing framing

	// writers counts the goroutines inside write and writeRest; the reader, which ends
	// last, waits for them.
	writers sync.WaitGroup

	// Guarded by session.mu.
	closing bool // the last frame was written or queued, or the connection was closed
	dead    bool // the reader has ended: nothing can be written any more

	// The fields below belong to the reader.
	probing bool // not yet the session's transport: see upgrade.go
	ended   bool // no more messages are wanted; the peer's end is waited for
	entered bool // beginReceive was called, and endReceive has to be
	discard bool // the peer broke the protocol: what it still sends is not looked at
}

// framing is how packets travel on a connection.
type framing interface {
	name() string
	// feed takes the bytes of one read, and calls duplex.message for each message that is
	// complete. It reports false when no more are wanted.
	feed(p []byte) bool
	// encode returns the messages as the peer understands them. Only one goroutine at a
	// time calls it.
	encode(batch []*Message) []*Message
	// goodbye returns the frame that ends the connection, or nil if there is none.
	goodbye(code websocket.Code) *Message
}

// attach gives d its connection. It reports false, and closes the connection, if d was
// closed meanwhile.
func (d *duplex) attach(conn net.Conn) bool {
	d.session.mu.Lock()
	closed := d.closing
	if !closed {
		d.stream.open(d, conn)
	}
	d.session.mu.Unlock()
	if closed {
		_ = conn.Close()
	}
	return !closed
}

func (d *duplex) name() string { return d.framing.name() }

func (d *duplex) ready() bool {
	return !d.session.outbox.writing && !d.dead && d.stream.isOpen()
}

// write writes the batch with as few system calls as possible, and without waiting.
func (d *duplex) write(batch []*Message) (done bool) {
	s := d.session
	d.writers.Add(1)
	s.mu.Unlock()
	rest, err := d.stream.tryWrite(d.framing.encode(batch))
	s.mu.Lock()
	if err == nil && rest != nil {
		if p := d.stream.polled; p != nil {
			p.writeLater(batch, rest)
		} else {
			go d.writeRest(batch, rest)
		}
		return false
	}
	d.writers.Done()
	d.failLocked(err)
	return true
}

// failLocked ends the session if writing has failed (E5.9). The reader would not find
// out while the session is paused.
func (d *duplex) failLocked(err error) {
	if err != nil {
		d.stream.hangUp()
		d.session.endLocked(ReasonTransportError, err, false, websocket.CloseNone)
	}
}

// writeRest waits until the peer has taken what the kernel did not. The heartbeat
// bounds the wait: it closes the connection.
func (d *duplex) writeRest(batch []*Message, rest net.Buffers) {
	_, err := rest.WriteTo(d.stream.conn)
	d.restWritten(batch, err)
}

// restWritten ends a write that did not end at once.
func (d *duplex) restWritten(batch []*Message, err error) {
	s := d.session
	s.mu.Lock()
	d.failLocked(err)
	s.mu.Unlock()
	s.written(batch)
	s.mu.Lock()
	d.endStreamLocked()
	s.mu.Unlock()
	d.writers.Done()
}

// writeNow writes a message of a few bytes to a connection that nobody else writes to.
func (d *duplex) writeNow(m *Message) error {
	if p := d.stream.polled; p != nil {
		rest, err := p.tryWrite(d.framing.encode([]*Message{m}))
		if rest != nil {
			err = io.ErrShortWrite
		}
		return err
	}
	pieces := d.stream.join(d.framing.encode([]*Message{m}))
	_, err := pieces.WriteTo(d.stream.conn)
	return err
}

// close ends the connection. If polite, a last frame follows what was written, and the
// connection stays until the peer has answered it: closing a TCP connection with
// unread input would make the kernel throw away what the peer has not read yet.
func (d *duplex) close(polite bool, code websocket.Code) {
	if d.closing {
		return
	}
	d.closing = true
	s := d.session
	if !d.stream.isOpen() {
		return
	}
	if !polite {
		d.stream.hangUp()
		return
	}
	linger := lingerTimeout
	if code != websocket.CloseNone || s.end != nil && s.end.reason == ReasonPingTimeout {
		// The peer broke the protocol, and its answer will not be understood, or is silent.
		linger = failTimeout
	}
	d.stream.setDeadline(time.Now().Add(linger))
	if last := d.framing.goodbye(code); last != nil {
		s.outbox.push(last)
		s.flushLocked()
		return
	}
	d.endStreamLocked()
}

// endStreamLocked ends the reader of a connection that is closing and knows no last
// frame, once everything was written.
func (d *duplex) endStreamLocked() {
	if d.closing && !d.session.outbox.busy() && d.framing.goodbye(websocket.CloseNone) == nil {
		d.stream.hangUp()
	}
}

// run is the reader. early is what has been read already.
func (d *duplex) run(early []byte) { d.finish(d.stream.readAll(early, d.read)) }

// finish is called when nothing more is read, because of err, or because no more is
// wanted. It closes the connection.
func (d *duplex) finish(err error) {
	gone := err != nil
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = nil
	}
	s := d.session
	switch {
	case d.probing: // E9.5, E9.6: the client sees a connection that closes
		d.sayGoodbye()
	case gone:
		s.peerClosed(err) // before a write fails because of the end below
	default:
		s.waitWritten() // the answer to the peer's last frame may be behind others
	}
	s.mu.Lock()
	d.dead = true
	s.mu.Unlock()
	if p := d.stream.polled; p != nil {
		p.abandon()
		d.writers.Wait()
		p.close()
	} else {
		_ = d.stream.conn.Close()
		d.writers.Wait()
	}
	if d.probing {
		s.probeFailed(d)
	} else {
		s.peerClosed(err)
	}
	s.server.ended(d)
}

// sayGoodbye ends a connection that is not the session's transport.
func (d *duplex) sayGoodbye() {
	if d.stream.conn != nil {
		_ = d.stream.conn.SetWriteDeadline(time.Now().Add(probeCloseTimeout))
	}
	if last := d.framing.goodbye(websocket.CloseNone); last != nil {
		_ = d.writeNow(last)
	}
}

// read takes the bytes of one read. It reports false when the reader is to stop.
func (d *duplex) read(p []byte) bool {
	if d.discard {
		return true
	}
	if !d.probing && !d.ended {
		d.enter()
	}
	more := d.framing.feed(p)
	if d.entered {
		d.entered = false
		d.session.meterBytes(len(p))
		d.session.endReceive()
		if more && d.stream.polled == nil {
			d.session.waitResumed()
		}
	}
	return more || d.discard
}

// enter prepares for messages of the session. If the session was closed by this side,
// only the peer's end matters from now on.
func (d *duplex) enter() {
	d.entered = d.session.beginReceive(d)
	d.ended = !d.entered
}

// mayBlock is to be called by the goroutine that reads d before it does what may wait.
func (d *duplex) mayBlock() {
	if d != nil && d.stream.polled != nil {
		d.stream.polled.mayBlock()
	}
}

// message takes a message from the framing. It reports false when no more are wanted.
func (d *duplex) message(data []byte, isBinary bool) bool {
	if d.ended {
		return true
	}
	s := d.session
	parse := wire.Parse
	if s.revision == 3 {
		parse = wire.Parse3
	}
	p, err := parse(data, isBinary)
	if d.probing {
		more := d.probe(p, err)
		if more && !d.probing {
			d.enter() // messages may follow in the same read
		}
		return more
	}
	if err != nil {
		s.abort(ReasonParseError, err)
		d.ended = true
		return true
	}
	if !s.receive(p) {
		d.ended = true
	}
	return true
}

// fail ends a session whose peer broke a rule of the framing.
func (d *duplex) fail(reason Reason, code websocket.Code, err error) {
	d.ended = true
	if d.probing {
		return
	}
	// The rest of what the peer sends is read and thrown away for a moment: closing a
	// connection with unread input would reset it, and the peer would not see the code.
	d.discard = true
	d.session.abortCode(reason, err, code)
}
