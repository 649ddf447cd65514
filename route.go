// SPDX-License-Identifier: MIT

package sio

import (
	"sync"

	"github.com/sio-go/sio/internal/rooms"
)

// routes tells the Bus which rooms sockets of this server are in, if it wants to know.
type routes struct {
	// mu guards the fields below. It is locked while rooms are.
	mu      sync.Mutex
	changed []string            // rooms to look at
	added   uint64              // how many ever were in changed
	told    uint64              // how many of them the Bus knows of
	more    sync.Cond           // told has grown; its L is &mu
	wanted  map[string]struct{} // as the Bus was told
	telling bool
}

// turn notes that a room may have been made or may have ended. Rooms may be locked;
// tellRoutes must follow when they are not.
func (ns *Namespace) turn(room string, did rooms.Change) {
	if did != rooms.Turned || ns.cluster == nil || ns.cluster.node.Router() == nil {
		return // the node is open since the socket is connected (Socket.connect): nothing is called
	}
	r := &ns.cluster.routes
	r.mu.Lock()
	r.changed = append(r.changed, room)
	r.added++
	r.mu.Unlock()
}

// tellRoutes tells the Bus what has changed. If somebody is at it, it waits until he has: who has
// joined a room gets what others send to it next, which a Bus may drop that does not know of it.
func (ns *Namespace) tellRoutes() {
	if ns.cluster == nil {
		return
	}
	r := &ns.cluster.routes
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.telling {
		for mine := r.added; r.told < mine; {
			r.more.Wait()
		}
		return
	}
	if len(r.changed) == 0 {
		return
	}
	r.telling = true
	router := ns.cluster.node.Router()
	if r.wanted == nil {
		r.wanted = make(map[string]struct{})
	}
	for len(r.changed) > 0 {
		room := r.changed[0]
		r.changed = r.changed[1:]
		r.mu.Unlock()
		// Several may have been at the room: what counts is how it is now, and whoever
		// changes that comes with another entry.
		on := ns.rooms.Len(room) > 0 || (len(room) != idLen || router.Private()) && ns.Socket(room) != nil
		r.mu.Lock()
		if _, was := r.wanted[room]; was != on {
			if on {
				r.wanted[room] = struct{}{}
			} else {
				delete(r.wanted, room)
			}
			r.mu.Unlock()
			router.Route(room, on)
			r.mu.Lock()
		}
		r.told++
		r.more.Broadcast()
	}
	r.changed = nil
	r.telling = false
}

// turnOwn tells of the room of the socket's id, if the Bus cannot know it by its length, or wants
// to know it. No lock is held.
//
// JS differs: B15, the sharded Redis adapter does not get what is for a client of Socket.IO 2.
func (s *Socket) turnOwn() {
	if s.ns.cluster == nil {
		return
	}
	if router := s.ns.cluster.node.Router(); router != nil && (len(s.id) != idLen || router.Private()) {
		s.ns.turn(s.id, rooms.Turned)
		s.ns.tellRoutes()
	}
}
