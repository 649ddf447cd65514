// SPDX-License-Identifier: MIT

package engine

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine/wire"
)

// webSocket carries a session over one WebSocket connection: one Engine.IO packet is
// one WebSocket message. It has one goroutine, the reader, and, only while the peer
// takes less than it is sent, a second one that waits to write the rest.
type webSocket struct {
	session *Session
	stream  stream
	frames  frameReader

	// writers counts the goroutines inside write and writeRest; the reader, which ends
	// last, waits for them.
	writers sync.WaitGroup

	// Guarded by session.mu.
	closing bool // a close frame was written or queued, or the connection was closed
	dead    bool // the reader has ended: nothing can be written any more

	// The fields below belong to the reader.
	probing bool // not yet the session's transport: see upgrade.go
	ended   bool // no more messages are wanted; the peer's close frame is waited for
	entered bool // beginReceive was called, and endReceive has to be
	discard bool // the peer broke the protocol: what it still sends is not looked at
}

// newWebSocket returns a transport without a connection: see attach.
func newWebSocket(s *Session) *webSocket {
	w := &webSocket{session: s}
	w.frames = frameReader{
		handler:      w,
		maxBytes:     s.server.cfg.MaxPayloadBytes,
		maxFragments: s.server.cfg.MaxFragments,
		state:        ws.StateServerSide,
	}
	return w
}

// attach gives w its connection. It reports false, and closes the connection, if w was
// closed meanwhile.
func (w *webSocket) attach(conn net.Conn) bool {
	w.session.mu.Lock()
	closed := w.closing
	if !closed {
		w.stream.open(conn)
	}
	w.session.mu.Unlock()
	if closed {
		_ = conn.Close()
	}
	return !closed
}

func (w *webSocket) name() string { return WebSocket }

func (w *webSocket) ready() bool {
	return !w.session.outbox.writing && !w.dead && w.stream.conn != nil
}

// write writes the batch with as few system calls as possible, and without waiting.
func (w *webSocket) write(batch []*Message) (done bool) {
	s := w.session
	w.writers.Add(1)
	s.mu.Unlock()
	rest, err := w.stream.tryWrite(batch)
	s.mu.Lock()
	if err == nil && rest != nil {
		go w.writeRest(batch, rest)
		return false
	}
	w.writers.Done()
	w.failLocked(err)
	return true
}

// failLocked ends the session if writing has failed (E5.9). The reader would not find
// out while the session is paused.
func (w *webSocket) failLocked(err error) {
	if err != nil {
		w.stream.hangUp()
		w.session.endLocked(ReasonTransportError, err, false, closeNone)
	}
}

// writeRest waits until the peer has taken what the kernel did not. The heartbeat
// bounds the wait: it closes the connection.
func (w *webSocket) writeRest(batch []*Message, rest net.Buffers) {
	_, err := rest.WriteTo(w.stream.conn)
	s := w.session
	s.mu.Lock()
	w.failLocked(err)
	s.mu.Unlock()
	s.written(batch)
	w.writers.Done()
}

// close ends the connection. If polite, a close frame follows what was written, and
// the connection stays until the peer has answered it: closing a TCP connection with
// unread input would make the kernel throw away what the peer has not read yet.
func (w *webSocket) close(polite bool, code closeCode) {
	if w.closing {
		return
	}
	w.closing = true
	s := w.session
	if w.stream.conn == nil {
		return
	}
	if !polite {
		w.stream.hangUp()
		return
	}
	w.stream.setDeadline(time.Now().Add(lingerTimeout))
	s.outbox.push(closeFrame(code))
	s.flushLocked()
}

func closeFrame(code closeCode) *Message {
	if code == closeNone {
		return emptyCloseFrame
	}
	return newFrame(ws.OpClose, binary.BigEndian.AppendUint16(nil, uint16(code)))
}

// run is the reader. early is what came with the HTTP request.
func (w *webSocket) run(early []byte) {
	err := w.stream.readAll(early, w.read)
	s := w.session
	switch {
	case w.probing: // E9.5, E9.6: the client sees a WebSocket that closes
		_ = w.stream.conn.SetWriteDeadline(time.Now().Add(probeCloseTimeout))
		_, _ = w.stream.conn.Write(emptyCloseFrame.buf)
	case err == nil:
		s.waitWritten() // the answer to the peer's close frame may be behind other frames
	}
	_ = w.stream.conn.Close()
	s.mu.Lock()
	w.dead = true
	s.mu.Unlock()
	w.writers.Wait()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if w.probing {
		s.probeFailed(w)
		return
	}
	s.peerClosed(err)
}

// read takes the bytes of one read. It reports false when the reader is to stop.
func (w *webSocket) read(p []byte) bool {
	if w.discard {
		return true
	}
	if !w.probing && !w.ended {
		w.enter()
	}
	more := w.frames.feed(p)
	if w.entered {
		w.entered = false
		w.session.endReceive()
		if more {
			w.session.waitResumed()
		}
	}
	return more || w.discard
}

// enter prepares for messages of the session. If the session was closed by this side,
// only the peer's close frame matters from now on.
func (w *webSocket) enter() {
	w.entered = w.session.beginReceive(w)
	w.ended = !w.entered
}

// message takes a message from the frame reader.
func (w *webSocket) message(data []byte, isBinary bool) bool {
	if w.ended {
		return true
	}
	p, err := wire.Parse(data, isBinary)
	if w.probing {
		more := w.probe(p, err)
		if more && !w.probing {
			w.enter() // messages may follow in the same read
		}
		return more
	}
	if err != nil {
		w.session.abort(ReasonParseError, err)
		w.ended = true
		return true
	}
	if !w.session.receive(p) {
		w.ended = true
	}
	return true
}

// control answers control frames. See RFC 6455, section 5.5.
func (w *webSocket) control(op ws.OpCode, payload []byte) bool {
	switch {
	case op == ws.OpPing && !w.ended && !w.probing:
		s := w.session
		s.mu.Lock()
		if s.state != stateClosed {
			s.outbox.push(newFrame(ws.OpPong, payload))
			s.flushLocked()
		}
		if o := &s.outbox; len(o.queue) > s.server.cfg.OutboxPackets || len(o.queue) > 1 && o.bytes > s.server.cfg.OutboxBytes {
			s.endLocked(ReasonTransportError, ErrQueueFull, false, closeNone)
		}
		s.unlockAndTell()
	case op == ws.OpClose:
		if !w.probing {
			w.answerClose(payload)
		}
		return false
	}
	return true
}

// answerClose ends the closing handshake, which either side may have begun.
func (w *webSocket) answerClose(payload []byte) {
	s := w.session
	code := closeNone
	if len(payload) >= 2 {
		code = closeCode(binary.BigEndian.Uint16(payload))
		if ws.CheckCloseFrameData(ws.StatusCode(code), string(payload[2:])) != nil {
			code = closeProtocol
		}
	} else if len(payload) == 1 {
		code = closeProtocol
	}
	s.abortCode(ReasonTransportClose, nil, code)
}

// failed ends a session whose peer broke a rule of the protocol.
func (w *webSocket) failed(code closeCode, err error) {
	w.ended = true
	if w.probing {
		return
	}
	// The rest of what the peer sends is read and thrown away for a moment: closing a
	// connection with unread input would reset it, and the peer would not see the code.
	w.discard = true
	w.session.abortCode(ReasonTransportError, err, code)
}
