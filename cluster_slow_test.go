// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
)

// TestClusterConflate sends to sockets of two servers, in a cluster with recovery and
// without it.
func TestClusterConflate(t *testing.T) {
	for name, cfg := range map[string]sio.Config{"no log": {}, "log": {Recovery: &sio.Recovery{}}} {
		t.Run(name, func(t *testing.T) {
			hub := &adapter.Loopback{Keeps: cfg.Recovery != nil}
			clustered(t, hub, cfg, func(t *testing.T, a *env) {
				b := a.addTo(hub, cfg)
				near, far := a.dial(), b.dial()
				near.start()
				far.start()
				synctest.Wait()
				assert.NoError(t, a.srv.Conflate("key").Emit("price", 1))
				near.want(`2["price",1]`)
				far.want(`2["price",1]`)
				assert.NoError(t, a.srv.Sockets()[0].Conflate("key").Emit("price", 2))
				near.want(`2["price",2]`)
			})
		})
	}
}

// TestClusterExpiry does not let a client with a time limit return by way of a Bus, which
// does not know the limit.
func TestClusterExpiry(t *testing.T) {
	for name, limit := range map[string]time.Duration{"limit": time.Hour, "none": 0} {
		t.Run(name, func(t *testing.T) {
			hub := &adapter.Loopback{Keeps: true}
			clustered(t, hub, sio.Config{Recovery: &sio.Recovery{}}, func(t *testing.T, a *env) {
				a.srv.Use(func(_ context.Context, s *sio.Socket) error {
					if limit > 0 {
						s.SetExpiry(time.Now().Add(limit))
					}
					return nil
				})
				c := a.dial()
				s := c.start()
				assert.NoError(t, a.srv.Emit("x"))
				c.event(&s)
				c.close()
				synctest.Wait()
				c = a.dial()
				c.resume(s)
				assert.Equal(t, strings.Contains(c.next(), s.SID), limit == 0)
			})
		})
	}
}
