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
	closed bool
	few    []*seat[M]          // the rooms, while they are few ...
	many   map[string]*seat[M] // ... and after that, instead

	slot int // position in the list plus one, 0 for none; guarded by the list
}

// Init sets the value that Each yields for the member. It is called once.
func (m *Member[M]) Init(value M) { m.value = value }

// All methods below are called with mu locked.

func (m *Member[M]) count() int { return len(m.few) + len(m.many) }

func (m *Member[M]) find(room string) *seat[M] {
	for _, s := range m.few {
		if s.room.name == room {
			return s
		}
	}
	return m.many[room]
}

func (m *Member[M]) keep(s *seat[M]) {
	if m.many == nil && len(m.few) == fewRooms {
		m.many = make(map[string]*seat[M], 2*fewRooms)
		for _, s := range m.few {
			m.many[s.room.name] = s
		}
		m.few = nil
	}
	if m.many != nil {
		m.many[s.room.name] = s
	} else {
		m.few = append(m.few, s)
	}
}

func (m *Member[M]) forget(s *seat[M]) {
	if m.many == nil {
		m.few = cut(m.few, slices.Index(m.few, s))
		return
	}
	delete(m.many, s.room.name)
	if len(m.many) == 0 {
		m.many = nil
	}
}

func (m *Member[M]) seats() iter.Seq[*seat[M]] {
	if m.many == nil {
		return slices.Values(m.few)
	}
	return maps.Values(m.many)
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
