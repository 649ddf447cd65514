// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestWebTransport_E7_1_E7_5_E7_8 opens a session: first of all the server waits.
func TestWebTransport_E7_1_E7_5_E7_8(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports, InitialPacket: newMessage("hi", "\x01")}, echo)
		c := h.webTransport("Origin", "https://example.com", "Cookie", "a=b")
		synctest.Wait()
		assert.Equal(t, h.srv.Count(), 0)
		c.send("0")
		m, err := c.read()
		assert.NoError(t, err)
		r := h.receiver()
		assert.Equal(t, m.data, `0{"sid":"`+r.session.ID()+`","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
		c.want("4hi") // E1.17
		c.wantBinary("\x01")
		(<-c.done).want(t, 200, "")
		assert.Equal(t, r.session.Transport(), engine.WebTransport)
		assert.Equal(t, r.session.Protocol(), 4)
		assert.Equal(t, r.session.Upgraded(), false)
		// JS differs: the request is known.
		q := r.session.Request()
		assert.Equal(t, q.URL().RequestURI(), "/engine.io/?a=b")
		assert.Equal(t, q.Host(), "example.com")
		assert.Equal(t, q.Header().Get("Cookie"), "a=b")
		assert.True(t, q.TLS() != nil && q.RemoteAddr() != "", "request %+v", q)
		assert.NoError(t, q.Context().Err())
		c.send("4a")
		c.want("4a")
		r.wantOpen()
	})
}

// TestWebTransportOnePacket opens a session and sends with the same write.
func TestWebTransportOnePacket(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports}, echo)
		c := h.webTransport()
		c.write(append(framed("0", false), framed("4a", false)...))
		_, err := c.read()
		assert.NoError(t, err)
		c.want("4a")
		// What a session has no use for is ignored.
		c.send("0")
		c.send("6")
		c.send("5")
		c.send("4b")
		c.want("4b")
	})
}

// TestWebTransportData_E7_3 sends packets of all lengths that need a header of their own.
func TestWebTransportData_E7_3(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports}, nil)
		c, r := h.openStream()
		for _, n := range []int{0, 1, 124, 125, 126, 65_534, 65_535, 65_536, 500_000} {
			data := strings.Repeat("x", n)
			c.send("4" + data)
			r.wantMessage(data, false)
			assert.NoError(t, r.send(data))
			c.want("4" + data)
			if n == 0 { // a packet of no length is not one
				continue
			}
			c.sendBinary(data)
			r.wantMessage(data, true)
			assert.NoError(t, r.send("with", data, "\x00"))
			c.want("4with")
			c.wantBinary(data)
			c.wantBinary("\x00")
		}
		c.send("4\xff!")
		r.wantMessage("\ufffd!", false)
		assert.NoError(t, r.session.Drain(t.Context()))
		r.wantOpen()
	})
}

// TestWebTransportChunks_E7_4 sends packets byte by byte, and all of them at once.
func TestWebTransportChunks_E7_4(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports}, nil)
		long := strings.Repeat("y", 300)
		var all []byte
		for _, p := range [][]byte{framed("4a", false), framed("\x01\x02", true), framed("4"+long, false), framed(long, true)} {
			all = append(all, p...)
		}
		for _, step := range []int{1, 2, 7, len(all)} {
			c := h.webTransport()
			for rest := append(framed("0", false), all...); len(rest) > 0; {
				n := min(step, len(rest))
				c.write(rest[:n])
				synctest.Wait()
				rest = rest[n:]
			}
			r := h.receiver()
			r.wantMessage("a", false)
			r.wantMessage("\x01\x02", true)
			r.wantMessage(long, false)
			r.wantMessage(long, true)
			r.wantOpen()
		}
	})
}

// TestWebTransportUpgrade_E1_16_E7_5_E7_6_E9_3 follows the trace of chapter 10.
func TestWebTransportUpgrade_E1_16_E7_5_E7_6_E9_3(t *testing.T) {
	bubble(t, func(t *testing.T) {
		upgraded := make(chan *engine.Session, 1)
		h := serve(t, engine.Config{Transports: allTransports, OnUpgrade: func(s *engine.Session) { upgraded <- s }}, echo)
		a := h.do(t.Context(), "GET", polled, nil)
		assert.True(t, strings.Contains(a.body, `"upgrades":["websocket","webtransport"]`), "upgrades of %s", a.body)
		r := h.receiver()
		sid := r.session.ID()
		c := h.webTransport()
		c.write(append([]byte{0x1f}, `0{"sid":"`+sid+`"}`...))
		c.write([]byte("\x062probe"))
		c.want("3probe")
		pending := h.getLater(sid)
		(<-pending).want(t, 200, "6")
		assert.NoError(t, r.send("a"))
		h.get(sid).want(t, 200, "4a")
		assert.Equal(t, r.session.Transport(), engine.Polling)

		// A second one is refused, as a WebSocket is, and the first goes on.
		second := h.webTransport()
		second.send(`0{"sid":"` + sid + `"}`)
		second.wantEnd()
		h.socket(direct + "&sid=" + sid).wantClose(0)

		assert.NoError(t, r.send("queued", "bin"))
		c.write([]byte("\x015"))
		c.want("4queued")
		c.wantBinary("bin")
		assert.Equal(t, <-upgraded, r.session)
		assert.Equal(t, r.session.Transport(), engine.WebTransport)
		assert.Equal(t, r.session.Upgraded(), true)
		h.get(sid).want(t, 400, mismatch)
		third := h.webTransport()
		third.send(`0{"sid":"` + sid + `"}`)
		third.wantEnd()
		c.send("4c")
		c.want("4c")
		r.wantOpen()
		assert.Equal(t, h.srv.Count(), 1)
	})
}

// TestWebTransportUpgradeAtOnce sends the whole upgrade, and more, with one write.
func TestWebTransportUpgradeAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: allTransports}, echo)
		sid, _ := h.poll()
		c := h.webTransport()
		c.write(bytes.Join([][]byte{
			framed(`0{"sid":"`+sid+`"}`, false), framed("2probe", false), framed("5", false), framed("4a", false), framed("\x05", true),
		}, nil))
		c.want("3probe")
		c.want("4a")
		c.wantBinary("\x05")
	})
}

// TestWebTransportValues hands the session what a middleware has found out, but not what
// only the request needs.
func TestWebTransportValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type key struct{}
		h := serve(t, engine.Config{Transports: allTransports}, nil)
		h.srv.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Early", "1")
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "value")))
			})
		})
		c, r := h.openStream()
		assert.Equal(t, r.session.Request().Context().Value(key{}), any("value"))
		assert.Equal(t, (<-c.done).header.Get("X-Early"), "1")
	})
}
