// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
)

func TestAck_C3_14_C3_15(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		echo(e.srv)
		e.srv.On("late", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
			go func() { time.Sleep(2 * second); _ = m.Reply("late") }()
			return nil
		})
		e.socket(overWebSocket(), func(s *client.Socket) {
			ask := func(limit time.Duration, event string) error {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, err := s.EmitWithAck(ctx, event, "x")
				return err
			}
			// While it waits for a connection, it is not sent after its time.
			assert.ErrorIs(t, ask(second, "echo"), context.DeadlineExceeded)
			e.connect(s)
			assert.NoError(t, ask(second, "echo"))
			assert.ErrorIs(t, ask(second, "never"), context.DeadlineExceeded)
			assert.ErrorIs(t, ask(second, "late"), context.DeadlineExceeded) // its answer is ignored
			time.Sleep(5 * second)
			assert.NoError(t, ask(3*second, "late"))

			done := make(chan error, 1)
			go func() { done <- ask(time.Hour, "never") }()
			synctest.Wait()
			e.isDown(true)
			err := <-done
			gone, ok := errors.AsType[*client.DisconnectError](err)
			assert.True(t, ok && gone.Reason == client.ReasonTransportClose, "%v", err)
			assert.ErrorIs(t, err, client.ErrClosed)
			// What waits survives.
			go func() { done <- ask(time.Hour, "echo") }()
			synctest.Wait()
			e.isDown(false)
			assert.NoError(t, <-done)
			// Disconnect: what was sent is given up.
			go func() { done <- ask(time.Hour, "never") }()
			synctest.Wait()
			s.Disconnect()
			assert.ErrorIs(t, <-done, client.ErrClosed)
			// Close: what waits is, too.
			go func() { done <- ask(time.Hour, "never") }()
			synctest.Wait()
			assert.NoError(t, s.Close())
			assert.ErrorIs(t, <-done, client.ErrClosed)
		})
	})
}

func TestAckTimeout_C3_14(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := overWebSocket()
		cfg.Socket.AckTimeout = 3 * second
		cfg.MaxPendingAcks = 1
		e.socket(cfg, func(s *client.Socket) {
			e.connect(s)
			start := time.Now()
			_, err := s.EmitWithAck(t.Context(), "never")
			assert.ErrorIs(t, err, client.ErrNoAnswer)
			assert.Equal(t, time.Since(start), 3*second)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				synctest.Wait()
				_, err := s.EmitWithAck(t.Context(), "never")
				assert.True(t, errors.Is(err, client.ErrTooManyAcks), "%v", err)
				cancel()
			}()
			_, err = s.EmitWithAck(ctx, "never")
			assert.ErrorIs(t, err, context.Canceled)
			_, err = s.EmitWithAck(ctx, "never")
			assert.ErrorIs(t, err, context.Canceled)
		})
	})
}

// A handler may ask the server that waits for it.
func TestAskWithin(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		echo(e.srv)
		cfg := overWebSocket()
		cfg.DispatchQueue = 1
		e.socket(cfg, func(s *client.Socket) {
			client.Handle(s, "twice", func(ctx context.Context, s *client.Socket, n int) (int, error) {
				m, err := client.Ask(ctx, s, client.Request[int, int]("echo"), n)
				return n + m, err
			})
			e.connect(s)
			to := e.srv.Socket(s.ID())
			for range 5 {
				assert.NoError(t, to.Emit("other"))
			}
			n, err := sio.Ask(t.Context(), to, sio.Request[int, int]("twice"), 21)
			assert.NoError(t, err)
			assert.Equal(t, n, 42)
		})
	})
}

func TestReplyTooLate(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.socket(overWebSocket(), func(s *client.Socket) {
			kept := make(chan *client.Message, 1)
			s.On("x", func(_ context.Context, _ *client.Socket, m *client.Message) error { kept <- m; return nil })
			e.connect(s)
			go func() { _, _ = e.srv.Socket(s.ID()).EmitWithAck(t.Context(), "x") }()
			m := <-kept
			e.cut()
			time.Sleep(10 * second)
			assert.True(t, s.Connected(), "not connected")
			assert.Error(t, m.Reply(make(chan int)))
			assert.ErrorIs(t, m.Reply(1), client.ErrClosed) // it would answer another question
		})
	})
}

func TestRetries_C3_16(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var lose atomic.Int32 // so many tries are not answered
		lose.Store(2)
		e.srv.On("n", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
			raw, _ := m.Args().Raw(0)
			e.log.add("got %s", raw)
			if lose.Add(-1) >= 0 {
				return nil
			}
			return m.Reply("ok")
		})
		cfg := overWebSocket()
		cfg.Socket = client.SocketConfig{Retries: 2, AckTimeout: second}
		cfg.Hooks.Dropped = func(_ *client.Socket, event string, err error) { e.hooked.add("dropped %s: %v", event, err) }
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", &cfg.Socket)
			assert.NoError(t, s.Emit("n", 1))
			assert.NoError(t, s.Emit("n", 2))
			e.connect(s)
			e.want("got 1") // one at a time
			time.Sleep(3 * second)
			e.want("got 1", "got 1", "got 2")
			lose.Store(3)
			_, err := s.EmitWithAck(t.Context(), "n", 3)
			assert.ErrorIs(t, err, client.ErrNoAnswer)
			lose.Store(3)
			assert.NoError(t, s.Emit("n", 4))
			args, err := s.EmitWithAck(t.Context(), "n", 5)
			assert.NoError(t, err)
			assert.Equal(t, args.Len(), 1)
			e.want("got 3", "got 3", "got 3", "got 4", "got 4", "got 4", "got 5")
			e.wantHooks("dropped n: client: not acknowledged in time")
			// Across a new connection.
			lose.Store(1)
			assert.NoError(t, s.Emit("n", 6))
			synctest.Wait()
			e.isDown(true)
			assert.NoError(t, s.Emit("n", 7))
			e.want("got 6")
			time.Sleep(3 * second) // nothing is counted while there is no connection
			e.isDown(false)
			time.Sleep(10 * second)
			e.want("got 6", "got 7")
			// Given up by its context, also on its way.
			lose.Store(1)
			ctx, cancel := context.WithTimeout(t.Context(), second/2)
			defer cancel()
			_, err = s.EmitWithAck(ctx, "n", 8)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NoError(t, s.Volatile().Emit("n", 9))
			e.want("got 8", "got 9")
		})
	})
}

func TestRetriesLimits(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		cfg := client.Config{BufferPackets: 2}
		cfg.Socket.Retries = 1
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", &cfg.Socket)
			assert.NoError(t, s.Emit("n", 1))
			assert.Error(t, s.Emit("n", make(chan int)))
			done := make(chan error, 1)
			go func() {
				_, err := s.EmitWithAck(t.Context(), "n", 2)
				done <- err
			}()
			synctest.Wait()
			assert.ErrorIs(t, s.Emit("n", 3), client.ErrBufferFull)
			assert.NoError(t, s.Close())
			assert.ErrorIs(t, <-done, client.ErrClosed)
			assert.ErrorIs(t, s.Emit("n", 4), client.ErrClosed)
		})
	})
}
