// SPDX-License-Identifier: MIT

package engine

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// addresses are the remote addresses that are limited. Each that has sessions is kept, and
// a limited number of others.
type addresses struct {
	maxIdle, maxOpen int

	// mu guards the fields below, and the last two of each address. Nothing else is locked
	// while it is held.
	mu    sync.Mutex
	known map[string]*address
	idle  list.List // of *address: those without sessions, the one heard of last at the end
}

// address is one remote address. A nil *address is one without limits.
type address struct {
	name string // constant

	// mu guards the buckets. Nothing else is locked while it is held.
	mu                    sync.Mutex
	packets, bytes, opens bucket

	open int           // sessions
	idle *list.Element // nil while there are any
}

func (a *addresses) init(maxIdle, maxOpen int) {
	if maxIdle <= 0 {
		maxIdle = 16_384
	}
	if maxOpen <= 0 {
		maxOpen = noLimit
	}
	a.maxIdle, a.maxOpen = maxIdle, maxOpen
	a.known = make(map[string]*address)
}

// admit counts a handshake, and reports whether its address may have one.
func (a *addresses) admit(name string, now time.Duration, r rate) bool {
	if name == "" {
		return true
	}
	a.mu.Lock()
	one := a.find(name)
	full := one.open >= a.maxOpen
	a.mu.Unlock()
	if full {
		return false
	}
	if r.each == 0 {
		return true
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	before := one.opens
	if one.opens.take(now, 1, r) > 0 {
		one.opens = before // who is refused owes nothing
		return false
	}
	return true
}

// begin counts a session. It reports false if its address has as many as it may.
func (a *addresses) begin(name string) (*address, bool) {
	if name == "" {
		return nil, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.find(name)
	if one.open >= a.maxOpen {
		return nil, false
	}
	if one.open++; one.idle != nil {
		a.idle.Remove(one.idle)
		one.idle = nil
	}
	return one, true
}

// end undoes begin.
func (a *addresses) end(one *address) {
	if one == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if one.open--; one.open == 0 {
		one.idle = a.idle.PushBack(one)
		a.trim()
	}
}

// find returns an address, which is made if need be. mu is held.
func (a *addresses) find(name string) *address {
	one := a.known[name]
	switch {
	case one == nil:
		one = &address{name: name}
		a.known[name] = one
		one.idle = a.idle.PushBack(one)
		a.trim()
	case one.idle != nil:
		a.idle.MoveToBack(one.idle)
	}
	return one
}

// trim forgets addresses beyond the limit. mu is held.
func (a *addresses) trim() {
	for a.idle.Len() > a.maxIdle {
		oldest, _ := a.idle.Remove(a.idle.Front()).(*address)
		delete(a.known, oldest.name)
	}
}

func (one *address) takePackets(now time.Duration, n int, r rate) time.Duration {
	if one == nil || r.each == 0 {
		return 0
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.packets.take(now, n, r)
}

func (one *address) takeBytes(now time.Duration, n int, r rate) time.Duration {
	if one == nil || r.each == 0 {
		return 0
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.bytes.take(now, n, r)
}

// remoteAddr returns the address of a request's peer. An IPv6 host commonly has 64 bits of
// addresses to choose from.
func remoteAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr // of a Unix socket, for example
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return prefix.Masked().String()
}
