// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"sync"
)

// tasks are the goroutines of queues that run functions, one after the other.
type tasks struct {
	// mu guards the fields below.
	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running falls to 0; nil: nobody waits
}

// Run implements work.Runner.
func (*tasks) Run(f func()) { f() }

// Burst implements work.Runner.
func (*tasks) Burst(bool) {}

// Go implements work.Runner.
func (t *tasks) Go(f func()) {
	t.mu.Lock()
	t.running++
	t.mu.Unlock()
	go func() {
		defer t.done()
		f()
	}()
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running--; t.running == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// wait waits until no goroutine runs, or ctx ends.
func (t *tasks) wait(ctx context.Context) {
	t.mu.Lock()
	if t.running == 0 {
		t.mu.Unlock()
		return
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	idle := t.idle
	t.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
