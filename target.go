// SPDX-License-Identifier: MIT

package sio

import (
	"errors"
	"slices"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// Target is a choice of sockets of one namespace, to send to. It is an immutable
// value: its methods return a changed copy, so it may be kept, shared and used
// concurrently. It holds a choice and not a list: who is chosen is found out at each
// Emit. The zero value chooses nobody, and its Emit fails.
type Target struct {
	ns     *Namespace
	parent *ParentNamespace // in place of ns: all its children
	self   *Socket          // who is left out, or alone chosen; or nil
	rooms  []string         // none: all sockets. Never appended to in place
	except []string         // the same
	alone  bool             // self only
	local  bool             // not those of other servers
	single bool             // rooms is the id of a socket, of which one answer is expected
	plain  bool             // not to be compressed
	opt    engine.SendOptions
	limit  time.Duration // of EmitWithAck; 0: none
	queue  bool          // set while a packet is stored: it is not written at once
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

// Local chooses from the sockets on this server only. Without a cluster, all are.
func (t Target) Local() Target {
	t.alone = false
	t.local = true
	return t
}

// Volatile sends packets that may be lost: a socket that is not ready to take a
// packet at once does not get it.
func (t Target) Volatile() Target {
	t.opt.Volatile = true
	return t
}

// Conflate sends packets of which a client that is slow needs only the latest, such as
// prices: while a socket has not taken yet what was sent before, the packet waits apart, in
// place of the one with the same key that waits there, and leaves when the rest has left.
// Packets without a key may overtake it, and it is dropped if the socket is disconnected
// first. It is not stored for Config.Recovery. Sockets of other servers of a cluster, and
// EmitWithAck, have all packets. "" undoes it.
func (t Target) Conflate(key string) Target {
	t.opt.Key = key
	return t
}

// Compress says whether packets may be compressed. They are by default, where
// Config.Engine and the client allow it. Compress(false) is for what is compressed
// already, such as pictures (S5.14).
func (t Target) Compress(on bool) Target {
	t.plain = !on
	return t
}

// Timeout limits how long EmitWithAck and AskAll wait, within their context. 0 and
// negative: no limit.
func (t Target) Timeout(d time.Duration) Target {
	t.limit = d
	return t
}

// Emit sends an event to the sockets chosen. It encodes the packet once, queues it
// for each, and does not wait for it to be written. It returns an error, and sends
// nothing, if an argument cannot be encoded or the event's name is reserved
// (*packet.ReservedError). Sockets that are disconnected or do not read are no error, and
// neither is it if other servers cannot be told (see Server.ClusterStats), but for what
// ErrQueueFull says of a Bus that keeps broadcasts. What one goroutine
// emits comes to each server in that order, unless docs/cluster-redis.md says otherwise.
func (t Target) Emit(event string, args ...any) error {
	if t.parent != nil {
		var errs []error
		for _, child := range t.split() {
			errs = append(errs, child.Emit(event, args...))
		}
		return errors.Join(errs...)
	}
	if t.ns == nil {
		return errNoTarget
	}
	if t.alone {
		return t.self.emit(event, args, t.opt, t.plain)
	}
	p := packet.Packet{Type: packet.Event, Event: event, Args: args}
	h, offset := t.ns.history, ""
	if st := t.ns.stream(); st != nil {
		if !t.local && !passing(t.opt) {
			return st.emit(t, event, args)
		}
		h = nil
	}
	if passing(t.opt) {
		h = nil // S8.2
	}
	if h != nil {
		offset = h.offset()
		p.Args = append(slices.Clip(args), offset)
	}
	var m *engine.Message
	var err error
	if c := t.shared(); c == nil {
		m, err = t.ns.encode(p)
	} else {
		m, err = c.publish(t, &p, len(p.Args)-len(args))
	}
	if err != nil {
		return err
	}
	if t.plain {
		m.WithoutCompression()
	}
	var sent []*Socket
	if h == nil && t.ns.history != nil {
		t.sendInLine(m, event, args)
	} else if h == nil {
		sent = t.send(m, nil)
	} else {
		except := t.except
		if t.self != nil {
			except = append(slices.Clip(except), t.self.id)
		}
		t.queue = true
		h.add(stored{offset: offset, message: m, rooms: t.rooms, except: except}, func() { sent = t.send(m, nil) })
	}
	for _, s := range sent {
		s.sent(event, args)
	}
	return nil
}

// sendInLine is send of an event that is not kept, behind what waits for the Bus. A method
// of its own: Emit's t would escape to the heap.
func (t Target) sendInLine(m *engine.Message, event string, args []any) {
	t.ns.inLine(m.Len(), func() {
		for _, s := range t.send(m, nil) {
			s.sent(event, args)
		}
	})
}

// send queues m for each socket chosen for which before, unless it is nil, returns true;
// before must not wait, or use rooms. If somebody uses OnAnyOutgoing, it returns to whom.
func (t Target) send(m *engine.Message, before func(*Socket) bool) []*Socket {
	t.opt = t.ns.scoped(t.opt)
	var sent *[]*Socket
	if t.ns.watched.Load() {
		sent = new([]*Socket)
	}
	var room scratch
	c := t.choose(&room)
	if c.one != nil && !t.queue {
		// One socket, addressed by its id: written at once, with no hop to a flusher.
		if !c.none && (before == nil || before(c.one)) {
			_ = c.one.conn.session.Send(m, c.one.options(t.opt)) // see Emit
			if sent != nil {
				return []*Socket{c.one}
			}
		}
		return nil
	}
	f := t.ns.server.engine.Fanout()
	t.each(&c, func(s *Socket) {
		if before == nil || before(s) {
			f.Send(s.conn.session, m, s.options(t.opt))
			if sent != nil {
				*sent = append(*sent, s)
			}
		}
	})
	f.Flush()
	if sent == nil {
		return nil
	}
	return *sent
}

// choice is a Target with the sockets found whose own rooms it names: a socket's own
// room exists in no index, but is found by the socket's id.
type choice struct {
	one     *Socket   // the only one chosen; nil: see the rest
	none    bool      // nobody is chosen
	to, not []*Socket // whose own rooms are among the rooms, and those left out
	except  []string  // with that of Target.self
}

// scratch spares allocations.
type scratch struct {
	to, not [4]*Socket
	except  [4]string
}

func (t Target) choose(room *scratch) choice {
	c := choice{except: append(room.except[:0], t.except...)}
	if t.self != nil {
		if t.alone {
			c.one, c.none = t.self, !t.self.reachable()
			return c
		}
		c.except = append(c.except, t.self.id)
	}
	c.to, c.not = t.owners(room.to[:0], t.rooms), t.owners(room.not[:0], c.except)
	if len(t.rooms) == 1 && len(c.to) == 1 && t.ns.rooms.Len(t.rooms[0]) == 0 {
		if s := c.to[0]; s.reachable() && !slices.Contains(c.not, s) && !t.excluded(s, c.except) {
			c.one = s
		} else {
			c.none = true
		}
	}
	return c
}

// each calls yield for each socket of a choice. yield must not wait, or use rooms.
func (t Target) each(c *choice, yield func(*Socket)) {
	if c.none {
		return
	}
	if c.one != nil {
		yield(c.one)
		return
	}
	chosen := func(s *Socket) {
		// S3.5: a socket may be in rooms before it is connected.
		if s.reachable() && !slices.Contains(c.not, s) {
			yield(s)
		}
	}
	index := t.ns.rooms
	if len(t.rooms) == 0 {
		index.EachOf(&t.ns.list, c.except, chosen)
		return
	}
	index.Each(t.rooms, c.except, chosen)
	for i, s := range c.to {
		if !slices.Contains(c.to[:i], s) && !t.excluded(s, c.except) && !t.excluded(s, t.rooms) {
			chosen(s)
		}
	}
}

// Sockets returns the sockets chosen on this server, in no particular order.
func (t Target) Sockets() []*Socket {
	if t.parent != nil {
		var list []*Socket
		for _, child := range t.split() {
			list = append(list, child.Sockets()...)
		}
		return list
	}
	if t.ns == nil {
		return nil
	}
	var room scratch
	c := t.choose(&room)
	var list []*Socket
	t.each(&c, func(s *Socket) { list = append(list, s) })
	return list
}

// SocketsJoin puts the sockets chosen into rooms, those of other servers too (S7.10). One
// that cannot join (see Socket.Join) is passed over. It does not wait for other servers, but
// what the same goroutine emits later finds the sockets in the rooms, unless
// docs/cluster-redis.md says otherwise. The same goes for SocketsLeave and DisconnectSockets.
func (t Target) SocketsJoin(rooms ...string) {
	if t.parent != nil {
		for _, child := range t.split() {
			child.SocketsJoin(rooms...)
		}
		return
	}
	if c := t.shared(); c != nil {
		c.tell(&adapter.Message{Type: adapter.SocketsJoin, Options: t.choice(), Rooms: rooms})
	}
	t.apply(func(s *Socket) { _ = s.Join(rooms...) })
}

// SocketsLeave takes the sockets chosen out of rooms.
func (t Target) SocketsLeave(rooms ...string) {
	if t.parent != nil {
		for _, child := range t.split() {
			child.SocketsLeave(rooms...)
		}
		return
	}
	if c := t.shared(); c != nil {
		c.tell(&adapter.Message{Type: adapter.SocketsLeave, Options: t.choice(), Rooms: rooms})
	}
	t.apply(func(s *Socket) { s.Leave(rooms...) })
}

// DisconnectSockets disconnects the sockets chosen. See Socket.Disconnect.
func (t Target) DisconnectSockets(closeConn bool) {
	if t.parent != nil {
		for _, child := range t.split() {
			child.DisconnectSockets(closeConn)
		}
		return
	}
	if c := t.shared(); c != nil {
		c.tell(&adapter.Message{Type: adapter.DisconnectSockets, Options: t.choice(), Close: closeConn})
	}
	t.apply(func(s *Socket) { s.kick(closeConn) })
}

// apply calls f for each socket chosen, behind what waits for the Bus.
func (t Target) apply(f func(s *Socket)) {
	t.ns.inLine(0, func() {
		for _, s := range t.Sockets() {
			f(s)
		}
	})
}

// split returns the Targets of all children of a ParentNamespace (S4.6).
func (t Target) split() []Target {
	var list []Target
	for _, ns := range t.parent.Namespaces() {
		child := t
		child.ns, child.parent = ns, nil
		list = append(list, child)
	}
	return list
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
