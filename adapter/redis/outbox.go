// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
)

// job is a command that waits to be sent.
type job struct {
	link *link
	args []string
	key  string // decides where in Redis Cluster it goes
	// done gets the result. nil: an error means that a message was lost.
	done func(r rueidis.RedisResult, err error)
	// sent is called before the command is sent; nil: not needed.
	sent func()
}

// overhead is what a job takes besides its arguments, about.
const overhead = 256

func (j *job) cost() int {
	n := overhead
	for _, a := range j.args {
		n += len(a)
	}
	return n
}

const (
	batchCount = 256
	batchBytes = 1 << 20
)

// outbox is what waits to be sent. One goroutine sends it, in order: many commands at once,
// and the next when Redis has answered these. All methods but run are safe for concurrent use.
type outbox struct {
	maxCount, maxBytes int
	timeout            time.Duration

	mu     sync.Mutex
	jobs   []job
	bytes  int
	closed bool
	wake   chan struct{}
	ended  chan struct{}
}

func (o *outbox) init(cfg *Config) {
	o.maxCount, o.maxBytes, o.timeout = cfg.MaxQueue, cfg.MaxQueueBytes, cfg.Timeout
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

// run sends until the outbox is closed and empty, or ctx ends.
func (o *outbox) run(ctx context.Context, c *connector) {
	defer close(o.ended)
	for {
		batch, more := o.take()
		if len(batch) > 0 {
			o.send(ctx, c, batch)
			continue
		}
		if !more {
			return
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return
		}
	}
}

// send sends a batch and hands out the results.
func (o *outbox) send(ctx context.Context, c *connector, batch []job) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	client, err := c.get(ctx)
	if err != nil {
		finish(batch, nil, err)
		return
	}
	list := make(rueidis.Commands, len(batch))
	for i := range batch {
		list[i] = command(client, batch[i].key, batch[i].args...)
		if batch[i].sent != nil {
			batch[i].sent()
		}
	}
	finish(batch, client.DoMulti(ctx, list...), nil)
}

// command makes a command of any kind, to be sent where the key is.
func command(client rueidis.Client, key string, args ...string) rueidis.Completed {
	cmd := client.B().Arbitrary(args[0]).Args(args[1:]...).Build()
	if client.Mode() == rueidis.ClientModeCluster {
		return cmd.SetSlot(key)
	}
	return cmd // the client has several connections, and uses one of them for this
}

// finish hands out the results, and tells of messages that were lost.
func finish(batch []job, results []rueidis.RedisResult, err error) {
	lost := make(map[*link]*adapter.LostError)
	for i := range batch {
		j := &batch[i]
		var r rueidis.RedisResult
		failed := err
		if i < len(results) {
			r = results[i]
			failed = r.Error()
			if rueidis.IsRedisNil(failed) {
				failed = nil
			}
		}
		switch {
		case j.done != nil:
			j.done(r, failed)
		case failed == nil:
		case lost[j.link] == nil:
			lost[j.link] = &adapter.LostError{Count: 1, Err: failed}
		default:
			lost[j.link].Count++
		}
	}
	for k, e := range lost {
		k.fail(e)
	}
}

// close waits until all is sent, but not longer than d, and gives up the rest when
// stop, which ends run's context, was called.
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
	finish(rest, nil, errLate)
}

var errLate = errors.New("redis: not sent before the end")
