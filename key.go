// SPDX-License-Identifier: MIT

package sio

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

// Get returns the value that Set attached. ok is false if there is none of this type.
func (k Key[T]) Get(s *Socket) (v T, ok bool) {
	v, ok = s.Value(string(k)).(T)
	return v, ok
}
