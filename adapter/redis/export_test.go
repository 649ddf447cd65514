// SPDX-License-Identifier: MIT

package redis

// Subscribed reports whether a room's channel is subscribed to.
func (b *Bus) Subscribed(nsp, room string) bool {
	b.subs.mu.Lock()
	defer b.subs.mu.Unlock()
	return b.subs.have[topic{shardChannel, b.form.count(nsp).name + room + "#"}] != nil
}

// Slot is slot.
func Slot(name string) int { return slot(name) }

// Sharded reports whether rooms have channels.
func (b *Bus) Sharded() bool { return b.cfg.Mode == Sharded }
