// SPDX-License-Identifier: MIT

package sio

import (
	"sync"

	"github.com/sio-go/sio/internal/rooms"
)

// RoomHook is told of what becomes of rooms (S7.13), after it has happened: of each room
// that was made, because its first socket has joined, and of each that has ended with its
// last, and who has joined and left. Joining again and leaving again tell nothing.
//
// What is told of one socket comes in the order in which it happened, one after the
// other: a room is RoomCreated before the socket RoomJoined it, and RoomDeleted after it
// RoomLeft. It comes on a goroutine that changes rooms of the socket, which may be
// another than the one that made this change; then Join and Leave do not wait for it. What
// is told of different sockets, also of the same room, may come concurrently and in
// any order.
//
// Each connected socket is in the room of its own id: that is told of before ConnectHook,
// while rooms joined in middlewares are told of before it. When the socket ends, it is
// told to leave that room, and then the others, after OnDisconnecting and before
// OnDisconnect. If sockets join the room of another socket's id, it is not defined with
// which of them it is created and deleted.
//
// A hook that is slower than the changes, while other goroutines make them, does not fill
// the memory: when 65,536 events of a socket have still to be told, Join returns
// ErrQueueFull.
//
// The hook may use rooms itself. Without a RoomHook all this costs nothing.
type RoomHook interface {
	HookRoom(ns *Namespace, room string, event RoomEvent, s *Socket)
}

// RoomEvent is what a RoomHook is told of.
type RoomEvent string

// What becomes of a room.
const (
	RoomCreated RoomEvent = "created" // by the socket, which joins it
	RoomJoined  RoomEvent = "joined"
	RoomLeft    RoomEvent = "left"
	RoomDeleted RoomEvent = "deleted" // by the socket, which has left it
)

// maxUntold limits roomLog.queue. Only Join is refused: no more can be left than was joined.
const maxUntold = 65_536

// roomLog is what a RoomHook has still to be told of one socket.
type roomLog struct {
	// mu guards the fields below, and is held while the socket's rooms are changed, so
	// that the order is known. Namespace.mu and the locks of rooms may be locked
	// meanwhile.
	mu      sync.Mutex
	own     bool // the socket was told to be in its own room
	telling bool // somebody is calling the hook
	queue   []roomChange
}

type roomChange struct {
	room  string
	event RoomEvent
}

func (l *roomLog) add(room string, event RoomEvent) {
	l.queue = append(l.queue, roomChange{room, event})
}

// lockRooms begins a change of the socket's rooms, which tellRooms ends.
func (s *Socket) lockRooms() {
	if s.roomLog != nil {
		s.roomLog.mu.Lock()
	}
}

// untold reports whether the hook has fallen too far behind. Nobody waits for it, as the
// caller may be the hook itself.
func (s *Socket) untold() bool {
	return s.roomLog != nil && s.roomLog.telling && len(s.roomLog.queue) >= maxUntold
}

// tellRooms unlocks and tells of the changes, unless somebody is at it, who then tells of
// these too.
func (s *Socket) tellRooms() {
	l := s.roomLog
	if l == nil {
		return
	}
	if !l.telling {
		l.telling = true
		for len(l.queue) > 0 {
			list := l.queue
			l.queue = nil
			l.mu.Unlock()
			for _, c := range list {
				s.ns.server.hooks.room(s, c)
			}
			l.mu.Lock()
		}
		l.telling = false
	}
	l.mu.Unlock()
}

// joined notes that the socket has joined a room. Rooms are locked, here and below.
func (s *Socket) joined(room string, did rooms.Change) {
	if s.roomLog == nil || did == rooms.Nothing {
		return
	}
	if did == rooms.Turned && s.ns.owner(room) == nil {
		s.roomLog.add(room, RoomCreated)
	}
	s.roomLog.add(room, RoomJoined)
}

// parted notes that the socket has left a room.
func (s *Socket) parted(room string, did rooms.Change) {
	if s.roomLog == nil || did == rooms.Nothing {
		return
	}
	s.roomLog.add(room, RoomLeft)
	if did == rooms.Turned && s.ns.owner(room) == nil {
		s.roomLog.add(room, RoomDeleted)
	}
}

// movedOwn notes whether the socket is in the room of its own id, which is in no index.
func (s *Socket) movedOwn() {
	if s.roomLog == nil {
		return
	}
	in := s.Connected() && !s.leftOwn.Load()
	if in == s.roomLog.own {
		return
	}
	s.roomLog.own = in
	turned := s.ns.rooms.Len(s.id) == 0
	switch {
	case in && turned:
		s.roomLog.add(s.id, RoomCreated)
		fallthrough
	case in:
		s.roomLog.add(s.id, RoomJoined)
	default:
		s.roomLog.add(s.id, RoomLeft)
		if turned {
			s.roomLog.add(s.id, RoomDeleted)
		}
	}
}
