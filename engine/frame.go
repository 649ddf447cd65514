// SPDX-License-Identifier: MIT

package engine

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// closeCode is the status code of a WebSocket close frame.
type closeCode uint16

// The codes that a server sends. See RFC 6455, section 7.4.1.
const (
	closeNone        closeCode = 0 // a close frame without a code: the peer sees 1005
	closeProtocol    closeCode = 1002
	closeInvalidUTF8 closeCode = 1007
	closeTooBig      closeCode = 1009
)

// What a peer can do wrong. The text about the payload is that of the official server (E5.2).
const (
	errFrame          = frameError("protocol error")
	errFrameTooBig    = frameError("Max payload size exceeded")
	errFrameUTF8      = frameError("invalid UTF-8 in a text message")
	errFrameFragments = frameError("too many fragments")
)

type frameError string

func (e frameError) Error() string { return "engine: websocket: " + string(e) }

// frameHandler takes what a frameReader finds. Returning false stops the reader.
type frameHandler interface {
	message(data []byte, binary bool) bool // data belongs to the handler
	control(op ws.OpCode, payload []byte) bool
	failed(code closeCode, err error)
}

// frameReader turns bytes as they come into messages. It keeps no buffer between
// reads unless a frame or message is incomplete, and then no more than has arrived.
// See RFC 6455, section 5.
type frameReader struct {
	handler      frameHandler
	maxBytes     int64
	maxFragments int
	state        ws.State

	head      [ws.MaxHeaderSize]byte // of an incomplete header
	headLen   int
	inFrame   bool
	header    ws.Header
	left      int64 // payload bytes of the frame still to come
	message   []byte
	opcode    ws.OpCode // of the message
	fragments int
	ctl       []byte // payload of an incomplete control frame
}

// feed takes the next bytes. It reports false when no more are wanted.
func (r *frameReader) feed(p []byte) bool {
	for len(p) > 0 {
		if !r.inFrame {
			n, ok := r.parseHeader(p)
			p = p[n:]
			if !ok {
				return true // incomplete
			}
			if !r.beginFrame() {
				return false
			}
		}
		n := min(int64(len(p)), r.left)
		r.take(p[:n])
		p = p[n:]
		if r.left == 0 && !r.endFrame() {
			return false
		}
	}
	return true
}

// parseHeader reads a frame header from what is kept in head and from p. It returns
// how many bytes of p it used, and false if the header is still incomplete.
func (r *frameReader) parseHeader(p []byte) (used int, ok bool) {
	raw := p
	kept := r.headLen
	if kept > 0 {
		used = copy(r.head[kept:], p)
		raw = r.head[:kept+used]
	}
	n, ok := decodeHeader(raw, &r.header)
	if !ok {
		if kept == 0 {
			used = copy(r.head[:], p)
		}
		r.headLen = kept + used
		return used, false
	}
	r.headLen = 0
	return n - kept, true
}

// decodeHeader decodes a frame header. See RFC 6455, section 5.2.
func decodeHeader(p []byte, h *ws.Header) (n int, ok bool) {
	if len(p) < 2 {
		return 0, false
	}
	h.Fin = p[0]&0x80 != 0
	h.Rsv = p[0] >> 4 & 7
	h.OpCode = ws.OpCode(p[0] & 0x0f)
	h.Masked = p[1]&0x80 != 0
	n = 2
	switch length := p[1] & 0x7f; length {
	case 126:
		if len(p) < 4 {
			return 0, false
		}
		h.Length = int64(binary.BigEndian.Uint16(p[2:]))
		n = 4
	case 127:
		if len(p) < 10 {
			return 0, false
		}
		h.Length = int64(binary.BigEndian.Uint64(p[2:])) // negative if the top bit is set: refused later
		n = 10
	default:
		h.Length = int64(length)
	}
	if h.Masked {
		if len(p) < n+4 {
			return 0, false
		}
		copy(h.Mask[:], p[n:])
		n += 4
	}
	return n, true
}

// beginFrame checks a header against the rules and limits, before any memory is taken.
func (r *frameReader) beginFrame() bool {
	h := r.header
	if h.Length < 0 || ws.CheckHeader(h, r.state) != nil || h.Rsv != 0 {
		r.handler.failed(closeProtocol, errFrame)
		return false
	}
	if !h.OpCode.IsControl() {
		if h.Length > r.maxBytes-int64(len(r.message)) {
			r.handler.failed(closeTooBig, errFrameTooBig)
			return false
		}
		if h.OpCode != ws.OpContinuation {
			r.opcode, r.fragments = h.OpCode, 0
		}
		if r.fragments++; r.fragments > r.maxFragments {
			r.handler.failed(closeTooBig, errFrameFragments)
			return false
		}
	}
	r.inFrame, r.left = true, h.Length
	return true
}

// growStep is the most memory that is taken for a message on the word of its header.
const growStep = 64 << 10

// take adds the next bytes of the frame's payload to where they belong.
func (r *frameReader) take(p []byte) {
	dst := &r.message
	if r.header.OpCode.IsControl() {
		dst = &r.ctl
	}
	if *dst == nil {
		*dst = make([]byte, 0, min(r.left, growStep))
	}
	from := len(*dst)
	*dst = append(*dst, p...)
	if r.header.Masked {
		ws.Cipher((*dst)[from:], r.header.Mask, int(r.header.Length-r.left))
	}
	r.left -= int64(len(p))
}

// endFrame hands over what is complete with the frame.
func (r *frameReader) endFrame() bool {
	r.inFrame = false
	if r.header.OpCode.IsControl() {
		payload := r.ctl
		r.ctl = nil
		return r.handler.control(r.header.OpCode, payload)
	}
	if !r.header.Fin {
		r.state = r.state.Set(ws.StateFragmented)
		return true
	}
	r.state = r.state.Clear(ws.StateFragmented)
	data := r.message
	r.message = nil
	if r.opcode == ws.OpText && !utf8.Valid(data) {
		r.handler.failed(closeInvalidUTF8, errFrameUTF8)
		return false
	}
	return r.handler.message(data, r.opcode == ws.OpBinary)
}
