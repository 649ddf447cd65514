// SPDX-License-Identifier: MIT

package adaptertest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// traveller is a client that returns: to whichever server dial finds.
type traveller struct {
	*peer
	at      atomic.Int32 // index of the server
	arrived chan bool    // whether it has come back to its socket
}

// travel connects a client that reconnects, first to the i-th server.
func (e *env) travel(i int, name string, rooms ...string) *traveller {
	e.Helper()
	t := &traveller{peer: &peer{e: e, name: name}, arrived: make(chan bool, 100)}
	t.at.Store(int32(i))
	m, err := client.NewManager("http://node.test/", &client.Config{
		ReconnectionDelay: 20 * time.Millisecond, ReconnectionDelayMax: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Engine: dial.Config{Transports: []string{"websocket"}, Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return e.at(int(t.at.Load())).net.DialContext(ctx, network, addr)
			},
		}},
	})
	assert.NoError(e, err)
	e.clients = append(e.clients, m)
	t.Socket = m.Socket("/", nil)
	t.OnAny(func(_ context.Context, _ *client.Socket, m *client.Message) error {
		var v any
		if m.Args().Len() > 0 {
			if err := m.Args().Unmarshal(0, &v); err != nil {
				return err
			}
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.got = append(t.got, fmt.Sprint(m.Event(), " ", v))
		return nil
	})
	t.Socket.OnConnect(func(context.Context) error {
		t.arrived <- t.Recovered()
		return nil
	})
	assert.NoError(e, t.Connect(e.Context()))
	<-t.arrived
	s := e.at(i).Socket(t.ID())
	s.SetValue("name", name)
	s.SetValue("blob", []byte(name))
	assert.NoError(e, s.Join(rooms...))
	return t
}

// at returns the i-th server.
func (e *env) at(i int) *node {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.nodes[i]
}

// back waits until a client has come back to its socket.
func (e *env) back(t *traveller, i int) *sio.Socket {
	e.Helper()
	select {
	case recovered := <-t.arrived:
		assert.True(e, recovered, "%s came as a new client", t.name)
	case <-e.long().Done():
		e.Fatalf("%s did not come back", t.name)
	}
	s := e.at(i).Socket(t.ID())
	if s == nil {
		e.Fatalf("%s is not at server %d", t.name, i)
	}
	return s
}

// recovery has clients return to other servers.
func recovery(e *env) {
	if !e.nodes[0].bus.keeps.Load() {
		e.Skip("the bus keeps nothing")
	}
	e.do("a client moves", func() {
		t := e.travel(0, "mover", "room", "other")
		id := t.ID()
		assert.NoError(e, e.nodes[1].Emit("first", 0))
		e.eventually("an event", func() bool { return len(t.events()) == 1 })
		t.at.Store(1)
		old := e.at(0).Socket(id)
		old.Session().Close()
		<-old.Context().Done()
		n := e.nodes[2]
		assert.NoError(e, n.To("room").Emit("room", 1))
		assert.NoError(e, n.To(id).Emit("own", []byte{2}))
		assert.NoError(e, n.Except("other").Emit("not", 3))
		assert.NoError(e, n.To("elsewhere").Emit("not", 4))
		assert.NoError(e, old.Emit("stale", 5)) // S8.15
		s := e.back(t, 1)
		assert.Equal(e, t.ID(), id)
		assert.Equal(e, s.Rooms(), []string{id, "other", "room"})
		name, _ := sio.Key[string]("name").Get(s)
		blob, _ := sio.Key[[]byte]("blob").Get(s)
		assert.Equal(e, name+" "+string(blob), "mover mover")
		assert.NoError(e, n.To("room").Emit("last", 6))
		assert.NoError(e, s.Emit("last", 7))
		e.eventually("all events", func() bool { return len(t.events()) >= 6 })
		got := t.events()
		slices.Sort(got)
		assert.Equal(e, got, []string{"first 0", "last 6", "last 7", "own [2]", "room 1", "stale 5"})
		_ = t.Close()
	})
	e.do("a kick comes behind what was sent before", func() {
		t := e.travel(1, "kicked")
		s := e.at(1).Socket(t.ID())
		assert.NoError(e, s.Emit("bye", 1))
		s.Disconnect(true)
		<-s.Context().Done()
		e.eventually("the last event", func() bool { return len(t.events()) == 1 })
	})
	e.do("rolling restart", func() { rolling(e) })
}

// rolling restarts all servers, one after the other, while each sends events. No client
// loses one or gets one twice.
func rolling(e *env) {
	var list []*traveller
	for i := range 6 {
		list = append(list, e.travel(i%3, fmt.Sprint("traveller", i), "travellers"))
	}
	stop := make(chan struct{})
	total := make(chan int)
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
				e.mu.Lock()
				server := e.nodes[n%3]
				if !server.up {
					server = e.nodes[(n+1)%3]
				}
				err := server.To("travellers").Emit("n", n) // locked, or the server could be shut down before
				e.mu.Unlock()
				assert.True(e, err == nil, "an event was refused: %v", err)
			case <-stop:
				total <- n
				return
			}
		}
	}()
	for _, t := range list { // a client without an event has no offset
		e.eventually("an event", func() bool { return len(t.events()) > 0 })
	}
	for i := range 3 {
		old := e.at(i)
		e.mu.Lock()
		old.up = false // no more events from here
		e.mu.Unlock()
		var moved []*traveller
		for _, t := range list {
			if int(t.at.Load()) == i {
				t.at.Store(int32(i+1) % 3)
				moved = append(moved, t)
			}
		}
		old.shut(e)
		for _, t := range moved {
			e.back(t, (i+1)%3)
		}
		fresh := e.make()
		e.mu.Lock()
		e.nodes[i] = fresh
		e.mu.Unlock()
		e.whole()
	}
	close(stop)
	n := <-total
	defer func() {
		if !e.Failed() {
			return
		}
		for _, t := range list {
			e.Logf("%s has %v", t.name, t.events())
		}
		for i, node := range e.nodes {
			e.Logf("server %d: %+v", i, node.ClusterStats())
		}
	}()
	for _, t := range list {
		var got []string
		e.eventually(fmt.Sprint(n, " events at ", t.name), func() bool {
			got = t.events()
			return len(got) >= n
		})
		seen := make(map[string]int)
		for _, text := range got {
			seen[text]++
		}
		for i := range n {
			if text := fmt.Sprint("n ", i); seen[text] != 1 {
				e.Errorf("%s got %q %d times", t.name, text, seen[text])
			}
		}
	}
}
