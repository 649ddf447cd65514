// SPDX-License-Identifier: MIT

package engine_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestWebTransportHeartbeat answers pings (E8.1), and then does not any more (E8.2).
func TestWebTransportHeartbeat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports}, nil)
		start := time.Now()
		c, r := h.openStream()
		for range 3 {
			c.want("2")
			c.send("3")
		}
		assert.Equal(t, time.Since(start), 75*time.Second)
		c.want("2")
		c.wantEnd()
		assert.Equal(t, time.Since(start), 120*time.Second)
		r.wantClosed(engine.ReasonPingTimeout, "")
	})
}

// TestWebTransportClosed_E7_7 ends sessions from either side. What was queued arrives
// before the end.
func TestWebTransportClosed_E7_7(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 1_000_000) // more than the connection holds
	for _, tt := range []struct {
		name   string
		run    func(t *testing.T, h *host, c *stream, r *receiver)
		reason engine.Reason
		err    string
	}{
		{"by the client", func(_ *testing.T, _ *host, c *stream, _ *receiver) { _ = c.conn.Close() }, engine.ReasonTransportClose, ""},
		{"end of the stream", func(_ *testing.T, _ *host, c *stream, _ *receiver) {
			_ = c.conn.CloseWrite()
			c.wantEnd()
		}, engine.ReasonTransportClose, ""},
		{"within a packet", func(_ *testing.T, _ *host, c *stream, _ *receiver) {
			c.write([]byte("\x054ab"))
			_ = c.conn.CloseWrite()
			c.wantEnd()
		}, engine.ReasonTransportClose, ""},
		{"close packet, B3", func(_ *testing.T, _ *host, c *stream, _ *receiver) { c.send("1"); c.wantEnd() }, engine.ReasonTransportClose, ""},
		{"by the server", func(_ *testing.T, _ *host, c *stream, r *receiver) { r.session.Close(); c.wantEnd() }, engine.ReasonForcedClose, ""},
		{"by the server, with packets queued", func(t *testing.T, _ *host, c *stream, r *receiver) {
			assert.NoError(t, r.send("a"))
			assert.NoError(t, r.send(big, "b"))
			assert.NoError(t, r.send("c"))
			r.session.Close()
			synctest.Wait()
			r.wantOpen()
			c.want("4a")
			c.want("4" + big)
			c.wantBinary("b")
			c.want("4c")
			c.wantEnd()
		}, engine.ReasonForcedClose, ""},
		{"Shutdown, with packets queued", func(t *testing.T, h *host, c *stream, r *receiver) {
			assert.NoError(t, r.send(big))
			done := make(chan error, 1)
			go func() { done <- h.srv.Shutdown(t.Context()) }()
			c.want("4" + big)
			c.wantEnd()
			assert.NoError(t, <-done)
		}, engine.ReasonForcedClose, ""},
		{"Close of the server, nothing read", func(t *testing.T, h *host, c *stream, r *receiver) {
			assert.NoError(t, r.send(big))
			assert.NoError(t, h.srv.Close())
			_, err := io.Copy(io.Discard, c.r)
			assert.NoError(t, err)
		}, engine.ReasonForcedClose, ""},
		{"E8.3: ping", func(_ *testing.T, _ *host, c *stream, _ *receiver) { c.send("2"); c.wantEnd() }, engine.ReasonTransportError, "heartbeat"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{Transports: allTransports}, nil)
				c, r := h.openStream()
				start := time.Now()
				tt.run(t, h, c, r)
				r.wantClosed(tt.reason, tt.err)
				assert.Equal(t, time.Since(start), time.Duration(0))
			})
		})
	}
}

// TestWebTransportSlowPeer ends a session whose peer reads nothing.
func TestWebTransportSlowPeer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports, OutboxBytes: 1 << 20}, nil)
		_, r := h.openStream()
		var err error
		for range 100 {
			if err = r.send(strings.Repeat("x", 100_000)); err != nil {
				break
			}
		}
		assert.ErrorIs(t, err, engine.ErrQueueFull)
		r.wantClosed(engine.ReasonSlowConsumer, "outbox full")
	})
}

// TestWebTransportPaused does not read while the session is paused.
func TestWebTransportPaused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports}, nil)
		c, r := h.openStream()
		r.session.Pause()
		c.send("4a")
		r.wantMessage("a", false)
		c.send("4b")
		synctest.Wait()
		assert.Equal(t, len(r.got), 0)
		r.session.Resume()
		r.wantMessage("b", false)
	})
}
