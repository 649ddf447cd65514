// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

type kind uint8

const (
	channel kind = iota
	pattern
	shardChannel
)

// topic is something to subscribe to.
type topic struct {
	kind kind
	name string
}

// subscriber holds the subscriptions: one connection for all of them, and in Redis Cluster
// one to each master that has sharded channels, or to the one that all else is published at.
// All methods are safe for concurrent use.
type subscriber struct {
	bus  *Bus
	wake chan struct{}

	mu    sync.Mutex
	links map[*link]struct{}
	want  map[topic][]*link // the slices are not changed
	have  map[topic]*subConn
	conns map[string]*subConn // by address; "" is anywhere
	slots []string            // addresses, in Redis Cluster

	cluster bool
}

func newSubscriber(b *Bus) *subscriber {
	return &subscriber{
		bus: b, wake: make(chan struct{}, 1), links: make(map[*link]struct{}),
		want: make(map[topic][]*link), have: make(map[topic]*subConn), conns: make(map[string]*subConn),
	}
}

func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// join begins to subscribe to what a link needs.
func (s *subscriber) join(k *link) {
	s.mu.Lock()
	s.links[k] = struct{}{}
	for _, t := range k.topics {
		s.add(t, k)
	}
	s.mu.Unlock()
	notify(s.wake) // it may have all that it needs by another link
}

// leave ends all subscriptions of a link.
func (s *subscriber) leave(k *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, k)
	for t := range s.want {
		s.remove(t, k)
	}
}

// set says whether a link wants a topic.
func (s *subscriber) set(t topic, k *link, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, joined := s.links[k]; !joined {
		return
	}
	if on {
		s.add(t, k)
	} else {
		s.remove(t, k)
	}
}

// add notes that a link wants a topic. mu is held.
func (s *subscriber) add(t topic, k *link) {
	if list := s.want[t]; !slices.Contains(list, k) {
		s.want[t] = append(slices.Clip(list), k)
		s.touch(t)
	}
}

// remove notes that a link does not want a topic. mu is held.
func (s *subscriber) remove(t topic, k *link) {
	list := s.want[t]
	i := slices.Index(list, k)
	switch {
	case i < 0:
	case len(list) == 1:
		delete(s.want, t)
		s.touch(t)
	default:
		s.want[t] = slices.Delete(slices.Clone(list), i, i+1)
	}
}

// touch has the connection look at a topic. mu is held.
func (s *subscriber) touch(t topic) {
	addr, ok := s.place(t)
	c := s.conns[addr]
	if !ok || c == nil {
		notify(s.wake)
		return
	}
	c.dirty[t] = struct{}{}
	notify(c.wake)
}

// run has connections subscribe to what is wanted.
func (s *subscriber) run(ctx context.Context) {
	client, err := s.bus.conn.wait(ctx)
	if err != nil {
		return
	}
	cluster := client.Mode() == rueidis.ClientModeCluster
	s.mu.Lock()
	s.cluster = cluster
	s.mu.Unlock()
	ticks := time.NewTicker(s.bus.cfg.Probe)
	defer ticks.Stop()
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for {
		if cluster {
			s.refresh(ctx, client)
		}
		s.assign(ctx, client, cluster, &tasks)
		select {
		case <-s.wake:
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// assign makes the connections that are needed. In Redis Cluster all connections look whether
// their topics are still theirs.
func (s *subscriber) assign(ctx context.Context, client rueidis.Client, cluster bool, tasks *sync.WaitGroup) {
	s.mu.Lock()
	for t := range s.want {
		addr, ok := s.place(t)
		if !ok || s.conns[addr] != nil {
			continue
		}
		c := &subConn{subs: s, addr: addr, client: client, wake: make(chan struct{}, 1), dirty: make(map[topic]struct{}), held: make(map[topic]struct{})}
		s.conns[addr] = c
		tasks.Go(func() { c.run(ctx) })
	}
	if cluster {
		for _, c := range s.conns {
			c.full = true
			notify(c.wake)
		}
	}
	up := s.complete()
	s.mu.Unlock()
	tell(up)
}

// place returns the address of the node that a topic is at. mu is held.
//
// In Redis Cluster what is published goes from node to node without confirmation, and is lost when
// the connection of two nodes is. So plain channels are at the node where servers of this module
// publish, anywhere if that is not known.
func (s *subscriber) place(t topic) (string, bool) {
	switch {
	case s.slots == nil:
		return "", !s.cluster || t.kind != shardChannel
	case t.kind != shardChannel:
		return s.slots[slot(s.bus.cfg.Prefix)], true
	}
	addr := s.slots[slot(t.name)]
	return addr, addr != ""
}

// todo returns what a connection is to subscribe to, and what not any more.
func (s *subscriber) todo(c *subConn) (add, del []topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look := func(t topic) {
		addr, ok := s.place(t)
		_, wanted := s.want[t]
		switch _, mine := c.held[t]; {
		case wanted && ok && addr == c.addr && !mine:
			add = append(add, t)
		case mine && (!wanted || ok && addr != c.addr):
			del = append(del, t)
		}
	}
	if c.full {
		for t := range s.want {
			look(t)
		}
		for t := range c.held {
			if _, wanted := s.want[t]; !wanted {
				look(t)
			}
		}
	} else {
		for t := range c.dirty {
			look(t)
		}
	}
	c.full = false
	clear(c.dirty)
	return add, del
}

// done notes what a connection has subscribed to.
func (s *subscriber) done(c *subConn, add, del []topic) {
	s.mu.Lock()
	for _, t := range add {
		s.have[t] = c
		c.held[t] = struct{}{}
	}
	for _, t := range del {
		delete(c.held, t)
		if s.have[t] == c {
			delete(s.have, t)
		}
	}
	up := s.complete()
	s.mu.Unlock()
	tell(up)
}

// down notes that the subscriptions of a connection have ended: all, or one.
func (s *subscriber) down(c *subConn, only *topic, err error) {
	s.mu.Lock()
	lost := make(map[*link]bool)
	end := func(t topic) {
		delete(c.held, t)
		if s.have[t] == c {
			delete(s.have, t)
		}
		for _, k := range s.want[t] {
			lost[k] = true
		}
	}
	if only != nil {
		end(*only)
	} else {
		for t := range s.want {
			if addr, ok := s.place(t); s.have[t] == c || ok && addr == c.addr {
				end(t)
			}
		}
		for t, at := range s.have {
			if at == c {
				delete(s.have, t)
			}
		}
		clear(c.held)
	}
	c.full = true
	s.complete()
	s.mu.Unlock()
	notify(s.wake)
	if err != nil {
		for k := range lost {
			k.fail(err)
		}
	}
}

// complete notes of each link whether its subscription is complete, and returns those that
// have become so. mu is held.
func (s *subscriber) complete() (up []*link) {
	for k := range s.links {
		all := true
		for _, t := range k.topics {
			all = all && s.have[t] != nil
		}
		if k.set(&k.subscribed, all) {
			up = append(up, k)
		}
	}
	return up
}

// tell tells links that they are up. No lock is held: they may have to wait for the end of
// Join, which takes ours.
func tell(up []*link) {
	for _, k := range up {
		if !k.left.Load() {
			k.peer.Receiver.Up()
		}
	}
}

// to returns who gets what came on a topic by a connection: nobody, if another one has it too.
func (s *subscriber) to(t topic, c *subConn) []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.have[t]; at != nil && at != c {
		return nil
	}
	return s.want[t]
}
