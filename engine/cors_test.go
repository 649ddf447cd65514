// SPDX-License-Identifier: MIT

package engine_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

const page = "https://page.example"

// corsFields returns the fields of CORS and Vary, each as "name: value", without the prefix
// that all have.
func corsFields(h http.Header) []string {
	fields := []string{}
	for _, name := range []string{"Allow-Origin", "Allow-Credentials", "Allow-Methods", "Allow-Headers", "Expose-Headers", "Max-Age"} {
		for _, v := range h.Values("Access-Control-" + name) {
			fields = append(fields, name+": "+v)
		}
	}
	for _, v := range h.Values("Vary") {
		fields = append(fields, "Vary: "+v)
	}
	return fields
}

// TestCORS_E6_5_E6_6_E6_7_E6_8_B19 asks with a preflight request, then really, over both
// transports.
func TestCORS_E6_5_E6_6_E6_7_E6_8_B19(t *testing.T) {
	t.Parallel()
	const (
		vary   = "Vary: Origin"
		varies = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
		put    = "Allow-Methods: PUT"
		asked  = "Allow-Headers: x-one,x-two"
		star   = "Allow-Origin: *"
		same   = "Allow-Origin: " + page
		creds  = "Allow-Credentials: true"
	)
	tests := []struct {
		name      string
		cors      engine.CORS
		preflight []string // what follows varies
		actual    []string
		open      bool // a WebSocket may be opened
	}{
		{"E6.5 defaults", engine.CORS{}, []string{star, put, asked}, []string{star}, true},
		{"E6.6 star", engine.CORS{Origins: []string{"*"}}, []string{star, put, asked}, []string{star}, true},
		{"E6.6 one", engine.CORS{Origins: []string{page}}, []string{same, put, asked}, []string{same}, true},
		{"E6.6 case", engine.CORS{Origins: []string{"https://PAGE.example"}}, []string{same, put, asked}, []string{same}, true},
		{"E6.6 list", engine.CORS{Origins: []string{"https://other.example", page}}, []string{same, put, asked}, []string{same}, true},
		{"E6.6 pattern", engine.CORS{Origins: []string{"https://*.example"}}, []string{same, put, asked}, []string{same}, true},
		{
			"E6.6 function", engine.CORS{Origins: []string{"https://other.example"}, AllowOrigin: func(r *http.Request, origin string) bool {
				return r != nil && origin == page
			}},
			[]string{same, put, asked}, []string{same}, true,
		},
		{"E6.7 all", engine.CORS{
			Origins: []string{page}, Credentials: true, Methods: []string{"GET", "POST", "PUT"}, AllowedHeaders: []string{"X-One", "X-Two"},
			ExposedHeaders: []string{"X-Out", "x-other"}, MaxAge: time.Minute,
		}, []string{same, creds, put, asked, "Max-Age: 60"}, []string{same, creds, "Expose-Headers: X-Out, X-Other"}, true},
		{"E6.8 credentials", engine.CORS{Credentials: true}, []string{same, creds, put, asked}, []string{same, creds}, true},
		{"E6.8 credentials and star", engine.CORS{Credentials: true, Origins: []string{"https://x.example", "*"}}, []string{same, creds, put, asked}, []string{same, creds}, true},
		{"E6.7 max age", engine.CORS{MaxAge: -1}, []string{star, put, asked, "Max-Age: 0"}, []string{star}, true},
		{"E6.7 method", engine.CORS{Methods: []string{"GET", "POST"}}, nil, []string{star}, true},
		{"E6.7 headers", engine.CORS{AllowedHeaders: []string{"X-One"}}, nil, []string{star}, true},
		{"B19 other", engine.CORS{Origins: []string{"https://other.example"}, Credentials: true}, nil, nil, false},
		{"B19 pattern", engine.CORS{Origins: []string{"http://*.example"}, Credentials: true}, nil, nil, false},
		{"B19 function", engine.CORS{AllowOrigin: func(*http.Request, string) bool { return false }}, nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{CORS: &tt.cors}, nil)
				want := func(what string, a answer, status int, fields ...string) {
					t.Helper()
					assert.NoError(t, a.err)
					assert.Equal(t, a.status, status)
					if got := corsFields(a.header); strings.Join(got, "\n") != strings.Join(fields, "\n") {
						t.Errorf("%s\n got: %q\nwant: %q", what, got, fields)
					}
				}
				a := h.do(t.Context(), "OPTIONS", polled, nil, "Origin", page,
					"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "x-one,x-two")
				want("preflight", a, 204, append(tt.preflight, varies)...)
				assert.Equal(t, a.body, "")
				actual := append(tt.actual, vary)
				want("OPTIONS without a method", h.do(t.Context(), "OPTIONS", "", nil, "Origin", page), 204, actual...)
				want("error", h.do(t.Context(), "GET", direct, nil, "Origin", page), 400, actual...)
				sid, r := h.poll() // from nowhere
				want("session", h.do(t.Context(), "POST", polled+"&sid="+sid, strings.NewReader("4a"), "Origin", page), 200, actual...)
				want("PUT", h.do(t.Context(), "PUT", polled+"&sid=tobi", nil), 400, vary)
				_, a = h.upgrade("GET", direct, "", "Origin", page)
				if tt.open {
					want("WebSocket", a, 101, actual...)
				} else {
					want("WebSocket", a, 400, actual...)
				}
				want("own page", h.do(t.Context(), "GET", polled+"&sid=tobi", nil), 400, vary)
				_, a = h.upgrade("GET", direct, "", "Origin", "http://example.com")
				assert.Equal(t, a.status, 101)
				r.wantOpen()
			})
		})
	}
}

// TestNoCORS_E1_10_E6_5 has nothing of it without Config.CORS.
func TestNoCORS_E1_10_E6_5(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		a := h.do(t.Context(), "OPTIONS", polled, nil, "Origin", page, "Access-Control-Request-Method", "GET")
		a.want(t, 400, `{"code":2,"message":"Bad handshake method"}`)
		assert.Equal(t, corsFields(a.header), []string{})
		a = h.do(t.Context(), "GET", polled, nil)
		assert.Equal(t, a.status, 200)
		assert.Equal(t, corsFields(a.header), []string{})
	})
}

// TestCORSAndCheckOrigin lets CheckOrigin decide if there is one.
func TestCORSAndCheckOrigin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{CORS: &engine.CORS{}, CheckOrigin: func(*http.Request) bool { return false }}, nil)
		a := h.do(t.Context(), "GET", polled, nil, "Origin", page)
		a.want(t, 403, `{"code":4,"message":"Forbidden"}`)
		assert.Equal(t, a.header.Get("Access-Control-Allow-Origin"), "*") // the page may read why
	})
}

// TestCORSInvalidOrigin_E1_8 repeats no such origin. It calls the handler itself:
// net/http lets no such header pass.
func TestCORSInvalidOrigin_E1_8(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"a\x00", "\x7f", "http://example.com\n", "\x1f"} {
		for _, method := range []string{"GET", "OPTIONS"} {
			srv := engine.NewServer(&engine.Config{
				CORS:      &engine.CORS{Credentials: true},
				OnSession: func(s *engine.Session) engine.Receiver { return newReceiver(t, s) },
			})
			r := httptest.NewRequest(method, "http://example.com/?"+polled, nil)
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", "GET")
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, r)
			assert.Equal(t, w.Code, 400)
			assert.Equal(t, w.Body.String(), `{"code":3,"message":"Bad request"}`)
			assert.Equal(t, corsFields(w.Header()), []string{})
			assert.NoError(t, srv.Close())
		}
	}
}
