// SPDX-License-Identifier: MIT

package nats

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// Route implements adapter.Router.
func (k *link) Route(room string, on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left.Load() {
		return
	}
	name := token(room)
	if on {
		k.wanted[name] = true
	} else {
		delete(k.wanted, name)
	}
	k.changed[name] = struct{}{}
	if !k.changing {
		k.changing = true
		k.bus.out.control(k.apply)
	}
}

// Private implements adapter.Router.
func (k *link) Private() bool { return false }

// apply subscribes to rooms, and ends subscriptions. It runs in Bus.send.
func (k *link) apply() {
	k.mu.Lock()
	changed := k.changed
	k.changed, k.changing = make(map[string]struct{}), false
	on := make(map[string]bool, len(changed))
	for name := range changed {
		on[name] = k.wanted[name]
	}
	k.mu.Unlock()
	if k.left.Load() {
		return
	}
	for name, on := range on {
		if on {
			k.watchRoom(name)
		} else {
			k.unwatchRoom(name)
		}
	}
}

// watchRoom subscribes to a room. If there are too many, a subscription to all of them
// serves those that have none of their own; what it brings of the others is dropped, so
// that nothing is lost or comes twice while it begins and ends.
func (k *link) watchRoom(name string) {
	if k.rooms[name] != nil {
		return
	}
	if len(k.rooms) >= max(k.bus.cfg.MaxRooms, 0) {
		k.extra[name] = struct{}{}
		if k.any == nil {
			k.any = k.listen(k.sub.rooms())
		}
		return
	}
	if s := k.listen(string(k.sub) + "room." + name); s != nil {
		k.mu.Lock()
		k.rooms[name] = s
		k.mu.Unlock()
	}
}

func (k *link) unwatchRoom(name string) {
	if s := k.rooms[name]; s != nil {
		k.mu.Lock()
		delete(k.rooms, name)
		n, _ := s.Dropped()
		k.lost += n
		k.mu.Unlock()
		_ = s.Unsubscribe()
	}
	delete(k.extra, name)
	if k.any != nil && len(k.extra) == 0 {
		n, _ := k.any.Dropped()
		k.mu.Lock()
		k.lost += n
		k.mu.Unlock()
		_ = k.any.Unsubscribe()
		k.any = nil
	}
}

func (k *link) listen(subject string) *nats.Subscription {
	s, err := k.bus.conn.ChanSubscribe(subject, k.in)
	if err != nil {
		k.fail(fmt.Errorf("nats: subscribing to %s: %w", subject, err))
	}
	return s
}

// double reports whether a message of the subscription to all rooms comes by another one too.
func (k *link) double(m *nats.Msg) bool {
	if k.bus.js != nil || m.Sub.Subject != k.sub.rooms() {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rooms[strings.TrimPrefix(m.Subject, string(k.sub)+"room.")] != nil
}
