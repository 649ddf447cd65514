// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// wantRefused checks that a closed server takes no new sessions.
func (h *host) wantRefused() {
	h.t.Helper()
	h.do(h.t.Context(), "GET", polled, nil).want(h.t, 503, `{"code":4,"message":"Service unavailable"}`)
	_, a := h.upgrade("GET", direct, "")
	a.want(h.t, 503, "Service unavailable")
}

// TestServerClose_E10_9 ends all sessions at once and drops what is queued.
func TestServerClose_E10_9(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, polls := h.poll()
		_, queued := h.poll()
		assert.NoError(t, queued.send("dropped"))
		_, closing := h.poll()
		assert.NoError(t, closing.send("dropped"))
		closing.session.Close()
		_, idle := h.connect()
		c, slow := h.connect()
		assert.NoError(t, slow.send(strings.Repeat("x", 200_000)))
		_, paused := h.connect()
		paused.session.Pause()
		upgrading, probed := h.poll()
		h.probe(upgrading)
		pending := h.getLater(sid)
		start := time.Now()
		assert.NoError(t, h.srv.Close())
		assert.True(t, time.Since(start) <= time.Second, "took %v", time.Since(start))
		(<-pending).want(t, 200, "1")
		for _, r := range []*receiver{polls, queued, closing, idle, slow, paused, probed} {
			r.wantClosed(engine.ReasonForcedClose, "")
		}
		drain(c)
		assert.Equal(t, h.srv.Count(), 0)
		h.wantRefused()
		assert.NoError(t, h.srv.Close())
		assert.NoError(t, h.srv.Shutdown(t.Context()))
	})
}

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

// TestServerClosedInOnSession closes the server while a session begins.
func TestServerClosedInOnSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var h *host
		h = serve(t, engine.Config{}, func(*receiver) { assert.NoError(t, h.srv.Close()) })
		assert.Equal(t, h.do(t.Context(), "GET", polled, nil).status, 503)
		h.receiver().wantClosed(engine.ReasonForcedClose, "")
	})
}

// TestLog checks that logs do not tell whole session ids, which are credentials.
func TestLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var buf bytes.Buffer
		h := serve(t, engine.Config{Logger: slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))}, nil)
		sid, r := h.poll()
		c := h.probe(sid)
		c.send("5")
		c.send("1")
		<-r.ended
		h.get(sid)
		assert.NoError(t, h.srv.Close())
		text := buf.String()
		for _, want := range []string{"session opened", "session upgraded", "session closed", "request refused", sid[14:]} {
			assert.True(t, strings.Contains(text, want), "no %q in the log", want)
		}
		assert.True(t, !strings.Contains(text, sid), "the log tells the session id:\n%s", text)
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
