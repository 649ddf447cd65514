// SPDX-License-Identifier: MIT

package adaptertest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio/adapter"
)

// faulty is a bus that can be told to do wrong.
type faulty struct {
	inner  adapter.Bus
	mute   atomic.Bool  // nothing is answered
	dead   atomic.Bool  // nothing is sent or received, and nobody told
	delay  atomic.Int64 // of what is received
	routes atomic.Bool  // links are Routers
	keeps  atomic.Bool  // links are Logs

	mu    sync.Mutex
	links []adapter.Link
}

// Join implements adapter.Bus.
func (f *faulty) Join(p adapter.Peer) (adapter.Link, error) {
	r := &receiver{Receiver: p.Receiver, f: f}
	p.Receiver = r
	inner, err := f.inner.Join(p)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.links = append(f.links, inner)
	f.mu.Unlock()
	link := &faultyLink{inner, f}
	counter, _ := inner.(adapter.Counter)
	router, _ := inner.(adapter.Router)
	log, _ := inner.(adapter.Log)
	f.keeps.Store(log != nil)
	f.routes.Store(router != nil)
	return adapter.Combine(link, counter, router, log), nil
}

// Close implements adapter.Bus.
func (f *faulty) Close() error { return f.inner.Close() }

// die makes the server as if it had crashed: its subscriptions end, and nobody is told.
func (f *faulty) die() {
	f.dead.Store(true)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, link := range f.links {
		_ = link.Leave()
	}
}

// faultyLink keeps messages back.
type faultyLink struct {
	adapter.Link
	f *faulty
}

// Publish implements adapter.Link.
func (k *faultyLink) Publish(m *adapter.Message) error {
	if k.f.dead.Load() {
		return nil
	}
	return k.Link.Publish(m)
}

// Reply implements adapter.Link.
func (k *faultyLink) Reply(to string, m *adapter.Message) error {
	if k.f.dead.Load() || k.f.mute.Load() {
		return nil
	}
	return k.Link.Reply(to, m)
}

// receiver hands messages on, late or never.
type receiver struct {
	adapter.Receiver
	f *faulty

	mu   sync.Mutex
	late []*adapter.Message
}

// Receive implements adapter.Receiver.
func (r *receiver) Receive(m *adapter.Message) {
	switch delay := time.Duration(r.f.delay.Load()); {
	case r.f.dead.Load():
	case delay > 0:
		r.mu.Lock()
		r.late = append(r.late, m)
		r.mu.Unlock()
		time.AfterFunc(delay, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			m := r.late[0]
			r.late = r.late[1:]
			r.Receiver.Receive(m) // in order
		})
	default:
		r.Receiver.Receive(m)
	}
}
