// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

func TestReconnect_C2_14(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		cfg.Hooks = e.hooked.hooks()
		cfg.RandomizationFactor = -1
		e.socket(cfg, func(s *client.Socket) {
			e.connect(s)
			id := s.ID()
			e.want("connect")
			e.wantHooks("open")
			e.isDown(true)
			e.want("disconnect: transport close")
			e.wantHooks("close: transport close")
			assert.Equal(t, s.ID(), "")
			time.Sleep(second + time.Millisecond)
			e.want("connect error: dial: websocket GET ws://mem.test/socket.io/: " + errDown.Error())
			e.wantHooks("reconnect_attempt 1", "error", "reconnect_error")
			time.Sleep(2 * second)
			e.log.take()
			e.hooked.take()
			e.isDown(false)
			time.Sleep(4 * second)
			e.want("connect")
			e.wantHooks("reconnect_attempt 3", "open", "reconnect 3")
			assert.True(t, s.Connected() && s.ID() != id, "id")
		})
	})
}

func TestReconnectFailed_C2_14(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.isDown(true)
		cfg := client.Config{Hooks: e.hooked.hooks(), ReconnectionAttempts: 2}
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			err := s.Connect(t.Context())
			assert.ErrorIs(t, err, errDown)
			e.wantHooks("error", "reconnect_attempt 1", "error", "reconnect_error",
				"reconnect_attempt 2", "error", "reconnect_failed", "reconnect_error")
			assert.True(t, !s.Active(), "active")
			assert.Equal(t, e.dials, 3)
		})
	})
}

func TestNoReconnection_C2_2(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := client.Config{Hooks: e.hooked.hooks(), NoReconnection: true}
		cfg.Engine.DisableUpgrade = true
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			e.connect(s)
			e.isDown(true)
			synctest.Wait()
			assert.True(t, !s.Connected(), "connected")
			time.Sleep(time.Minute)
			n := e.dials
			assert.ErrorIs(t, s.Connect(t.Context()), errDown)
			time.Sleep(time.Minute)
			assert.Equal(t, e.dials, n+1)
		})
	})
}

func TestTimeout_C2_7(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Engine().Use(blocking())
		for _, transport := range []string{"polling", "websocket"} {
			cfg := client.Config{Timeout: 3 * second, NoReconnection: true}
			cfg.Engine.Transports = []string{transport}
			e.socket(cfg, func(s *client.Socket) {
				start := time.Now()
				err := s.Connect(t.Context())
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, time.Since(start), 3*second)
			})
		}
	})
}

// Disconnect within the loop stops it, and the socket can be opened again.
func TestStopReconnecting_C2_14(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.isDown(true)
		cfg := client.Config{}
		var s *client.Socket
		cfg.Hooks.ReconnectAttempt = func(n int) {
			e.hooked.add("attempt %d", n)
			if n == 2 {
				s.Disconnect()
			}
		}
		e.manager(cfg, func(m *client.Manager) {
			s = m.Socket("/", nil)
			s.Open()
			time.Sleep(time.Minute)
			e.wantHooks("attempt 1", "attempt 2")
			e.isDown(false)
			e.connect(s)
		})
	})
}

// Two sockets: stopping one does not stop the loop of the other.
func TestStopOne(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Of("/a")
		e.manager(client.Config{}, func(m *client.Manager) {
			a, main := m.Socket("/a", nil), m.Socket("/", nil)
			e.connect(a)
			e.connect(main)
			e.isDown(true)
			time.Sleep(3 * second)
			a.Disconnect()
			e.isDown(false)
			time.Sleep(10 * second)
			assert.True(t, main.Connected() && !a.Connected(), "states")
		})
	})
}

func TestPingTimeout_C4_21(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Engine: engine.Config{PingInterval: 5 * second, PingTimeout: 3 * second}}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		e.socket(cfg, func(s *client.Socket) {
			e.connect(s)
			time.Sleep(time.Minute)
			e.want("connect") // pings are answered
			e.stall()
			time.Sleep(8*second + time.Millisecond)
			e.want("disconnect: ping timeout")
			time.Sleep(10 * second)
			e.want("connect")
		})
	})
}

func TestServerRestart(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.socket(client.Config{}, func(s *client.Socket) {
			e.connect(s)
			assert.NoError(t, e.srv.Shutdown(t.Context()))
			e.want("connect", "disconnect: transport close")
			assert.NoError(t, s.Emit("kept"))
			time.Sleep(time.Minute)
			assert.True(t, s.Active() && !s.Connected(), "states")
		})
	})
}

// Many clients return at different times.
func TestReconnectStorm_C2_11(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		const n = 50
		e.manager(overWebSocket(), func(*client.Manager) {})
		sockets := make([]*client.Socket, n)
		for i := range sockets {
			s, err := client.New("http://mem.test", e.config(overWebSocket()))
			assert.NoError(t, err)
			e.connect(s)
			sockets[i] = s
		}
		e.cut()
		synctest.Wait()
		times := map[time.Duration]int{}
		start := time.Now()
		for time.Since(start) < 2*second {
			before := e.srv.Len()
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			times[time.Since(start)] = e.srv.Len() - before
		}
		assert.Equal(t, e.srv.Len(), n)
		for at, arrivals := range times {
			assert.True(t, arrivals < n/2, "%d of %d have returned after %v", arrivals, n, at)
		}
		for _, s := range sockets {
			assert.NoError(t, s.Close())
		}
	})
}

func TestParseError_C2_16(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		e.socket(cfg, func(s *client.Socket) {
			e.connect(s)
			session := e.srv.Socket(s.ID()).Session()
			assert.NoError(t, session.Send(engine.NewMessage(append(engine.NewBuffer(8), "2{}"...), nil), engine.SendOptions{}))
			e.want("connect", "disconnect: parse error")
			time.Sleep(5 * second)
			e.want("connect")
		})
	})
}

func TestRecovery_C3_19(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Recovery: &sio.Recovery{}}, func(t *testing.T, e *env) {
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Join("room") })
		cfg := overWebSocket()
		cfg.Socket.Auth = map[string]string{"token": "t"}
		e.socket(cfg, func(s *client.Socket) {
			client.On(s, "n", func(_ context.Context, _ *client.Socket, n int) error {
				e.log.add("n %d", n)
				return nil
			})
			e.connect(s)
			id := s.ID()
			assert.NoError(t, e.srv.To("room").Emit("n", 1))
			e.want("connect", "n 1")
			e.isDown(true)
			e.want("disconnect: transport close")
			assert.NoError(t, e.srv.To("room").Emit("n", 2))
			assert.NoError(t, e.srv.Emit("n", 3))
			e.isDown(false)
			time.Sleep(10 * second)
			e.want("n 2", "n 3", "connect")
			assert.True(t, s.Recovered() && s.ID() == id, "not recovered")
			assert.NoError(t, e.srv.To("room").Emit("n", 4))
			e.want("n 4")
			e.isDown(true)
			synctest.Wait()
			assert.True(t, !s.Recovered(), "still recovered")
			time.Sleep(time.Hour)
			e.isDown(false)
			time.Sleep(10 * second)
			assert.True(t, s.Connected() && !s.Recovered() && s.ID() != id, "recovered after an hour")
		})
	})
}

func ExampleReason_Terminal() {
	fmt.Println(client.ReasonServerDisconnect.Terminal(), client.ReasonTransportClose.Terminal())
	// Output: true false
}
