// SPDX-License-Identifier: MIT

package engine

import (
	"sync/atomic"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

const (
	// maxHead is the longest header of an unmasked WebSocket frame.
	maxHead = 10
	// textStart is where the packet's text begins in a buffer of NewBuffer: after the
	// room for a frame header and the Engine.IO type byte.
	textStart = maxHead + 1
)

// Message is one Engine.IO message, or one text message and the binary ones that
// belong to it, ready for any transport. It is encoded once and then read-only: a
// broadcast shares one Message among all its recipients. Safe for concurrent use.
type Message struct {
	buf         []byte // maxHead bytes of room, the type byte, the text; nil: no text
	start       int    // where the WebSocket frame begins in buf
	attachments []attachment
	size        int  // bytes on a WebSocket
	frame       bool // a bare WebSocket frame, which polling leaves out
	plain       bool // not to be compressed
	draft       bool // the memory is used again: see NewDraft
	last        bool // limits of an outbox do not stop it
	packed      atomic.Pointer[packed]
}

type attachment struct {
	head []byte // header of the WebSocket frame
	data []byte
}

// NewBuffer returns an empty packet text with room for sizeHint bytes, to append to
// and then to hand to NewMessage.
func NewBuffer(sizeHint int) []byte {
	return make([]byte, textStart, textStart+sizeHint)
}

// NewMessage makes a message of the text appended to a buffer of NewBuffer and the
// attachments that follow it. It keeps both: the caller must not change them.
// Text and attachments enter an outbox as one unit.
func NewMessage(buf []byte, attachments [][]byte) *Message {
	m := newPacket(wire.Message, buf)
	m.attach(attachments)
	return m
}

// NewBinary makes a message of binary data alone, which it keeps: the caller must not
// change it.
func NewBinary(data []byte) *Message {
	m := new(Message)
	m.attach([][]byte{data})
	return m
}

func (m *Message) attach(attachments [][]byte) {
	if len(attachments) == 0 {
		return
	}
	m.attachments = make([]attachment, len(attachments))
	for i, data := range attachments {
		head := websocket.AppendHeader(nil, ws.OpBinary, len(data), false)
		m.attachments[i] = attachment{head, data}
		m.size += len(head) + len(data)
	}
}

// newPacket seals a buffer of NewBuffer as a text packet of the given type.
func newPacket(t wire.Type, buf []byte) *Message {
	m := new(Message)
	m.seal(t, buf)
	return m
}

func (m *Message) seal(t wire.Type, buf []byte) {
	buf[maxHead] = '0' + byte(t)
	var room [maxHead]byte
	head := websocket.AppendHeader(room[:0], ws.OpText, len(buf)-maxHead, false)
	start := maxHead - len(head)
	copy(buf[start:], head)
	m.buf, m.start, m.size = buf, start, len(buf)-start
}

// newControl returns the packet of a type with the given data.
func newControl(t wire.Type, data string) *Message {
	return newPacket(t, append(NewBuffer(len(data)), data...))
}

// newFrame returns a bare WebSocket control frame.
func newFrame(op ws.OpCode, payload []byte) *Message {
	buf := append(websocket.AppendHeader(nil, op, len(payload), false), payload...)
	return &Message{buf: buf, size: len(buf), frame: true}
}

var (
	pingPacket       = newControl(wire.Ping, "")
	pongPacket       = newControl(wire.Pong, "")
	closePacket      = newControl(wire.Close, "")
	noopPacket       = newControl(wire.Noop, "")
	probePongPacket  = newControl(wire.Pong, "probe")
	emptyCloseFrame  = newFrame(ws.OpClose, nil)
	closePacketBatch = []*Message{closePacket}
	noopPacketBatch  = []*Message{noopPacket}
	goodbyeBatch     = []*Message{noopPacket, closePacket} // of a GET that comes after the close
)

// packet returns the text packet in its wire form, type byte included.
func (m *Message) packet() []byte { return m.buf[maxHead:] }

// appendPayload appends the packets of m to a polling payload.
func (m *Message) appendPayload(dst []byte) []byte {
	if m.frame {
		return dst
	}
	if m.buf != nil {
		if len(dst) > 0 {
			dst = append(dst, wire.Separator)
		}
		dst = append(dst, m.packet()...)
	}
	for _, a := range m.attachments {
		dst = wire.AppendPayload(dst, wire.Packet{Type: wire.Message, Binary: true, Data: a.data})
	}
	return dst
}

// Len returns the size of m on a WebSocket, in bytes, uncompressed.
func (m *Message) Len() int { return m.size }

// BeyondLimits has an outbox at its limit accept m, and returns m. It is for what ends a
// conversation, of which there are few. It must be called before m is sent.
func (m *Message) BeyondLimits() *Message {
	m.last = true
	return m
}

// WithoutCompression makes m travel uncompressed everywhere, and returns m. It must be
// called before m is sent.
func (m *Message) WithoutCompression() *Message {
	m.plain = true
	return m
}
