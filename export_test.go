// SPDX-License-Identifier: MIT

package sio

// Waiting returns the bytes of the events that wait for the handlers of s.
func Waiting(s *Socket) int { return int(s.waiting.Load()) }

// Defaults returns the settings that a nil Config means.
func Defaults() Config { return (*Config)(nil).withDefaults() }
