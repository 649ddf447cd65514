// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

type (
	ctx = context.Context
	msg = *sio.Message
)

// TestConnect is the conformance suite's "connect" (9.3), P3.1 to P3.4, S3.10.
func TestConnect(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.OnConnect(func(_ ctx, s *sio.Socket) error {
			var auth any
			assert.NoError(t, s.Handshake().Auth.Bind(&auth))
			return s.Emit("auth", auth)
		})
		assert.Equal(t, e.srv.Of("custom"), e.srv.Of("/custom"))
		assert.Equal(t, e.srv.Of(""), e.srv.Namespace)
		c := e.dial()
		root := c.join("")
		c.want(`2["auth",null]`)
		custom := c.join("/custom")
		assert.True(t, root != custom, "the ids are equal")
		c.send(`0/random,`, `0/random,{"a":1}`)
		c.want(`4/random,{"message":"Invalid namespace"}`, `4/random,{"message":"Invalid namespace"}`)

		assert.Equal(t, e.srv.Len(), 1)
		assert.Equal(t, e.srv.Socket(root).Namespace().Name(), "/")
		assert.Equal(t, e.srv.Of("custom").Socket(custom).Namespace().Name(), "/custom")
		assert.True(t, e.srv.Socket(custom) == nil, "socket of another namespace")

		c.send(`1/custom,`, `21["still",true]`) // P3.9: the rest goes on
		e.seen.settled()
		assert.Equal(t, e.srv.Of("custom").Len(), 0)
		assert.Equal(t, e.srv.Len(), 1)
		c.join("/custom") // P3.6: again after DISCONNECT
	})
}

// TestHandshake is S3.3.
func TestHandshake(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		start := time.Now()
		c := e.dial(func(d *ws.Dialer) {
			d.Header = ws.HandshakeHeaderHTTP(http.Header{"Origin": {"http://mem.test"}, "X-Test": {"1"}})
		})
		time.Sleep(time.Second)
		c.send(`0{"token":"123"}`)
		c.next()
		s := e.srv.Sockets()[0]
		h := s.Handshake()
		var auth struct {
			Token string `json:"token"`
		}
		assert.NoError(t, h.Auth.Bind(&auth))
		assert.Equal(t, auth.Token, "123")
		assert.Equal(t, string(h.Auth.Raw()), `{"token":"123"}`)
		assert.Equal(t, h.Query.Get("token"), "q")
		assert.Equal(t, h.Query.Get("transport"), "websocket")
		assert.Equal(t, h.Header.Get("X-Test"), "1")
		assert.Equal(t, h.URL.Path, "/socket.io/")
		assert.Equal(t, h.Host, "mem.test")
		assert.Equal(t, h.Address, "mem")
		assert.Equal(t, h.Time, start)
		assert.Equal(t, h.Secure, false)
		assert.Equal(t, h.CrossDomain, true)
		assert.Equal(t, s.Handshake(), h)
		assert.Equal(t, s.Transport(), "websocket")
	})
}

// TestContextValues: what an HTTP middleware puts into the context of the request that
// opens a connection reaches all that is given a context, for as long as the socket lives.
func TestContextValues(t *testing.T) {
	t.Parallel()
	type key struct{}
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Engine().Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, r.URL.Query().Get("token")))
				defer cancel() // the request's end is not the socket's
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		})
		see := func(what string, c ctx, s *sio.Socket) error {
			assert.Equal(t, s.Context().Value(key{}), c.Value(key{}))
			e.seen.add("%s: %v, %v", what, c.Value(key{}), c.Err())
			return nil
		}
		e.srv.Use(func(c ctx, s *sio.Socket) error { return see("middleware", c, s) })
		e.srv.OnConnect(func(c ctx, s *sio.Socket) error { return see("OnConnect", c, s) })
		e.srv.On("a", func(c ctx, s *sio.Socket, _ msg) error { return see("event", c, s) })
		c := e.join()
		time.Sleep(time.Second)
		c.send(`2["a"]`)
		assert.Equal(t, e.seen.settled(), []string{"middleware: q, <nil>", "connect", "OnConnect: q, <nil>", "event: q, <nil>"})
		s := e.srv.Socket(c.sid)
		c.close()
		synctest.Wait()
		assert.ErrorIs(t, s.Context().Err(), context.Canceled)
		assert.Equal(t, s.Context().Value(key{}), "q")
	})
}

// TestRefuse is S3.7, P3.3 and top-25 #12.
func TestRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"text", errors.New("Not authorized"), `4/x,{"message":"Not authorized"}`},
		{"data", &sio.ConnectError{Message: "nope", Data: map[string]int{"x": 1}}, `4/x,{"message":"nope","data":{"x":1}}`},
		{"no data", &sio.ConnectError{Message: "nope"}, `4/x,{"message":"nope"}`},
		{"zero is data", &sio.ConnectError{Message: "nope", Data: 0}, `4/x,{"message":"nope","data":0}`},
		{"data that cannot be encoded", &sio.ConnectError{Message: "nope", Data: make(chan int)}, `4/x,{"message":"nope"}`},
		{"panic", nil, `4/x,{"message":"internal error"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				ns := e.srv.Of("x")
				var socket *sio.Socket
				ns.Use(func(_ ctx, s *sio.Socket) error {
					socket = s
					assert.NoError(t, s.Join("r"))
					if tt.err == nil {
						panic("boom")
					}
					return tt.err
				})
				ns.Use(func(ctx, *sio.Socket) error { t.Error("second middleware"); return nil })
				ns.OnConnect(func(ctx, *sio.Socket) error { t.Error("OnConnect"); return nil })
				ns.OnDisconnect(func(*sio.Socket, sio.Reason) { t.Error("OnDisconnect") })
				c := e.dial()
				c.send(`0/x,`)
				c.want(tt.want)
				synctest.Wait()
				assert.Equal(t, socket.Rooms(), nil)
				assert.ErrorIs(t, socket.Join("r"), sio.ErrClosed)
				assert.ErrorIs(t, socket.Context().Err(), context.Canceled)
				assert.ErrorIs(t, socket.Emit("x"), sio.ErrClosed)
				assert.Equal(t, socket.Connected(), false)
				c.send(`0/x,`) // the connection stays, and the client may try again
				c.want(tt.want)
				if tt.err == nil {
					assert.Equal(t, e.seen.settled(), []string{"panic: boom, stack true", "panic: boom, stack true"})
				}
			})
		})
	}
}

// TestMiddlewares is S3.4, S3.5 and top-25 #15.
func TestMiddlewares(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		gate := make(chan struct{})
		chat := e.srv.Of("chat")
		e.srv.Use(func(ctx, *sio.Socket) error { e.seen.add("root middleware"); return nil })
		chat.Use(func(c ctx, s *sio.Socket) error {
			e.seen.add("first %t %v", s.Connected(), s.Rooms()[0] == s.ID())
			assert.NoError(t, s.Join("r"))
			assert.NoError(t, s.Emit("early", 1))
			_, err := s.EmitWithAck(c, "question")
			assert.ErrorIs(t, err, sio.ErrNotConnected)
			s.Disconnect(true) // not connected: nothing happens
			<-gate
			return nil
		})
		chat.Use(func(ctx, *sio.Socket) error { e.seen.add("second"); return nil })
		chat.OnConnect(func(_ ctx, s *sio.Socket) error {
			e.seen.add("on connect %t %d", s.Connected(), chat.Len())
			return s.Emit("late")
		})
		c := e.dial()
		c.send(`0/chat,`)
		assert.Equal(t, e.seen.settled(), []string{"first false true"})
		c.want(`2/chat,["early",1]`)
		assert.Equal(t, chat.Len(), 0)
		assert.NoError(t, chat.Emit("all"))
		assert.NoError(t, chat.To("r").Emit("room"))
		c.quiet()
		close(gate)
		assert.True(t, strings.HasPrefix(c.next(), `0/chat,{"sid":"`), "no CONNECT")
		c.want(`2/chat,["late"]`)
		assert.NoError(t, chat.To("r").Emit("room"))
		c.want(`2/chat,["room"]`)
		assert.Equal(t, e.seen.settled(), []string{"second", "connect", "on connect true 1"})
	})
}

// TestGoneInMiddleware is S3.6 and B14.
func TestGoneInMiddleware(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, c *client){
		"connection closed": func(_ *env, c *client) { c.close() },
		"violation":         func(_ *env, c *client) { c.send(`9`) },
		"server closed":     func(e *env, _ *client) { assert.NoError(e.t, e.srv.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				var socket *sio.Socket
				e.srv.Use(func(c ctx, s *sio.Socket) error {
					socket = s
					assert.NoError(t, s.Join("r"))
					<-c.Done()
					return nil
				})
				e.srv.Use(func(ctx, *sio.Socket) error { t.Error("second middleware"); return nil })
				e.srv.OnConnect(func(ctx, *sio.Socket) error { t.Error("OnConnect"); return nil })
				e.srv.OnDisconnect(func(*sio.Socket, sio.Reason) { t.Error("OnDisconnect") })
				c := e.dial()
				c.send(`0`)
				synctest.Wait()
				end(e, c)
				synctest.Wait()
				assert.Equal(t, socket.Rooms(), nil)
				assert.ErrorIs(t, context.Cause(socket.Context()), sio.ErrClosed)
			})
		})
	}
}

// TestOnConnectError: the socket is disconnected, and its OnDisconnect runs.
func TestOnConnectError(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func() error{
		"error: sio: OnConnect: no": func() error { return errors.New("no") },
		"panic: no, stack true":     func() error { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				e.srv.OnConnect(func(ctx, *sio.Socket) error { return f() })
				e.srv.OnConnect(func(ctx, *sio.Socket) error { t.Error("second OnConnect"); return nil })
				e.srv.On("a", func(ctx, *sio.Socket, msg) error { t.Error("event"); return nil })
				c := e.dial()
				c.send(`0`)
				c.next()
				c.want(`1`)
				assert.Equal(t, e.seen.settled(), []string{"connect", name, "disconnect: server namespace disconnect"})
			})
		})
	}
}

// TestDisconnect is S6, S5.11 and top-25 #16.
func TestDisconnect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		end    func(e *env, c *client, s *sio.Socket)
		reason sio.Reason
		wire   []string // what the client sees
		both   bool     // the other namespace ends as well
	}{
		{"S6.1 kick", func(_ *env, _ *client, s *sio.Socket) { s.Disconnect(false) }, sio.ReasonServerDisconnect, []string{`2/a,["last"]`, `1/a,`}, false},
		{"S5.11 kick and close", func(_ *env, _ *client, s *sio.Socket) { s.Disconnect(true) }, sio.ReasonServerDisconnect, []string{`2/a,["last"]`, `1/b,`, `1/a,`, "closed"}, true},
		{"S6.2 client", func(_ *env, c *client, _ *sio.Socket) { c.send(`1/a,`) }, sio.ReasonClientDisconnect, []string{`2/a,["last"]`}, false},
		{"S6.3 close", func(e *env, _ *client, _ *sio.Socket) { assert.NoError(e.t, e.srv.Close()) }, sio.ReasonShutdown, []string{`2/a,["last"]`, "closed"}, true},
		{"S6.3 shutdown", func(e *env, _ *client, _ *sio.Socket) {
			done := make(chan error)
			go func() { done <- e.srv.Shutdown(e.t.Context()) }()
			assert.NoError(e.t, <-done)
		}, sio.ReasonShutdown, []string{`2/a,["last"]`, "closed"}, true},
		{"S6.4 ping timeout", func(*env, *client, *sio.Socket) { time.Sleep(46 * time.Second) }, sio.ReasonPingTimeout, nil, true},
		{"S6.5 transport close", func(_ *env, c *client, _ *sio.Socket) { c.close() }, sio.ReasonTransportClose, nil, true},
		{"S6.6 ping from the client", func(_ *env, c *client, _ *sio.Socket) { c.queueRaw("2").flush() }, sio.ReasonTransportError, nil, true},
		{"S6.7 parse error", func(_ *env, c *client, _ *sio.Socket) { c.queueRaw("x").flush() }, sio.ReasonParseError, nil, true},
		{"S6.8 forced close", func(_ *env, c *client, _ *sio.Socket) { c.send(`x`) }, sio.ReasonForcedClose, []string{`2/a,["last"]`, "closed"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				a, b := e.srv.Of("a"), e.srv.Of("b")
				if tt.both {
					b.OnDisconnect(func(_ *sio.Socket, r sio.Reason) { assert.Equal(t, r, tt.reason) })
				}
				a.OnDisconnecting(func(s *sio.Socket, r sio.Reason) {
					e.seen.add("disconnecting %s %t %d %d", r, s.Connected(), len(s.Rooms()), a.Len())
				})
				a.OnDisconnect(func(s *sio.Socket, r sio.Reason) {
					e.seen.add("left %s %t %d %d", r, s.Connected(), len(s.Rooms()), a.Len())
				})
				c := e.dial()
				c.join("/b")
				s := a.Socket(c.join("/a"))
				s.OnDisconnecting(func(r sio.Reason) { e.seen.add("own disconnecting %s %t", r, s.InRoom("r")) })
				s.OnDisconnect(func(r sio.Reason) { e.seen.add("own left %s %t", r, s.InRoom("r")) })
				assert.NoError(t, s.Join("r"))
				synctest.Wait()
				e.seen.take()
				assert.NoError(t, s.Emit("last"))
				synctest.Wait()
				tt.end(e, c, s)

				r := string(tt.reason)
				seen := e.seen.settled()
				var own []string
				for _, line := range seen {
					if !strings.HasPrefix(line, "disconnect: ") && !strings.HasPrefix(line, "conn: ") {
						own = append(own, line)
					}
				}
				assert.Equal(t, own, []string{
					"disconnecting " + r + " true 2 1", "own disconnecting " + r + " true",
					"left " + r + " false 0 0", "own left " + r + " false"})
				assert.Equal(t, strings.Count(strings.Join(seen, "\n"), "disconnect: "+r), map[bool]int{false: 1, true: 2}[tt.both])
				c.want(tt.wire...)

				var cause *sio.DisconnectError
				assert.True(t, errors.As(context.Cause(s.Context()), &cause), "cause")
				assert.Equal(t, cause.Reason, tt.reason)
				assert.ErrorIs(t, s.Emit("x"), sio.ErrClosed)
				assert.ErrorIs(t, s.Join("x"), sio.ErrClosed)
				_, err := s.EmitWithAck(t.Context(), "x")
				assert.ErrorIs(t, err, sio.ErrClosed)
				s.Disconnect(false) // no-op
				assert.Equal(t, e.seen.settled(), nil)
				if !tt.both {
					c.send(`2/b,1["x"]`)
					c.join("/a")
				}
			})
		})
	}
}

// TestShutdown: handlers are awaited, queues are flushed, new clients refused.
func TestShutdown(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("slow", func(c ctx, s *sio.Socket, _ msg) error {
			<-c.Done()
			e.seen.add("cancelled: %v", context.Cause(c))
			time.Sleep(time.Second)
			e.seen.add("done")
			return nil
		})
		c := e.join()
		c.send(`2["slow"]`)
		synctest.Wait()
		e.seen.take()
		for range 100 {
			assert.NoError(t, e.srv.Emit("queued", strings.Repeat("x", 2000)))
		}
		start := time.Now()
		done := make(chan error)
		go func() { done <- e.srv.Shutdown(t.Context()) }()
		for range 100 {
			c.next()
		}
		c.want("closed")
		assert.NoError(t, <-done)
		assert.Equal(t, time.Since(start), time.Second)
		assert.Equal(t, e.seen.take(), []string{
			"cancelled: sio: disconnected: server shutting down", "done", "disconnect: server shutting down"})
		_, _, _, err := ws.Dialer{NetDial: e.net.DialContext}.Dial(t.Context(), "ws://mem.test/socket.io/?EIO=4&transport=websocket")
		assert.Error(t, err)
		assert.NoError(t, e.srv.Shutdown(t.Context())) // again
	})
}

// TestShutdownDeadline: ctx bounds the wait for handlers.
func TestShutdownDeadline(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("slow", func(ctx, *sio.Socket, msg) error { time.Sleep(time.Hour); return nil })
		c := e.join()
		c.send(`2["slow"]`)
		synctest.Wait()
		limited, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error)
		go func() { done <- e.srv.Shutdown(limited) }()
		c.want("closed")
		assert.ErrorIs(t, <-done, context.DeadlineExceeded)
		time.Sleep(time.Hour)
	})
}

func TestConfigPanics(t *testing.T) {
	t.Parallel()
	tests := map[string]func(){
		"hook":      func() { sio.NewServer(&sio.Config{Hooks: []sio.Hook{42}}) },
		"reserved":  func() { sio.NewServer(nil).On("disconnect", func(ctx, *sio.Socket, msg) error { return nil }) },
		"nil":       func() { sio.NewServer(nil).On("a", nil) },
		"OnSession": func() { sio.NewServer(withReceiver()) },
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() { assert.True(t, recover() != nil, "no panic") }()
			f()
		})
	}
}

// TestConnectHold: a client that is told that it is connected finds OnConnect done,
// unless that takes long.
func TestConnectHold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ takes, want time.Duration }{{0, 0}, {5 * time.Millisecond, 5 * time.Millisecond}, {time.Second, 20 * time.Millisecond}} {
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
				time.Sleep(test.takes)
				return s.Emit("joined")
			})
			c := e.dial()
			start := time.Now()
			c.send("0")
			c.next()
			assert.Equal(t, time.Since(start), test.want)
			c.want(`2["joined"]`)
			assert.Equal(t, time.Since(start), test.takes)
		})
	}
}
