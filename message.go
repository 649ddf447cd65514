// SPDX-License-Identifier: MIT

package sio

import (
	"sync/atomic"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/event"
	"github.com/sio-go/sio/packet"
)

// Args are the arguments of an event or of an acknowledgement, decoded on demand.
// Given to Emit or Reply, they are sent as they came.
type Args = packet.Args

// Message is an event that a client sent. It is safe for concurrent use, and may be
// kept after its handler has returned, to reply later.
type Message struct {
	socket  *Socket
	event   string
	args    Args
	id      uint64
	size    int64 // bytes it came in
	hasAck  bool
	replied atomic.Bool
}

// Event returns the event's name.
func (m *Message) Event() string { return m.event }

// Args returns the arguments.
func (m *Message) Args() Args { return m.args }

// Bind decodes the arguments, in order, into what dst points to. There may be fewer
// arguments, which leaves the rest of dst as it is, or more, which are ignored. A nil
// dst skips an argument. A []byte takes a binary attachment.
func (m *Message) Bind(dst ...any) error { return event.Bind(m.args, dst...) }

// HasAck reports whether the client asked for an acknowledgement.
func (m *Message) HasAck() bool { return m.hasAck }

// Reply sends the acknowledgement that the client asked for, from the handler or
// later. It never blocks. It returns ErrNoAck if none was asked for, ErrReplied for
// all calls but the first, ErrClosed if the socket is disconnected, or an error if an
// argument cannot be encoded, in which case another Reply is possible.
func (m *Message) Reply(args ...any) error {
	if !m.hasAck {
		return ErrNoAck
	}
	s := m.socket
	p, err := s.ns.encodeOnce(packet.Packet{Type: packet.Ack, ID: m.id, HasID: true, Args: args})
	if err != nil {
		return err
	}
	if m.replied.Swap(true) {
		return ErrReplied
	}
	if s.ending.Load() != nil {
		return ErrClosed
	}
	return sendError(s.conn.session.Send(p, engine.SendOptions{}))
}
