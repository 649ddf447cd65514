// SPDX-License-Identifier: MIT

package sio

// PendingAcks returns how many answers of s are awaited.
func PendingAcks(s *Socket) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks)
}

// RoomNames returns the rooms of a namespace that have members.
func RoomNames(ns *Namespace) []string { return ns.rooms.Names() }
