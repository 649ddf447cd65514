// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
)

// appended is a broadcast of ours that is not settled: its reader has not come to it.
type appended struct {
	link  *link
	done  func(offset string, err error)
	state uint8
	id    string
	at    time.Time // when Redis has answered
	err   error
}

const (
	queued   uint8 = iota
	sent           // and not answered
	answered       // with id
	failed         // with err
)

// settleWait is how long the reader may take to come to an entry.
const settleWait = 10 * time.Second

var errLost = errors.New("redis: appended, and not found in the stream")

// append queues a broadcast.
func (r *reader) append(k *link, m *adapter.Message, done func(offset string, err error)) {
	a := &appended{link: k, done: done}
	args, key, err := k.encode(m, "")
	if err == nil && k.left.Load() {
		err = adapter.ErrClosed
	}
	r.mu.Lock() // the order in both queues is the same
	if len(r.links) == 0 {
		r.mu.Unlock()
		done("", adapter.ErrClosed)
		return
	}
	defer r.mu.Unlock()
	r.appended = append(r.appended, a)
	if err == nil {
		err = r.bus.out.push(job{
			link: k, args: args, key: key,
			sent: func() { r.update(a, sent, "", nil) },
			done: func(res rueidis.RedisResult, err error) {
				id := ""
				if err == nil {
					id, err = res.ToString()
				}
				if err != nil {
					r.update(a, failed, "", err)
				} else {
					r.update(a, answered, id, nil)
				}
			},
		})
	}
	if err != nil {
		a.state, a.err = failed, err
		notify(r.wake)
	}
}

// update notes what has become of a broadcast.
func (r *reader) update(a *appended, state uint8, id string, err error) {
	r.mu.Lock()
	if a.state != failed {
		a.state, a.id, a.err, a.at = state, id, err, time.Now()
	}
	r.mu.Unlock()
	notify(r.changed)
	if err != nil {
		notify(r.wake)
	}
}

// reach settles what was appended before an entry, and the entry if it is ours. It reports true
// if Redis has yet to say whether it is. turn is held.
func (r *reader) reach(id, uid string) (wait bool) {
	ms, seq := position(id)
	for {
		r.mu.Lock()
		if len(r.appended) == 0 {
			r.mu.Unlock()
			return false
		}
		a := r.appended[0]
		switch a.state {
		case queued:
			r.mu.Unlock()
			return false
		case sent:
			ours := r.ours(uid)
			r.mu.Unlock()
			return ours
		case answered:
			m, s := position(a.id)
			if m > ms || m == ms && s > seq {
				r.mu.Unlock()
				return false
			}
			if a.id != id {
				a.state, a.err, a.id = failed, errLost, ""
			}
		}
		r.pop()
		r.mu.Unlock()
		a.done(a.id, a.err)
	}
}

// ours reports whether a uid is that of a link. mu is held.
func (r *reader) ours(uid string) bool {
	for _, k := range r.links {
		if k.peer.UID == uid {
			return true
		}
	}
	return false
}

// pop takes the first off the queue. mu is held.
func (r *reader) pop() {
	r.appended[0] = nil
	if r.appended = r.appended[1:]; len(r.appended) == 0 {
		r.appended = nil
	}
}

// settle tells of what has failed, in order, and of what the reader does not find.
func (r *reader) settle(ctx context.Context) {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-r.wake:
		case <-ticks.C:
		case <-ctx.Done():
			r.clear(func(a *appended) bool {
				if a.state != failed {
					a.state, a.id, a.err = failed, "", adapter.ErrClosed
				}
				return true
			})
			return
		}
		r.clear(func(a *appended) bool {
			if a.state == answered && time.Since(a.at) > settleWait {
				a.state, a.id, a.err = failed, "", errLost
			}
			return a.state == failed
		})
	}
}

// clear tells of those at the front that are over.
func (r *reader) clear(over func(a *appended) bool) {
	r.turn.Lock()
	defer r.turn.Unlock()
	for {
		r.mu.Lock()
		if len(r.appended) == 0 || !over(r.appended[0]) {
			r.mu.Unlock()
			return
		}
		a := r.appended[0]
		r.pop()
		r.mu.Unlock()
		a.done(a.id, a.err)
	}
}
