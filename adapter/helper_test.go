// SPDX-License-Identifier: MIT

package adapter_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// probe is a peer of which the test is the brain.
type probe struct {
	adapter.Link
	t *testing.T

	mu   sync.Mutex
	ups  int
	errs []error
	got  []*adapter.Message
}

func join(t *testing.T, hub *adapter.Loopback, nsp, uid string) *probe {
	t.Helper()
	p := &probe{t: t}
	bus := hub.Bus()
	link, err := bus.Join(adapter.Peer{Namespace: nsp, UID: uid, Receiver: p})
	assert.NoError(t, err)
	p.Link = link
	t.Cleanup(func() { assert.NoError(t, bus.Close()) })
	return p
}

func (p *probe) Receive(m *adapter.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
}

func (p *probe) Up() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ups++
}

func (p *probe) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
}

// take returns what has come since the last call, once nothing moves.
func (p *probe) take() []*adapter.Message {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// types is take as text.
func (p *probe) types() string {
	var list []string
	for _, m := range p.take() {
		list = append(list, m.Type.String())
	}
	return strings.Join(list, " ")
}

// publish sends a message.
func (p *probe) publish(m *adapter.Message) {
	p.t.Helper()
	if m.Namespace == "" {
		m.Namespace = "/"
	}
	assert.NoError(p.t, p.Publish(m))
}

// reply answers a message.
func (p *probe) reply(uid string, to, m *adapter.Message) {
	p.t.Helper()
	m.UID, m.Namespace, m.Request = uid, to.Namespace, to.Request
	assert.NoError(p.t, p.Reply(to.UID, m))
	synctest.Wait()
}

// server is a Local that writes down what it is told.
type server struct {
	mu    sync.Mutex
	lines []string
	// ask answers a Broadcast; nil: nobody does.
	ask func(m *adapter.Message, count func(int), answer func(string, packet.Args, bool))
}

func (s *server) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *server) take() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	return lines
}

func (s *server) Apply(m *adapter.Message) { s.add("%s %s", m.Type, m.UID) }

func (s *server) Ask(m *adapter.Message, count func(int), answer func(string, packet.Args, bool)) {
	if s.ask == nil {
		count(0)
		return
	}
	s.ask(m, count, answer)
}

func (s *server) Fetch(o adapter.Options) []adapter.Socket {
	return []adapter.Socket{{ID: "socket of " + strings.Join(o.Rooms, " ")}}
}

func (s *server) Serve(args packet.Args, reply func(packet.Args)) {
	raw, _ := args.Raw(0)
	s.add("serve %s %t", raw, reply != nil)
	if reply != nil {
		reply(args)
	}
}

// node makes a Node on a hub, and closes it at the end.
func node(t *testing.T, hub *adapter.Loopback, local adapter.Local) *adapter.Node {
	t.Helper()
	bus := hub.Bus()
	n := adapter.NewNode(bus, adapter.Config{Namespace: "/", Local: local, Monitor: adapter.NewMonitor(nil)})
	assert.NoError(t, n.Open())
	t.Cleanup(func() {
		assert.NoError(t, n.Close())
		assert.NoError(t, bus.Close())
	})
	return n
}

func args(t testing.TB, values ...any) packet.Args {
	t.Helper()
	a, err := adapter.Args(values...)
	assert.NoError(t, err)
	return a
}

// bubble runs a test in virtual time, with a hub, a node "/" and what it applies to.
func bubble(t *testing.T, f func(t *testing.T, hub *adapter.Loopback, n *adapter.Node, s *server)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := &adapter.Loopback{}
		s := &server{}
		n := node(t, hub, s)
		synctest.Wait() // it has said hello
		f(t, hub, n, s)
	})
}
