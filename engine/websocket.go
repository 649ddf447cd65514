// SPDX-License-Identifier: MIT

package engine

import (
	"encoding/binary"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/websocket"
)

// webSocket is the framing of a WebSocket: one Engine.IO packet is one message.
type webSocket struct {
	*duplex
	reader  websocket.Reader
	dialect dialect
}

// newWebSocket returns a transport without a connection: see duplex.attach.
func newWebSocket(s *Session) *duplex {
	d := &duplex{session: s}
	w := &webSocket{duplex: d, dialect: dialect{revision: s.revision, base64: s.base64}}
	w.reader = websocket.Reader{Handler: w, MaxBytes: s.server.cfg.MaxPayloadBytes, MaxFragments: s.server.cfg.MaxFragments}
	d.framing = w
	return d
}

func (w *webSocket) name() string { return WebSocket }

// compress sets what was negotiated, before anything is read or written.
func (w *webSocket) compress(p *websocket.Params) {
	if p != nil {
		w.reader.Deflate = p
		w.dialect.params, w.dialect.deflater = p, websocket.NewDeflater(p)
	}
}

func (w *webSocket) feed(p []byte) bool { return w.reader.Feed(p) }

func (w *webSocket) encode(batch []*Message) []*Message { return w.dialect.batch(batch) }

func (w *webSocket) goodbye(code websocket.Code) *Message {
	if code == websocket.CloseNone {
		return emptyCloseFrame
	}
	return newFrame(ws.OpClose, binary.BigEndian.AppendUint16(nil, uint16(code)))
}

// Message implements websocket.Handler.
func (w *webSocket) Message(data []byte, isBinary bool) bool { return w.message(data, isBinary) }

// Control implements websocket.Handler. See RFC 6455, section 5.5.
func (w *webSocket) Control(op ws.OpCode, payload []byte) bool {
	switch {
	case op == ws.OpPing && !w.ended && !w.probing:
		s := w.session
		s.mu.Lock()
		if s.state != stateClosed {
			s.outbox.push(newFrame(ws.OpPong, payload))
			s.flushLocked()
		}
		s.limitLocked()
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
	w.session.abortCode(ReasonTransportClose, nil, websocket.CloseReply(payload))
}

// Failed implements websocket.Handler.
func (w *webSocket) Failed(code websocket.Code, err error) {
	w.fail(ReasonTransportError, code, err)
}
