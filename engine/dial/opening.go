// SPDX-License-Identifier: MIT

package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// handshake opens a WebSocket.
func (d *Dialer) handshake(ctx context.Context, sid string) (*socket, error) {
	r, err := d.request(ctx, engine.WebSocket, http.MethodGet, sid, nil)
	if err != nil {
		return nil, err
	}
	offer := websocket.Offer{Protocols: d.cfg.Protocols}
	if !d.cfg.NoCompression {
		offer.Deflate = &websocket.Deflate{Threshold: d.cfg.CompressionThreshold, Level: 1}
	}
	offer.Set(r.Header)
	if f := d.cfg.OnRequest; f != nil {
		f(engine.WebSocket, r)
	}
	res, err := d.sockets.Do(r)
	if err != nil {
		return nil, d.fail(engine.WebSocket, r.Method, err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		defer func() { _ = res.Body.Close() }()
		return nil, d.refused(engine.WebSocket, r.Method, res)
	}
	params, err := offer.Check(res.Header)
	conn, ok := res.Body.(io.ReadWriteCloser)
	if err == nil && !ok {
		err = errors.ErrUnsupported
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, d.fail(engine.WebSocket, r.Method, err)
	}
	w := &socket{dialer: d, conn: conn, params: params}
	if params != nil {
		w.deflater = websocket.NewDeflater(params)
	}
	w.reader = websocket.Reader{Handler: w, MaxBytes: d.cfg.MaxPayloadBytes, MaxFragments: maxFragments, Client: true, Deflate: params}
	return w, nil
}

// openSocket opens a session over a WebSocket.
func (d *Dialer) openSocket(ctx context.Context, newReceiver func(*Session) Receiver) (*Session, error) {
	d.worked.Store(false)
	w, err := d.handshake(ctx, "")
	if err != nil {
		return nil, err
	}
	w.newReceiver = newReceiver
	w.stop = context.AfterFunc(ctx, w.hangUp)
	buf := make([]byte, readSize)
	for w.phase == phaseOpening && w.err == nil {
		n, err := w.conn.Read(buf)
		w.feed(buf[:n])
		if err != nil && w.err == nil && w.phase == phaseOpening {
			w.err = closedBy(err)
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
		return nil, d.fail(engine.WebSocket, "", w.err)
	}
	d.worked.Store(true)
	if !inTime {
		s.Abort(engine.ReasonForcedClose, ctx.Err())
	}
	s.start(func() {
		s.waitResumed()
		w.run()
	})
	if !inTime {
		return nil, d.fail(engine.WebSocket, "", ctx.Err())
	}
	return s, nil
}

// open takes the first packet (C4.19).
func (w *socket) open(p wire.Packet, err error) bool {
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
