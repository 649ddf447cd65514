// SPDX-License-Identifier: MIT

// Package floor is what a server costs that knows nothing of Socket.IO: it tells the
// frames of the benchmark by how they begin. What is left is the WebSocket library and
// the kernel.
package floor

import (
	"bytes"
	"sync"
)

// Open and Joined are the packets that a client gets first.
const (
	Open   = `0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	Joined = `40{"sid":"BBBBBBBBBBBBBBBBBBBB"}`
)

// Peer is a connection.
type Peer interface{ comparable }

// Hub is all connections. It is safe for concurrent use.
type Hub[P Peer] struct {
	mu    sync.RWMutex
	all   map[P]struct{}
	rooms map[string][]P
}

// Add adds a connection.
func (h *Hub[P]) Add(p P) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = make(map[P]struct{})
		h.rooms = make(map[string][]P)
	}
	h.all[p] = struct{}{}
}

// Remove removes a connection. It stays in its rooms, which the benchmark does not leave.
func (h *Hub[P]) Remove(p P) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, p)
}

// Handle answers a message: with one to the same connection (send), or to those of a room
// or to all (each of what to calls its argument with).
func (h *Hub[P]) Handle(p P, text []byte, send func(text []byte), fan func(text []byte, to func(func(P)))) {
	switch {
	case bytes.HasPrefix(text, []byte("40")):
		send([]byte(Joined))
	case bytes.HasPrefix(text, []byte(`42["echo",`)), bytes.HasPrefix(text, []byte(`451-["bin",`)):
		send(text)
	case bytes.HasPrefix(text, []byte(`42["broadcast",`)):
		fan(text, h.each)
	case bytes.HasPrefix(text, []byte(`42["room","`)):
		room, data, _ := bytes.Cut(text[len(`42["room","`):], []byte(`","`))
		out := append(append(make([]byte, 0, len(text)), `42["room","`...), data...)
		fan(out, func(f func(P)) { h.eachIn(string(room), f) })
	default:
		id, rest, _ := bytes.Cut(bytes.TrimPrefix(text, []byte("42")), []byte("["))
		out := append(append(make([]byte, 0, len(text)), "43"...), id...)
		if room, ok := bytes.CutPrefix(rest, []byte(`"join","`)); ok {
			h.join(p, string(bytes.TrimSuffix(room, []byte(`"]`))))
			send(append(out, "[]"...))
		} else if data, ok := bytes.CutPrefix(rest, []byte(`"ack",`)); ok {
			send(append(append(out, '['), data...))
		}
	}
}

func (h *Hub[P]) join(p P, room string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rooms[room] = append(h.rooms[room], p)
}

func (h *Hub[P]) each(f func(P)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for p := range h.all {
		f(p)
	}
}

func (h *Hub[P]) eachIn(room string, f func(P)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, p := range h.rooms[room] {
		f(p)
	}
}
