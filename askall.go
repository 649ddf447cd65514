// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"iter"
	"sync"

	"github.com/sio-go/sio/internal/event"
	"github.com/sio-go/sio/packet"
)

// Answer is what one client answered to a broadcast.
type Answer struct {
	ID   string // of its socket
	Args Args
	Err  error // why there is none: a *DisconnectError, or ErrTooManyAcks; nil if there is one
}

// EmitWithAck sends an event to the sockets chosen like Emit and waits until each has
// answered or is disconnected. It returns the answers in the order in which they came. If
// ctx ends first, or the time of Timeout, the error wraps that of the context, and the
// answers are those that came; later ones are ignored. Nobody chosen is no error.
func (t Target) EmitWithAck(ctx context.Context, event string, args ...any) ([]Answer, error) {
	var answers []Answer
	for a, err := range t.answers(ctx, event, args) {
		if err != nil {
			return answers, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// AskAll sends a request to the sockets chosen and yields their answers as they come.
// A client that answers with a *ReplyError, with something that cannot be decoded, or not
// at all because it was disconnected, yields an error, and so does, at the end, a context
// that ends before all have answered. Leaving the loop stops the waiting.
func AskAll[Req, Res any](ctx context.Context, t Target, rq Request[Req, Res], v Req) iter.Seq2[Res, error] {
	return func(yield func(Res, error) bool) {
		for a, err := range t.answers(ctx, string(rq), event.Spread(v)) {
			var res Res
			if err == nil {
				err = a.Err
			}
			if err == nil {
				res, err = event.Answer[Res](a.Args)
			}
			if !yield(res, err) {
				return
			}
		}
	}
}

// answers sends an event and yields the answers. An error comes last.
func (t Target) answers(ctx context.Context, event string, args []any) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		if t.ns == nil {
			yield(Answer{}, errNoTarget) // a ParentNamespace cannot ask (S4.7)
			return
		}
		if t.limit > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, t.limit)
			defer cancel()
		}
		id := t.ns.acks.Add(1) - 1
		m, err := t.ns.encode(packet.Packet{Type: packet.Event, Event: event, Args: args, ID: id, HasID: true})
		if err == nil && ctx.Err() != nil {
			err = ackError(event, ctx.Err())
		}
		if err != nil {
			yield(Answer{}, err)
			return
		}
		if t.plain {
			m.WithoutCompression()
		}
		c := &collector{wake: make(chan struct{}, 1)}
		defer c.forget(id)
		for _, s := range t.send(m, func(s *Socket) bool { return c.add(s, id) }) {
			s.sent(event, args)
		}
		for range c.count {
			a, ok := c.next(ctx)
			if !ok {
				yield(Answer{}, ackError(event, ctx.Err()))
				return
			}
			if !yield(a, nil) {
				return
			}
		}
	}
}

// collector takes the answers to one broadcast.
type collector struct {
	// Only the goroutine that asks uses these.
	count int // answers to come
	asked []*Socket

	wake chan struct{} // something was added to came

	// mu guards the field below. Socket.mu may be held when it is locked.
	mu   sync.Mutex
	came []Answer
}

// add awaits the answer of s. It reports false if there will be none.
func (c *collector) add(s *Socket, id uint64) bool {
	c.count++
	if err := s.await(id, c); err != nil {
		c.answer(Answer{ID: s.id, Err: err})
		return false
	}
	c.asked = append(c.asked, s)
	return true
}

// answer implements waiter.
func (c *collector) answer(a Answer) {
	c.mu.Lock()
	c.came = append(c.came, a)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// next waits for an answer. It reports false if ctx ends first.
func (c *collector) next(ctx context.Context) (a Answer, ok bool) {
	for {
		c.mu.Lock()
		if len(c.came) > 0 {
			a, c.came = c.came[0], c.came[1:]
			c.mu.Unlock()
			return a, true
		}
		c.mu.Unlock()
		select {
		case <-c.wake:
		case <-ctx.Done():
			return a, false
		}
	}
}

func (c *collector) forget(id uint64) {
	for _, s := range c.asked {
		s.forget(id)
	}
}
