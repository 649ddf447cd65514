// SPDX-License-Identifier: MIT

// Package websocket holds the WebSocket protocol as both ends need it, on bytes: frames
// (RFC 6455), compression (RFC 7692), and the server's handshake over HTTP/1.1 and
// HTTP/2 (RFC 8441). It knows nothing of what messages mean, runs no goroutine, and
// writes nothing but the handshake's response.
package websocket

import (
	"encoding/binary"
	"errors"
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Code is the status code of a close frame. See RFC 6455, section 7.4.1.
type Code uint16

// The codes that are sent. CloseNone is a close frame without a code: the peer sees 1005.
const (
	CloseNone        Code = 0
	CloseNormal      Code = 1000
	CloseProtocol    Code = 1002
	CloseInvalidUTF8 Code = 1007
	ClosePolicy      Code = 1008
	CloseTooBig      Code = 1009
)

// What a peer can do wrong. The text about the payload is that of the official server of
// Socket.IO (E5.2).
const (
	ErrProtocol  Error = "protocol error"
	ErrTooBig    Error = "Max payload size exceeded"
	ErrUTF8      Error = "invalid UTF-8 in a text message"
	ErrFragments Error = "too many fragments"
	ErrDeflate   Error = "malformed compressed data"
)

// Error is what a peer did wrong.
type Error string

// Error implements error.
func (e Error) Error() string { return "websocket: " + string(e) }

// Handler takes what a Reader finds. Returning false stops the Reader.
type Handler interface {
	// Message takes a whole message. data belongs to the handler.
	Message(data []byte, binary bool) bool
	// Control takes a ping, pong or close frame. payload belongs to the handler.
	Control(op ws.OpCode, payload []byte) bool
	// Failed takes what the peer did wrong, and the code to close with. The Reader must
	// not be fed any more.
	Failed(code Code, err error)
}

// Reader turns bytes as they come into messages. It keeps no buffer between
// reads unless a frame or message is incomplete, and then no more than has arrived.
// See RFC 6455, section 5. The exported fields are set before the first Feed, and not
// changed. It is not safe for concurrent use.
type Reader struct {
	Handler      Handler
	MaxBytes     int64   // of a message, also after decompression
	MaxFragments int     // of a message
	Client       bool    // the peer is a server: its frames are not masked
	Deflate      *Params // of compression; nil: not negotiated

	*partial           // nil between Feeds, unless a frame or message is incomplete
	inflater *inflater // nil, unless messages refer to earlier ones
}

// partial is what is known of a frame or message that is being read. It is borrowed: an
// idle Reader has none.
type partial struct {
	fragmented bool // a message has begun and not ended
	compressed bool // and it is compressed

	head      [ws.MaxHeaderSize]byte // of an incomplete header
	headLen   int
	inFrame   bool
	header    ws.Header
	left      int64 // payload bytes of the frame still to come
	message   []byte
	checked   int       // bytes of message that are valid text
	opcode    ws.OpCode // of the message
	fragments int
	ctl       []byte // payload of an incomplete control frame
}

var partials = sync.Pool{New: func() any { return new(partial) }}

// Feed takes the next bytes. It reports false when no more are wanted.
func (r *Reader) Feed(p []byte) bool {
	if r.partial == nil {
		r.partial = partials.Get().(*partial)
	}
	more := r.feed(p)
	if k := r.partial; !more || k.headLen == 0 && !k.inFrame && !k.fragmented {
		r.partial = nil
		*k = partial{}
		partials.Put(k)
	}
	return more
}

func (r *Reader) feed(p []byte) bool {
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
		if !r.checkText() || r.left == 0 && !r.endFrame() {
			return false
		}
	}
	return true
}

// parseHeader reads a frame header from what is kept in head and from p. It returns
// how many bytes of p it used, and false if the header is still incomplete.
func (r *Reader) parseHeader(p []byte) (used int, ok bool) {
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
func (r *Reader) beginFrame() bool {
	h := r.header
	compressed := h.Rsv == rsvCompressed && r.Deflate != nil && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary)
	if h.Length < 0 || h.Rsv != 0 && !compressed || !r.allowed(h) {
		r.Handler.Failed(CloseProtocol, ErrProtocol)
		return false
	}
	if !h.OpCode.IsControl() {
		if h.Length > r.MaxBytes-int64(len(r.message)) {
			r.Handler.Failed(CloseTooBig, ErrTooBig)
			return false
		}
		if h.OpCode != ws.OpContinuation {
			r.opcode, r.fragments, r.compressed, r.checked = h.OpCode, 0, compressed, 0
		}
		if r.fragments++; r.fragments > r.MaxFragments {
			r.Handler.Failed(CloseTooBig, ErrFragments)
			return false
		}
	}
	r.inFrame, r.left = true, h.Length
	return true
}

// rsvCompressed is the bit of a compressed message (RFC 7692, section 6).
const rsvCompressed = 4

// allowed checks a header against the rules of RFC 6455, section 5.
func (r *Reader) allowed(h ws.Header) bool {
	state := ws.StateServerSide | ws.StateExtended // the reserved bits have been looked at
	if r.Client {
		state = ws.StateClientSide | ws.StateExtended
	}
	if r.fragmented {
		state |= ws.StateFragmented
	}
	return ws.CheckHeader(h, state) == nil
}

// growStep is the most memory that is taken for a message on the word of its header.
const growStep = 64 << 10

// take adds the next bytes of the frame's payload to where they belong.
func (r *Reader) take(p []byte) {
	dst := &r.message
	if r.header.OpCode.IsControl() {
		dst = &r.ctl
	}
	if *dst == nil && (r.compressed || len(p) == 0 || int64(len(p)) < r.left) {
		size := min(r.left, growStep)
		if r.compressed {
			size += int64(len(lastBlock)) // see inflate
		}
		*dst = make([]byte, 0, size)
	}
	from := len(*dst)
	*dst = append(*dst, p...)
	if r.header.Masked {
		ws.Cipher((*dst)[from:], r.header.Mask, int(r.header.Length-r.left))
	}
	r.left -= int64(len(p))
}

// checkText checks what has come of a text, so that what is no text fails at once and not
// when the message is complete. Compressed text is checked by endFrame.
func (r *Reader) checkText() bool {
	if r.opcode != ws.OpText || r.compressed || r.header.OpCode.IsControl() {
		return true
	}
	rest := r.message[r.checked:]
	n := len(rest)
	if r.left > 0 || !r.header.Fin {
		n = wholeRunes(rest)
	}
	if !utf8.Valid(rest[:n]) {
		r.Handler.Failed(CloseInvalidUTF8, ErrUTF8)
		return false
	}
	r.checked += n
	return true
}

// wholeRunes returns the length of p without what may be the beginning of a character at
// its end.
func wholeRunes(p []byte) int {
	for i := len(p) - 1; i >= max(0, len(p)-utf8.UTFMax); i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				return i
			}
			break
		}
	}
	return len(p)
}

// endFrame hands over what is complete with the frame.
func (r *Reader) endFrame() bool {
	r.inFrame = false
	if r.header.OpCode.IsControl() {
		payload := r.ctl
		r.ctl = nil
		return r.Handler.Control(r.header.OpCode, payload)
	}
	r.fragmented = !r.header.Fin
	if r.fragmented {
		return true
	}
	data := r.message
	r.message = nil
	if r.compressed {
		f := r.inflater
		if f == nil {
			f = new(inflater)
		}
		if r.Deflate.InTakeover {
			r.inflater = f
		}
		var err error
		if data, err = f.inflate(data, r.MaxBytes, r.Deflate); err != nil {
			code := CloseInvalidUTF8 // "data that is not consistent with the type of the message"
			if errors.Is(err, ErrTooBig) {
				code = CloseTooBig
			}
			r.Handler.Failed(code, err)
			return false
		}
		if r.opcode == ws.OpText && !utf8.Valid(data) {
			r.Handler.Failed(CloseInvalidUTF8, ErrUTF8)
			return false
		}
	}
	return r.Handler.Message(data, r.opcode == ws.OpBinary)
}

// maxCode is the largest code of a close frame. See RFC 6455, section 7.4.2.
const maxCode = 4999

// CloseReply returns the code with which to answer a close frame: the peer's, or
// CloseProtocol if the frame breaks the rules. See RFC 6455, sections 5.5.1 and 7.4.
func CloseReply(payload []byte) Code {
	switch {
	case len(payload) == 0:
		return CloseNone
	case len(payload) == 1:
		return CloseProtocol
	}
	code := binary.BigEndian.Uint16(payload)
	if code > maxCode || ws.CheckCloseFrameData(ws.StatusCode(code), string(payload[2:])) != nil {
		return CloseProtocol
	}
	return Code(code)
}

// AppendClose appends an unmasked close frame with the given code.
func AppendClose(dst []byte, code Code) []byte {
	if code == CloseNone {
		return AppendHeader(dst, ws.OpClose, 0, false)
	}
	return binary.BigEndian.AppendUint16(AppendHeader(dst, ws.OpClose, 2, false), uint16(code))
}

// AppendHeader appends the header of a final, unmasked frame of n bytes. See RFC 6455,
// section 5.2.
func AppendHeader(dst []byte, op ws.OpCode, n int, compressed bool) []byte {
	first := 0x80 | byte(op)
	if compressed {
		first |= rsvCompressed << 4
	}
	switch {
	case n < 126:
		return append(dst, first, byte(n))
	case n < 1<<16:
		return append(dst, first, 126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
}
