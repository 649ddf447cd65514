// SPDX-License-Identifier: MIT

package client

// PendingAcks returns how many answers of s are awaited.
func PendingAcks(s *Socket) int {
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	return len(s.acks)
}
