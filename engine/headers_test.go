// SPDX-License-Identifier: MIT

package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestCookie_E11_12_E5_14 checks the cookie of a handshake, and that nothing else has one.
func TestCookie_E11_12_E5_14(t *testing.T) {
	t.Parallel()
	changed := func(change func(c *http.Cookie)) func(*http.Request, string) *http.Cookie {
		return func(r *http.Request, sid string) *http.Cookie {
			c := engine.DefaultCookie(r, sid)
			change(c)
			return c
		}
	}
	tests := []struct {
		name   string
		cookie func(*http.Request, string) *http.Cookie
		want   string // SID stands for the id; "" is none
	}{
		{"none by default", nil, ""},
		{"default", engine.DefaultCookie, "io=SID; Path=/; HttpOnly; SameSite=Lax"},
		{"name", changed(func(c *http.Cookie) { c.Name = "woot" }), "woot=SID; Path=/; HttpOnly; SameSite=Lax"},
		{"path", changed(func(c *http.Cookie) { c.Path = "/custom" }), "io=SID; Path=/custom; HttpOnly; SameSite=Lax"},
		{"no path", changed(func(c *http.Cookie) { c.Path = "" }), "io=SID; HttpOnly; SameSite=Lax"},
		{"strict", changed(func(c *http.Cookie) { c.SameSite = http.SameSiteStrictMode }), "io=SID; Path=/; HttpOnly; SameSite=Strict"},
		{"not http only", changed(func(c *http.Cookie) { c.HttpOnly = false }), "io=SID; Path=/; SameSite=Lax"},
		{"the rest", changed(func(c *http.Cookie) {
			c.Domain, c.MaxAge, c.Secure, c.Partitioned = "example.com", 60, true, true
		}), "io=SID; Path=/; Domain=example.com; Max-Age=60; HttpOnly; Secure; SameSite=Lax; Partitioned"},
		{"nil", func(*http.Request, string) *http.Cookie { return nil }, ""},
		{"invalid name", changed(func(c *http.Cookie) { c.Name = "a b" }), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{Cookie: tt.cookie}, nil)
				want := func(a answer, sid string) {
					t.Helper()
					var want []string
					if tt.want != "" {
						want = []string{strings.ReplaceAll(tt.want, "SID", sid)}
					}
					assert.Equal(t, a.header.Values("Set-Cookie"), want)
				}
				a := h.do(t.Context(), "GET", polled, nil)
				sid := h.receiver().session.ID()
				want(a, sid)
				none := []string(nil)
				assert.Equal(t, h.post(sid, "4a").header.Values("Set-Cookie"), none)
				assert.Equal(t, h.get("tobi").header.Values("Set-Cookie"), none)
				_, a = h.upgrade("GET", direct+"&sid="+sid, "")
				assert.Equal(t, a.status, 101)
				assert.Equal(t, a.header.Values("Set-Cookie"), none)
				_, a = h.upgrade("GET", direct, "")
				want(a, h.receiver().session.ID())
			})
		})
	}
}

// TestHeaderHooks_E6_3_E6_4 counts which responses have the fields of which hook.
func TestHeaderHooks_E6_3_E6_4(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{
			Cookie: engine.DefaultCookie,
			OnInitialHeaders: func(h http.Header, r *http.Request) {
				h.Add("X-Order", "initial")
				h.Set("X-Query", r.URL.RawQuery)
				assert.True(t, h.Get("Set-Cookie") != "", "no cookie yet")
			},
			OnHeaders: func(h http.Header, _ *http.Request) {
				h.Add("X-Order", "headers")
				h.Set("X-Split", "a\r\nX-Injected: 1")
				h.Del("X-Middleware")
			},
		}, nil)
		h.srv.Use(before(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Middleware", "1") }))
		want := func(a answer, status int, order ...string) {
			t.Helper()
			assert.NoError(t, a.err)
			assert.Equal(t, a.status, status)
			assert.Equal(t, a.header.Values("X-Order"), order)
			assert.Equal(t, a.header.Get("X-Injected"), "")
			assert.Equal(t, a.header.Get("X-Middleware") == "1", len(order) == 0)
		}
		a := h.do(t.Context(), "GET", polled, nil)
		want(a, 200, "initial", "headers")
		assert.Equal(t, a.header.Get("X-Query"), polled)
		r := h.receiver()
		sid := r.session.ID()
		want(h.post(sid, "4a"), 200, "headers")
		assert.NoError(t, r.send("a"))
		want(h.get(sid), 200, "headers")
		_, a = h.upgrade("GET", direct+"&sid="+sid, "")
		want(a, 101, "headers")
		_, a = h.upgrade("GET", direct, "")
		want(a, 101, "initial", "headers")
		assert.Equal(t, a.header.Get("X-Query"), direct)
		want(h.get("tobi"), 400)
		_, a = h.upgrade("GET", direct+"&sid=tobi", "")
		want(a, 400)
	})
}

// TestResponseFields_E5_7 lets a hook set the fields that the switch of protocols needs
// for itself: it has the last word.
func TestResponseFields_E5_7(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{OnHeaders: func(h http.Header, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				return
			}
			for _, name := range []string{"Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Accept"} {
				h.Set(name, "5")
			}
			h.Set("X-Other", "1")
		}}, echo)
		c, a := h.upgrade("GET", direct, "")
		assert.Equal(t, a.status, 101)
		assert.Equal(t, a.header.Values("Upgrade"), []string{"websocket"})
		assert.Equal(t, a.header.Values("Connection"), []string{"Upgrade"})
		assert.Equal(t, a.header.Values("Sec-Websocket-Accept"), []string{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="})
		assert.Equal(t, a.header.Values("Content-Length"), []string(nil))
		assert.Equal(t, a.header.Get("X-Other"), "1")
		assert.True(t, strings.HasPrefix(c.text(), "0{"), "no open packet")
		c.send("4a")
		c.want("4a")
	})
}
