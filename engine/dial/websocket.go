// SPDX-License-Identifier: MIT

package dial

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// phase is how far a WebSocket has come.
type phase uint8

const (
	phaseOpening phase = iota // the open packet is to come
	phaseProbing              // the answer to the probe is
	phaseOpen                 // packets of the session are, if it is its transport
	phaseOver                 // what still comes is not looked at
)

// socket carries a session over a WebSocket. It has one goroutine, the reader.
type socket struct {
	dialer *Dialer
	conn   io.ReadWriteCloser
	params *websocket.Params // of compression; nil: none

	deflater *websocket.Deflater // of the writer

	// Of the reader, once it runs.
	session     *Session // nil while opening
	reader      websocket.Reader
	newReceiver func(*Session) Receiver
	phase       phase
	entered     bool        // beginReceive was called, and endReceive has to be
	err         error       // why opening or probing has failed
	stop        func() bool // of the limit of the time to open or to probe
}

func (w *socket) name() string { return engine.WebSocket }
func (w *socket) most() int64  { return 0 }
func (w *socket) hangUp()      { _ = w.conn.Close() }

const (
	readSize  = 4 << 10  // held while idle, so it is small
	bigSize   = 32 << 10 // of reads while there is much to read
	writeSize = 64 << 10 // from this on, what was encoded is written
)

var (
	bigBuffers   = sync.Pool{New: func() any { b := make([]byte, bigSize); return &b }}
	writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, readSize); return &b }}
)

// run is the reader.
func (w *socket) run() {
	err := w.readAll()
	_ = w.conn.Close()
	s := w.session
	if w.err != nil {
		err = w.err
	}
	cause := w.dialer.fail(engine.WebSocket, "", err)
	s.probeFailed(w, cause)
	s.lost(w, engine.ReasonTransportClose, cause)
}

// readAll reads until the connection ends, or probing has failed.
func (w *socket) readAll() error {
	small := make([]byte, readSize)
	for w.err == nil {
		n, err := w.conn.Read(small)
		w.take(small[:n])
		if n == len(small) && err == nil {
			err = w.readMuch()
		}
		if err != nil {
			return closedBy(err)
		}
	}
	return w.err
}

// readMuch reads with a large buffer while that is full.
func (w *socket) readMuch() error {
	big := bigBuffers.Get().(*[]byte)
	defer bigBuffers.Put(big)
	for w.err == nil {
		n, err := w.conn.Read(*big)
		w.take((*big)[:n])
		if n < len(*big) || err != nil {
			return err
		}
	}
	return nil
}

// take is feed, and then waits while the session is paused.
func (w *socket) take(p []byte) {
	w.feed(p)
	w.session.waitResumed()
}

// feed takes the bytes of one read.
func (w *socket) feed(p []byte) {
	if w.phase == phaseOver {
		return
	}
	if !w.reader.Feed(p) {
		w.phase = phaseOver
	}
	if w.entered {
		w.entered = false
		w.session.endReceive()
	}
}

// closedBy returns what the end of a connection means.
func closedBy(err error) error {
	lost := &CloseError{Code: 1006}
	if errors.Is(err, io.EOF) {
		return lost
	}
	return fmt.Errorf("%w: %w", lost, err)
}

// Message implements websocket.Handler.
func (w *socket) Message(data []byte, binary bool) bool {
	p, err := wire.Parse(data, binary)
	if w.phase == phaseOpening {
		return w.open(p, err)
	}
	if w.phase == phaseProbing {
		return w.session.probed(w, p, err)
	}
	if !w.entered && !w.enter() {
		return false
	}
	if err != nil {
		w.session.malformed(err)
		return false
	}
	return w.session.receive(p)
}

// enter prepares for messages of the session. It reports false if the WebSocket is not
// its transport: the session has ended, or the server has not waited for the upgrade.
func (w *socket) enter() bool {
	s := w.session
	if w.entered = s.beginReceive(w); w.entered {
		return true
	}
	s.mu.Lock()
	if s.upgrade.candidate == w {
		w.err = errProbe
	}
	s.mu.Unlock()
	return false
}

// Control implements websocket.Handler.
func (w *socket) Control(op ws.OpCode, payload []byte) bool {
	s := w.session
	switch {
	case op == ws.OpPing && s != nil:
		s.mu.Lock()
		if s.transport == transport(w) && s.state != stateClosed {
			s.outbox.answer(item{op: ws.OpPong, data: payload})
			s.flushLocked()
		}
		s.unlockAndTell()
	case op == ws.OpClose:
		e := &CloseError{Code: 1005}
		if len(payload) >= 2 {
			e.Code, e.Text = int(payload[0])<<8|int(payload[1]), string(payload[2:])
		}
		w.end(engine.ReasonTransportClose, e, websocket.CloseReply(payload))
		return false
	}
	return true
}

// Failed implements websocket.Handler.
func (w *socket) Failed(code websocket.Code, err error) {
	if errors.Is(err, websocket.ErrTooBig) {
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	w.end(engine.ReasonTransportError, err, code)
}

// end ends the session, or what is to become one, because of what the server has sent.
func (w *socket) end(reason engine.Reason, err error, code websocket.Code) {
	s := w.session
	if s == nil {
		w.err = err
		return
	}
	s.mu.Lock()
	if s.transport == transport(w) {
		s.endLocked(reason, w.dialer.fail(engine.WebSocket, "", err), true, code)
	} else {
		w.err = err
	}
	s.unlockAndTell()
}

// write writes a batch with as few system calls as possible.
func (w *socket) write(batch []item) error {
	borrowed := writeBuffers.Get().(*[]byte)
	buf := (*borrowed)[:0]
	var err error
	for k := range batch {
		if buf = w.appendItem(buf, &batch[k]); len(buf) >= writeSize && err == nil {
			_, err = w.conn.Write(buf)
			buf = buf[:0]
		}
	}
	if len(buf) > 0 && err == nil {
		_, err = w.conn.Write(buf)
	}
	if cap(buf) <= 2*writeSize {
		*borrowed = buf
		writeBuffers.Put(borrowed)
	}
	if err != nil {
		return w.dialer.fail(engine.WebSocket, "", err)
	}
	return nil
}

// appendItem appends the frame of a packet.
func (w *socket) appendItem(buf []byte, i *item) []byte {
	if i.op != 0 {
		return websocket.AppendMasked(buf, i.op, false, i.data)
	}
	op := ws.OpText
	var kind []byte
	data := i.data
	switch {
	case i.binary && w.dialer.cfg.ForceBase64:
		data = wire.AppendBase64(nil, wire.Packet{Type: i.kind, Binary: true, Data: data})
	case i.binary:
		op = ws.OpBinary
	default:
		kind = digits[i.kind : i.kind+1]
	}
	if w.deflater == nil || i.plain || len(kind)+len(data) < w.params.Threshold {
		return websocket.AppendMasked(buf, op, false, kind, data)
	}
	if len(kind) > 0 {
		data = append(append(make([]byte, 0, 1+len(data)), kind...), data...)
	}
	return w.deflater.AppendMasked(buf, op, data)
}

var digits = []byte("0123456")

// sayGoodbye sends a close frame, which the server answers.
func (w *socket) sayGoodbye(code websocket.Code) {
	frame := websocket.AppendClose(nil, code)
	_, _ = w.conn.Write(websocket.AppendMasked(nil, ws.OpClose, false, frame[2:])) // the session has ended anyway
}
