// SPDX-License-Identifier: MIT

package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// phase is how far a duplex has come.
type phase uint8

const (
	phaseOpening phase = iota // the open packet is to come
	phaseProbing              // the answer to the probe is
	phaseOpen                 // packets of the session are, if it is its transport
	phaseOver                 // what still comes is not looked at
)

// duplex carries a session over a connection: a WebSocket, or a stream of WebTransport. It
// has one goroutine, the reader.
type duplex struct {
	framing

	dialer *Dialer
	conn   io.ReadWriteCloser

	// Of the reader, once it runs.
	session     *Session // nil while opening
	probe       *probe   // nil if it has opened the session
	newReceiver func(*Session) Receiver
	phase       phase
	entered     bool        // beginReceive was called, and endReceive has to be
	err         error       // why opening or probing has failed
	stop        func() bool // of the limit of the time to open or to probe
}

// framing is how packets travel on a connection.
type framing interface {
	name() string
	// begin returns what is written first, if anything. sid is that of the session that
	// upgrades, or "".
	begin(sid string) []byte
	// parse takes the bytes of one read, and calls duplex.message for each packet that is
	// complete. It reports false when no more are wanted.
	parse(p []byte) bool
	// appendItem appends a packet as it is written. One goroutine at a time calls it.
	appendItem(buf []byte, i *item) []byte
	// sayGoodbye tells the server that the session has ended: it is to end the connection.
	sayGoodbye(code websocket.Code)
	// closedBy returns what an error of reading means.
	closedBy(err error) error
}

func (w *duplex) most() int64 { return 0 }
func (w *duplex) hangUp()     { _ = w.conn.Close() }

const (
	readSize  = 4 << 10  // held while idle, so it is small
	bigSize   = 32 << 10 // of reads while there is much to read
	writeSize = 64 << 10 // from this on, what was encoded is written
)

var (
	bigBuffers   = sync.Pool{New: func() any { b := make([]byte, bigSize); return &b }}
	writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, readSize); return &b }}
)

// connect opens a connection. sid is that of the session that upgrades, or "".
func (d *Dialer) connect(ctx context.Context, name, sid string) (*duplex, error) {
	if name == engine.WebTransport {
		return d.connectStream(ctx)
	}
	return d.connectSocket(ctx, sid)
}

// openDuplex opens a session over a WebSocket or WebTransport.
func (d *Dialer) openDuplex(ctx context.Context, name string, newReceiver func(*Session) Receiver) (*Session, error) {
	d.worked.Store(false)
	w, err := d.connect(ctx, name, "")
	if err != nil {
		return nil, err
	}
	w.newReceiver = newReceiver
	w.stop = context.AfterFunc(ctx, w.hangUp)
	w.write1(w.begin(""))
	buf := make([]byte, readSize)
	for w.phase == phaseOpening && w.err == nil {
		n, err := w.conn.Read(buf)
		w.feed(buf[:n])
		if err != nil && w.err == nil && w.phase == phaseOpening {
			w.err = w.closedBy(err)
		}
	}
	inTime := w.stop()
	s := w.session
	if s == nil {
		w.hangUp()
		if !inTime {
			w.err = ctx.Err()
		}
		var e *Error
		if errors.As(w.err, &e) {
			return nil, e
		}
		return nil, d.fail(name, "", w.err)
	}
	d.worked.Store(name == engine.WebSocket)
	if !inTime {
		s.Abort(engine.ReasonForcedClose, ctx.Err())
	}
	s.start(func() {
		s.waitResumed()
		w.run()
	})
	if !inTime {
		return nil, d.fail(name, "", ctx.Err())
	}
	return s, nil
}

// write1 writes before the session does. If that fails, the reader finds out why.
func (w *duplex) write1(p []byte) {
	if len(p) > 0 {
		_, _ = w.conn.Write(p)
	}
}

// open takes the first packet (C4.19).
func (w *duplex) open(p wire.Packet, err error) bool {
	if err != nil {
		w.err = fmt.Errorf("%w: %w", ErrHandshake, err)
		return false
	}
	h, err := parseHandshake(p)
	if err == nil {
		_, err = w.dialer.newSession(h, w, func(s *Session) Receiver {
			w.session = s
			return w.newReceiver(s)
		})
		w.newReceiver = nil
	}
	if err != nil {
		w.err, w.session = err, nil
		return false
	}
	w.phase = phaseOpen
	return true
}

// run is the reader.
func (w *duplex) run() {
	err := w.readAll()
	_ = w.conn.Close()
	s := w.session
	if w.err != nil {
		err = w.err
	}
	cause := w.dialer.fail(w.name(), "", err)
	s.probeFailed(w.probe, cause)
	s.lost(w, engine.ReasonTransportClose, cause)
}

// readAll reads until the connection ends, or probing has failed.
func (w *duplex) readAll() error {
	small := make([]byte, readSize)
	for w.err == nil {
		n, err := w.conn.Read(small)
		w.take(small[:n])
		if n == len(small) && err == nil {
			err = w.readMuch()
		}
		if err != nil {
			return w.closedBy(err)
		}
	}
	return w.err
}

// readMuch reads with a large buffer while that is full.
func (w *duplex) readMuch() error {
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
func (w *duplex) take(p []byte) {
	w.feed(p)
	w.session.waitResumed()
}

// feed takes the bytes of one read.
func (w *duplex) feed(p []byte) {
	if w.phase == phaseOver {
		return
	}
	if !w.parse(p) {
		w.phase = phaseOver
	}
	if w.entered {
		w.entered = false
		w.session.endReceive()
	}
}

// message takes one packet. It reports false when no more are wanted.
func (w *duplex) message(data []byte, binary bool) bool {
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

// enter prepares for messages of the session. It reports false if the connection is not
// its transport: the session has ended, or the server has not waited for the upgrade.
func (w *duplex) enter() bool {
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

// end ends the session, or what is to become one, because of what the server has sent.
func (w *duplex) end(reason engine.Reason, err error, code websocket.Code) {
	s := w.session
	if s == nil {
		w.err = err
		return
	}
	s.mu.Lock()
	if s.transport == transport(w) {
		s.endLocked(reason, w.dialer.fail(w.name(), "", err), true, code)
	} else {
		w.err = err
	}
	s.unlockAndTell()
}

// write writes a batch with as few system calls as possible.
func (w *duplex) write(batch []item) error {
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
		return w.dialer.fail(w.name(), "", err)
	}
	return nil
}

// digits are the types of packets.
var digits = []byte("0123456")
