// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestWebTransportOpening_E7_2_E7_5 closes streams whose first packet is not what it has to
// be, and tells OnRequestError why.
func TestWebTransportOpening_E7_2_E7_5(t *testing.T) {
	t.Parallel()
	first := func(p []byte) func(*stream) { return func(c *stream) { c.write(p) } }
	for _, tt := range []struct {
		name  string
		run   func(*stream)
		after time.Duration
		code  engine.Code
		key   string
		value any
	}{
		{"no first packet", func(*stream) {}, 3 * time.Second, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"half a header", first([]byte{0x7e, 0}), 3 * time.Second, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"half a packet", first([]byte("\x1f0{")), 3 * time.Second, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"the end", func(c *stream) { _ = c.conn.CloseWrite() }, 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"the end within a packet", func(c *stream) { c.write([]byte("\x1f0{")); _ = c.conn.CloseWrite() }, 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"another packet", first(framed("4hello", false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"a probe", first(framed("2probe", false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"parse error", first(framed("abc", false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"binary", first(framed("0", true)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"empty", first(framed("", false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"oversize", first([]byte("\x7e\xff\xff")), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"oversize beyond all", first([]byte("\x7f\xff\xff\xff\xff\xff\xff\xff\xff")), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"unknown sid", first(framed(`0{"sid":"tobi"}`, false)), 0, engine.CodeSessionUnknown, "sid", "tobi"},
		{"malformed JSON", first(framed(`0{"sid":`, false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"sid is a number", first(framed(`0{"sid":123}`, false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"sid is empty", first(framed(`0{"sid":""}`, false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"no sid", first(framed(`0{}`, false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
		{"null", first(framed(`0null`, false)), 0, engine.CodeBadRequest, "name", "TRANSPORT_HANDSHAKE_ERROR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var refused []*engine.RequestError
				h := serve(t, engine.Config{
					Transports: allTransports, UpgradeTimeout: 3 * time.Second,
					OnRequestError: func(_ *http.Request, e *engine.RequestError) { refused = append(refused, e) },
				}, nil)
				c := h.webTransport()
				start := time.Now()
				tt.run(c)
				c.wantEnd()
				assert.Equal(t, time.Since(start), tt.after)
				assert.Equal(t, (<-c.done).status, 200)
				assert.Equal(t, len(refused), 1)
				assert.Equal(t, refused[0].Code, tt.code)
				assert.Equal(t, refused[0].Context[tt.key], tt.value)
				assert.Equal(t, h.srv.Count(), 0)
			})
		})
	}
}

// TestWebTransportTimeout_E7_2 has one limit for the stream and its first packet.
func TestWebTransportTimeout_E7_2(t *testing.T) {
	t.Parallel()
	t.Run("no stream", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, nil)
			start := time.Now()
			c := h.webTransportAfter(time.Hour)
			assert.Equal(t, (<-c.done).status, 504) // by accept
			assert.Equal(t, time.Since(start), 10*time.Second)
			c.wantEnd()
		})
	})
	t.Run("late stream, no packet", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, nil)
			start := time.Now()
			c := h.webTransportAfter(8 * time.Second)
			c.wantEnd()
			assert.Equal(t, time.Since(start), 10*time.Second)
		})
	})
	t.Run("late stream, late packet", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, echo)
			c := h.webTransportAfter(8 * time.Second)
			time.Sleep(9 * time.Second)
			c.send("0")
			_, err := c.read()
			assert.NoError(t, err)
			r := h.receiver()
			time.Sleep(10 * time.Second) // the limit is gone
			c.send("4a")
			c.want("4a")
			r.wantOpen()
		})
	})
}

// TestWebTransportLimits_E7_4 ends sessions whose peer sends a packet of no length, or of
// one beyond the limit.
func TestWebTransportLimits_E7_4(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		limit int64
		sent  []byte
	}{
		{"empty", 100, framed("", false)},
		{"empty binary", 100, framed("", true)},
		{"beyond the limit", 100, framed(string(make([]byte, 101)), true)},
		{"header alone", 100, []byte{0x7f, 0, 0, 0, 0, 0x7f, 0, 0, 0}},
		{"beyond 2^63", -1, []byte("\x7f\xff\xff\xff\xff\xff\xff\xff\xff")},
		{"2^53", -1, []byte{0x7f, 0, 0x20, 0, 0, 0, 0, 0, 0}},
		{"unknown type", 100, framed("abc", false)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{Transports: allTransports, MaxPayloadBytes: tt.limit}, nil)
				c, r := h.openStream()
				c.write(bytes.Join([][]byte{framed("4"+string(make([]byte, 99)), false), tt.sent, framed("4late", false)}, nil))
				r.wantMessage(string(make([]byte, 99)), false)
				<-r.ended
				assert.Equal(t, r.reason, engine.ReasonParseError)
				assert.Equal(t, len(r.got), 0)
				c.wantEnd()
			})
		})
	}
}

// TestWebTransportUpgradeFails_E7_6_E9_5_E9_6 breaks upgrades off: the session goes on
// polling, and may be upgraded later.
func TestWebTransportUpgradeFails_E7_6_E9_5_E9_6(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		run   func(c *stream)
		after time.Duration
	}{
		{"other packet", func(c *stream) { c.send("4hello") }, 0},
		{"wrong probe", func(c *stream) { c.send("2wrong") }, 0},
		{"binary", func(c *stream) { c.sendBinary("5") }, 0},
		{"parse error", func(c *stream) { c.send("abc") }, 0},
		{"empty packet", func(c *stream) { c.send("") }, 0},
		{"oversize", func(c *stream) { c.write([]byte{0x7f, 0, 0, 0, 0x7f, 0, 0, 0, 0}) }, 0},
		{"closed", func(c *stream) { _ = c.conn.CloseWrite() }, 0},
		{"timeout", func(*stream) {}, 10 * time.Second},
		{"timeout after the probe", func(c *stream) { c.send("2probe"); c.want("3probe") }, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{Transports: allTransports}, echo)
				sid, r := h.poll()
				c := h.webTransport()
				start := time.Now()
				c.send(`0{"sid":"` + sid + `"}`)
				tt.run(c)
				c.wantEnd()
				assert.Equal(t, time.Since(start), tt.after)
				synctest.Wait()
				c = h.probeStream(sid)
				c.send("5")
				c.send("4b")
				c.want("4b")
				r.wantOpen()
			})
		})
	}
	t.Run("a session that does not poll", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, echo)
			first, r := h.openStream()
			c := h.webTransport()
			c.send(`0{"sid":"` + r.session.ID() + `"}`)
			c.wantEnd()
			first.send("4a")
			first.want("4a")
		})
	})
	t.Run("B9: disabled", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports, DisableUpgrades: true}, echo)
			a := h.do(t.Context(), "GET", polled, nil)
			assert.True(t, bytes.Contains([]byte(a.body), []byte(`"upgrades":[]`)), "upgrades of %s", a.body)
			r := h.receiver()
			c := h.webTransport()
			c.send(`0{"sid":"` + r.session.ID() + `"}`)
			c.wantEnd()
			r.wantOpen()
		})
	})
	t.Run("E9.7: closed while it probes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, nil)
			sid, r := h.poll()
			c := h.probeStream(sid)
			assert.NoError(t, r.send("a"))
			r.session.Close() // waits for the switch
			c.send("5")
			c.want("4a")
			c.wantEnd()
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
}
