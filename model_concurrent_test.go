// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestModelConcurrent: many send at the same time, while clients come and go. Who stays in
// its rooms gets everything that is for it, once, and what one sender has sent in the
// order in which it was sent. Who is in a room for a while gets all that was sent
// meanwhile, with no gap, and nothing before or after.
func TestModelConcurrent(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, rand.Uint64()} { //nolint:gosec // a test
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Engine: engine.Config{PingInterval: time.Hour, OutboxPackets: -1}}, func(t *testing.T, e *env) {
				(&crowd{env: e, t: t, seed: seed, over: make(chan struct{})}).play()
			})
		})
	}
}

const (
	residents = 6   // clients that stay in their rooms
	visitors  = 4   // clients that come and go
	senders   = 8   // half of them on the server, half are clients
	sendings  = 150 // of each
)

type crowd struct {
	*env
	t    *testing.T
	seed uint64
	over chan struct{} // the senders have finished

	mu    sync.Mutex
	stays [][]heard // what visitors got, each time
}

func (c *crowd) random(who int) *rand.Rand { return rand.New(rand.NewPCG(c.seed, uint64(who))) } //nolint:gosec // a test

// heard is an event of a sender.
type heard struct {
	Sender, N int
	Rooms     []string // it was for; none: all
	Except    []string
}

// receives reports whether a client in a room gets the event.
func (h heard) receives(room string) bool {
	return (len(h.Rooms) == 0 || slices.Contains(h.Rooms, room)) && !slices.Contains(h.Except, room)
}

// visited reports whether the event is for the visitors' room alone. Of those for several
// rooms a visitor that leaves at that moment may get one a little later.
func (h heard) visited() bool { return len(h.Rooms) == 1 && h.Rooms[0] == "visited" }

func (c *crowd) play() {
	c.srv.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		if err := s.Emit("joining"); err != nil {
			return err
		}
		if err := s.Join("visited"); err != nil {
			return err
		}
		return m.Reply()
	})
	c.srv.On("leave", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		s.Leave("visited")
		return m.Reply()
	})
	sio.On(c.srv, "say", func(_ context.Context, s *sio.Socket, h heard) error {
		return s.To(h.Rooms...).Except(h.Except...).Emit("e", h)
	})

	var readers, others, talk sync.WaitGroup
	got := make([][]heard, residents)
	for i := range residents {
		r := c.join()
		room := fmt.Sprintf("r%d", i%3)
		assert.NoError(c.t, c.srv.Socket(r.sid).Join(room))
		readers.Go(func() { got[i] = c.listen(r) })
	}
	for i := range visitors {
		others.Go(func() { c.visit(c.random(100 + i)) })
	}
	sent := make([][]heard, senders)
	for i := range senders {
		talk.Go(func() { sent[i] = c.say(i) })
	}
	talk.Wait()
	close(c.over)
	others.Wait()
	assert.NoError(c.t, c.srv.Emit("over"))
	readers.Wait()

	for i, list := range got {
		c.check(fmt.Sprintf("r%d", i%3), list, sent)
	}
	for _, list := range c.stays {
		c.checkStay(list, sent)
	}
}

// check compares what a resident got with what was sent.
func (c *crowd) check(room string, list []heard, sent [][]heard) {
	next := map[int]int{} // by sender: how many of its events were looked at
	until := func(sender, n int) {
		for ; next[sender] < n; next[sender]++ {
			assert.True(c.t, !sent[sender][next[sender]].receives(room), "%s: event %d of %d is missing", room, next[sender], sender)
		}
	}
	for _, h := range list {
		until(h.Sender, h.N)
		assert.Equal(c.t, next[h.Sender], h.N) // else it came twice, or too late
		next[h.Sender]++
		assert.True(c.t, h.receives(room), "%s: got %+v", room, h)
	}
	for sender := range senders {
		until(sender, sendings)
	}
}

// checkStay checks that a visitor has missed nothing between the first and the last event
// that it got of each sender.
func (c *crowd) checkStay(list []heard, sent [][]heard) {
	next := map[int]int{}
	for _, h := range list {
		n, known := next[h.Sender]
		for ; known && n < h.N; n++ {
			assert.True(c.t, !sent[h.Sender][n].visited(), "a visitor has missed event %d of %d", n, h.Sender)
		}
		assert.True(c.t, n <= h.N, "event %d of %d came too late, or twice", h.N, h.Sender)
		next[h.Sender] = h.N + 1
	}
}

// say sends events and returns them. Even senders are clients.
func (c *crowd) say(sender int) (sent []heard) {
	r := c.random(sender)
	var client *client
	if sender%2 == 0 {
		client = c.join()
	}
	for n := range sendings {
		h := heard{Sender: sender, N: n}
		switch r.IntN(6) {
		case 0:
		case 1:
			h.Rooms = []string{"visited"}
		case 2:
			h.Except = []string{fmt.Sprintf("r%d", r.IntN(3))}
		case 3:
			h.Rooms = []string{fmt.Sprintf("r%d", r.IntN(3)), fmt.Sprintf("r%d", r.IntN(3)), "visited"}
		default:
			h.Rooms = []string{fmt.Sprintf("r%d", r.IntN(3))}
		}
		sent = append(sent, h)
		if client == nil {
			assert.NoError(c.t, c.srv.To(h.Rooms...).Except(h.Except...).Emit("e", h))
			continue
		}
		text, err := json.Marshal(h)
		assert.NoError(c.t, err)
		client.queueRaw(fmt.Sprintf(`42["say",%s]`, text))
		if r.IntN(8) == 0 {
			client.flush()
		}
	}
	if client != nil {
		// Once it is answered, all is sent. What comes for it is not looked at.
		client.queueRaw(`420["join"]`).flush()
		for p := client.next(); p != `30[]`; p = client.next() {
			if p == "closed" {
				c.t.Error("a sender was disconnected")
				return nil
			}
		}
		client.close()
	}
	return sent
}

// event returns the event in a packet.
func (c *crowd) event(text string) (h heard, ok bool) {
	if text, ok = strings.CutPrefix(text, `2["e",`); ok {
		assert.NoError(c.t, json.Unmarshal([]byte(strings.TrimSuffix(text, "]")), &h))
	}
	return h, ok
}

// listen returns what comes until all is over.
func (c *crowd) listen(r *client) (list []heard) {
	for {
		switch text := r.next(); text {
		case `2["over"]`:
			return list
		case "closed":
			c.t.Error("a resident was disconnected")
			return list
		default:
			if h, ok := c.event(text); ok {
				list = append(list, h)
			}
		}
	}
}

// visit comes, is in the room "visited" for a while, several times, and goes, over and
// over.
func (c *crowd) visit(r *rand.Rand) {
	for {
		v := c.join()
		for range 1 + r.IntN(4) {
			select {
			case <-c.over:
				v.close()
				return
			default:
			}
			c.stay(v, 1+r.IntN(40))
		}
		if r.IntN(2) == 0 {
			v.send(`1`)
		}
		v.close()
	}
}

// stay enters the room until some events have come, or there are no more, and leaves it.
func (c *crowd) stay(v *client, events int) {
	var list []heard
	inside, leaving := false, false
	v.send(`21["join"]`)
	leave := func() {
		if !leaving {
			leaving = true
			v.send(`22["leave"]`)
		}
	}
	for {
		text := v.next()
		h, ok := c.event(text)
		switch {
		case text == `2["joining"]`:
			inside = true
		case text == `31[]` && events == 0:
			leave()
		case text == `31[]`:
			go func() { <-c.over; _ = c.srv.To(v.sid).Emit("enough") }()
		case text == `2["enough"]`:
			leave()
		case text == `32[]`:
			c.mu.Lock()
			c.stays = append(c.stays, list)
			c.mu.Unlock()
			return
		case text == "closed":
			c.t.Error("a visitor was disconnected")
			return
		case !ok || !h.visited():
		case !inside:
			c.t.Errorf("not in the room, and got %+v", h)
		default:
			list = append(list, h)
			if events--; events == 0 {
				leave()
			}
		}
	}
}
