// SPDX-License-Identifier: MIT

// Package rooms keeps who is in which room: an index that is sharded by the
// room's name, and a plain list for all members of a namespace.
//
// Lock order: Member.mu, then one shard's mu. No two shards, no two members
// and no shard and list are ever locked together.
package rooms

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"
)

const (
	shards     = 32   // a power of two
	fewBans    = 8    // up to so many excluded members are looked for one by one
	keepMarks  = 4096 // scratch space for more than this is not kept
	shrinkFrom = 64   // slices and maps of up to this size never shrink
)

// Index is a many-to-many relation between members and rooms. A room exists
// while it has members. All methods may be called concurrently. New makes an
// Index; the zero value is not ready.
type Index[M any] struct {
	seed    maphash.Seed
	shards  [shards]shard[M]
	scratch sync.Pool // of *scratch[M]
}

// New returns an empty index.
func New[M any]() *Index[M] { return &Index[M]{seed: maphash.MakeSeed()} }

// Change says what a Join or Leave has done.
type Change uint8

// What a Join or Leave has done.
const (
	Nothing Change = iota
	Moved          // the member has joined or left
	Turned         // and the room was made with it, or has ended
)

// Join puts m into the room, unless it is there. ok is false, and nothing is
// changed, if m is closed, or if m is in max other rooms already and max is
// positive.
func (x *Index[M]) Join(m *Member[M], room string, max int) (did Change, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return Nothing, false
	case m.find(room) != nil:
		return Nothing, true
	case max > 0 && m.count() >= max:
		return Nothing, false
	}
	s, did := x.shard(room).add(m, room)
	m.keep(s)
	return did, true
}

// Leave takes m out of the room, if it is in it.
func (x *Index[M]) Leave(m *Member[M], room string) Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.find(room)
	if s == nil {
		return Nothing
	}
	m.forget(s)
	return x.shard(room).remove(s)
}

// Close takes m out of all rooms, for good: every later Join is refused. It
// calls left, unless that is nil, for each room, in the order of their names.
// left must not use the index.
func (x *Index[M]) Close(m *Member[M], left func(room string, did Change)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if left != nil {
		for _, room := range m.names() {
			left(room, x.shard(room).remove(m.find(room)))
		}
	} else {
		for s := range m.seats() {
			x.shard(s.room.name).remove(s)
		}
	}
	m.held = nil
}

// In reports whether m is in the room.
func (x *Index[M]) In(m *Member[M], room string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(room) != nil
}

// Rooms returns the names of the rooms that m is in, sorted; nil for none.
func (x *Index[M]) Rooms(m *Member[M]) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.names()
}

// Len returns the number of members in the room.
func (x *Index[M]) Len(room string) int {
	s := x.shard(room)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.rooms[room]; r != nil {
		return len(r.entries)
	}
	return 0
}

// Names returns the names of all rooms, sorted; nil for none.
func (x *Index[M]) Names() []string {
	var names []string
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.RLock()
		names = slices.AppendSeq(names, maps.Keys(s.rooms))
		s.mu.RUnlock()
	}
	slices.Sort(names)
	return names
}

func (x *Index[M]) shard(room string) *shard[M] {
	return &x.shards[maphash.String(x.seed, room)%shards]
}

// shard holds the rooms whose names have the same hash.
type shard[M any] struct {
	mu    sync.RWMutex // also guards what the rooms and their seats hold
	rooms map[string]*room[M]
	peak  int      // the most rooms that the map has held
	_     [24]byte // fill a cache line, so that shards do not slow each other
}

// room holds its members in a slice, so that a broadcast reads memory in
// sequence. entries[i] belongs to seats[i].
type room[M any] struct {
	name    string
	entries []entry[M]
	seats   []*seat[M]
}

// entry is one member in a room or list.
type entry[M any] struct {
	value  M // a copy of member.value, to spare an indirection
	member *Member[M]
}

// seat is a member's place in a room. The member knows its seats, so leaving
// needs no search in the room.
type seat[M any] struct {
	room  *room[M] // constant
	index int      // guarded by the room's shard
}

// add puts m, which is not there yet, into a room that may have to be made.
func (s *shard[M]) add(m *Member[M], name string) (*seat[M], Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, did := s.rooms[name], Moved
	if r == nil {
		if s.rooms == nil {
			s.rooms = make(map[string]*room[M])
		}
		r = &room[M]{name: name}
		s.rooms[name] = r
		s.peak = max(s.peak, len(s.rooms))
		did = Turned
	}
	p := &seat[M]{room: r, index: len(r.entries)}
	r.entries = append(r.entries, entry[M]{m.value, m})
	r.seats = append(r.seats, p)
	return p, did
}

// remove frees a seat, and drops its room with the last one.
func (s *shard[M]) remove(p *seat[M]) Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, i := p.room, p.index
	r.entries, r.seats = cut(r.entries, i), cut(r.seats, i)
	if i < len(r.seats) {
		r.seats[i].index = i
	}
	if len(r.seats) > 0 {
		return Moved
	}
	delete(s.rooms, r.name)
	// A map never shrinks by itself.
	if s.peak > shrinkFrom && len(s.rooms) < s.peak/8 {
		s.rooms = maps.Collect(maps.All(s.rooms))
		s.peak = len(s.rooms)
	}
	return Turned
}

// cut removes list[i] by moving the last element there. It lets go of memory
// once most of it is unused.
func cut[T any](list []T, i int) []T {
	last := len(list) - 1
	list[i] = list[last]
	clear(list[last:])
	list = list[:last]
	if c := cap(list); c > shrinkFrom && last < c/4 {
		list = append(make([]T, 0, c/2), list...)
	}
	return list
}
