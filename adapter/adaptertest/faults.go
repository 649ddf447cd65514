// SPDX-License-Identifier: MIT

package adaptertest

import (
	"context"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// silent has a server that is there and never answers.
func silent(e *env) {
	e.three("/")
	for _, n := range e.nodes {
		n.OnServerSide("ask", func(context.Context, sio.Args) (any, error) { return 1, nil })
	}
	e.nodes[2].bus.mute.Store(true)
	n := e.nodes[0]
	list, err := n.FetchSockets(e.Context()) // ends after BusTiming.Request
	e.isTimeout(err)
	assert.Equal(e, len(list), 2)
	answers, err := n.ServerSideEmitWithAck(e.Context(), "ask")
	e.isTimeout(err)
	assert.Equal(e, len(answers), 1)
	acks, err := n.EmitWithAck(e.Context(), "ask")
	e.isTimeout(err)
	assert.Equal(e, len(acks), 2)
	ctx, cancel := context.WithTimeout(e.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = n.FetchSockets(ctx)
	assert.ErrorIs(e, err, context.DeadlineExceeded)
	e.nodes[2].bus.mute.Store(false)
	e.eventually("all sockets", func() bool {
		list, err := n.FetchSockets(e.long())
		return err == nil && len(list) == 3
	})
}

// dead has a server that dies while it is asked.
func dead(e *env) {
	p := e.three("/")
	n := e.nodes[0]
	p[2].setMute(true)
	answered := make(chan int)
	go func() {
		ctx, cancel := context.WithTimeout(e.Context(), 8*time.Second)
		defer cancel()
		// If the bus counts, nobody can tell that an answer will never come.
		answers, err := n.EmitWithAck(ctx, "ask")
		if err != nil {
			e.isTimeout(err)
		}
		answered <- len(answers)
	}()
	e.eventually("the question", func() bool { return len(p[2].events()) > 0 })
	e.nodes[2].bus.die()
	assert.Equal(e, <-answered, 2)
	e.eventually("a smaller cluster", func() bool {
		count, err := n.ServerCount(e.long())
		return err == nil && count == 2
	})
	list, err := n.FetchSockets(e.long())
	assert.NoError(e, err)
	assert.Equal(e, len(list), 2)
	e.nodes[2].close()
	e.nodes = e.nodes[:2]
	assert.NoError(e, n.Emit("still"))
	e.eventually("an event", func() bool {
		events := p[1].events()
		return len(events) > 0 && events[len(events)-1] == "still"
	})
	e.do("another one comes", func() {
		e.add()
		e.whole()
		q := e.join(2, "/", "client3", "all")
		e.eventually("an event", func() bool { // the backend may need a while to know of the room
			assert.NoError(e, n.To("all").Emit("hello"))
			return len(q.events()) > 0
		})
	})
}

// delayed has a server that hears everything late.
func delayed(e *env) {
	p := e.three("/")
	e.nodes[1].bus.delay.Store(int64(300 * time.Millisecond))
	answers, err := e.nodes[0].EmitWithAck(e.long(), "ask")
	assert.NoError(e, err)
	assert.Equal(e, len(answers), 3)
	assert.Equal(e, len(e.fetch(e.nodes[0].To("all"))), 3)
	// Nobody is told twice or for an answer that nobody wants any more. The others have
	// time enough on a busy machine, and no server is taken for dead.
	e.nodes[1].bus.delay.Store(int64(4 * time.Second))
	ctx, cancel := context.WithTimeout(e.Context(), 2*time.Second)
	answers, err = e.nodes[0].EmitWithAck(ctx, "ask")
	cancel()
	e.isTimeout(err)
	assert.Equal(e, len(answers), 2)
	e.want("/", map[*peer][]string{p[0]: {"ask", "ask"}, p[1]: {"ask", "ask"}, p[2]: {"ask", "ask"}})
	e.nodes[1].bus.delay.Store(0)
}

// leave has servers leave the cluster while others need them.
func leave(e *env) {
	p := e.three("/")
	n := e.nodes[0]
	p[1].setMute(true)
	answered := make(chan []sio.Answer)
	go func() {
		answers, err := n.EmitWithAck(e.long(), "ask")
		assert.True(e, err == nil, "%v", err)
		answered <- answers
	}()
	e.eventually("the question", func() bool { return len(p[1].events()) > 0 })
	e.nodes[1].close() // which ends its clients, as it tells
	assert.True(e, len(<-answered) >= 2, "answers are missing")
	e.nodes = append(e.nodes[:1], e.nodes[2])
	e.eventually("a smaller cluster", func() bool {
		count, err := n.ServerCount(e.long())
		return err == nil && count == 2
	})
	assert.Equal(e, names(e.fetch(n.To())), []string{"client0", "client2"})
	e.nodes[1].close()
	e.nodes = e.nodes[:1]
	e.eventually("a server alone", func() bool {
		count, err := n.ServerCount(e.long())
		return err == nil && count == 1
	})
	assert.Equal(e, names(e.fetch(n.To())), []string{"client0"})
	_, err := n.ServerSideEmitWithAck(e.long(), "ask")
	assert.NoError(e, err)
	answers, err := n.EmitWithAck(e.long(), "ask")
	assert.NoError(e, err)
	assert.Equal(e, len(answers), 1)
}

// restart has the backend go away and come back.
func restart(e *env) {
	if e.cluster.Restart == nil {
		e.Skip("the backend cannot be restarted")
	}
	p := e.three("/")
	for round := range 2 {
		e.cluster.Restart(e.T)
		assert.NoError(e, e.nodes[0].Local().Emit("local", round)) // whatever happens to the backend
		e.eventually("an event at the own client", func() bool { return len(p[0].events()) > 0 })
		e.whole()
		for _, p := range p {
			p.forget()
		}
		for i, n := range e.nodes {
			assert.NoError(e, n.Emit("x", i))
		}
		ev := []string{"x 0", "x 1", "x 2"}
		e.want("/", map[*peer][]string{p[0]: ev, p[1]: ev, p[2]: ev})
		answers, err := e.nodes[round].EmitWithAck(e.long(), "ask")
		assert.NoError(e, err)
		assert.Equal(e, len(answers), 3)
		for _, p := range p {
			p.forget()
		}
	}
}

// forget drops what a client has got.
func (p *peer) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = nil
}
