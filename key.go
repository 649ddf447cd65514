// SPDX-License-Identifier: MIT

package sio

import "github.com/sio-go/sio/adapter"

// Key is the name of a value that is attached to sockets (socket.data in JavaScript),
// together with its type. It is meant for constants:
//
//	const User sio.Key[Account] = "user"
//
//	User.Set(s, account)
//	account, ok := User.Get(s)
//
// It is SetValue and Value with a string as the key, so that two Keys of the same name are
// the same.
type Key[T any] string

// Set attaches a value to the socket.
func (k Key[T]) Set(s *Socket, v T) { s.SetValue(string(k), v) }

// Get returns the value that Set attached. ok is false if there is none of this type. If
// the socket comes from another server (see Config.Bus) it is what JSON makes of the value.
func (k Key[T]) Get(s *Socket) (v T, ok bool) {
	value := s.Value(string(k))
	if v, ok = value.(T); ok || !s.isRestored(string(k)) {
		return v, ok
	}
	args, err := adapter.Args(value)
	if err != nil || args.Unmarshal(0, &v) != nil {
		var zero T
		return zero, false
	}
	k.Set(s, v) // it is decoded once
	return v, true
}

// isRestored reports whether a value has come from another server, as JSON.
func (s *Socket) isRestored(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.values[key].(restored)
	return ok
}
