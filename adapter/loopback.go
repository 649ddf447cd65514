// SPDX-License-Identifier: MIT

package adapter

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sio-go/sio/internal/work"
)

// Loopback is a backend within one process: it connects servers that share it, and is what
// tests need of a cluster. Its Buses come from Bus. The zero value is ready to use; the
// fields must not be changed after that. All methods are safe for concurrent use.
type Loopback struct {
	// Counts has the backend count nodes, so that there are no heartbeats.
	Counts bool
	// Keeps has the backend keep broadcasts and sessions: see Log. Of each namespace, at
	// least the last 65,536 broadcasts are kept.
	Keeps bool
	// Routes has the backend send broadcasts to one room only where it is wanted: see Router.
	Routes bool
	// Private has it, with Routes, do so with broadcasts to one socket: see Router.
	Private bool
	// Queue is the number of messages that may wait for one node. 0 means 65,536.
	Queue int
	// Fault, if it is not nil, is asked what becomes of a message to the node with the
	// UID to. It must not call the Loopback.
	Fault func(to string, m *Message) Fault

	// mu guards the fields below. The lock of a queue may be taken while it is held.
	mu    sync.Mutex
	down  bool
	links map[*loopLink]struct{}
	logs  map[string]*loopLog // by namespace
}

// Fault is what becomes of a message. The zero value has it delivered.
type Fault struct {
	Drop  bool
	Twice bool
	Delay time.Duration // others may overtake the message then
}

const loopbackQueue = 65_536

var errDown = errors.New("adapter: loopback is down")

// Bus returns a new bus to all other buses of the Loopback.
func (l *Loopback) Bus() Bus { return &loopBus{hub: l} }

// SetDown makes the backend as if it were lost, until it is called with false: nothing is
// delivered, counted or kept, and after that all Receivers are told that they are up again.
func (l *Loopback) SetDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.down
	l.down = down
	for link := range l.links {
		switch {
		case down && !was:
			link.push(loopJob{err: errDown})
		case !down && was:
			link.push(loopJob{up: true})
		}
	}
}

// loopBus is one server's access.
type loopBus struct {
	hub   *Loopback
	tasks sync.WaitGroup // queues that run

	// mu guards the fields below. Loopback.mu may be locked while it is held.
	mu     sync.Mutex
	closed bool
	links  map[*loopLink]struct{}
}

// Join implements Bus.
func (b *loopBus) Join(p Peer) (Link, error) {
	link := &loopLink{bus: b, hub: b.hub, peer: p}
	link.queue.Init(link)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	if b.links == nil {
		b.links = make(map[*loopLink]struct{})
	}
	b.links[link] = struct{}{}
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	if b.hub.links == nil {
		b.hub.links = make(map[*loopLink]struct{})
	}
	b.hub.links[link] = struct{}{}
	if !b.hub.down {
		link.push(loopJob{up: true})
	}
	var counter Counter
	var router Router
	var log Log
	if b.hub.Counts {
		counter = loopCounter{link}
	}
	if b.hub.Routes {
		link.rooms = make(map[string]bool)
		router = loopRouter{link}
	}
	if b.hub.Keeps {
		log = loopKeeper{link}
	}
	return Combine(link, counter, router, log), nil
}

// Close implements Bus. What is queued for other buses is delivered.
func (b *loopBus) Close() error {
	b.mu.Lock()
	b.closed = true
	links := b.links
	b.links = nil
	b.mu.Unlock()
	for link := range links {
		_ = link.Leave()
	}
	b.tasks.Wait()
	return nil
}

// loopLink is one server in one namespace. Its queue holds what is to be delivered to it.
type loopLink struct {
	bus   *loopBus
	hub   *Loopback
	peer  Peer
	queue work.Queue[loopJob]
	rooms map[string]bool // that are wanted; guarded by hub.mu. nil: all
}

// loopJob is one of a message, done, up and err.
type loopJob struct {
	m      *Message
	done   func(offset string, err error)
	offset string
	up     bool
	err    error
}

// Run implements work.Runner.
func (k *loopLink) Run(j loopJob) {
	switch {
	case j.m != nil:
		k.peer.Receiver.Receive(j.m)
	case j.done != nil:
		j.done(j.offset, j.err)
	case j.up:
		k.peer.Receiver.Up()
	default:
		k.peer.Receiver.Fail(j.err)
	}
}

// Burst implements work.Runner.
func (k *loopLink) Burst(bool) {}

// Go implements work.Runner.
func (k *loopLink) Go(f func()) { k.bus.tasks.Go(f) }

func (k *loopLink) push(j loopJob) {
	k.queue.Push(j)
	k.queue.Wake()
}

// room reports whether the queue takes another message. hub.mu is held.
func (k *loopLink) room() bool {
	limit := k.hub.Queue
	if limit <= 0 {
		limit = loopbackQueue
	}
	return k.queue.Len() < limit
}

// Publish implements Link. If a queue of another node is full, that node misses the
// message, and the error says so.
func (k *loopLink) Publish(m *Message) error {
	k.hub.mu.Lock()
	defer k.hub.mu.Unlock()
	if _, ok := k.hub.links[k]; !ok {
		return ErrClosed
	}
	if k.hub.down {
		return errDown
	}
	return k.hub.spread(k, m, "")
}

// Reply implements Link.
func (k *loopLink) Reply(to string, m *Message) error {
	k.hub.mu.Lock()
	defer k.hub.mu.Unlock()
	if _, ok := k.hub.links[k]; !ok {
		return ErrClosed
	}
	if k.hub.down {
		return errDown
	}
	return k.hub.spread(k, m, to)
}

// spread delivers a message to the other links of the namespace, or to one. mu is held.
func (l *Loopback) spread(from *loopLink, m *Message, to string) error {
	var err error
	for link := range l.links {
		if link == from || link.peer.Namespace != m.Namespace || to != "" && link.peer.UID != to || !link.wants(m) {
			continue
		}
		var f Fault
		if l.Fault != nil {
			f = l.Fault(link.peer.UID, m)
		}
		switch {
		case f.Drop:
			continue
		case f.Delay > 0:
			time.AfterFunc(f.Delay, func() { link.push(loopJob{m: m}) })
			continue
		case !link.room():
			err = ErrQueueFull
			continue
		}
		link.push(loopJob{m: m})
		if f.Twice {
			link.push(loopJob{m: m})
		}
	}
	return err
}

// wants reports whether the link receives a message. hub.mu is held.
func (k *loopLink) wants(m *Message) bool {
	if k.rooms == nil || m.Type != Broadcast || m.Request != "" || len(m.Options.Rooms) != 1 {
		return true
	}
	room := m.Options.Rooms[0]
	return len(room) == idLen && !k.hub.Private || k.rooms[room]
}

// idLen is the length of the ids of sockets (A10.1).
const idLen = 20

// loopRouter makes a Router of a link.
type loopRouter struct{ link *loopLink }

// Route implements Router.
func (r loopRouter) Route(room string, on bool) {
	r.link.hub.mu.Lock()
	defer r.link.hub.mu.Unlock()
	if on {
		r.link.rooms[room] = true
	} else {
		delete(r.link.rooms, room)
	}
}

// Private implements Router.
func (r loopRouter) Private() bool { return r.link.hub.Private }

// Leave implements Link.
func (k *loopLink) Leave() error {
	k.bus.mu.Lock()
	delete(k.bus.links, k)
	k.bus.mu.Unlock()
	k.hub.mu.Lock()
	delete(k.hub.links, k)
	k.hub.mu.Unlock()
	for _, j := range k.queue.Stop() {
		if j.done != nil {
			j.done("", ErrClosed)
		}
	}
	return nil
}

// loopCounter makes a Counter of a link.
type loopCounter struct{ link *loopLink }

// Count implements Counter.
func (c loopCounter) Count(context.Context) (int, error) {
	hub := c.link.hub
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.down {
		return 0, errDown
	}
	n := 0
	for link := range hub.links {
		if link.peer.Namespace == c.link.peer.Namespace {
			n++
		}
	}
	return n, nil
}
