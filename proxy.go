// SPDX-License-Identifier: MIT

package sio

import (
	"sync"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/packet"
)

// proxy takes the answers of clients to what another server asks.
type proxy struct {
	cluster *cluster
	id      uint64
	tell    func(socket string, args packet.Args, gone bool)
	asked   []*Socket // not changed any more once the sockets were told
	counted int

	// mu guards the fields below. Socket.mu may be held when it is locked.
	mu    sync.Mutex
	left  int // answers to come; also negative before begin
	lost  int // answers that had no room in cluster.answers
	timer *time.Timer
	ended bool
}

// add awaits the answer of s.
func (p *proxy) add(s *Socket) bool {
	p.counted++
	if err := s.await(p.id, p); err != nil {
		p.answer(Answer{ID: s.id, Err: err})
		return false
	}
	p.asked = append(p.asked, s)
	return true
}

// begin says that all are asked. It returns how many.
func (p *proxy) begin(timeout time.Duration) int {
	if timeout <= 0 {
		timeout = proxyTimeout
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left += p.counted; p.left == 0 {
		p.finish()
	} else {
		p.timer = time.AfterFunc(timeout, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.finish()
		})
	}
	return p.counted
}

// maxAnswers limits the answers that wait in cluster.answers: somebody may ask faster than
// the Bus takes them.
const maxAnswers = 32_768

// proxyTimeout is how long answers are waited for if the asker does not say it.
const proxyTimeout = 5 * time.Second

// answer implements waiter. Socket.mu is held.
func (p *proxy) answer(a Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cluster.answers.Len() < maxAnswers {
		p.cluster.later(func() { p.tell(a.ID, a.Args, a.Err != nil) })
	} else {
		p.lost++
	}
	if p.left--; p.left == 0 {
		p.finish()
	}
}

// finish forgets the sockets that were asked. mu is held.
func (p *proxy) finish() {
	if p.ended {
		return
	}
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
	if lost := p.lost; lost > 0 {
		p.cluster.later(func() {
			p.cluster.ns.server.bus.Fail(p.cluster.ns.name, &adapter.LostError{Count: lost, Err: adapter.ErrQueueFull})
		})
	}
	if len(p.asked) == 0 {
		return
	}
	p.cluster.later(func() {
		for _, s := range p.asked {
			s.forget(p.id)
		}
	})
}

// later runs f soon, with nothing locked.
func (c *cluster) later(f func()) {
	c.answers.Push(f)
	c.answers.Wake()
}
