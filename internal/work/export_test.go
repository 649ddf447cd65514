// SPDX-License-Identifier: MIT

package work

// Cap returns the number of values that the buffer has room for.
func (q *Queue[T]) Cap() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.buf == nil {
		return 0
	}
	return cap(q.buf.items)
}
