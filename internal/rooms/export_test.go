// SPDX-License-Identifier: MIT

package rooms

// Cap returns how many rooms and members the index has had to make room for
// and not let go of yet.
func (x *Index[M]) Cap() (n int) {
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.RLock()
		n += s.peak
		for _, r := range s.rooms {
			n += cap(r.entries)
		}
		s.mu.RUnlock()
	}
	return n
}

// Cap returns how many members the list has room for.
func (l *List[M]) Cap() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return cap(l.entries)
}
