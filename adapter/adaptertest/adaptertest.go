// SPDX-License-Identifier: MIT

// Package adaptertest is the suite that every adapter.Bus passes: three servers with real
// clients, every operation from each of them, binary data, acknowledgements, and faults.
//
//	func TestBus(t *testing.T) {
//		adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
//			prefix := fresh()
//			return adaptertest.Cluster{New: func(t *testing.T) adapter.Bus { return newBus(t, prefix) }}
//		})
//	}
//
// The suite waits for what must come and not for a time to pass, so that it may run in real
// time and in a bubble of testing/synctest. It expects of a Bus what its documentation says,
// and that messages to clients of one room come in the order in which they were sent.
package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// Cluster says how the buses of one cluster are made.
type Cluster struct {
	// New returns the bus of another server. Its server closes it.
	New func(t *testing.T) adapter.Bus
	// Restart ends the backend and starts it again, or cuts all connections to it. nil: the
	// suite does not try that.
	Restart func(t *testing.T)
	// TextOnly says that events between servers cannot have binary data, as with the
	// classic Redis adapter.
	TextOnly bool
	// In runs a test, for example in a bubble: synctest.Test. nil: in real time.
	In func(t *testing.T, f func(t *testing.T))
}

// Run runs the suite. open is called for each group of tests, which must not see the
// messages of another.
func Run(t *testing.T, open func(t *testing.T) Cluster) {
	for _, group := range []struct {
		name string
		test func(e *env)
	}{
		{"broadcast", broadcast},
		{"order", order},
		{"ack", acks},
		{"sockets", sockets},
		{"serverside", serverSide},
		{"silent", silent},
		{"dead", dead},
		{"delayed", delayed},
		{"leave", leave},
		{"recovery", recovery},
		{"restart", restart},
	} {
		t.Run(group.name, func(t *testing.T) {
			cluster := open(t)
			in := cluster.In
			if in == nil {
				in = func(t *testing.T, f func(*testing.T)) { f(t) }
			}
			in(t, func(t *testing.T) {
				e := newEnv(t, cluster, group.name == "recovery")
				defer e.close()
				group.test(e)
			})
		})
	}
}

// patience is how long the suite waits for what must come.
const patience = 20 * time.Second

// env is a cluster of three servers.
type env struct {
	*testing.T
	cluster Cluster
	cfg     sio.Config // of further servers
	mu      sync.Mutex // guards nodes while travellers are under way
	nodes   []*node
	clients []*client.Manager
	marks   int
}

// node is a server and what it listens on.
type node struct {
	*sio.Server
	bus    *faulty
	net    *memnet.Listener
	http   *http.Server
	served chan struct{}
	up     bool // guarded by env.mu
}

func newEnv(t *testing.T, cluster Cluster, recover bool) *env {
	e := &env{T: t, cluster: cluster}
	if recover {
		e.cfg.Recovery = &sio.Recovery{}
	}
	e.cfg.BusTiming = sio.BusTiming{Request: 4 * time.Second, HeartbeatInterval: 300 * time.Millisecond, HeartbeatTimeout: 6 * time.Second}
	for range 3 {
		e.add()
	}
	e.whole()
	return e
}

// add adds a server.
func (e *env) add() { e.nodes = append(e.nodes, e.make()) }

// make makes a server.
func (e *env) make() *node {
	n := &node{net: memnet.Listen(), bus: &faulty{inner: e.cluster.New(e.T)}, served: make(chan struct{}), up: true}
	cfg := e.cfg
	cfg.Bus = n.bus
	cfg.Logger = slog.New(slog.DiscardHandler)
	n.Server = sio.NewServer(&cfg)
	n.Of("/custom")
	n.http = &http.Server{Handler: n.Server}
	go func() {
		defer close(n.served)
		_ = n.http.Serve(n.net) // ends with close
	}()
	return n
}

// whole waits until the servers know of each other.
func (e *env) whole() {
	e.Helper()
	e.eventually("a whole cluster", func() bool {
		for _, n := range e.nodes {
			for _, ns := range []*sio.Namespace{n.Namespace, n.Of("/custom")} {
				ctx, cancel := context.WithTimeout(e.Context(), time.Second)
				count, err := ns.ServerCount(ctx)
				cancel()
				if err != nil || count != len(e.nodes) {
					return false
				}
			}
		}
		return true
	})
	// A count is not a subscription that carries: every server must hear every other one.
	e.eventually("a connected cluster", func() bool {
		for i, n := range e.nodes {
			ctx, cancel := context.WithTimeout(e.Context(), time.Second)
			_, err := n.To(fmt.Sprint("nobody", i)).FetchSockets(ctx)
			cancel()
			if err != nil {
				return false
			}
		}
		return true
	})
}

// shut closes the server and lets it finish, so that clients may return elsewhere.
func (n *node) shut(e *env) {
	assert.NoError(e, n.Shutdown(e.Context()))
	n.close()
}

func (n *node) close() {
	_ = n.Server.Close()
	_ = n.http.Close()
	<-n.served
}

func (e *env) close() {
	for _, m := range e.clients {
		_ = m.Close()
	}
	for _, n := range e.nodes {
		n.close()
	}
}

// do names what is tested.
func (e *env) do(step string, f func()) {
	e.Helper()
	failed := e.Failed()
	defer func() {
		if e.Failed() && !failed {
			e.Logf("in step %q", step)
		}
	}()
	f()
}

// eventually waits until something is so.
func (e *env) eventually(what string, ok func() bool) {
	e.Helper()
	ctx, cancel := context.WithTimeout(e.Context(), patience)
	defer cancel()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for !ok() {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			e.Fatalf("waited in vain for %s", what)
		}
	}
}

// isTimeout checks that a request has ended because of one server.
func (e *env) isTimeout(err error) {
	e.Helper()
	t, ok := errors.AsType[*adapter.TimeoutError](err)
	if !ok {
		e.Errorf("the error is %v, want a *adapter.TimeoutError", err)
		return
	}
	if n := len(t.Missing); n > 1 || n == 0 && t.Want-t.Got != 1 {
		e.Errorf("%v: want one server to be missing", err)
	}
}
