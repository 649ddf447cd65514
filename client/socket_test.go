// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
)

func TestConnect_C3_1_C3_2_C3_4(t *testing.T) {
	t.Parallel()
	for _, transports := range [][]string{nil, {"polling"}, {"websocket"}} {
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			echo(e.srv)
			var cfg client.Config
			cfg.Engine.Transports = transports
			e.socket(cfg, func(s *client.Socket) {
				assert.True(t, !s.Active() && !s.Connected() && s.ID() == "", "active before Connect")
				e.connect(s)
				assert.True(t, s.Active() && s.Connected() && !s.Recovered(), "not connected")
				assert.True(t, e.srv.Socket(s.ID()) != nil, "the server does not know %q", s.ID())
				args, err := s.EmitWithAck(t.Context(), "echo", "é", 1, []byte{1, 2}, map[string]any{"b": []byte{3}})
				assert.NoError(t, err)
				var text string
				var n int
				var b []byte
				var nested struct {
					B []byte `json:"b"`
				}
				for i, dst := range []any{&text, &n, &b, &nested} {
					assert.NoError(t, args.Unmarshal(i, dst))
				}
				assert.Equal(t, text, "é")
				assert.Equal(t, n, 1)
				assert.Equal(t, b, []byte{1, 2})
				assert.Equal(t, nested.B, []byte{3})
				s.Disconnect()
				assert.True(t, !s.Active() && !s.Connected() && s.ID() == "", "active after Disconnect")
				e.want("connect", "disconnect: io client disconnect")
				time.Sleep(second) // the transport may be changing
				assert.Equal(t, e.srv.Len(), 0)
				e.connect(s)
				e.want("connect")
			})
		})
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.socket(client.Config{}, func(s *client.Socket) {
			e.connect(s)
			assert.NoError(t, s.Close())
			assert.NoError(t, s.Close())
			e.want("connect", "disconnect: io client disconnect")
			assert.ErrorIs(t, s.Emit("x"), net.ErrClosed)
			assert.ErrorIs(t, s.Connect(t.Context()), client.ErrClosed)
			_, err := s.EmitWithAck(t.Context(), "x")
			assert.ErrorIs(t, err, client.ErrClosed)
			s.Open()
			assert.True(t, !s.Active(), "active after Close")
		})
	})
}

// Close may be called by a handler and by a hook.
func TestCloseWithin(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Emit("hello") })
		for _, by := range []string{"handler", "hook"} {
			cfg := client.Config{}
			var s *client.Socket
			if by == "hook" {
				cfg.Hooks.Open = func() { assert.NoError(t, s.Close()) }
			}
			var err error
			s, err = client.New("http://mem.test", e.config(cfg))
			assert.NoError(t, err)
			if by == "handler" {
				s.On("hello", func(context.Context, *client.Socket, *client.Message) error { return s.Close() })
			}
			s.Open()
			synctest.Wait()
			assert.True(t, !s.Connected(), "still connected: %s", by)
			assert.NoError(t, s.Close())
		}
	})
}

func TestEarly_C3_20(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Use(func(_ context.Context, s *sio.Socket) error { return s.Emit("early", 1) })
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Emit("late", 2) })
		e.socket(overWebSocket(), func(s *client.Socket) {
			s.OnAny(func(_ context.Context, _ *client.Socket, m *client.Message) error {
				e.log.add("%s", m.Event())
				return nil
			})
			e.connect(s)
			e.want("early", "connect", "late")
		})
	})
}

func TestRefused_C3_6(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		chat := e.srv.Of("/chat")
		chat.Use(func(context.Context, *sio.Socket) error {
			return &sio.ConnectError{Message: "no", Data: map[string]any{"code": 7}}
		})
		e.manager(client.Config{Hooks: e.hooked.hooks()}, func(m *client.Manager) {
			main, refused := m.Socket("/", nil), m.Socket("chat", nil)
			e.connect(main)
			e.log.take()
			e.log.watch(refused)
			err := refused.Connect(t.Context())
			refusal, ok := errors.AsType[*client.ConnectError](err)
			assert.True(t, ok, "%v", err)
			assert.Equal(t, *refusal, client.ConnectError{Namespace: "/chat", Message: "no", Data: map[string]any{"code": 7.0}})
			e.want(`connect error: client: namespace "/chat" refused: no`)
			assert.True(t, !refused.Active() && main.Connected(), "states")
			err = m.Socket("/none", nil).Connect(t.Context())
			refusal, ok = errors.AsType[*client.ConnectError](err)
			assert.True(t, ok && refusal.Message == "Invalid namespace" && refusal.Data == nil, "%v", err)
			time.Sleep(time.Minute)
			e.want() // no attempt to reconnect
		})
	})
}

// The last socket that is refused takes the connection with it (C2.18).
func TestRefusedAlone_C2_18(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.manager(client.Config{Hooks: e.hooked.hooks()}, func(m *client.Manager) {
			err := m.Socket("/none", nil).Connect(t.Context())
			assert.True(t, err != nil, "accepted")
			time.Sleep(second) // the transport may be changing
			assert.Equal(t, m.Transport(), "")
			assert.Equal(t, e.srv.Engine().Count(), 0)
		})
	})
}

func TestServerDisconnects_C3_9(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.socket(overWebSocket(), func(s *client.Socket) {
			e.connect(s)
			e.srv.Socket(s.ID()).Disconnect(false)
			e.want("connect", "disconnect: io server disconnect")
			time.Sleep(time.Minute)
			assert.True(t, !s.Active(), "active")
			assert.Equal(t, e.srv.Engine().Count(), 0) // the last socket has gone
			e.connect(s)
			e.want("connect")
		})
	})
}

func TestMultiplexed_C1_5(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		echo(e.srv)
		e.srv.Of("/a")
		e.manager(client.Config{}, func(m *client.Manager) {
			a, main := m.Socket("/a", nil), m.Socket("/", nil)
			assert.True(t, m.Socket("a", nil) == a && a.Namespace() == "/a" && a.Manager() == m, "another socket")
			e.connect(main)
			e.connect(a) // opened after the connection
			assert.Equal(t, e.srv.Engine().Count(), 1)
			a.Disconnect()
			synctest.Wait()
			assert.Equal(t, e.srv.Of("/a").Len(), 0)
			assert.True(t, main.Connected(), "the other one is disconnected")
			_, err := main.EmitWithAck(t.Context(), "echo")
			assert.NoError(t, err)
			id := m.SessionID()
			main.Disconnect()
			e.connect(a) // a new connection at once
			assert.True(t, m.SessionID() != id, "the old session")
			assert.Equal(t, e.srv.Of("/a").Len(), 1)
		})
	})
}

func TestURL_C1(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Of("/chat")
		var query string
		e.srv.Of("/chat").OnConnect(func(_ context.Context, s *sio.Socket) error {
			query = s.Handshake().Query.Get("q")
			return nil
		})
		for _, url := range []string{"http://mem.test/chat?q=1", "ws://mem.test:80/chat?q=1", "http://[::1]:3000/chat?q=1"} {
			s, err := client.New(url, e.config(client.Config{}))
			assert.NoError(t, err)
			assert.Equal(t, s.Namespace(), "/chat")
			e.connect(s)
			synctest.Wait()
			assert.Equal(t, query, "1")
			assert.NoError(t, s.Close())
		}
		for _, url := range []string{"", "mem.test", "/chat", "ftp://mem.test", "http://", "http://%zz", "http://mem.test:port"} {
			_, err := client.New(url, nil)
			assert.Error(t, err)
		}
		s, err := client.New("http://mem.test", nil)
		assert.NoError(t, err)
		assert.Equal(t, s.Namespace(), "/")
		assert.NoError(t, s.Close())
	})
}

func TestAuth_C3_3(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Use(func(_ context.Context, s *sio.Socket) error {
			var auth map[string]any
			err := s.Handshake().Auth.Bind(&auth)
			e.log.add("%v", auth)
			return err
		})
		type token struct {
			Token string `json:"token"`
		}
		e.socket(client.Config{Socket: client.SocketConfig{Auth: token{"abc"}}}, func(s *client.Socket) {
			e.connect(s)
			e.want("map[token:abc]", "connect")
			s.Disconnect()
			e.want("disconnect: io client disconnect")
		})
		n := 0
		auth := func(context.Context) (any, error) {
			n++
			if n == 3 {
				return nil, errors.New("no token")
			}
			return map[string]int{"n": n}, nil
		}
		e.socket(client.Config{Socket: client.SocketConfig{AuthFunc: auth}}, func(s *client.Socket) {
			e.connect(s)
			s.Manager().Reconnect()
			time.Sleep(10 * second)
			e.want("map[n:1]", "connect", "disconnect: forced close", "map[n:2]", "connect")
			s.Disconnect()
			err := s.Connect(t.Context())
			assert.True(t, err != nil && err.Error() == "no token", "%v", err)
			e.want("disconnect: io client disconnect", "connect error: no token")
			assert.True(t, !s.Active(), "active")
		})
		e.socket(client.Config{Socket: client.SocketConfig{Auth: 1}}, func(s *client.Socket) {
			assert.Error(t, s.Connect(t.Context()))
		})
	})
}

func TestConnectContext(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.isDown(true)
		e.socket(client.Config{}, func(s *client.Socket) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*second)
			defer cancel()
			err := s.Connect(ctx)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorIs(t, err, errDown) // the last attempt
			assert.True(t, !s.Active(), "goes on")
			n := e.dials
			time.Sleep(time.Minute)
			assert.Equal(t, e.dials, n)
			s.Open()
			ctx, cancel = context.WithTimeout(t.Context(), 5*second)
			defer cancel()
			assert.ErrorIs(t, s.Connect(ctx), context.DeadlineExceeded)
			assert.True(t, s.Active(), "Open was undone")
			e.isDown(false)
			e.connect(s)
		})
	})
}

// A socket that is disconnected and opened again while its CONNECT is on the way asks only
// once, and one that has gone when the answer comes takes its leave.
func TestOpenTwice_P3_6(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		slow := e.srv.Of("/slow")
		slow.Use(func(context.Context, *sio.Socket) error { time.Sleep(second); return nil })
		e.manager(overWebSocket(), func(m *client.Manager) {
			main, s := m.Socket("/", nil), m.Socket("/slow", nil)
			e.connect(main)
			s.Open()
			s.Disconnect()
			s.Open()
			synctest.Wait()
			s.Disconnect()
			s.Open()
			time.Sleep(2 * second)
			assert.True(t, s.Connected() && main.Connected(), "states")
			s.Disconnect()
			synctest.Wait()
			s.Open()
			synctest.Wait()
			s.Disconnect()
			time.Sleep(2 * second)
			assert.Equal(t, slow.Len(), 0)
			assert.True(t, !s.Connected() && main.Connected(), "states")
			e.connect(s)
		})
	})
}
