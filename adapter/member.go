// SPDX-License-Identifier: MIT

package adapter

import (
	"slices"
	"time"
)

const (
	sweepEvery = time.Second // A2.14
	// JS differs: A2.14, there is no limit.
	maxPeers = 4096 // beyond are ignored: somebody makes them up
	maxUID   = 256  // bytes of their names
)

// Peers returns the UIDs of the other nodes that heartbeats tell of, sorted; nil if the bus
// counts them itself.
func (n *Node) Peers() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for uid := range n.peers {
		list = append(list, uid)
	}
	slices.Sort(list)
	return list
}

// hear notes that a peer is there, or has left (A2.14). It reports false if nothing is to
// be done about the message.
func (n *Node) hear(m *Message) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	if n.counter != nil || m.UID == EmitterUID {
		return true
	}
	if m.Type == Close {
		n.lose(m.UID)
		return true
	}
	if n.peers == nil {
		n.peers = make(map[string]time.Time)
	}
	if _, known := n.peers[m.UID]; !known && len(n.peers) >= maxPeers {
		return true
	}
	n.peers[m.UID] = time.Now()
	if n.sweep == nil {
		n.sweep = time.AfterFunc(sweepEvery, n.clean)
	}
	return true
}

// lose forgets a peer. mu is held.
func (n *Node) lose(uid string) {
	if _, ok := n.peers[uid]; !ok {
		return
	}
	delete(n.peers, uid)
	for _, r := range n.requests {
		r.left(uid) // A2.15
	}
}

// clean forgets the peers that are silent.
func (n *Node) clean() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sweep = nil
	if n.closed {
		return
	}
	now := time.Now()
	for uid, last := range n.peers {
		if now.Sub(last) > n.cfg.HeartbeatTimeout {
			n.lose(uid)
		}
	}
	if len(n.peers) > 0 {
		n.sweep = time.AfterFunc(sweepEvery, n.clean)
	}
}

// tick sends a heartbeat if nothing else was published for long enough (A2.13).
func (n *Node) tick() {
	n.mu.Lock()
	closed := n.closed
	n.mu.Unlock()
	if closed {
		return // or it would come behind Close
	}
	rest := n.cfg.HeartbeatInterval - (time.Since(n.started) - time.Duration(n.sent.Load()))
	if rest <= 0 {
		_ = n.Publish(&Message{Type: Heartbeat})
		rest = n.cfg.HeartbeatInterval
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.beat.Reset(rest)
	}
}
