// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/event"
	"github.com/sio-go/sio/packet"
)

// Answer is what one client answered to a broadcast.
type Answer struct {
	// ID is that of its socket. It is "" for a client of a server of another make.
	ID   string
	Args Args
	// Err says why there is none: a *DisconnectError, or ErrTooManyAcks; ErrClosed for both if
	// the client is on another server. nil if there is an answer.
	Err error
}

// EmitWithAck sends an event to the sockets chosen like Emit and waits until each has
// answered or is disconnected. It returns the answers in the order in which they came. If
// ctx ends first, or the time of Timeout, the error wraps that of the context, and the
// answers are those that came; later ones are ignored. Nobody chosen is no error.
//
// Of what a client of another server answers, only the first argument comes (A2.6). If
// other servers do not tell within BusTiming.Request how many clients they ask, or have not
// passed on all answers when ctx ends, the error wraps an *adapter.TimeoutError too; if
// they cannot be asked, it is the error of Config.Bus.
//
// JS differs: top-25 #19, there a broadcast without a timeout fails after a millisecond.
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
		p := packet.Packet{Type: packet.Event, Event: event, Args: args, ID: id, HasID: true}
		c := &collector{wake: make(chan struct{}, 1)}
		defer c.forget(id)
		pending := 0
		m, err := t.ask(ctx, &p, c, &pending)
		defer c.stop()
		if err != nil {
			yield(Answer{}, err)
			return
		}
		t.opt.Key = "" // each asks for an answer
		if t.plain {
			m.WithoutCompression()
		}
		if st := t.ns.stream(); st != nil {
			if err := st.line.wait(ctx); err != nil {
				yield(Answer{}, ackError(event, c.late(err)))
				return
			}
		}
		for _, s := range t.send(m, func(s *Socket) bool { return c.add(s, id) }) {
			s.sent(event, args)
		}
		for pending += c.count; pending > 0; {
			a, ok := c.next(ctx)
			switch {
			case !ok:
				cause := c.late(ctx.Err())
				if err != nil {
					cause = fmt.Errorf("%w, and %w", cause, err)
				}
				yield(Answer{}, ackError(event, cause))
				return
			case a.end:
				pending--
				err = a.Err
				continue
			case !a.remote:
				pending--
			}
			if !yield(a.Answer, nil) {
				return
			}
		}
		if err != nil {
			yield(Answer{}, ackError(event, err))
		}
	}
}

// ask encodes a request, and asks the clients of other servers if they are concerned.
func (t Target) ask(ctx context.Context, p *packet.Packet, c *collector, pending *int) (*engine.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, ackError(p.Event, err)
	}
	shared := t.shared()
	if shared == nil {
		return t.ns.encode(*p)
	}
	m, args, err := t.ns.encodeShared(p)
	if err == nil {
		*pending = 1
		shared.ask(ctx, t.options(), args, c)
	}
	return m, err
}

// collector takes the answers to one broadcast.
type collector struct {
	// Only the goroutine that asks uses these.
	count int // answers to come from sockets of this server
	asked []*Socket
	// Those of the goroutine that listens to other servers; nil if there is none.
	cancel context.CancelFunc
	wait   func()

	wake chan struct{} // something was added to came

	// mu guards the fields below. Socket.mu may be held when it is locked.
	mu   sync.Mutex
	came []arrival
}

// arrival is an answer.
type arrival struct {
	Answer
	remote bool // of a socket of another server
	end    bool // there are no more of those; Err says whether some are missing
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
func (c *collector) answer(a Answer) { c.push(arrival{Answer: a}) }

func (c *collector) push(a arrival) {
	c.mu.Lock()
	c.came = append(c.came, a)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// next waits for an answer. It reports false if ctx ends first.
func (c *collector) next(ctx context.Context) (a arrival, ok bool) {
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

// late returns the error of a context that has ended: what other servers say if they are
// missing, and else cause.
func (c *collector) late(cause error) error {
	if c.wait != nil {
		c.wait() // its context has ended too: it is not cancelled, so that it knows why
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.came {
		if a.end && a.Err != nil {
			return a.Err
		}
	}
	return cause
}

// stop ends the goroutine that listens to other servers, and waits for it.
func (c *collector) stop() {
	if c.cancel != nil {
		c.cancel()
		c.wait()
	}
}

func (c *collector) forget(id uint64) {
	for _, s := range c.asked {
		s.forget(id)
	}
}
