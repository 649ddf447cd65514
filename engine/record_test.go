// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// opened serves over TCP and returns the sessions that were opened.
func opened(t *testing.T, use func(http.Handler) http.Handler, configure func(*http.Server)) (*httptest.Server, <-chan *engine.Session) {
	t.Helper()
	sessions := make(chan *engine.Session, 1)
	srv := engine.NewServer(&engine.Config{OnSession: func(s *engine.Session) engine.Receiver {
		sessions <- s
		return newReceiver(t, s)
	}})
	if use != nil {
		srv.Use(use)
	}
	server := httptest.NewUnstartedServer(srv)
	if configure != nil {
		configure(server.Config)
	}
	server.Start()
	t.Cleanup(func() {
		assert.NoError(t, srv.Close())
		server.Close()
	})
	return server, sessions
}

// TestRequestAsItCame compares what is remembered with what net/http and a middleware have
// left.
func TestRequestAsItCame_E1_20(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 1000)
	tests := []struct {
		name   string
		change func(r *http.Request)
	}{
		{"nothing changed", func(*http.Request) {}},
		{"fields", func(r *http.Request) {
			r.Header = http.Header{
				"Cookie": {"a=1", "", "b=2"}, "X-Empty": {}, "lower": {"\x00\xff"}, "": {"no name"},
				"X-Long": {long}, strings.Repeat("N", 300): {"x"}, "User-Agent": {"x"},
			}
		}},
		{"no header", func(r *http.Request) { r.Header = nil }},
		{"escaped path", func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a/b c", "/a%2fb c" }},
		{"whole URL", func(r *http.Request) {
			r.URL = &url.URL{Scheme: "http", Host: "h:1", User: url.UserPassword("u", "p"), Path: "/p", RawQuery: r.URL.RawQuery, Fragment: "f", ForceQuery: true}
			r.Host, r.RemoteAddr = "", "pipe"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var header http.Header
			var u url.URL
			var host, remote string
			server, sessions := opened(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					tt.change(r)
					header, u, host, remote = r.Header.Clone(), *r.URL, r.Host, r.RemoteAddr
					next.ServeHTTP(w, r)
				})
			}, nil)
			start := time.Now()
			res, err := http.Get(server.URL + "/engine.io/?" + polled + "&a=%20&b") //nolint:noctx // short
			assert.NoError(t, err)
			_ = res.Body.Close()
			r := (<-sessions).Request()
			if header == nil {
				header = http.Header{}
			}
			if values, ok := header["X-Empty"]; ok && values == nil {
				header["X-Empty"] = []string{} // Clone has it so
			}
			for range 2 { // each call makes something new
				assert.Equal(t, r.Header(), header)
				assert.Equal(t, *r.URL(), u)
				r.Header()["Cookie"] = []string{"changed"}
				r.URL().Path = "changed"
			}
			assert.Equal(t, r.Host(), host)
			assert.Equal(t, r.RemoteAddr(), remote)
			assert.True(t, r.TLS() == nil, "TLS")
			assert.True(t, !r.Time().Before(start.Truncate(0)) && !r.Time().After(time.Now()), "time %v", r.Time())
		})
	}
}

type connKey struct{}

// TestRequestContext: the values of net/http, of its hooks and of middlewares are there, and
// the end of the request is not.
func TestRequestContext(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bare", "with a value"} {
		for _, upgrade := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", WebSocket"}[upgrade], func(t *testing.T) {
				t.Parallel()
				want, user := any(nil), ""
				if name != "bare" {
					want, user = "eve", "eve"
				}
				var inside context.Context
				server, sessions := opened(t, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if user != "" {
							r = r.WithContext(context.WithValue(r.Context(), userKey{}, user))
						}
						inside = r.Context()
						next.ServeHTTP(w, r)
					})
				}, func(s *http.Server) {
					s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
						return context.WithValue(ctx, connKey{}, "of the connection")
					}
				})
				request(t, server, upgrade)
				ctx := (<-sessions).Request().Context()
				local := ctx.Value(http.LocalAddrContextKey).(net.Addr)
				assert.Equal(t, local.String(), server.Listener.Addr().String())
				assert.True(t, ctx.Value(http.ServerContextKey) == any(server.Config), "another server")
				assert.Equal(t, ctx.Value(connKey{}), any("of the connection"))
				assert.Equal(t, ctx.Value(userKey{}), want)
				assert.Equal(t, ctx.Value("else"), nil)
				_, limited := ctx.Deadline()
				assert.True(t, !limited && ctx.Done() == nil, "it ends")
				<-inside.Done() // with the request
				assert.ErrorIs(t, inside.Err(), context.Canceled)
				assert.NoError(t, ctx.Err())
				assert.NoError(t, context.Cause(ctx))
				assert.Equal(t, inside.Value(userKey{}), want)
				assert.Equal(t, ctx.Value(userKey{}), want)
			})
		}
	}
}

// request sends the first request of a session, and closes its connection at the end of the
// test.
func request(t *testing.T, server *httptest.Server, upgrade bool) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	assert.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	target, more := polled, ""
	if upgrade {
		target, more = direct, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	}
	_, err = io.WriteString(conn, "GET /engine.io/?"+target+" HTTP/1.1\r\nHost: example.com\r\n"+more+"\r\n")
	assert.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	assert.NoError(t, err)
	assert.True(t, res.StatusCode == 200 || res.StatusCode == 101, "status %d", res.StatusCode)
}

// TestRequestIsLetGo: neither the request nor the context that net/http has made for it
// lives as long as the session. It also tells if the standard library has changed: see
// withoutLayers.
func TestRequestIsLetGo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bare", "middleware", "middleware with a value"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var freed atomic.Int64
			cleanup := func(int) { freed.Add(1) }
			use := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if name == "middleware with a value" {
						r = r.WithContext(context.WithValue(r.Context(), userKey{}, "eve"))
					}
					next.ServeHTTP(w, r)
				})
			}
			if name == "bare" {
				use = nil
			}
			server, sessions := opened(t, use, func(s *http.Server) {
				h := s.Handler
				s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					runtime.AddCleanup(r, cleanup, 0)
					field := new([]string)
					*field = []string{"value"}
					runtime.AddCleanup(&(*field)[0], cleanup, 0)
					r.Header["X-Field"] = *field
					ctx, cancel := context.WithCancelCause(r.Context()) // like those of net/http
					cause := new(net.OpError)                           // that only ctx knows
					runtime.AddCleanup(cause, cleanup, 0)
					defer cancel(cause)
					h.ServeHTTP(w, r.WithContext(ctx))
				})
			})
			request(t, server, true)
			s := <-sessions
			for deadline := time.Now().Add(10 * time.Second); freed.Load() < 3 && time.Now().Before(deadline); {
				runtime.GC()
				runtime.Gosched()
			}
			assert.Equal(t, freed.Load(), int64(3))
			assert.Equal(t, s.Request().Header().Get("X-Field"), "value")
			assert.Equal(t, s.Request().Context().Value(http.ServerContextKey) == any(server.Config), true)
		})
	}
}
