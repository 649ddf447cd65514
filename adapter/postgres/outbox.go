// SPDX-License-Identifier: MIT

package postgres

import (
	"sync"
	"time"

	"github.com/sio-go/sio/adapter"
)

// job is what waits to be sent: a message, or a session.
type job struct {
	link *link
	packed
	tag     uint64 // of an entry of the log; 0: not logged
	uid     string // of such an entry
	session *savedSession
}

// overhead is what a job takes besides its data, about.
const overhead = 256

func (j *job) cost() int {
	n := overhead + j.size()
	if j.session != nil {
		n += len(j.session.data)
	}
	return n
}

const (
	batchCount = 256
	batchBytes = 1 << 20
)

// outbox is what waits to be sent. One goroutine sends it, in order: many messages at once,
// and the next when PostgreSQL has taken these. All methods are safe for concurrent use.
type outbox struct {
	maxCount, maxBytes int

	mu     sync.Mutex
	jobs   []job
	bytes  int
	closed bool
	wake   chan struct{}
	ended  chan struct{}
}

func (o *outbox) init(cfg *Config) {
	o.maxCount, o.maxBytes = cfg.MaxQueue, cfg.MaxQueueBytes
	o.wake, o.ended = make(chan struct{}, 1), make(chan struct{})
}

// push queues a job.
func (o *outbox) push(j job) error {
	size := j.cost()
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return adapter.ErrClosed
	case len(o.jobs) >= o.maxCount, o.bytes > 0 && o.bytes+size > o.maxBytes:
		return adapter.ErrQueueFull
	}
	o.jobs = append(o.jobs, j)
	o.bytes += size
	notify(o.wake)
	return nil
}

// take returns the next jobs. more is false if there will be no others.
func (o *outbox) take() (batch []job, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for n < len(o.jobs) && n < batchCount && size < batchBytes {
		size += o.jobs[n].cost()
		n++
	}
	batch, o.jobs = o.jobs[:n:n], o.jobs[n:]
	if len(o.jobs) == 0 {
		o.jobs = nil
	}
	o.bytes -= size
	return batch, !o.closed || len(o.jobs) > 0
}

// close waits until all is sent, but not longer than d, and gives up the rest when
// stop, which ends the sender's context, was called.
func (o *outbox) close(d time.Duration, stop func()) {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	notify(o.wake)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-o.ended:
	case <-timer.C:
	}
	stop()
	<-o.ended
	o.mu.Lock()
	rest := o.jobs
	o.jobs, o.bytes = nil, 0
	o.mu.Unlock()
	lose(rest, errLate)
}
