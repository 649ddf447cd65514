// SPDX-License-Identifier: MIT

package engine_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// The tests of this file prove rows of the catalogue that no other file is about.

// TestQuery_E1_4 keeps what is well formed of a query.
func TestQuery_E1_4(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		_, r, _ := h.open(polled + "&a=%zz&b=1;2&c=%C3%A9+d&e=1&e=2&f")
		q := r.session.Request().URL().Query()
		assert.Equal(t, q["a"], nil) // JS differs: "%zz"
		assert.Equal(t, q["b"], nil) // JS differs: "1;2"
		assert.Equal(t, q["c"], []string{"é d"})
		assert.Equal(t, q["e"], []string{"1", "2"})
		assert.Equal(t, q["f"], []string{""})
	})
}

// TestOrderOfChecks_E1_6 looks at which functions are called for which requests, and
// at which of two errors is told.
func TestOrderOfChecks_E1_6(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var calls []string
		called := func() []string {
			defer func() { calls = nil }()
			return calls
		}
		h := serve(t, engine.Config{
			CheckOrigin:  func(*http.Request) bool { calls = append(calls, "origin"); return true },
			AllowRequest: func(*http.Request) error { calls = append(calls, "allow"); return nil },
			GenerateID:   func(*http.Request) (string, error) { calls = append(calls, "id"); return engine.NewID(), nil },
		}, nil)
		origin := []string{"Origin", page}
		all := []string{"origin", "allow", "id"}

		a := h.do(t.Context(), "GET", polled, nil, origin...)
		assert.Equal(t, a.status, 200)
		assert.Equal(t, called(), all)
		r := h.receiver()
		sid := "&sid=" + r.session.ID()
		_, a = h.upgrade("GET", direct, "", origin...)
		assert.Equal(t, a.status, 101)
		assert.Equal(t, called(), all)

		// Nobody is asked about the requests of a session.
		assert.Equal(t, h.do(t.Context(), "POST", polled+sid, strings.NewReader("4a"), origin...).status, 200)
		assert.NoError(t, r.send("a"))
		assert.Equal(t, h.do(t.Context(), "GET", polled+sid, nil, origin...).status, 200)
		_, a = h.upgrade("GET", direct+sid, "", origin...)
		assert.Equal(t, a.status, 101)
		assert.Equal(t, called(), nil)

		for _, tt := range []struct {
			method, query string
			code          engine.Code
			want          []string
		}{
			{"POST", "transport=tobi&sid=tobi", engine.CodeTransportUnknown, nil},
			{"POST", "EIO=3&transport=polling&sid=tobi", engine.CodeSessionUnknown, nil},
			{"POST", "EIO=3&transport=websocket", engine.CodeBadHandshakeMethod, nil},
			{"GET", "EIO=3&transport=websocket", engine.CodeBadRequest, nil},
			{"GET", "EIO=3&transport=polling", engine.CodeUnsupportedVersion, []string{"origin", "allow"}},
		} {
			a := h.do(t.Context(), tt.method, tt.query, nil, origin...)
			assert.True(t, strings.HasPrefix(a.body, `{"code":`+string('0'+rune(tt.code))), "%s %s: %s", tt.method, tt.query, a.body)
			assert.Equal(t, called(), tt.want)
		}

		// Characters that no Origin has: net/http lets no such header pass.
		for query, code := range map[string]string{"EIO=4&transport=tobi": "0", polled + "&sid=tobi": "3"} {
			q := httptest.NewRequest("GET", "/?"+query, nil)
			q.Header.Set("Origin", "\x01")
			w := httptest.NewRecorder()
			h.srv.ServeHTTP(w, q)
			assert.True(t, strings.HasPrefix(w.Body.String(), `{"code":`+code), "%s: %s", query, w.Body)
		}
		assert.Equal(t, called(), nil)
	})
}

// TestNewIDCounter_E1_14 looks at the last three bytes of ids: they count.
func TestNewIDCounter_E1_14(t *testing.T) {
	t.Parallel()
	last := -1
	for range 100 { // other tests make ids meanwhile
		raw, err := base64.URLEncoding.DecodeString(engine.NewID())
		assert.NoError(t, err)
		assert.Equal(t, len(raw), 15)
		n := int(raw[12])<<16 | int(raw[13])<<8 | int(raw[14])
		assert.True(t, n > last && n < 1<<22, "%d after %d", n, last)
		last = n
	}
}

// TestRegistration_E1_19 looks at the server at each step of a handshake.
func TestRegistration_E1_19(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, open := range []func(*host){func(h *host) { h.poll() }, func(h *host) { h.connect() }} {
			var h *host
			var session *engine.Session
			var steps []string
			step := func(name string, known bool) {
				steps = append(steps, name)
				assert.Equal(t, h.srv.Session(session.ID()) == session, known)
				assert.Equal(t, h.srv.Count(), 1)
			}
			h = serve(t, engine.Config{
				OnInitialHeaders: func(http.Header, *http.Request) { step("initial headers", true) },
				OnHeaders:        func(http.Header, *http.Request) { step("headers", true) },
			}, func(r *receiver) {
				session = r.session
				step("session", false) // it is not yet found, but counts
			})
			assert.Equal(t, h.srv.Count(), 0)
			open(h)
			step("open", true)
			assert.Equal(t, steps, []string{"session", "initial headers", "headers", "open"})
		}
	})
}

// TestForwardedFor_E1_20 does not believe what anybody could write.
func TestForwardedFor_E1_20(t *testing.T) {
	t.Parallel()
	h := serveTCP(t, engine.Config{}, nil)
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip"} {
		a := h.do(t.Context(), "GET", polled, nil, name, "192.0.2.1")
		assert.Equal(t, a.status, 200)
		addr := h.receiver().session.Request().RemoteAddr()
		assert.True(t, strings.HasPrefix(addr, "127.0.0.1:"), "address %q", addr)
	}
}

// TestInSession_E2_9 breaks sessions: OnRequestError is about requests that are refused
// before a session sees them.
func TestInSession_E2_9(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxPayloadBytes: 10, OnRequestError: func(_ *http.Request, e *engine.RequestError) {
			t.Errorf("told of %v", e)
		}}, nil)
		sid, _ := h.poll()
		h.post(sid, "41234567890").want(t, 413, "")
		h.do(t.Context(), "POST", polled+"&sid="+sid, strings.NewReader("4"), "Content-Type", "application/octet-stream").want(t, 400, "")
		sid, _ = h.poll()
		pending := h.getLater(sid)
		h.get(sid).want(t, 400, "")
		(<-pending).want(t, 200, "1")
		sid, r := h.poll()
		h.post(sid, "abc").want(t, 200, "ok")
		<-r.ended
		c, r := h.connect()
		c.send("abc")
		<-r.ended
	})
}

// TestInvalidRun_E3_3 posts bytes that are not UTF-8.
func TestInvalidRun_E3_3(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		h.post(sid, "4a\xff\xfe\xfdb\x80c").want(t, 200, "ok")
		r.wantMessage("a\ufffdb\ufffdc", false) // JS differs: one for each byte
	})
}

// TestGarbage_E5_5 sends bytes that are no frames right after a handshake; the server
// goes on.
func TestGarbage_E5_5(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		other, _ := h.connect()
		for _, early := range []bool{false, true} {
			const garbage = "\xd0\xff\xfe garbage \x00\x01"
			inRequest, later := "", garbage
			if early {
				inRequest, later = garbage, ""
			}
			c, a := h.upgrade("GET", direct, inRequest)
			assert.Equal(t, a.status, 101)
			c.write([]byte(later))
			assert.True(t, strings.HasPrefix(c.text(), "0{"), "no open packet")
			c.wantClose(ws.StatusProtocolError)
			h.receiver().wantClosed(engine.ReasonTransportError, "protocol error")
		}
		other.send("4a")
		other.want("4a")
	})
}
