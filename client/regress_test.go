// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// These are the failures that were measured in other servers and clients, with our tests.

func transports(names ...string) (cfg client.Config) {
	cfg.Engine.Transports = names
	return cfg
}

// TestRegressKick: whatever is under way, Disconnect(true) arrives as a disconnect by the
// server, once, behind all that was sent before, and the client does not come back.
func TestRegressKick(t *testing.T) {
	t.Parallel()
	kicks := []struct {
		name string
		cfg  sio.Config
		kick func(e *env, s *sio.Socket, goOn func())
		got  int // events that come before
	}{
		{"at once, by OnConnect", sio.Config{}, nil, 0},
		{"later", sio.Config{}, func(_ *env, s *sio.Socket, _ func()) { s.Disconnect(true) }, 0},
		{"behind events", sio.Config{}, func(e *env, s *sio.Socket, _ func()) {
			for n := range 1000 {
				assert.NoError(e.t, s.Emit("n", n))
			}
			s.Disconnect(true)
		}, 1000},
		{"with a full outbox", sio.Config{Overflow: sio.OverflowDropNewest, Engine: engine.Config{OutboxPackets: 200}}, full, -1},
		{"with a full outbox, whose limit closes", sio.Config{Engine: engine.Config{OutboxPackets: 200}}, full, -1},
		{"twice, by room and by id", sio.Config{}, func(e *env, s *sio.Socket, _ func()) {
			go e.srv.To(s.ID()).DisconnectSockets(true)
			go s.Disconnect(true)
		}, 0},
		{"from a handler", sio.Config{}, func(_ *env, s *sio.Socket, _ func()) {
			s.OnAny(func(context.Context, *sio.Socket, *sio.Message) error { s.Disconnect(true); return nil })
		}, 0},
	}
	for _, k := range kicks {
		for name, cfg := range map[string]client.Config{
			"websocket": transports("websocket"), "polling": transports("polling"), "upgrade": transports("polling", "websocket"),
		} {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				run(t, k.cfg, func(t *testing.T, e *env) {
					if k.kick == nil {
						e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { s.Disconnect(true); return nil })
					}
					cfg.DispatchQueue = 8
					e.socket(cfg, func(s *client.Socket) {
						got, block := 0, make(chan struct{})
						client.On(s, "n", func(_ context.Context, _ *client.Socket, n int) error {
							if k.got < 0 {
								<-block
							}
							assert.Equal(t, n, got)
							got++
							return nil
						})
						e.connect(s)
						if k.kick != nil {
							kicked := e.srv.Socket(s.ID())
							k.kick(e, kicked, func() { close(block) })
							if k.name == "from a handler" {
								assert.NoError(t, s.Emit("kick"))
							}
						}
						time.Sleep(10 * time.Minute) // it would have come back
						e.want("connect", "disconnect: io server disconnect")
						if k.got >= 0 {
							assert.Equal(t, got, k.got)
						}
						assert.Equal(t, e.srv.Engine().Count(), 0)
						assert.True(t, !s.Active(), "active")
					})
				})
			})
		}
	}
}

// full fills the outbox of a client whose handlers stand still, kicks it, and lets go.
func full(e *env, s *sio.Socket, goOn func()) {
	padding := strings.Repeat("x", 2000)
	for n := 0; s.Buffered() < 150*len(padding); n++ {
		if err := s.Emit("n", n, padding); err != nil {
			e.t.Error(err)
			break
		}
		if n%50 == 0 {
			synctest.Wait()
		}
	}
	// Small ones, up to the limit.
	s.SetOverflow(sio.OverflowDropNewest)
	for s.Emit("last") == nil {
	}
	s.Disconnect(true)
	assert.ErrorIs(e.t, s.Emit("n", 0), sio.ErrClosed)
	synctest.Wait()
	goOn()
}

// TestRegressOrder: numbered events each way keep their order across an upgrade under
// load. The upgrade is held back until some have come by polling.
func TestRegressOrder(t *testing.T) {
	t.Parallel()
	events := 20_000
	if os.Getenv("REGRESS") != "" {
		events = 100_000
	}
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var up, down, upPolled, downPolled atomic.Int64
		e.srv.Engine().Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for r.URL.Query().Get("transport") == "websocket" && (up.Load() < 1000 || down.Load() < 1000) {
					time.Sleep(time.Millisecond)
				}
				next.ServeHTTP(w, r)
			})
		})
		sio.On(e.srv, "n", func(_ context.Context, s *sio.Socket, n int64) error {
			if n != up.Load() {
				return fmt.Errorf("up: %d instead of %d", n, up.Load())
			}
			if s.Transport() == engine.Polling {
				upPolled.Add(1)
			}
			up.Add(1)
			return nil
		})
		sent := make(chan error, 2)
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
			go func() {
				var err error
				for n := 0; n < events && err == nil; n++ {
					if err = s.EmitWait(t.Context(), "n", n); n%100 == 0 {
						time.Sleep(time.Millisecond) // neither is over before the upgrade
					}
				}
				sent <- err
			}()
			return nil
		})
		e.manager(client.Config{}, func(m *client.Manager) {
			s := m.Socket("/", nil)
			client.On(s, "n", func(_ context.Context, _ *client.Socket, n int64) error {
				assert.Equal(t, n, down.Load())
				if m.Transport() == engine.Polling {
					downPolled.Add(1)
				}
				down.Add(1)
				return nil
			})
			e.connect(s)
			go func() {
				for n := range events {
					if n%100 == 0 {
						time.Sleep(time.Millisecond)
					}
					for {
						err := s.Emit("n", n)
						if err == nil {
							break
						}
						if !errors.Is(err, client.ErrBufferFull) {
							sent <- err
							return
						}
						time.Sleep(time.Millisecond)
					}
				}
				sent <- nil
			}()
			assert.NoError(t, <-sent)
			assert.NoError(t, <-sent)
			time.Sleep(time.Second)
			synctest.Wait()
			assert.Equal(t, up.Load(), int64(events))
			assert.Equal(t, down.Load(), int64(events))
			assert.Equal(t, m.Transport(), engine.WebSocket)
			for name, n := range map[string]int64{"up": upPolled.Load(), "down": downPolled.Load()} {
				assert.True(t, n > 0 && n < int64(events), "%s: %d of %d by polling", name, n, events)
			}
		})
	})
}
