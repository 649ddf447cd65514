// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestShutdown refuses new sessions, sends what is queued, and waits for it.
func TestShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, polls := h.poll()
		assert.NoError(t, polls.send("a"))
		c, slow := h.connect()
		long := strings.Repeat("x", 200_000)
		assert.NoError(t, slow.send(long))
		assert.NoError(t, slow.send("bye"))
		upgrading, probed := h.poll()
		assert.NoError(t, probed.send("b"))
		p := h.probe(upgrading)
		done := make(chan error, 1)
		go func() { done <- h.srv.Shutdown(t.Context()) }()
		synctest.Wait()
		h.wantRefused()
		assert.ErrorIs(t, slow.send("late"), engine.ErrClosed)
		h.get(sid).want(t, 200, "4a")
		h.get(sid).want(t, 200, "6\x1e1")
		p.send("5") // an upgrade under way may go on
		p.want("4b")
		p.wantGoodbye(0)
		synctest.Wait()
		assert.Equal(t, len(done), 0)
		c.want("4" + long)
		c.want("4bye")
		c.wantClose(0)
		synctest.Wait()
		assert.Equal(t, len(done), 0) // the peer has not answered
		c.write(closeAnswer)
		c.wantEnd()
		assert.NoError(t, <-done)
		for _, r := range []*receiver{polls, slow, probed} {
			r.wantClosed(engine.ReasonForcedClose, "")
		}
		assert.Equal(t, h.srv.Count(), 0)
		h.wantRefused()
	})
}

// TestShutdownDeadline ends what is left when ctx does.
func TestShutdownDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		_, polls := h.poll()
		_, slow := h.connect()
		assert.NoError(t, slow.send(strings.Repeat("x", 200_000)))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, h.srv.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Since(start), 10*time.Second)
		polls.wantClosed(engine.ReasonForcedClose, "")
		slow.wantClosed(engine.ReasonForcedClose, "")
		assert.Equal(t, h.srv.Count(), 0)
	})
}

// TestShutdownIdle has nothing to wait for.
func TestShutdownIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		start := time.Now()
		assert.NoError(t, h.srv.Shutdown(t.Context()))
		assert.Equal(t, time.Since(start), time.Duration(0))
		h.wantRefused()
	})
}

// TestShutdownTwice lets two callers wait for the same end.
func TestShutdownTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, _ := h.poll()
		done := make(chan error, 3)
		for range 2 {
			go func() { done <- h.srv.Shutdown(t.Context()) }()
		}
		synctest.Wait()
		assert.Equal(t, len(done), 0)
		h.get(sid).want(t, 200, "6\x1e1")
		assert.NoError(t, <-done)
		assert.NoError(t, <-done)
		// And a Close in the middle.
		h = serve(t, engine.Config{}, nil)
		_, r := h.poll()
		go func() { done <- h.srv.Shutdown(t.Context()) }()
		synctest.Wait()
		assert.NoError(t, h.srv.Close())
		assert.NoError(t, <-done)
		r.wantClosed(engine.ReasonForcedClose, "")
	})
}

// TestShutdownPolling does not wait long for a client that has gone (E3.19).
func TestShutdownPolling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		gone, gr := h.poll()
		sid, r := h.poll()
		assert.NoError(t, gr.send("lost"))
		assert.NoError(t, r.send("last"))
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- h.srv.Shutdown(t.Context()) }()
		synctest.Wait()
		h.get(sid).want(t, 200, "4last")
		h.get(sid).want(t, 200, "6\x1e1")
		r.wantClosed(engine.ReasonForcedClose, "")
		assert.NoError(t, <-done)
		assert.Equal(t, time.Since(start), 2*time.Second)
		gr.wantClosed(engine.ReasonForcedClose, "")
		h.get(gone).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
	})
}

// TestShutdownSpread closes sessions in batches, so that their clients do not all come back
// at once; those whose turn has not come go on.
func TestShutdownSpread(t *testing.T) {
	tests := []struct {
		name     string
		spread   time.Duration
		limit    time.Duration // of ctx; 0: none
		sessions int
		from, to time.Duration // how long the last session may live
		batches  int           // at least
	}{
		{"few at once", 0, 0, 100, 0, 0, 1},
		{"each a millisecond", 0, 0, 600, 400 * time.Millisecond, 700 * time.Millisecond, 4},
		{"as set", 4 * time.Second, 0, 40, 3 * time.Second, 4100 * time.Millisecond, 15},
		{"none", -1, 0, 600, 0, 0, 1},
		{"until ctx ends", time.Hour, 4 * time.Second, 40, 2200 * time.Millisecond, 3100 * time.Millisecond, 15},
		{"ctx has ended", time.Hour, -1, 40, 0, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{ShutdownSpread: tt.spread}, nil)
				start, last := time.Now(), new(atomic.Int64)
				moments := make(chan time.Duration, tt.sessions)
				for range tt.sessions {
					c, _ := h.connect()
					go func() {
						defer func() { moments <- time.Since(start) }()
						if f, err := c.read(); err == nil && f.Header.OpCode == 8 {
							last.Store(max(last.Load(), int64(time.Since(start))))
							_, _ = c.conn.Write(closeAnswer)
						}
						_, _ = c.read()
					}()
				}
				synctest.Wait()
				ctx := t.Context()
				if tt.limit != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				start = time.Now()
				done := make(chan error, 1)
				go func() { done <- h.srv.Shutdown(ctx) }()
				synctest.Wait()
				h.wantRefused()
				err := <-done
				if tt.limit >= 0 {
					assert.NoError(t, err)
				}
				seen := map[time.Duration]int{}
				for range tt.sessions {
					seen[<-moments]++
				}
				took := time.Duration(last.Load())
				assert.True(t, took >= tt.from && took <= tt.to, "the last was closed after %v", took)
				assert.True(t, len(seen) >= tt.batches, "closed in %d batches", len(seen))
				for _, n := range seen {
					assert.True(t, float64(n) <= math.Ceil(4*float64(tt.sessions)/float64(tt.batches)), "%d at once", n)
				}
			})
		})
	}
	t.Run("who waits goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{ShutdownSpread: time.Minute}, nil)
			var clients []*socket
			var receivers []*receiver
			for range 5 {
				c, r := h.connect()
				clients, receivers = append(clients, c), append(receivers, r)
			}
			start, done := time.Now(), make(chan error, 1)
			go func() { done <- h.srv.Shutdown(t.Context()) }()
			time.Sleep(200 * time.Millisecond)
			n := 0
			for i, r := range receivers {
				if r.closes.Load() > 0 {
					continue
				}
				if r.send("still here") == nil {
					n++
					clients[i].want("4still here")
					clients[i].send("4me too")
					r.wantMessage("me too", false)
				}
			}
			assert.True(t, n >= 3, "%d sessions go on", n)
			for _, c := range clients {
				_ = c.conn.Close()
			}
			synctest.Wait()
			assert.NoError(t, <-done)
			assert.True(t, time.Since(start) < time.Second, "Shutdown waits for nobody")
		})
	})
}
