// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// collect writes down the events "n" that the server gets.
func (e *env) collect(ns *sio.Namespace) {
	sio.On(ns, "n", func(_ context.Context, _ *sio.Socket, n int) error {
		e.log.add("got %d", n)
		return nil
	})
}

func TestBuffer_C3_11(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.collect(e.srv.Of("/"))
		e.manager(client.Config{BufferPackets: 3, BufferBytes: 1000}, func(m *client.Manager) {
			s := m.Socket("/", nil)
			s.OnAnyOutgoing(func(event string, args []any) { e.hooked.add("sent %s %v", event, args) })
			for n := range 3 {
				assert.NoError(t, s.Emit("n", n))
			}
			assert.ErrorIs(t, s.Emit("n", 3), client.ErrBufferFull)
			e.want() // told when it is sent (C3.18)
			e.connect(s)
			assert.NoError(t, s.Emit("n", 4))
			synctest.Wait()
			e.isDown(true)
			synctest.Wait()
			e.log.take()
			e.hooked.take()
			assert.NoError(t, s.Emit("n", 5))
			assert.ErrorIs(t, s.Emit("n", string(make([]byte, 1000))), client.ErrBufferFull)
			assert.NoError(t, s.Volatile().Emit("n", 6)) // dropped (C3.12)
			assert.NoError(t, s.Emit("n", 7))
			e.isDown(false)
			time.Sleep(10 * second)
			e.want("got 5", "got 7")
			e.wantHooks("sent n [5]", "sent n [7]")
		})
	})
}

// What is emitted before and after the connection keeps its order.
func TestOrder(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var got []int
		sio.On(e.srv, "n", func(_ context.Context, _ *sio.Socket, n int) error {
			got = append(got, n)
			return nil
		})
		e.manager(client.Config{}, func(m *client.Manager) {
			s := m.Socket("/", nil)
			n := 0
			for range 100 {
				assert.NoError(t, s.Emit("n", n))
				n++
			}
			s.Open()
			for range 400 { // across the opening and the upgrade
				time.Sleep(time.Millisecond)
				assert.NoError(t, s.Emit("n", n))
				n++
			}
			synctest.Wait()
			assert.Equal(t, len(got), n)
			for i, v := range got {
				assert.Equal(t, v, i)
			}
		})
	})
}

func TestVolatile_C3_12(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.collect(e.srv.Of("/"))
		e.manager(overWebSocket(), func(m *client.Manager) {
			s := m.Socket("/", nil)
			assert.NoError(t, client.Emit(s.Volatile(), client.Event[int]("n"), 1))
			e.connect(s)
			e.want()
			assert.NoError(t, s.Volatile().Emit("n", 2)) // idle: it goes
			e.want("got 2")
		})
	})
}

func TestInvalid_C3_10(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.socket(client.Config{}, func(s *client.Socket) {
			e.connect(s)
			for _, event := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
				err := s.Emit(event)
				_, ok := errors.AsType[*packet.ReservedError](err)
				assert.True(t, ok, "%s: %v", event, err)
			}
			assert.Error(t, s.Emit("x", make(chan int)))
			_, err := s.EmitWithAck(t.Context(), "x", func() {})
			assert.Error(t, err)
			e.want("connect")
		})
	})
}

func TestTyped(t *testing.T) {
	t.Parallel()
	type chat struct {
		From, Text string
		Data       []byte
	}
	const (
		say     sio.Event[chat]                             = "say" // of either package
		add     client.Request[client.Args2[int, int], int] = "add"
		who     sio.Request[sio.None, string]               = "who"
		refuse  client.Request[client.None, string]         = "refuse"
		raw     client.Event[client.Args]                   = "raw"
		nothing client.Event[client.None]                   = "nothing"
	)
	for _, codec := range []packet.Codec{nil, msgpack.Codec{}} {
		run(t, sio.Config{Codec: codec}, func(t *testing.T, e *env) {
			sio.On(e.srv, say, func(_ context.Context, s *sio.Socket, c chat) error { return sio.Emit(s, say, c) })
			sio.Handle(e.srv, add, func(_ context.Context, _ *sio.Socket, v sio.Args2[int, int]) (int, error) { return v.A + v.B, nil })
			sio.Handle(e.srv, refuse, func(context.Context, *sio.Socket, sio.None) (string, error) {
				return "", &sio.ReplyError{Message: "no", Data: 1}
			})
			cfg := overWebSocket()
			cfg.Codec = codec
			e.manager(cfg, func(m *client.Manager) {
				s := m.Socket("/", nil)
				off := client.On(s, say, func(_ context.Context, _ *client.Socket, c chat) error {
					e.log.add("%s: %s %v", c.From, c.Text, c.Data)
					return nil
				})
				// The function of package sio does as well.
				sio.Handle(s, who, func(_ context.Context, s *client.Socket, _ sio.None) (string, error) { return "I am " + s.ID(), nil })
				client.On(s, raw, func(_ context.Context, _ *client.Socket, args client.Args) error {
					e.log.add("raw %d", args.Len())
					return nil
				})
				client.On(s, nothing, func(context.Context, *client.Socket, client.None) error { e.log.add("nothing"); return nil })
				e.connect(s)
				assert.NoError(t, client.Emit(s, say, chat{"me", "hello", []byte{1, 2}}))
				e.want("me: hello [1 2]")
				off()
				assert.NoError(t, sio.Emit(s, say, chat{}))
				e.want()
				sum, err := client.Ask(t.Context(), s, add, client.Args2[int, int]{A: 2, B: 3})
				assert.NoError(t, err)
				assert.Equal(t, sum, 5)
				_, err = sio.Ask(t.Context(), s, refuse, sio.None{})
				reply, ok := errors.AsType[*client.ReplyError](err)
				assert.True(t, ok && reply.Message == "no", "%v", err)
				name, err := sio.Ask(t.Context(), e.srv.Socket(s.ID()), who, sio.None{})
				assert.NoError(t, err)
				assert.Equal(t, name, "I am "+s.ID())
				assert.NoError(t, e.srv.Emit("raw", 1, 2, 3))
				assert.NoError(t, e.srv.Emit("nothing"))
				e.want("raw 3", "nothing")
			})
		})
	}
}

func TestHandlers_C3_17_C3_18(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		cfg.Hooks.HandlerError = func(_ *client.Socket, err error) { e.hooked.add("%v", err) }
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			e.connect(s)
			add := func(text string) client.Handler {
				return func(context.Context, *client.Socket, *client.Message) error { e.log.add("%s", text); return nil }
			}
			s.On("x", add("first"))
			off := s.On("x", add("second"))
			s.Once("x", add("once"))
			offAny := s.OnAny(add("any"))
			emit := func(want ...string) {
				t.Helper()
				assert.NoError(t, e.srv.Emit("x"))
				e.want(want...)
			}
			emit("any", "first", "second", "once")
			emit("any", "first", "second")
			off()
			off()
			emit("any", "first")
			offAny()
			emit("first")
			s.Off("x")
			emit()
			offOut := s.OnAnyOutgoing(func(event string, args []any) { e.log.add("out %s %v", event, args) })
			assert.NoError(t, s.Send("m", 1))
			e.want("out message [m 1]")
			offOut()
			assert.NoError(t, s.Compress(false).Emit("m"))
			e.want()

			s.On("x", func(_ context.Context, _ *client.Socket, m *client.Message) error {
				e.log.add("%t %v", m.HasAck(), m.Reply("a", 1))
				return m.Reply("b")
			})
			args, err := e.srv.Socket(s.ID()).EmitWithAck(t.Context(), "x")
			assert.NoError(t, err)
			assert.Equal(t, args.Len(), 2)
			e.want("true <nil>")
			emit("false client: no acknowledgement was asked for")
			e.wantHooks("client: already acknowledged", "client: no acknowledgement was asked for")
		})
	})
}

func TestPanic(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		cfg.Hooks = client.Hooks{
			HandlerError: func(_ *client.Socket, err error) {
				p, ok := errors.AsType[*client.PanicError](err)
				e.hooked.add("%t %v", ok && len(p.Stack) > 0, err)
			},
			Open: func() { panic("in a hook") },
		}
		e.socket(cfg, func(s *client.Socket) {
			s.On("x", func(context.Context, *client.Socket, *client.Message) error { panic("oh") })
			e.connect(s)
			assert.NoError(t, e.srv.Emit("x"))
			e.want("connect", "disconnect: io client disconnect")
			e.wantHooks("true client: panic: oh")
			e.connect(s)
			e.want("connect")
		})
	})
}

// A server that sends more than handlers can take is slowed down.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Engine: engine.Config{OutboxPackets: -1, OutboxBytes: -1}}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		cfg.DispatchQueue = 10
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			goOn := make(chan struct{})
			got := 0
			client.On(s, "n", func(_ context.Context, _ *client.Socket, n int) error {
				<-goOn
				assert.Equal(t, n, got)
				got++
				return nil
			})
			e.connect(s)
			const n = 4_000
			padding := strings.Repeat("x", 2000)
			for i := range n {
				assert.NoError(t, e.srv.Emit("n", i, padding))
			}
			synctest.Wait()
			waits := e.srv.Socket(s.ID()).Session().Buffered()
			assert.True(t, waits > 1<<20, "all was read: %d bytes wait", waits)
			close(goOn)
			synctest.Wait()
			assert.Equal(t, got, n)
		})
	})
}

// Arguments arrive as they are: null, false, dates as text (X1).
func TestValues(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		echo(e.srv)
		e.manager(client.Config{}, func(m *client.Manager) {
			s := m.Socket("/", nil)
			e.connect(s)
			at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
			args, err := s.EmitWithAck(t.Context(), "echo", nil, false, at, json.RawMessage(`{"a":[]}`), []int(nil))
			assert.NoError(t, err)
			want := []string{`null`, `false`, `"2026-11-22T10:00:00Z"`, `{"a":[]}`, `[]`}
			for i, w := range want {
				raw, _ := args.Raw(i)
				assert.Equal(t, string(raw), w)
			}
		})
	})
}

// A buffer that does not fit into the outbox leaves in pieces, and in order.
func TestFlushInPieces(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var got []int
		sio.On(e.srv, "n", func(_ context.Context, _ *sio.Socket, n int) error { got = append(got, n); return nil })
		cfg := overWebSocket()
		cfg.Engine.OutboxPackets = 7
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			for n := range 100 {
				assert.NoError(t, s.Emit("n", n))
			}
			_, err := s.Volatile().EmitWithAck(t.Context(), "n", 0)
			assert.ErrorIs(t, err, client.ErrDropped)
			e.connect(s)
			assert.NoError(t, s.Emit("n", 100))
			time.Sleep(5 * second)
			synctest.Wait()
			assert.Equal(t, len(got), 101)
			for i, n := range got {
				assert.Equal(t, n, i)
			}
		})
	})
}
