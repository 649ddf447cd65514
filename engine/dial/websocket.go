// SPDX-License-Identifier: MIT

package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// socket is the framing of a WebSocket.
type socket struct {
	*duplex
	reader   websocket.Reader
	params   *websocket.Params   // of compression; nil: none
	deflater *websocket.Deflater // of the writer
}

func (w *socket) name() string { return engine.WebSocket }

// connectSocket opens a WebSocket.
func (d *Dialer) connectSocket(ctx context.Context, sid string) (*duplex, error) {
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
	w := &socket{duplex: &duplex{dialer: d, conn: conn}, params: params}
	w.framing = w
	if params != nil {
		w.deflater = websocket.NewDeflater(params)
	}
	w.reader = websocket.Reader{Handler: w, MaxBytes: d.cfg.MaxPayloadBytes, MaxFragments: maxFragments, Client: true, Deflate: params}
	return w.duplex, nil
}

func (w *socket) begin(string) []byte { return nil } // the request has said it

func (w *socket) parse(p []byte) bool { return w.reader.Feed(p) }

// closedBy returns what the end of a connection means.
func (w *socket) closedBy(err error) error {
	lost := &CloseError{Code: 1006}
	if errors.Is(err, io.EOF) {
		return lost
	}
	return fmt.Errorf("%w: %w", lost, err)
}

// Message implements websocket.Handler.
func (w *socket) Message(data []byte, binary bool) bool { return w.message(data, binary) }

// Control implements websocket.Handler.
func (w *socket) Control(op ws.OpCode, payload []byte) bool {
	s := w.session
	switch {
	case op == ws.OpPing && s != nil:
		s.mu.Lock()
		if s.transport == transport(w.duplex) && s.state != stateClosed {
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

// sayGoodbye sends a close frame, which the server answers.
func (w *socket) sayGoodbye(code websocket.Code) {
	frame := websocket.AppendClose(nil, code)
	w.write1(websocket.AppendMasked(nil, ws.OpClose, false, frame[2:])) // the session has ended anyway
}
