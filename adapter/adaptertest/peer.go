// SPDX-License-Identifier: MIT

package adaptertest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// peer is a client that writes down what it gets. It answers the event "ask" with its name,
// but not if it is mute.
type peer struct {
	*client.Socket
	e    *env
	name string
	node *node

	mu   sync.Mutex
	got  []string
	gone bool
	mute bool
}

// join connects a client to a namespace of the i-th server, and puts it into rooms.
func (e *env) join(i int, nsp, name string, rooms ...string) *peer {
	e.Helper()
	p := &peer{e: e, name: name, node: e.nodes[i]}
	m, err := client.NewManager("http://node.test/", &client.Config{
		NoReconnection: true, Logger: slog.New(slog.DiscardHandler),
		Engine: dial.Config{Transports: []string{"websocket"}, Transport: &http.Transport{DialContext: p.node.net.DialContext}},
	})
	assert.NoError(e, err)
	e.clients = append(e.clients, m)
	p.Socket = m.Socket(nsp, &client.SocketConfig{Auth: map[string]any{"token": name}})
	p.OnAny(func(_ context.Context, _ *client.Socket, m *client.Message) error {
		text := make([]string, 0, 1+m.Args().Len())
		text = append(text, m.Event())
		for i := range m.Args().Len() {
			var v any
			if err := m.Args().Unmarshal(i, &v); err != nil {
				return err
			}
			text = append(text, fmt.Sprint(v))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got = append(p.got, strings.Join(text, " "))
		if m.HasAck() && !p.mute {
			if text[0] == "bin" {
				return m.Reply([]byte(name))
			}
			return m.Reply(name)
		}
		return nil
	})
	p.OnDisconnect(func(client.Reason, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.gone = true
	})
	assert.NoError(e, p.Connect(e.Context()))
	var s *sio.Socket
	e.eventually("the client "+name, func() bool {
		if !p.Connected() {
			return false
		}
		s = p.node.Of(nsp).Socket(p.ID())
		return s != nil
	})
	s.SetValue("name", name)
	assert.NoError(e, s.Join(rooms...))
	return p
}

// server returns the socket of "/" that a client is connected to.
func (p *peer) server() *sio.Socket { return p.node.Socket(p.ID()) }

func (p *peer) events() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// want waits until a client has got all of these events and a last one, which is sent to
// all from each server, and checks that these were all, in any order.
func (e *env) want(nsp string, want map[*peer][]string) {
	e.Helper()
	e.marks++
	var marks []string
	for i, n := range e.nodes {
		assert.NoError(e, n.Of(nsp).Emit("mark", e.marks, i))
		marks = append(marks, fmt.Sprint("mark ", e.marks, " ", i))
	}
	for p, list := range want {
		list := slices.Concat(list, marks)
		slices.Sort(list)
		var got []string
		e.eventually(fmt.Sprintf("%q at %s", want[p], p.name), func() bool {
			got = p.events()
			return len(got) >= len(list)
		})
		slices.Sort(got)
		if !slices.Equal(got, list) {
			e.Errorf("%s got %q, want %q", p.name, got, list)
		}
		p.mu.Lock()
		p.got = nil
		p.mu.Unlock()
	}
}
