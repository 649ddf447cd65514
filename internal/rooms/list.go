// SPDX-License-Identifier: MIT

package rooms

import "sync"

// List is a set of members without order, for "everybody": to add and to
// remove takes constant time. The zero value is empty and ready. All methods
// may be called concurrently. A member can be in one list at a time, and only
// one list may be asked to add it. The list knows nothing of Index.Close.
type List[M any] struct {
	mu      sync.RWMutex // also guards the slot of every member in the list
	entries []entry[M]
}

// Add puts m into the list and reports whether it was not there before.
func (l *List[M]) Add(m *Member[M]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.slot != 0 {
		return false
	}
	l.entries = append(l.entries, entry[M]{m.value, m})
	m.slot = int32(len(l.entries)) //nolint:gosec // no memory for more
	return true
}

// Remove takes m out of the list and reports whether it was in it.
func (l *List[M]) Remove(m *Member[M]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.slot == 0 {
		return false
	}
	i := int(m.slot) - 1
	l.entries = cut(l.entries, i)
	if i < len(l.entries) {
		l.entries[i].member.slot = m.slot
	}
	m.slot = 0
	return true
}

// Len returns the number of members.
func (l *List[M]) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.entries)
}

// Each calls yield for every member, in no particular order. It holds a read
// lock meanwhile: yield must not call back into the list and must not wait.
func (l *List[M]) Each(yield func(M)) { l.each(nil, yield) }

// Snapshot returns the members of this moment, in no particular order; nil for
// none. The slice is the caller's.
func (l *List[M]) Snapshot() []M {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.entries) == 0 {
		return nil
	}
	all := make([]M, len(l.entries))
	for i := range l.entries {
		all[i] = l.entries[i].value
	}
	return all
}

func (l *List[M]) each(bans []*Member[M], yield func(M)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	each(l.entries, bans, yield)
}
