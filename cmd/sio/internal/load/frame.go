// SPDX-License-Identifier: MIT

package load

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// mask masks all that is sent: random ones would cost more, and change nothing.
var mask = [4]byte{0x5a, 0xc3, 0x96, 0x1f}

// appendFrame appends a whole, masked frame. See RFC 6455, section 5.2.
func appendFrame(dst []byte, op ws.OpCode, payload []byte) []byte {
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = append(dst, 0x80|126, byte(n>>8), byte(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = append(dst, mask[:]...)
	at := len(dst)
	dst = append(dst, payload...)
	ws.Cipher(dst[at:], mask, 0)
	return dst
}

// textFrame is the frame of a text.
func textFrame(text string) []byte { return appendFrame(nil, ws.OpText, []byte(text)) }

// headSize is how much of a message is looked at.
const headSize = 48

// message is what a connection has received: its beginning, and its size.
type message struct {
	op         ws.OpCode
	compressed bool
	head       []byte
	size       int64
}

// scanner finds the messages in what a connection receives. It keeps the beginning of
// each, and skips the rest.
type scanner struct {
	header  [10]byte
	headers int   // bytes of header
	inFrame bool  // the header is complete
	final   bool  // the frame is the message's last
	left    int64 // bytes of the frame to come
	message message
	head    [headSize]byte
}

// feed takes the next bytes and calls handle with each message that they complete. It
// reports false if they are no frames.
func (s *scanner) feed(p []byte, handle func(m *message)) bool {
	for len(p) > 0 || s.inFrame && s.left == 0 {
		if !s.inFrame {
			n, ok := s.takeHeader(p)
			if !ok {
				return false
			}
			p = p[n:]
			continue
		}
		n := int(min(s.left, int64(len(p))))
		m := &s.message
		room := copy(s.head[len(m.head):], p[:n])
		m.head = s.head[:len(m.head)+room]
		m.size += int64(n)
		s.left -= int64(n)
		p = p[n:]
		if s.left > 0 {
			return true
		}
		s.inFrame = false
		if s.final {
			handle(m)
		}
	}
	return true
}

// takeHeader takes bytes of a frame's header.
func (s *scanner) takeHeader(p []byte) (used int, ok bool) {
	for used < len(p) && s.headers < s.want() {
		s.header[s.headers] = p[used]
		s.headers++
		used++
	}
	if s.headers < s.want() {
		return used, true
	}
	h := s.header[:s.headers]
	s.headers = 0
	s.inFrame, s.final = true, h[0]&0x80 != 0
	switch h[1] & 0x7f {
	case 126:
		s.left = int64(binary.BigEndian.Uint16(h[2:]))
	case 127:
		s.left = int64(binary.BigEndian.Uint64(h[2:])) //nolint:gosec // checked below
	default:
		s.left = int64(h[1] & 0x7f)
	}
	if op := ws.OpCode(h[0] & 0x0f); op != ws.OpContinuation {
		s.message = message{op: op, compressed: h[0]&0x40 != 0, head: s.head[:0]}
	}
	return used, h[1]&0x80 == 0 && s.left >= 0
}

// want is the size of the header as far as it is known.
func (s *scanner) want() int {
	if s.headers < 2 {
		return 2
	}
	switch s.header[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}
