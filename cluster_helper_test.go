// SPDX-License-Identifier: MIT

package sio_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// addTo starts another server, with a bus of the hub.
func (e *env) addTo(hub *adapter.Loopback, cfg sio.Config) *env { return e.addBus(hub.Bus(), cfg) }

// addBus starts another server.
func (e *env) addBus(bus adapter.Bus, cfg sio.Config) *env {
	other := &env{t: e.t, seen: &recorder{}, net: memnet.Listen()}
	cfg.Bus = bus
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Hooks = append([]sio.Hook{other.seen}, cfg.Hooks...)
	other.srv = sio.NewServer(&cfg)
	server := &http.Server{Handler: other.srv}
	var serving sync.WaitGroup
	serving.Go(func() { assert.ErrorIs(e.t, server.Serve(other.net), http.ErrServerClosed) })
	e.t.Cleanup(func() {
		_ = other.srv.Close()
		_ = server.Close()
		serving.Wait()
	})
	return other
}

// clustered runs f with a server that has a bus of a hub.
func clustered(t *testing.T, hub *adapter.Loopback, cfg sio.Config, f func(t *testing.T, e *env)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outer := &env{t: t}
		e := outer.addTo(hub, cfg)
		synctest.Wait()
		f(t, e)
	})
}

// probe is another server of the cluster, of which the test is the brain.
type probe struct {
	adapter.Link
	t   *testing.T
	uid string
	nsp string

	mu  sync.Mutex
	got []*adapter.Message
}

func (e *env) probe(hub *adapter.Loopback, nsp string) *probe {
	e.t.Helper()
	p := &probe{t: e.t, uid: "00112233445566aa", nsp: nsp}
	bus := hub.Bus()
	link, err := bus.Join(adapter.Peer{Namespace: nsp, UID: p.uid, Receiver: p})
	assert.NoError(e.t, err)
	p.Link = link
	e.t.Cleanup(func() { assert.NoError(e.t, bus.Close()) })
	return p
}

func (p *probe) Receive(m *adapter.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
}

func (*probe) Up()        {}
func (*probe) Fail(error) {}

// take returns what has come, without heartbeats, once nothing moves.
func (p *probe) take() []*adapter.Message {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*adapter.Message
	for _, m := range p.got {
		if m.Type != adapter.Heartbeat && m.Type != adapter.InitialHeartbeat {
			list = append(list, m)
		}
	}
	p.got = nil
	return list
}

// want compares what has come with the official JSON, without uid and nsp.
func (p *probe) want(lines ...string) {
	p.t.Helper()
	var got []string
	for _, m := range p.take() {
		data, err := envelope.AppendJSON(nil, m)
		assert.NoError(p.t, err)
		text, _, _ := strings.Cut(string(data), `,"uid":`)
		if m.Request != "" && len(m.Request) == 16 {
			text = strings.Replace(text, m.Request, "REQUEST", 1)
		}
		got = append(got, text)
	}
	assert.Equal(p.t, got, lines)
}

// send publishes a message to the server.
func (p *probe) send(m *adapter.Message) {
	p.t.Helper()
	if m.UID == "" {
		m.UID = p.uid
	}
	m.Namespace = p.nsp
	assert.NoError(p.t, p.Publish(m))
	synctest.Wait()
}

// arguments makes Args.
func arguments(t testing.TB, values ...any) sio.Args {
	t.Helper()
	a, err := adapter.Args(values...)
	assert.NoError(t, err)
	return a
}
