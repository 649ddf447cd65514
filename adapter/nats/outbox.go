// SPDX-License-Identifier: MIT

package nats

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
)

// outbox is what waits to be sent. All methods are safe for concurrent use.
type outbox struct {
	maxCount, maxBytes int

	mu     sync.Mutex
	filled sync.Cond
	jobs   []job
	count  int // messages
	bytes  int
	closed bool
	idle   chan struct{} // closed when it is closed and empty
}

// job is a message, or something else to do in between.
type job struct {
	link *link
	msg  *nats.Msg
	do   func()
}

func (o *outbox) init(count, bytes int) {
	o.maxCount, o.maxBytes = count, bytes
	o.filled.L = &o.mu
	o.idle = make(chan struct{})
}

// push queues a message.
func (o *outbox) push(j job) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := cost(j.msg)
	switch {
	case o.closed:
		return adapter.ErrClosed
	case o.count >= o.maxCount, o.bytes > 0 && o.bytes+size > o.maxBytes:
		return adapter.ErrQueueFull
	}
	o.count++
	o.bytes += size
	o.jobs = append(o.jobs, j)
	o.filled.Signal()
	return nil
}

// overhead is what a message takes besides its data, about.
const overhead = 256

func cost(m *nats.Msg) int { return len(m.Data) + len(m.Subject) + overhead }

// control queues something to do. Whoever calls it limits how often: once for a link's
// coming, going, and a change of its rooms that is not yet under way.
func (o *outbox) control(do func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.jobs = append(o.jobs, job{do: do})
		o.filled.Signal()
	}
}

// next waits for a job. It returns false at the end.
func (o *outbox) next() (job, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.jobs) == 0 {
		if o.closed {
			close(o.idle)
			return job{}, false
		}
		o.filled.Wait()
	}
	j := o.jobs[0]
	o.jobs[0] = job{}
	if o.jobs = o.jobs[1:]; len(o.jobs) == 0 {
		o.jobs = nil
	}
	if j.msg != nil {
		o.count--
		o.bytes -= cost(j.msg)
	}
	return j, true
}

// close waits until all is sent, but not longer than d, and returns what is not.
func (o *outbox) close(d time.Duration) []job {
	o.mu.Lock()
	o.closed = true
	o.filled.Broadcast()
	o.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-o.idle:
	case <-timer.C:
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := o.jobs
	o.jobs, o.count, o.bytes = nil, 0, 0
	return rest
}
