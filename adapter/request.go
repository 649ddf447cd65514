// SPDX-License-Identifier: MIT

package adapter

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Request is what other nodes were asked, and what they have answered. It belongs to the
// goroutine that asks.
type Request struct {
	node  *Node
	id    string
	kind  Type
	wake  chan struct{}
	timer *time.Timer // for nodes that are silent
	count bool        // Next has to count the nodes

	// mu guards the fields below.
	mu    sync.Mutex
	nodes map[string]*progress // that have answered, or are to
	want  int                  // how many are to answer; -1: not known yet
	named bool                 // all that are to answer are in nodes
	late  bool                 // whoever has not said its count is not waited for
	early int                  // acknowledgements of nodes that have not said their count
	queue []*Message
	err   error
}

// progress is how far a node is.
type progress struct {
	answered bool // of a Broadcast: has told the count
	left     bool
	clients  int // to answer
	acks     int // that have come
}

// maxEarly limits Request.early.
const maxEarly = 65_536

// Ask sends a request: a Broadcast, FetchSockets or ServerSideEmit, to which it gives an
// id. The answers are those of Next; Cancel must be called at the end. For a Broadcast it does
// not wait; else it waits for the bus to count the nodes, if it does. It returns a Request in
// any case, whose Next tells of errors.
//
// How long nodes have to answer is up to ctx, and Config.RequestTimeout if ctx has no
// deadline. To a Broadcast they answer at once with how many clients they ask: for that
// they have RequestTimeout, and the clients as long as ctx.
func (n *Node) Ask(ctx context.Context, m *Message) *Request {
	r := &Request{node: n, id: newID(), kind: m.Type, wake: make(chan struct{}, 1), nodes: make(map[string]*progress), want: -1}
	m.Request = r.id
	err := n.Open()
	if err == nil && n.counter != nil && m.Type != Broadcast {
		if r.want, err = n.others(ctx); err == nil && r.want == 0 {
			return r // A2.8, A2.9: nobody is there
		}
	}
	if err == nil {
		err = n.register(r)
	}
	if err == nil && m.Type != Broadcast && r.named && r.want == 0 {
		return r
	}
	if err == nil {
		err = n.Publish(m)
	}
	r.count = n.counter != nil && m.Type == Broadcast
	if err != nil {
		r.end(err)
		return r
	}
	if _, limited := ctx.Deadline(); m.Type == Broadcast || !limited {
		r.timer = time.AfterFunc(n.cfg.RequestTimeout, r.giveUp)
	}
	return r
}

// others counts the other nodes.
func (n *Node) others(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.RequestTimeout)
	defer cancel()
	count, err := n.counter.Count(ctx)
	if err != nil {
		n.cfg.Monitor.Fail(n.cfg.Namespace, err)
		return 0, fmt.Errorf("adapter: counting nodes: %w", err)
	}
	return max(count-1, 0), nil
}

// Count returns the number of nodes, this one included.
func (n *Node) Count(ctx context.Context) (int, error) {
	if err := n.Open(); err != nil {
		return 1, err
	}
	if n.counter == nil {
		return 1 + len(n.Peers()), nil
	}
	others, err := n.others(ctx)
	return 1 + others, err
}

// register makes answers find the request.
func (n *Node) register(r *Request) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	if n.counter == nil {
		for uid := range n.peers {
			r.nodes[uid] = new(progress)
		}
		r.want, r.named = len(r.nodes), true
	}
	n.requests[r.id] = r
	return nil
}

// answered hands an answer to its request.
func (n *Node) answered(m *Message) {
	n.mu.Lock()
	r := n.requests[m.Request]
	n.mu.Unlock()
	if r == nil || !r.add(m) {
		n.cfg.Monitor.ignored.Add(1) // A2.11
	}
}

// add takes an answer. It reports false if it is not wanted.
//
// JS differs: A2.16, a node answers once: what it says again is ignored.
func (r *Request) add(m *Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.nodes[m.UID]
	if p == nil {
		if len(r.nodes) >= maxPeers {
			return false
		}
		p = new(progress)
		r.nodes[m.UID] = p
	}
	switch {
	case m.Type == BroadcastClientCount && r.kind == Broadcast && !p.answered:
		p.answered, p.clients = true, m.Count
		r.early -= p.acks
	case m.Type == BroadcastAck && r.kind == Broadcast && (p.acks < p.clients || !p.answered && r.early < maxEarly):
		if p.acks++; !p.answered {
			r.early++
		}
		r.queue = append(r.queue, m)
	case (m.Type == FetchSocketsResponse && r.kind == FetchSockets || m.Type == ServerSideEmitResponse && r.kind == ServerSideEmit) && !p.answered:
		p.answered = true
		r.queue = append(r.queue, m)
	default:
		return false
	}
	r.notify()
	return true
}

// notify wakes Next.
func (r *Request) notify() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// left notes that a node is not there any more.
func (r *Request) left(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.nodes[uid]; p != nil {
		p.left = true
		r.notify()
	}
}

// giveUp waits no longer for nodes that have not told how many clients they ask.
func (r *Request) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = true
	r.notify()
}

// end makes Next fail.
func (r *Request) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	r.notify()
}

// Next returns the next answer: a FetchSocketsResponse, ServerSideEmitResponse or
// BroadcastAck. The error is io.EOF when all have come, a *TimeoutError if ctx ends before, or
// if nodes have not told how many clients they ask, and otherwise that of the bus.
func (r *Request) Next(ctx context.Context) (*Message, error) {
	if r.count {
		r.count = false
		if want, err := r.node.others(ctx); err != nil {
			r.end(err)
		} else {
			r.mu.Lock()
			r.want = want
			r.mu.Unlock()
		}
	}
	for {
		m, err := r.take()
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-r.wake:
			continue
		case <-ctx.Done():
		}
		if m, err := r.take(); m != nil || err != nil {
			return m, err // it has come as well
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return nil, r.timeout(ctx.Err())
	}
}

// take returns what Next returns, or neither if it has to wait.
func (r *Request) take() (*Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) > 0 {
		m := r.queue[0]
		r.queue = r.queue[1:]
		return m, nil
	}
	if r.err != nil {
		return nil, r.err
	}
	answered, silent := 0, 0
	for _, p := range r.nodes {
		switch {
		case p.left: // A2.15: it is not waited for
			answered++
		case !p.answered:
			silent++
		case p.acks < p.clients:
			return nil, nil //nolint:nilnil // it has to wait
		default:
			answered++
		}
	}
	if !r.named {
		silent = max(r.want-answered, 0)
	}
	switch {
	case r.want >= 0 && silent == 0:
		return nil, io.EOF
	case r.late:
		return nil, r.timeout(context.DeadlineExceeded)
	}
	return nil, nil //nolint:nilnil // it has to wait
}

// timeout makes the error. mu is held.
func (r *Request) timeout(cause error) error {
	e := &TimeoutError{Want: max(r.want, 0), Err: cause}
	for uid, p := range r.nodes {
		switch {
		case p.answered && p.acks >= p.clients:
			e.Got++
		case !p.left && (r.named || p.answered):
			e.Missing = append(e.Missing, uid)
		}
	}
	slices.Sort(e.Missing)
	return e
}

// Cancel ends the request: answers that come later are ignored. It may be called again.
func (r *Request) Cancel() {
	if r.timer != nil {
		r.timer.Stop()
	}
	r.node.mu.Lock()
	defer r.node.mu.Unlock()
	delete(r.node.requests, r.id)
}
