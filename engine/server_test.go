// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// wantRefused checks that a closed server takes no new sessions.
func (h *host) wantRefused() {
	h.t.Helper()
	h.do(h.t.Context(), "GET", polled, nil).want(h.t, 503, `{"code":4,"message":"Service unavailable"}`)
	_, a := h.upgrade("GET", direct, "")
	a.want(h.t, 503, "Service unavailable")
	client, server := memnet.Pipe()
	h.serveWebTransport(server, 0).want(h.t, 503, `{"code":4,"message":"Service unavailable"}`)
	_, _ = client.Close(), server.Close()
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
