// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestShutdownTurns: a socket whose turn has not come is as alive as ever, while others are
// sent away and new clients are refused.
func TestShutdownTurns(t *testing.T) {
	t.Parallel()
	spread := sio.Config{Engine: engine.Config{ShutdownSpread: 20 * time.Second}}
	turns := func(t *testing.T, end func(e *env, done chan error)) {
		run(t, spread, func(t *testing.T, e *env) {
			e.srv.Of("late")
			e.srv.OnConnect(func(_ ctx, s *sio.Socket) error { return s.Join("all") })
			e.srv.On("ask", func(_ ctx, s *sio.Socket, m msg) error { return m.Reply(s.ID()) })
			var clients []*client
			for range 20 {
				clients = append(clients, e.join())
			}
			synctest.Wait()
			e.seen.take()
			done := make(chan error, 1)
			go func() { done <- e.srv.Shutdown(t.Context()) }()
			time.Sleep(7 * time.Second)
			assert.Equal(t, e.request("GET", "EIO=4&transport=polling", "").StatusCode, 503)
			left := e.srv.Sockets()
			assert.True(t, len(left) > 5 && len(left) < 20, "%d sockets are left", len(left))
			assert.NoError(t, e.srv.To("all").Emit("bye"))
			n := 0
			for _, c := range clients {
				got := c.next()
				if got == "closed" {
					continue
				}
				assert.Equal(t, got, `2["bye"]`)
				n++
				c.join("/late")
				c.send(`20["ask"]`)
				c.next()
			}
			assert.Equal(t, n, len(left))
			end(e, done)
			ends := 0
			for _, line := range e.seen.take() {
				if line != "connect" { // to "/late"
					assert.Equal(t, line, "disconnect: server shutting down")
					ends++
				}
			}
			assert.Equal(t, ends, len(clients)+n)
		})
	}
	t.Run("to the end", func(t *testing.T) {
		t.Parallel()
		turns(t, func(e *env, done chan error) {
			start := time.Now()
			assert.NoError(e.t, <-done)
			assert.True(e.t, time.Since(start) > 5*time.Second, "it has hurried")
		})
	})
	t.Run("Close meanwhile", func(t *testing.T) {
		t.Parallel()
		turns(t, func(e *env, done chan error) {
			start := time.Now()
			assert.NoError(e.t, e.srv.Close())
			assert.NoError(e.t, <-done)
			assert.Equal(e.t, time.Since(start), time.Duration(0))
			synctest.Wait()
		})
	})
}

// TestShutdownLimit: what is left when the context ends is told why, too.
func TestShutdownLimit(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Engine: engine.Config{ShutdownSpread: 20 * time.Second}}, func(t *testing.T, e *env) {
		for range 10 {
			e.join()
		}
		synctest.Wait()
		e.seen.take()
		limited, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		assert.ErrorIs(t, e.srv.Shutdown(limited), context.Canceled)
		synctest.Wait()
		lines := e.seen.take()
		assert.Equal(t, len(lines), 10)
		for _, line := range lines {
			assert.Equal(t, line, "disconnect: server shutting down")
		}
	})
}
