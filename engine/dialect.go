// SPDX-License-Identifier: MIT

package engine

import (
	"sync"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// dialect turns messages into what one WebSocket peer understands. A message is made for
// revision 4, binary data and no compression; most peers are like that, and for them
// there is nothing to do. It belongs to whoever writes.
type dialect struct {
	revision uint8
	base64   bool              // the peer takes no binary data
	params   *websocket.Params // of compression; nil: none
	deflater *websocket.Deflater
}

// packed is a message compressed once, for all peers to whom the same bytes can be sent.
type packed struct {
	once    sync.Once
	message *Message
}

// batch returns the batch as the peer understands it, which may be the batch itself.
func (d *dialect) batch(batch []*Message) []*Message {
	if d.revision == 4 && !d.base64 && d.params == nil {
		return batch
	}
	out := make([]*Message, len(batch))
	for i, m := range batch {
		switch {
		case m.frame:
			out[i] = m
		case d.revision == 4 && !d.base64 && !m.plain && d.params.Shared():
			out[i] = m.packedBy(d)
		default:
			out[i] = d.message(m)
		}
	}
	return out
}

// packedBy returns m compressed, by d if it is the first to ask.
func (m *Message) packedBy(d *dialect) *Message {
	p := m.packed.Load()
	if p == nil {
		m.packed.CompareAndSwap(nil, new(packed))
		p = m.packed.Load()
	}
	p.once.Do(func() { p.message = d.message(m) })
	return p.message
}

// message returns a message with the same packets as m.
func (d *dialect) message(m *Message) *Message {
	compress := d.params != nil && !m.plain
	out := &Message{buf: m.buf, start: m.start, attachments: m.attachments}
	if compress && m.buf != nil {
		out.buf, out.start = d.deflater.AppendFrame(nil, ws.OpText, m.packet()), 0
	}
	if len(m.attachments) > 0 && (d.revision == 3 || d.base64 || compress) {
		out.attachments = make([]attachment, len(m.attachments))
		for i, a := range m.attachments {
			out.attachments[i] = d.attachment(a.data, compress)
		}
	}
	return out
}

// attachment returns the frame of a binary packet (E5.1).
func (d *dialect) attachment(data []byte, compress bool) attachment {
	p := wire.Packet{Type: wire.Message, Binary: true, Data: data}
	op := ws.OpBinary
	switch {
	case d.base64 && d.revision == 3:
		op, data = ws.OpText, wire.Append3Base64(nil, p)
	case d.base64:
		op, data = ws.OpText, wire.AppendBase64(nil, p)
	case d.revision == 3 && compress:
		data = wire.Append3(nil, p)
	case d.revision == 3: // the data is not copied
		return attachment{append(websocket.AppendHeader(nil, op, len(data)+1, false), byte(wire.Message)), data}
	}
	if compress {
		return attachment{data: d.deflater.AppendFrame(nil, op, data)}
	}
	return attachment{websocket.AppendHeader(nil, op, len(data), false), data}
}
