// SPDX-License-Identifier: MIT

package client

import (
	"sync/atomic"

	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/event"
	"github.com/sio-go/sio/packet"
)

// Message is an event that the server sent. It is safe for concurrent use, and may be
// kept after its handler has returned, to reply later.
type Message struct {
	socket  *Socket
	link    *link // it came by
	event   string
	args    Args
	id      uint64
	hasAck  bool
	replied atomic.Bool
}

// Event returns the event's name.
func (m *Message) Event() string { return m.event }

// Args returns the arguments. If the server keeps packets for clients that lose their
// connection, the last one is an offset that it has added (C3.19).
func (m *Message) Args() Args { return m.args }

// Bind decodes the arguments, in order, into what dst points to. There may be fewer
// arguments, which leaves the rest of dst as it is, or more, which are ignored. A nil
// dst skips an argument. A []byte takes a binary attachment.
func (m *Message) Bind(dst ...any) error { return event.Bind(m.args, dst...) }

// HasAck reports whether the server asked for an acknowledgement.
func (m *Message) HasAck() bool { return m.hasAck }

// Reply sends the acknowledgement that the server asked for, from the handler or
// later. It never blocks. It returns ErrNoAck if none was asked for, ErrReplied for
// all calls but the first, ErrClosed if the connection over which the event came has ended,
// or an error if an argument cannot be encoded or ErrBufferFull, after which another Reply is
// possible.
func (m *Message) Reply(args ...any) error {
	if !m.hasAck {
		return ErrNoAck
	}
	s := m.socket
	text, attachments, err := s.encode(packet.Packet{Type: packet.Ack, ID: m.id, HasID: true, Args: args})
	if err != nil {
		return err
	}
	if m.replied.Swap(true) {
		return ErrReplied
	}
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	if s.link != m.link || !s.connected {
		return ErrClosed
	}
	err = sendError(s.link.session.Send(text, attachments, dial.SendOptions{}))
	if err != nil {
		m.replied.Store(false)
	}
	return err
}
