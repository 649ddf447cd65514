// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

func TestURL_C1_1_C1_2_C1_3(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, namespace string }{
		{"http://mem.test", "/"},
		{"https://mem.test/", "/"},
		{"http://mem.test:3000/chat?x=1", "/chat"},
		{"ws://[::1]/a/b", "/a/b"},
		{"wss://mem.test/a%20b", "/a%20b"}, // as it stands there
		{"http://mem.test/é", "/é"},
	} {
		s, err := client.New(c.url, nil)
		assert.NoError(t, err)
		assert.Equal(t, s.Namespace(), c.namespace)
		assert.NoError(t, s.Close())
	}
	for _, bad := range []string{"mem.test", "//mem.test", "/chat", "http://mem.test?x=" + strings.Repeat("x", 8000)} {
		_, err := client.New(bad, nil)
		assert.Error(t, err)
	}
	// The query of the URL counts if there is no other.
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var got url.Values
		e.srv.Use(func(_ context.Context, s *sio.Socket) error { got = s.Handshake().Query; return nil })
		for _, given := range []url.Values{nil, {"b": {"2"}}} {
			var cfg client.Config
			cfg.Engine.Query = given
			s, err := client.New("http://mem.test/?a=1", e.config(cfg))
			assert.NoError(t, err)
			e.connect(s)
			assert.NoError(t, s.Close())
			assert.Equal(t, got.Get("a") == "1", given == nil)
			assert.Equal(t, got.Get("b") == "2", given != nil)
		}
	})
}

// Each manager has a connection of its own, and nothing happens before Connect or Open.
func TestManagers_C1_4_C1_5_C2_1_C2_9(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var sockets []*client.Socket
		for range 2 {
			s, err := client.New("http://mem.test", e.config(overWebSocket()))
			assert.NoError(t, err)
			defer func() { assert.NoError(t, s.Close()) }()
			sockets = append(sockets, s)
		}
		time.Sleep(time.Minute)
		assert.Equal(t, e.dials, 0)
		e.connect(sockets[0])
		e.connect(sockets[1])
		assert.Equal(t, e.srv.Engine().Count(), 2)
		m := sockets[0].Manager()
		assert.True(t, m != sockets[1].Manager() && m.Socket("/", nil) == sockets[0], "managers")
		// An inactive socket stays so until it is opened.
		sockets[0].Disconnect()
		assert.True(t, !m.Socket("/", nil).Active(), "opened")
	})
}

// A Config is copied. What changes from one attempt to the next is for Engine.OnRequest.
func TestConfig_C2_10_C2_19(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var got []string
		e.srv.Use(func(_ context.Context, s *sio.Socket) error {
			got = append(got, s.Handshake().Query.Get("n"))
			return nil
		})
		cfg := overWebSocket()
		n := "1"
		cfg.Engine.OnRequest = func(_ string, r *http.Request) { r.URL.RawQuery += "&n=" + n }
		given := e.config(cfg)
		m, err := client.NewManager("http://mem.test", given)
		assert.NoError(t, err)
		given.NoReconnection = true
		s := m.Socket("/", nil)
		e.connect(s)
		n = "2"
		e.cut()
		time.Sleep(10 * second)
		assert.True(t, s.Connected(), "it does not reconnect")
		assert.Equal(t, got, []string{"1", "2"})
		assert.NoError(t, m.Close())
	})
}

func TestHooks_C2_15(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Engine: engine.Config{PingInterval: 5 * second}}, func(t *testing.T, e *env) {
		cfg := client.Config{Hooks: e.hooked.hooks()}
		cfg.Hooks.Ping = func() { e.hooked.add("ping") }
		e.socket(cfg, func(s *client.Socket) {
			e.connect(s)
			time.Sleep(6 * second)
			e.wantHooks("open", "upgrade: websocket", "ping")
			s.Manager().Reconnect()
			time.Sleep(3 * second)
			e.wantHooks("close: forced close", "reconnect_attempt 1", "open", "reconnect 1", "upgrade: websocket")
			s.Disconnect()
			time.Sleep(time.Minute)
			e.wantHooks("close: forced close")
		})
	})
}

// A connection that never opens is given up, and so is one that is refused (C3.7).
func TestErrors_C2_13_C3_7(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Engine().Use(blocking())
		cfg := client.Config{Timeout: second, ReconnectionAttempts: 1, RandomizationFactor: -1}
		e.socket(cfg, func(s *client.Socket) {
			assert.ErrorIs(t, s.Connect(t.Context()), context.DeadlineExceeded)
			text := "connect error: dial: polling GET http://mem.test/socket.io/: "
			lines := e.log.take()
			assert.Equal(t, len(lines), 2)
			for _, line := range lines {
				assert.True(t, strings.HasPrefix(line, text), "%s", line)
			}
		})
	})
}

func TestReasons_C3_9(t *testing.T) {
	t.Parallel()
	for reason, c := range map[client.Reason]struct {
		end     func(e *env, s *client.Socket)
		returns bool
	}{
		client.ReasonClientDisconnect: {func(_ *env, s *client.Socket) { s.Disconnect() }, false},
		client.ReasonServerDisconnect: {func(e *env, s *client.Socket) { e.srv.Socket(s.ID()).Disconnect(true) }, false},
		client.ReasonForcedClose:      {func(_ *env, s *client.Socket) { s.Manager().Reconnect() }, true},
		client.ReasonTransportClose:   {func(e *env, _ *client.Socket) { e.cut() }, true},
		client.ReasonPingTimeout:      {func(e *env, _ *client.Socket) { e.stall() }, true},
		client.ReasonParseError: {func(e *env, s *client.Socket) {
			packet := engine.NewMessage(append(engine.NewBuffer(8), "29"...), nil)
			_ = e.srv.Socket(s.ID()).Session().Send(packet, engine.SendOptions{})
		}, true},
		client.ReasonTransportError: {func(e *env, s *client.Socket) {
			packet := engine.NewMessage(append(engine.NewBuffer(8), strings.Repeat("x", 1000)...), nil)
			_ = e.srv.Socket(s.ID()).Session().Send(packet, engine.SendOptions{})
		}, true},
	} {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Engine: engine.Config{PingInterval: 5 * second, PingTimeout: 5 * second}}, func(t *testing.T, e *env) {
				cfg := overWebSocket()
				cfg.Engine.MaxPayloadBytes = 500
				e.socket(cfg, func(s *client.Socket) {
					e.connect(s)
					c.end(e, s)
					time.Sleep(30 * second)
					lines := []string{"connect", "disconnect: " + string(reason)}
					if c.returns {
						lines = append(lines, "connect")
					}
					e.want(lines...)
					assert.Equal(t, s.Active(), c.returns)
					assert.Equal(t, reason.Terminal(), !c.returns)
				})
			})
		})
	}
}

// Disconnect before the socket was connected tells nobody.
func TestDisconnectEarly_C3_8(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.socket(client.Config{}, func(s *client.Socket) {
			s.Disconnect()
			s.Open()
			s.Disconnect()
			time.Sleep(10 * second)
			e.want()
			assert.Equal(t, e.srv.Engine().Count(), 0)
			e.isDown(true)
			done := make(chan error, 1)
			go func() { done <- s.Connect(t.Context()) }()
			synctest.Wait()
			assert.NoError(t, s.Close())
			assert.ErrorIs(t, <-done, client.ErrClosed)
		})
	})
}

// A socket that somebody wants is not made inactive by a Connect that fails.
func TestConnectKept_C3_2(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		refuse := true
		e.srv.Use(func(context.Context, *sio.Socket) error {
			if refuse {
				return errors.New("no")
			}
			return nil
		})
		cfg := overWebSocket()
		cfg.ReconnectionAttempts = 2
		e.socket(cfg, func(s *client.Socket) {
			s.OnConnectError(func(error) { refuse = false; s.Open() })
			assert.Error(t, s.Connect(t.Context()))
			time.Sleep(second)
			assert.True(t, s.Connected(), "Open was undone")
			s.Disconnect()

			e.isDown(true)
			ctx, cancel := context.WithTimeout(t.Context(), second)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- s.Connect(t.Context()) }()
			synctest.Wait()
			assert.ErrorIs(t, s.Connect(ctx), context.DeadlineExceeded)
			e.isDown(false) // the other Connect goes on
			assert.NoError(t, <-done)
			s.Disconnect()

			// Giving up leaves it inactive, unless Open was called.
			e.isDown(true)
			assert.ErrorIs(t, s.Connect(t.Context()), errDown)
			assert.True(t, s.Active(), "by OnConnectError")
		})
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			assert.ErrorIs(t, s.Connect(t.Context()), errDown)
			assert.True(t, !s.Active(), "active")
		})
	})
}

// An Auth that panics while it is encoded is an error of Connect.
func TestAuthPanics_C3_3(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		for _, cfg := range []client.SocketConfig{
			{Auth: bomb{}},
			{AuthFunc: func(context.Context) (any, error) { panic("boom") }},
		} {
			e.manager(client.Config{}, func(m *client.Manager) {
				s := m.Socket("/", &cfg)
				_, ok := errors.AsType[*client.PanicError](s.Connect(t.Context()))
				assert.True(t, ok && !s.Active(), "no panic")
			})
		}
	})
}

type bomb struct{}

func (bomb) MarshalJSON() ([]byte, error) { panic("boom") }

// fake answers polling requests: each session gets one of the bodies, and nothing more.
func fake(bodies ...string) http.Handler {
	next := ""
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, "ok")
		case r.URL.Query().Get("sid") == "":
			next, bodies = bodies[0], bodies[1:]
			_, _ = io.WriteString(w, `0{"sid":"abcdefghijklmnopqrst","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
		case next != "":
			_, _ = io.WriteString(w, next)
			next = ""
		default:
			<-r.Context().Done()
		}
	})
}

// After the answer of an old server another Connect asks again.
func TestOldServer_C3_5(t *testing.T) {
	t.Parallel()
	runBad(t, fake(`40`, `40{"sid":"a"}`), func(t *testing.T, e *env) {
		var cfg client.Config
		cfg.Engine.Transports = []string{"polling"}
		e.socket(cfg, func(s *client.Socket) {
			s.Open()
			time.Sleep(second)
			assert.True(t, !s.Active(), "active")
			lines := e.log.take()
			assert.True(t, len(lines) == 1 && strings.Contains(lines[0], "Socket.IO 2"), "%q", lines)
			e.connect(s)
		})
	})
}

// What a server may send before its CONNECT is limited.
func TestEarlyLimit_C3_20(t *testing.T) {
	t.Parallel()
	runBad(t, fake(strings.Repeat("42[\"x\"]\x1e", 1<<16)+`42["x"]`), func(t *testing.T, e *env) {
		cfg := client.Config{NoReconnection: true}
		cfg.Engine.Transports = []string{"polling"}
		e.socket(cfg, func(s *client.Socket) {
			err := s.Connect(t.Context())
			assert.True(t, err != nil && strings.Contains(err.Error(), "too many events before CONNECT"), "%v", err)
		})
	})
}

// Close waits for a connection that was lost just before.
func TestCloseAfterLoss(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.manager(overWebSocket(), func(m *client.Manager) {
			e.connect(m.Socket("/", nil))
			e.stall()
			m.Reconnect()
			synctest.Wait()
			start := time.Now()
			assert.NoError(t, m.Close())
			assert.True(t, time.Since(start) > 0, "it did not wait for the farewell")
		})
	})
}
