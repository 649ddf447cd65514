// SPDX-License-Identifier: MIT

package rooms

import "slices"

// Each calls yield once for every member that is in at least one of the rooms
// and in none of except. No rooms means no members; see EachOf for all.
//
// yield must not call back into the index and must not wait: in the common
// case (one room, at most a few members excluded) it runs while the room's
// shard is read-locked, so that nothing has to be copied or allocated, and
// Join and Leave wait. Otherwise members are collected first.
//
// Each room is seen at one moment, several rooms one after the other. A member
// that joins or leaves meanwhile may be yielded or not, but never twice.
func (x *Index[M]) Each(rooms, except []string, yield func(M)) {
	switch len(rooms) {
	case 0:
		return
	case 1:
		var space [fewBans]*Member[M]
		if bans, ok := x.bans(except, space[:0]); ok {
			x.shard(rooms[0]).each(rooms[0], bans, yield)
			return
		}
	}
	c := x.open()
	defer x.close(c)
	x.ban(c, except)
	for _, room := range rooms {
		s := x.shard(room)
		s.mu.RLock()
		if r := s.rooms[room]; r != nil {
			c.add(r.entries, len(rooms) > 1)
		}
		s.mu.RUnlock()
	}
	for _, v := range c.values {
		yield(v)
	}
}

// EachOf calls yield for every member of l that is in none of the rooms of
// except. What is said for Each about yield holds for it too, with the list's
// lock in place of the shard's.
func (x *Index[M]) EachOf(l *List[M], except []string, yield func(M)) {
	var space [fewBans]*Member[M]
	if bans, ok := x.bans(except, space[:0]); ok {
		l.each(bans, yield)
		return
	}
	c := x.open()
	defer x.close(c)
	x.ban(c, except)
	l.mu.RLock()
	c.add(l.entries, false)
	l.mu.RUnlock()
	for _, v := range c.values {
		yield(v)
	}
}

func (s *shard[M]) each(room string, bans []*Member[M], yield func(M)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.rooms[room]; r != nil {
		each(r.entries, bans, yield)
	}
}

func each[M any](entries []entry[M], bans []*Member[M], yield func(M)) {
	if len(bans) == 0 {
		for i := range entries {
			yield(entries[i].value)
		}
		return
	}
	for i := range entries {
		if e := &entries[i]; !slices.Contains(bans, e.member) {
			yield(e.value)
		}
	}
}

// bans appends the members of the rooms to dst as long as they fit. That is
// the case of a sender who excludes nobody but himself.
func (x *Index[M]) bans(rooms []string, dst []*Member[M]) (list []*Member[M], ok bool) {
	for _, room := range rooms {
		if dst, ok = x.shard(room).bans(room, dst); !ok {
			return nil, false
		}
	}
	return dst, true
}

func (s *shard[M]) bans(room string, dst []*Member[M]) (list []*Member[M], ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.rooms[room]; r != nil {
		if len(r.entries) > cap(dst)-len(dst) {
			return nil, false
		}
		for i := range r.entries {
			dst = append(dst, r.entries[i].member)
		}
	}
	return dst, true
}

// scratch is the space that one call of Each needs to collect members.
type scratch[M any] struct {
	marks  map[*Member[M]]struct{} // not to be collected, or not again
	values []M
}

func (x *Index[M]) open() *scratch[M] {
	if c, ok := x.scratch.Get().(*scratch[M]); ok {
		return c
	}
	return &scratch[M]{marks: make(map[*Member[M]]struct{})}
}

// close keeps c for another call. A big one is left to the collector, for it
// would hold memory, and clearing a map takes time by its size, not its use.
func (x *Index[M]) close(c *scratch[M]) {
	if len(c.marks) > keepMarks || cap(c.values) > keepMarks {
		return
	}
	clear(c.marks)
	clear(c.values)
	c.values = c.values[:0]
	x.scratch.Put(c)
}

// ban marks the members of the rooms, so that add leaves them out.
func (x *Index[M]) ban(c *scratch[M], rooms []string) {
	for _, room := range rooms {
		s := x.shard(room)
		s.mu.RLock()
		if r := s.rooms[room]; r != nil {
			for i := range r.entries {
				c.marks[r.entries[i].member] = struct{}{}
			}
		}
		s.mu.RUnlock()
	}
}

// add collects the entries that are not marked, and marks them if others may
// follow.
func (c *scratch[M]) add(entries []entry[M], mark bool) {
	c.values = slices.Grow(c.values, len(entries))
	for i := range entries {
		e := &entries[i]
		if len(c.marks) > 0 {
			if _, found := c.marks[e.member]; found {
				continue
			}
		}
		if mark {
			c.marks[e.member] = struct{}{}
		}
		c.values = append(c.values, e.value)
	}
}
