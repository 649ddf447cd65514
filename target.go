// SPDX-License-Identifier: MIT

package sio

import (
	"slices"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// Target is a choice of sockets of one namespace, to send to. It is an immutable
// value: its methods return a changed copy, so it may be kept, shared and used
// concurrently. It holds a choice and not a list: who is chosen is found out at each
// Emit. The zero value chooses nobody, and its Emit fails.
type Target struct {
	ns     *Namespace
	self   *Socket  // who is left out, or alone chosen; or nil
	rooms  []string // none: all sockets. Never appended to in place
	except []string // the same
	alone  bool     // self only
	plain  bool     // not to be compressed
	opt    engine.SendOptions
}

// To adds rooms to choose from: a socket in at least one of them is chosen, once. A
// socket's id is a room too. A Target with no rooms chooses all sockets (S7.2).
func (t Target) To(rooms ...string) Target {
	t.rooms = slices.Concat(t.rooms, rooms)
	t.alone = false
	return t
}

// In is To.
func (t Target) In(rooms ...string) Target { return t.To(rooms...) }

// Except leaves out the sockets that are in one of the rooms.
func (t Target) Except(rooms ...string) Target {
	t.except = slices.Concat(t.except, rooms)
	t.alone = false
	return t
}

// Local chooses from the sockets on this server only. As long as there is no
// clustering, all are.
func (t Target) Local() Target {
	t.alone = false
	return t
}

// Volatile sends packets that may be lost: a socket that is not ready to take a
// packet at once does not get it.
func (t Target) Volatile() Target {
	t.opt.Volatile = true
	return t
}

// Compress says whether packets may be compressed. They are by default, where
// Config.Engine and the client allow it. Compress(false) is for what is compressed
// already, such as pictures (S5.14).
func (t Target) Compress(on bool) Target {
	t.plain = !on
	return t
}

// Emit sends an event to the sockets chosen. It encodes the packet once, queues it
// for each, and does not wait for it to be written. It returns an error, and sends
// nothing, if an argument cannot be encoded or the event's name is reserved
// (*packet.ReservedError). Sockets that are disconnected or do not read are no error.
func (t Target) Emit(event string, args ...any) error {
	if t.ns == nil {
		return errNoTarget
	}
	if t.alone {
		return t.self.emit(event, args, t.opt, t.plain)
	}
	m, err := t.ns.encode(packet.Packet{Type: packet.Event, Event: event, Args: args})
	if err != nil {
		return err
	}
	if t.plain {
		m.WithoutCompression()
	}
	t.send(m)
	return nil
}

// send queues m for each socket chosen.
//
// A socket's own room exists in no index: it is found by the socket's id. So own
// rooms, to be sent to or left out, are looked up first.
func (t Target) send(m *engine.Message) {
	var room struct {
		to, not [4]*Socket
		except  [4]string
	}
	except := append(room.except[:0], t.except...)
	if t.self != nil {
		except = append(except, t.self.id)
	}
	to, not := t.owners(room.to[:0], t.rooms), t.owners(room.not[:0], except)

	index := t.ns.rooms
	if len(t.rooms) == 1 && len(to) == 1 && index.Len(t.rooms[0]) == 0 {
		// One socket, addressed by its id: written at once, with no hop to a flusher.
		if to[0].reachable() && !slices.Contains(not, to[0]) && !t.excluded(to[0], except) {
			_ = to[0].conn.session.Send(m, t.opt) // see Emit
		}
		return
	}
	f := t.ns.server.engine.Fanout()
	defer f.Flush()
	yield := func(s *Socket) {
		// S3.5: a socket may be in rooms before it is connected.
		if s.reachable() && !slices.Contains(not, s) {
			f.Send(s.conn.session, m, t.opt)
		}
	}
	if len(t.rooms) == 0 {
		index.EachOf(&t.ns.list, except, yield)
		return
	}
	index.Each(t.rooms, except, yield)
	for i, s := range to {
		if !slices.Contains(to[:i], s) && !t.excluded(s, except) && !t.excluded(s, t.rooms) {
			yield(s)
		}
	}
}

// reachable reports whether broadcasts reach s: it is connected and has not begun to
// end, so that nothing follows its DISCONNECT.
func (s *Socket) reachable() bool { return s.phase.Load() == listed && s.ending.Load() == nil }

// owners appends the sockets whose own rooms are among the given ones.
func (t Target) owners(dst []*Socket, rooms []string) []*Socket {
	for _, room := range rooms {
		if s := t.ns.owner(room); s != nil {
			dst = append(dst, s)
		}
	}
	return dst
}

// excluded reports whether s is in one of the rooms, its own not counted.
func (t Target) excluded(s *Socket, rooms []string) bool {
	for _, room := range rooms {
		if t.ns.rooms.In(&s.member, room) {
			return true
		}
	}
	return false
}
