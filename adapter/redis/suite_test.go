// SPDX-License-Identifier: MIT

package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/adaptertest"
	"github.com/sio-go/sio/adapter/redis"
	"github.com/sio-go/sio/internal/assert"
)

// TestSuite runs the suite of all buses in each mode.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]redis.Config{
		"A3 classic":                {},
		"A3.17 private":             {Private: true},
		"A4 sharded dynamic":        {Mode: redis.Sharded},
		"A4 sharded static":         {Mode: redis.Sharded, Subscription: redis.Static},
		"A4 sharded dynamicprivate": {Mode: redis.Sharded, Subscription: redis.DynamicPrivate},
		"A5 streams":                {Mode: redis.Streams},
		"A5 streams sharded":        {Mode: redis.Streams, Stream: redis.Stream{Count: 4, Sharded: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := sharedRedis(t)
			adaptertest.Run(t, func(*testing.T) adaptertest.Cluster { return cluster(addr, cfg) })
		})
	}
}

func cluster(addr string, cfg redis.Config) adaptertest.Cluster {
	cfg.Prefix = fresh()
	cfg.Stream.Name = cfg.Prefix
	return adaptertest.Cluster{
		New: func(*testing.T) adapter.Bus { return patient{redis.Dial(option(addr), &cfg)} },
	}
}

// patient is a bus that waits until a room is subscribed to. Without that, what is sent in
// the moment after the first socket has joined a room is missed, in Node as well. It does not
// wait for long, as it may be called by the reader, which has to hear of the subscription.
type patient struct {
	*redis.Bus
}

func (p patient) Join(peer adapter.Peer) (adapter.Link, error) {
	k, err := p.Bus.Join(peer)
	r, ok := k.(adapter.Router)
	if err != nil || !ok {
		return k, err
	}
	log, _ := k.(adapter.Log)
	return adapter.Combine(k, k.(adapter.Counter), patientRouter{r, p, peer.Namespace}, log), nil
}

type patientRouter struct {
	adapter.Router
	p   patient
	nsp string
}

func (r patientRouter) Route(room string, on bool) {
	r.Router.Route(room, on)
	for range 100 {
		if !on || r.p.Bus.Subscribed(r.nsp, room) || !r.p.Bus.Sharded() || len(room) == 20 && !r.Private() {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestRestart kills Redis and starts it again.
func TestRestart(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]redis.Config{
		"classic": {},
		"sharded": {Mode: redis.Sharded},
		"streams": {Mode: redis.Streams},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRedis(t)
			adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
				if !strings.HasSuffix(t.Name(), "/restart") {
					t.Skip("see TestSuite")
				}
				c := cluster(s.addr(), cfg)
				c.Restart = func(t *testing.T) {
					s.stop()
					assert.NoError(t, s.start())
				}
				return c
			})
		})
	}
}
