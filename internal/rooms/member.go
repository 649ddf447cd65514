// SPDX-License-Identifier: MIT

package rooms

import (
	"iter"
	"maps"
	"slices"
	"sync"
)

// fewRooms is the number of rooms up to which a search in a slice is as good
// as a map, and much smaller.
const fewRooms = 8

// Member is what joins rooms. It is meant to be embedded in what it stands
// for, must not be copied, and needs Init before anything else. It belongs to
// one Index and to at most one List. It has no methods to call but Init: the
// index and the list do the work.
type Member[M any] struct {
	value M // constant after Init

	mu     sync.Mutex
	held   *held[M] // nil while the member is in no room
	closed bool

	slot int32 // position in the list plus one, 0 for none; guarded by the list
}

// held are the rooms of a member.
type held[M any] struct {
	few  []*seat[M]          // while they are few ...
	many map[string]*seat[M] // ... and after that, instead
}

// Init sets the value that Each yields for the member. It is called once.
func (m *Member[M]) Init(value M) { m.value = value }

// All methods below are called with mu locked.

func (m *Member[M]) count() int {
	if m.held == nil {
		return 0
	}
	return len(m.held.few) + len(m.held.many)
}

func (m *Member[M]) find(room string) *seat[M] {
	if m.held == nil {
		return nil
	}
	for _, s := range m.held.few {
		if s.room.name == room {
			return s
		}
	}
	return m.held.many[room]
}

func (m *Member[M]) keep(s *seat[M]) {
	if m.held == nil {
		m.held = new(held[M])
	}
	h := m.held
	if h.many == nil && len(h.few) == fewRooms {
		h.many = make(map[string]*seat[M], 2*fewRooms)
		for _, s := range h.few {
			h.many[s.room.name] = s
		}
		h.few = nil
	}
	if h.many != nil {
		h.many[s.room.name] = s
	} else {
		h.few = append(h.few, s)
	}
}

func (m *Member[M]) forget(s *seat[M]) {
	if h := m.held; h.many == nil {
		h.few = cut(h.few, slices.Index(h.few, s))
	} else {
		delete(h.many, s.room.name)
	}
	if m.count() == 0 {
		m.held = nil
	}
}

func (m *Member[M]) seats() iter.Seq[*seat[M]] {
	switch {
	case m.held == nil:
		return func(func(*seat[M]) bool) {}
	case m.held.many == nil:
		return slices.Values(m.held.few)
	}
	return maps.Values(m.held.many)
}

func (m *Member[M]) names() []string {
	if m.count() == 0 {
		return nil
	}
	names := make([]string, 0, m.count())
	for s := range m.seats() {
		names = append(names, s.room.name)
	}
	slices.Sort(names)
	return names
}
