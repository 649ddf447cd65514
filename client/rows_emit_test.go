// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// slow makes connections slow: 4 KiB take up to so long.
func (e *env) slow(delay time.Duration) {
	e.faulty = func() *fault {
		return &fault{rnd: rand.New(rand.NewPCG(1, 2)), piece: 4096, delay: delay, life: 1 << 30}
	}
}

// What is emitted when the server's ping is overdue is not lost, even in the moment in
// which the connection ends.
func TestOverdue_C3_11(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Engine: engine.Config{PingInterval: 5 * second, PingTimeout: 3 * second}}, func(t *testing.T, e *env) {
		e.collect(e.srv.Of("/"))
		e.manager(overWebSocket(), func(m *client.Manager) {
			s := m.Socket("/", nil)
			e.connect(s)
			synctest.Wait()
			e.stall()
			time.AfterFunc(8*second, func() {
				assert.True(t, s.Emit("n", 1) == nil, "an error")
				assert.True(t, s.Volatile().Emit("n", 2) == nil, "an error")
			})
			time.Sleep(20 * second)
			e.want("got 1")
		})
	})
}

// A busy connection drops volatile events, and says so to those who wait for an answer.
func TestBusy_C3_12(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.collect(e.srv.Of("/"))
		e.slow(second / 10)
		e.manager(overWebSocket(), func(m *client.Manager) {
			s := m.Socket("/", nil)
			e.connect(s)
			synctest.Wait()
			assert.NoError(t, s.Compress(false).Emit("large", make([]byte, 200<<10)))
			assert.NoError(t, s.Volatile().Emit("n", 1))
			_, err := s.Volatile().EmitWithAck(t.Context(), "n", 2)
			assert.ErrorIs(t, err, client.ErrDropped)
			assert.NoError(t, s.Emit("n", 3))
			time.Sleep(20 * second)
			assert.NoError(t, s.Volatile().Emit("n", 4))
			time.Sleep(20 * second)
			e.want("got 3", "got 4")
		})
	})
}

// An outbox that is full delays CONNECT, DISCONNECT and retries, but loses none of them.
func TestOutboxFull_C3_2_C3_8_C3_16(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.collect(e.srv.Of("/"))
		e.srv.On("n", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
			if m.HasAck() {
				return m.Reply()
			}
			return nil
		})
		other := e.srv.Of("/other")
		e.slow(second / 10)
		cfg := overWebSocket()
		cfg.Engine.OutboxPackets = 2
		cfg.Engine.NoCompression = true
		cfg.Hooks.Dropped = func(_ *client.Socket, event string, err error) { e.hooked.add("%s: %v", event, err) }
		e.manager(cfg, func(m *client.Manager) {
			s, o := m.Socket("/", nil), m.Socket("/other", nil)
			fill := func() {
				t.Helper()
				for range 10 {
					if s.Emit("large", strings.Repeat("x", 100<<10)) != nil {
						return
					}
					synctest.Wait()
				}
				t.Error("not full")
			}
			e.connect(s)
			fill()
			o.Open()
			o.Disconnect() // CONNECT waits, and goes out
			o.Open()
			time.Sleep(time.Minute)
			assert.True(t, o.Connected(), "CONNECT was lost")
			fill()
			o.Disconnect()
			o.Open()
			time.Sleep(time.Minute)
			assert.True(t, o.Connected() && s.Connected(), "the server did not understand")
			assert.Equal(t, other.Len(), 1)
			fill()
			o.Disconnect()
			time.Sleep(time.Minute)
			assert.Equal(t, other.Len(), 0)
			s.Disconnect()
		})
		retrying := client.SocketConfig{Retries: 1, AckTimeout: 30 * second}
		e.manager(cfg, func(m *client.Manager) {
			o, s := m.Socket("/other", nil), m.Socket("/", &retrying)
			e.connect(s)
			e.connect(o)
			for o.Emit("large", strings.Repeat("x", 100<<10)) == nil {
				synctest.Wait()
			}
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := s.EmitWithAck(ctx, "n", 1)
			assert.NoError(t, err)
			assert.True(t, time.Since(start) < 30*second, "only at the second try")
			e.wantHooks()
		})
	})
}

// An answer that the outbox has no room for may be given again.
func TestReplyAgain_C3_17(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.slow(second / 10)
		cfg := overWebSocket()
		cfg.Engine.OutboxPackets = 2
		cfg.Engine.NoCompression = true
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			s.On("x", func(_ context.Context, _ *client.Socket, m *client.Message) error {
				for s.Emit("large", strings.Repeat("x", 100<<10)) == nil {
					time.Sleep(time.Millisecond)
				}
				assert.ErrorIs(t, m.Reply(1), client.ErrBufferFull)
				time.Sleep(30 * second)
				assert.NoError(t, m.Reply(2))
				assert.ErrorIs(t, m.Reply(3), client.ErrReplied)
				return nil
			})
			e.connect(s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			args, err := e.srv.Socket(s.ID()).EmitWithAck(ctx, "x")
			assert.NoError(t, err)
			raw, _ := args.Raw(0)
			assert.Equal(t, string(raw), "2")
		})
	})
}

// Compress decides for each event.
func TestCompress_C3_13(t *testing.T) {
	t.Parallel()
	cfg := sio.Config{Engine: engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{}}}
	run(t, cfg, func(t *testing.T, e *env) {
		var sent atomic.Int64
		e.faulty = func() *fault {
			return &fault{rnd: rand.New(rand.NewPCG(1, 2)), piece: 1 << 20, life: 1 << 40, carried: &sent}
		}
		e.manager(overWebSocket(), func(m *client.Manager) {
			s := m.Socket("/", nil)
			e.connect(s)
			text := strings.Repeat("x", 100_000)
			bytes := func(to client.Emitter) int64 {
				synctest.Wait()
				before := sent.Load()
				assert.NoError(t, to.Emit("x", text))
				synctest.Wait()
				return sent.Load() - before
			}
			assert.True(t, bytes(s) < 10_000, "not compressed")
			assert.True(t, bytes(s.Compress(false)) > 100_000, "compressed")
			assert.True(t, bytes(s.Compress(false).Compress(true)) < 10_000, "not compressed")
		})
	})
}

// An event that the handler of OnConnect emits is sent once, in the queue of Retries too.
func TestEmitOnConnect_C3_4(t *testing.T) {
	t.Parallel()
	for _, cfg := range []client.SocketConfig{{}, {Retries: 3, AckTimeout: second}} {
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			sio.Handle(e.srv, "n", func(_ context.Context, _ *sio.Socket, n int) (sio.None, error) {
				e.log.add("got %d", n)
				return sio.None{}, nil
			})
			e.manager(overWebSocket(), func(m *client.Manager) {
				s := m.Socket("/", &cfg)
				n := 0
				s.OnConnect(func(context.Context) error { n++; return s.Emit("n", n) })
				assert.NoError(t, s.Emit("n", 0)) // what has waited comes first
				e.connect(s)
				time.Sleep(10 * second)
				e.cut()
				time.Sleep(10 * second)
				e.want("got 0", "got 1", "got 2")
			})
		})
	}
}

// However short the queue, reading goes on when it has been handled.
func TestPauseEnds(t *testing.T) {
	t.Parallel()
	for limit := 1; limit <= 3; limit++ {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				cfg := overWebSocket()
				cfg.DispatchQueue = limit
				e.manager(cfg, func(m *client.Manager) {
					s := m.Socket("/", nil)
					var got atomic.Int32
					s.On("x", func(context.Context, *client.Socket, *client.Message) error { got.Add(1); return nil })
					e.connect(s)
					to := e.srv.Socket(s.ID())
					for round := range 2000 {
						for range round % 4 {
							assert.NoError(t, to.Emit("x"))
						}
						if before := got.Load(); round%50 == 0 {
							_ = to.Emit("x")
							synctest.Wait()
							assert.True(t, got.Load() > before, "round %d: nothing is read", round)
						}
					}
				})
			})
		})
	}
}

// A handler that waits for an answer behind more events than may wait is not left alone
// with that for ever.
func TestAnswerNotRead(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Engine: engine.Config{OutboxPackets: -1, OutboxBytes: -1}}, func(t *testing.T, e *env) {
		echo(e.srv)
		cfg := overWebSocket()
		cfg.DispatchQueue = 1
		e.socket(cfg, func(s *client.Socket) {
			s.Once("x", func(_ context.Context, s *client.Socket, _ *client.Message) error {
				time.Sleep(second)
				_, err := s.EmitWithAck(context.Background(), "echo")
				e.log.add("%v", err)
				return nil
			})
			e.connect(s)
			padding := strings.Repeat("x", 2000)
			for range 1000 {
				assert.NoError(t, e.srv.Emit("x", padding))
			}
			time.Sleep(10 * time.Minute)
			e.want("connect", "client: disconnected: ping timeout", "disconnect: ping timeout", "connect")
		})
	})
}

// A handler that hangs does not make errors of connecting pile up.
func TestErrorsPileUp_C3_7(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.isDown(true)
		cfg := client.Config{DispatchQueue: 3, ReconnectionDelay: second, RandomizationFactor: -1}
		var told atomic.Int32
		goOn := make(chan struct{})
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			s.OnConnectError(func(error) { told.Add(1); <-goOn })
			s.Open()
			time.Sleep(time.Hour)
			s.Disconnect()
			close(goOn)
			synctest.Wait()
			assert.Equal(t, told.Load(), 4) // one was running
		})
	})
}

// Listeners of what is sent are told in time, also of events that have waited.
func TestOutgoing_C3_18(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		cfg.Engine.OutboxPackets = 3
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", nil)
			s.OnAnyOutgoing(func(event string, args []any) { e.log.add("%s %v", event, args) })
			for n := range 5 {
				assert.NoError(t, s.Emit("n", n))
			}
			e.connect(s)
			time.Sleep(second)
			e.want("n [0]", "n [1]", "n [2]", "n [3]", "n [4]")
			go func() { _, _ = s.EmitWithAck(t.Context(), "asked", []byte{1}) }()
			e.want("asked [[1]]")
			kept := make(chan *client.Message, 1)
			s.On("x", func(_ context.Context, _ *client.Socket, m *client.Message) error { kept <- m; return m.Reply(1) })
			_, err := e.srv.Socket(s.ID()).EmitWithAck(t.Context(), "x")
			assert.NoError(t, err)
			e.want() // not of answers
		})
	})
}
