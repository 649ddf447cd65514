// SPDX-License-Identifier: MIT

package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// texts returns the first arguments of answers, sorted.
func (e *env) texts(answers []sio.Answer) []string {
	e.Helper()
	var list []string
	for _, a := range answers {
		var v any
		switch err := a.Args.Unmarshal(0, &v); {
		case a.Err != nil:
			v = "error"
		case err != nil:
			v = err
		}
		if data, ok := v.([]byte); ok {
			v = "bytes " + string(data)
		}
		list = append(list, fmt.Sprint(v))
	}
	slices.Sort(list)
	return list
}

func acks(e *env) {
	p := e.three("/")
	for i, n := range e.nodes {
		e.do("of all clients", func() {
			answers, err := n.EmitWithAck(e.long(), "ask", i)
			assert.NoError(e, err)
			assert.Equal(e, e.texts(answers), []string{"client0", "client1", "client2"})
		})
		e.do("binary", func() {
			answers, err := n.EmitWithAck(e.long(), "bin", []byte{1})
			assert.NoError(e, err)
			assert.Equal(e, e.texts(answers), []string{"bytes client0", "bytes client1", "bytes client2"})
		})
		e.do("typed", func() {
			var got []string
			for v, err := range sio.AskAll(e.long(), n.To("room1", "room2"), sio.Request[int, string]("ask"), 1) {
				assert.NoError(e, err)
				got = append(got, v)
			}
			slices.Sort(got)
			assert.Equal(e, got, []string{"client1", "client2"})
		})
		e.do("of nobody", func() {
			answers, err := n.To("nobody").EmitWithAck(e.long(), "ask")
			assert.NoError(e, err)
			assert.Equal(e, len(answers), 0)
		})
		e.do("of one", func() {
			for _, one := range e.fetch(n.To("all")) {
				answer, err := one.EmitWithAck(e.long(), "ask")
				assert.NoError(e, err)
				var name string
				assert.NoError(e, answer.Unmarshal(0, &name))
				assert.Equal(e, any(name), one.Data["name"])
			}
		})
		e.do("of a client that does not answer", func() {
			mute := p[(i+1)%3]
			mute.setMute(true)
			ctx, cancel := context.WithTimeout(e.Context(), 3*time.Second) // a busy machine may stand still for a second
			answers, err := n.EmitWithAck(ctx, "ask")
			cancel()
			assert.ErrorIs(e, err, context.DeadlineExceeded)
			e.isTimeout(err)
			assert.Equal(e, len(answers), 2)
			mute.setMute(false)
		})
	}
	e.do("of a client that leaves", func() {
		p[2].setMute(true)
		answered := make(chan []sio.Answer)
		before := len(p[2].events())
		go func() {
			answers, err := e.nodes[0].EmitWithAck(e.long(), "ask")
			assert.True(e, err == nil, "%v", err)
			answered <- answers
		}()
		e.eventually("the question", func() bool { return len(p[2].events()) > before })
		assert.NoError(e, p[2].Close())
		assert.Equal(e, e.texts(<-answered), []string{"client0", "client1", "error"})
	})
}

func (p *peer) setMute(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = on
}

func (p *peer) isGone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}
