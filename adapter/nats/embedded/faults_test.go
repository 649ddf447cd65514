// SPDX-License-Identifier: MIT

package embedded_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/sio-go/sio/adapter"
	sionats "github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/adapter/nats/embedded"
	"github.com/sio-go/sio/internal/assert"
)

// member is a link that counts what comes.
type member struct {
	adapter.Link
	mu   sync.Mutex
	got  map[string]int // by event
	ups  int
	errs []error
}

func (m *member) Receive(msg *adapter.Message) {
	var text string
	_ = msg.Args.Unmarshal(0, &text)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got[text]++
}

func (m *member) Up() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ups++
}

func (m *member) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errs = append(m.errs, err)
}

func (m *member) count(text string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got[text]
}

func join(t *testing.T, bus adapter.Bus, uid string) *member {
	t.Helper()
	t.Cleanup(func() { _ = bus.Close() })
	m := &member{got: make(map[string]int)}
	link, err := bus.Join(adapter.Peer{Namespace: "/", UID: uid, Receiver: m})
	assert.NoError(t, err)
	m.Link = link
	eventually(t, "the subscription", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.ups > 0
	})
	return m
}

// reaches waits until an event of one comes to the other.
func reaches(t *testing.T, from, to *member, text string) {
	t.Helper()
	list, err := adapter.Args(text)
	assert.NoError(t, err)
	eventually(t, text, func() bool {
		assert.NoError(t, from.Publish(&adapter.Message{Type: adapter.Broadcast, UID: "peer", Namespace: "/", Args: list}))
		return to.count(text) > 0
	})
}

// TestKilled has one of three servers end and come back, while the others go on.
func TestKilled(t *testing.T) {
	t.Parallel()
	g := new(grid)
	for range 3 {
		g.ports = append(g.ports, freePort(t))
	}
	var list []*member
	for range 3 {
		s := g.start(t)
		list = append(list, join(t, bus(t, s, sionats.Config{}), s.Addr()))
	}
	g.whole(t)
	reaches(t, list[0], list[1], "before")
	reaches(t, list[1], list[2], "before")
	g.servers[0].Close()
	eventually(t, "an error", func() bool {
		list[0].mu.Lock()
		defer list[0].mu.Unlock()
		return len(list[0].errs) > 0
	})
	reaches(t, list[1], list[2], "without one")
	assert.Equal(t, list[0].count("without one"), 0)
	s, err := embedded.Start(&embedded.Config{Listen: g.ports[0], Peers: g.ports})
	assert.NoError(t, err)
	t.Cleanup(s.Close)
	again := join(t, bus(t, s, sionats.Config{}), "again")
	reaches(t, list[2], again, "back")
	reaches(t, again, list[1], "and forth")
}

// TestRouteCut has the connection between two servers end, more than once.
func TestRouteCut(t *testing.T) {
	t.Parallel()
	a, err := embedded.Start(&embedded.Config{Listen: "127.0.0.1:0"})
	assert.NoError(t, err)
	t.Cleanup(a.Close)
	r := newRoute(t, a.Addr())
	b, err := embedded.Start(&embedded.Config{Listen: "127.0.0.1:0", Peers: []string{r.Addr().String()}})
	assert.NoError(t, err)
	t.Cleanup(b.Close)
	x, y := join(t, bus(t, a, sionats.Config{}), "a"), join(t, bus(t, b, sionats.Config{}), "b")
	reaches(t, x, y, "before")
	for _, text := range []string{"once", "twice"} {
		r.cut()
		reaches(t, x, y, text)
		reaches(t, y, x, text)
	}
}

// route passes bytes to a server.
type route struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newRoute(t *testing.T, to string) *route {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	r := &route{Listener: l}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				tasks.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
		tasks.Wait()
	})
	return r
}

func (r *route) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}
