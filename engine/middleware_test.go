// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// before returns a middleware that calls f and then the next handler.
func before(f func(w http.ResponseWriter, r *http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f(w, r)
			next.ServeHTTP(w, r)
		})
	}
}

// TestMiddlewareOrder_E6_1_E1_6 sends requests of all kinds through three middlewares.
func TestMiddlewareOrder_E6_1_E1_6(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		var calls []string
		note := func(name string) func(http.Handler) http.Handler {
			return before(func(w http.ResponseWriter, _ *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, name)
				w.Header().Add("X-Way", name)
			})
		}
		h := serve(t, engine.Config{CORS: &engine.CORS{}}, nil)
		h.srv.Use(note("a"), note("b"))
		h.srv.Use()
		h.srv.Use(note("c"))
		want := func(what string, a answer, status int) {
			t.Helper()
			assert.NoError(t, a.err)
			assert.Equal(t, a.status, status)
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, strings.Join(calls, ""), "abc")
			assert.Equal(t, strings.Join(a.header.Values("X-Way"), ""), "abc")
			assert.Equal(t, a.header.Get("Vary"), "Origin") // of CORS, which comes first
			calls = nil
			if t.Failed() {
				t.Fatal(what)
			}
		}
		a := h.do(t.Context(), "GET", polled, nil)
		want("handshake", a, 200)
		sid := h.receiver().session.ID()
		want("post", h.post(sid, "4a"), 200)
		pending := h.getLater(sid)
		_, a = h.upgrade("GET", direct+"&sid="+sid, "")
		h.srv.Session(sid).Close()
		a2 := <-pending
		calls = calls[3:] // of the GET
		want("upgrade", a, 101)
		assert.Equal(t, strings.Join(a2.header.Values("X-Way"), ""), "abc")
		_, a = h.upgrade("GET", direct, "")
		want("handshake over WebSocket", a, 101)
		want("unknown transport", h.do(t.Context(), "GET", "transport=tobi", nil), 400)
		want("no query", h.do(t.Context(), "GET", "", nil), 400)
		_, a = h.upgrade("GET", direct+"&sid=tobi", "")
		want("refused upgrade", a, 400)
		assert.True(t, a.closes, "the connection stays open")
	})
}

// TestMiddlewareAnswers_E6_1 ends requests in a middleware: nothing else happens.
func TestMiddlewareAnswers_E6_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{
			OnRequestError: func(_ *http.Request, e *engine.RequestError) { t.Errorf("told of %v", e) },
		}, nil)
		h.srv.Use(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "who are you?", http.StatusUnauthorized)
			})
		})
		h.do(t.Context(), "GET", polled, nil).want(t, 401, "who are you?\n")
		h.do(t.Context(), "POST", "", strings.NewReader("4a")).want(t, 401, "who are you?\n")
		_, a := h.upgrade("GET", direct, "")
		a.want(t, 401, "who are you?\n")
		assert.Equal(t, h.srv.Count(), 0)
	})
}

// committer is what session libraries wrap a response in: it writes its fields when
// the status or the body is written, and then flushes. It has no other methods.
type committer struct {
	inner    http.ResponseWriter
	commit   func(h http.Header) (status int)
	statuses []int
	done     bool
}

func (c *committer) Header() http.Header         { return c.inner.Header() }
func (c *committer) Unwrap() http.ResponseWriter { return c.inner }

func (c *committer) WriteHeader(status int) {
	c.statuses = append(c.statuses, status)
	if !c.done {
		c.done = true
		if other := c.commit(c.inner.Header()); other != 0 {
			status = other
		}
	}
	c.inner.WriteHeader(status)
	_ = http.NewResponseController(c.inner).Flush()
	if f, ok := c.inner.(http.Flusher); ok {
		f.Flush()
	}
}

func (c *committer) Write(p []byte) (int, error) {
	if !c.done {
		c.WriteHeader(http.StatusOK)
	}
	return c.inner.Write(p)
}

// TestSessionLibrary_E6_2 wraps the response in writers that add a cookie when the
// status is written.
func TestSessionLibrary_E6_2(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Cookie: engine.DefaultCookie}, nil)
		statuses := make(chan []int, 1)
		h.srv.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Removed", "yes")
				c := &committer{inner: w, commit: func(h http.Header) int {
					h.Add("Set-Cookie", "session=1")
					h.Del("X-Removed")
					return 0
				}}
				inner := &committer{inner: c, commit: func(http.Header) int { return 0 }}
				next.ServeHTTP(inner, r)
				statuses <- c.statuses
			})
		})
		want := func(a answer, status int, cookies ...string) {
			t.Helper()
			assert.Equal(t, a.status, status)
			assert.Equal(t, a.header.Values("Set-Cookie"), cookies)
			assert.Equal(t, a.header.Get("X-Removed"), "")
			assert.Equal(t, <-statuses, []int{status})
		}
		cookie := func(s *engine.Session) string { return "io=" + s.ID() + "; Path=/; HttpOnly; SameSite=Lax" }

		a := h.do(t.Context(), "GET", polled, nil)
		s := h.receiver().session
		want(a, 200, cookie(s), "session=1")
		c, a := h.upgrade("GET", direct+"&sid="+s.ID(), "")
		want(a, 101, "session=1")
		c.send("2probe")
		c.want("3probe")
		c, a = h.upgrade("GET", direct, string(text("4early")))
		assert.True(t, c != nil, "not upgraded")
		r := h.receiver()
		want(a, 101, cookie(r.session), "session=1")
		assert.True(t, strings.HasPrefix(c.text(), "0{"), "no open packet")
		_, a = h.upgrade("GET", direct+"&sid=tobi", "")
		want(a, 400, "session=1")
	})
}

// TestMiddlewareRefusesLate_E6_2 writes another status when that of the switch comes.
func TestMiddlewareRefusesLate_E6_2(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, polls := h.poll()
		var early bool
		h.srv.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if early {
					w.WriteHeader(http.StatusTeapot)
				}
				next.ServeHTTP(&committer{inner: w, commit: func(h http.Header) int {
					h.Set("X-Reason", "store is down")
					return http.StatusBadGateway
				}}, r)
			})
		})
		for _, early = range []bool{false, true} {
			want := 502
			if early {
				want = 418
			}
			_, a := h.upgrade("GET", direct, "")
			assert.Equal(t, a.status, want)
			assert.Equal(t, a.header.Get("X-Reason") == "store is down", !early)
			h.receiver().wantClosed(engine.ReasonTransportError, "handshake not finished")
			_, a = h.upgrade("GET", direct+"&sid="+sid, "")
			assert.Equal(t, a.status, want)
		}
		polls.wantOpen()
		assert.Equal(t, h.srv.Count(), 1)
	})
}

// ownHeader is a writer with a header of its own, as those that buffer have.
type ownHeader struct {
	http.ResponseWriter
	header http.Header
}

func (o *ownHeader) Header() http.Header { return o.header }

func (o *ownHeader) WriteHeader(status int) {
	for name, values := range o.header {
		o.ResponseWriter.Header()[name] = values
	}
	o.ResponseWriter.WriteHeader(status)
}

// TestWriters_E6_2 opens WebSockets below writers of several kinds.
func TestWriters_E6_2(t *testing.T) {
	t.Parallel()
	type full interface { // what old middlewares look for
		http.ResponseWriter
		http.Flusher
		http.Hijacker
	}
	type bare struct{ http.ResponseWriter }
	wrap := func(f func(http.ResponseWriter) http.ResponseWriter) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(f(w), r) })
		}
	}
	tests := []struct {
		name       string
		middleware func(http.Handler) http.Handler
	}{
		{"none", wrap(func(w http.ResponseWriter) http.ResponseWriter { return w })},
		{"no methods but the three", wrap(func(w http.ResponseWriter) http.ResponseWriter { return bare{w} })},
		{"flusher and hijacker", wrap(func(w http.ResponseWriter) http.ResponseWriter { return struct{ full }{w.(full)} })},
		{"header of its own", wrap(func(w http.ResponseWriter) http.ResponseWriter {
			return &ownHeader{w, make(http.Header)}
		})},
		{"flush before", before(func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() })},
		{"deadline", before(func(w http.ResponseWriter, _ *http.Request) {
			assert.NoError(t, http.NewResponseController(w).SetReadDeadline(time.Time{}))
		})},
		{"context without ours", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(context.Background()))
			})
		}},
		{"writes afterwards", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r)
				w.WriteHeader(http.StatusTeapot)
				_, err := w.Write([]byte("tail"))
				assert.ErrorIs(t, err, http.ErrHijacked)
				assert.NoError(t, http.NewResponseController(w).Flush())
				_, _, err = http.NewResponseController(w).Hijack()
				assert.ErrorIs(t, err, http.ErrHijacked)
			})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{
					OnInitialHeaders: func(h http.Header, _ *http.Request) { h.Set("X-Initial", "1") },
				}, echo)
				h.srv.Use(tt.middleware)
				h.http.ErrorLog = log.New(complain{t}, "", 0)
				c, a := h.upgrade("GET", direct, string(text("4early")))
				assert.Equal(t, a.status, 101)
				assert.Equal(t, a.header.Get("X-Initial"), "1")
				assert.True(t, strings.HasPrefix(c.text(), "0{"), "no open packet")
				c.want("4early")
				c.send("4more")
				c.want("4more")
			})
		})
	}
}

// complain is the output of a log that should stay empty.
type complain struct{ t *testing.T }

func (c complain) Write(p []byte) (int, error) {
	c.t.Errorf("log: %s", p)
	return len(p), nil
}

// TestMiddlewareHijacks takes the connection over in a middleware, with and without
// calling the next handler.
func TestMiddlewareHijacks(t *testing.T) {
	for _, next := range []bool{false, true} {
		t.Run(strconv.FormatBool(next), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				h.srv.Use(func(handler http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						conn, _, err := http.NewResponseController(w).Hijack()
						assert.NoError(t, err)
						_, _ = io.WriteString(conn, "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n")
						if next {
							handler.ServeHTTP(w, r)
						}
						_ = conn.Close()
					})
				})
				_, a := h.upgrade("GET", direct, "")
				assert.Equal(t, a.status, 418)
				if next {
					h.receiver().wantClosed(engine.ReasonTransportError, "handshake not finished")
				}
				assert.Equal(t, h.srv.Count(), 0)
			})
		})
	}
}

type userKey struct{}

// TestMiddlewareContext_E6_1 finds values of middlewares in the session's request.
func TestMiddlewareContext_E6_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var inOnSession any
		h := serve(t, engine.Config{}, func(r *receiver) { inOnSession = r.session.Request().Context().Value(userKey{}) })
		h.srv.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(context.WithValue(r.Context(), userKey{}, r.URL.Query().Get("user")))
				defer cancel()
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		})
		want := func(user string) {
			t.Helper()
			r := h.receiver()
			assert.Equal(t, inOnSession, any(user))
			synctest.Wait() // the handler has returned
			ctx := r.session.Request().Context()
			assert.Equal(t, ctx.Value(userKey{}), any(user))
			assert.NoError(t, ctx.Err())
		}
		assert.Equal(t, h.do(t.Context(), "GET", polled+"&user=eve", nil).status, 200)
		want("eve")
		_, a := h.upgrade("GET", direct+"&user=bob", "")
		assert.Equal(t, a.status, 101)
		want("bob")
	})
}

// TestPanics checks that a function of the user that panics leaves nothing behind: there
// is a place for one session, and it stays free.
func TestPanics(t *testing.T) {
	t.Parallel()
	var failing bool
	fail := func() {
		if failing {
			panic(http.ErrAbortHandler)
		}
	}
	tests := []struct {
		name string
		cfg  engine.Config
		use  func(w http.ResponseWriter, r *http.Request)
	}{
		{"middleware", engine.Config{}, func(http.ResponseWriter, *http.Request) { fail() }},
		{"AllowRequest", engine.Config{AllowRequest: func(*http.Request) error { fail(); return nil }}, nil},
		{"CheckOrigin", engine.Config{CheckOrigin: func(*http.Request) bool { fail(); return true }}, nil},
		{"GenerateID", engine.Config{GenerateID: func(*http.Request) (string, error) { fail(); return "id", nil }}, nil},
		{"OnSession", engine.Config{OnSession: func(s *engine.Session) engine.Receiver { fail(); return newReceiver(t, s) }}, nil},
		{"Cookie", engine.Config{Cookie: func(*http.Request, string) *http.Cookie { fail(); return nil }}, nil},
		{"OnInitialHeaders", engine.Config{OnInitialHeaders: func(http.Header, *http.Request) { fail() }}, nil},
		{"OnHeaders", engine.Config{OnHeaders: func(http.Header, *http.Request) { fail() }}, nil},
		{"OnRequestError", engine.Config{
			AllowRequest: func(*http.Request) error {
				if failing {
					return errDenied
				}
				return nil
			},
			OnRequestError: func(*http.Request, *engine.RequestError) { fail() },
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // one after the other: failing is shared
				tt.cfg.MaxSessions = 1
				var closes atomic.Int64
				tt.cfg.OnClose = func(*engine.Session, engine.Reason, error) { closes.Add(1) }
				h := serve(t, tt.cfg, nil)
				if tt.use != nil {
					h.srv.Use(before(tt.use))
				}
				origin := []string{"Origin", "http://example.com"}
				failing = true
				for range 3 {
					assert.Error(t, h.do(t.Context(), "GET", polled, nil, origin...).err)
					_, a := h.upgrade("GET", direct, "", origin...)
					assert.Error(t, a.err)
				}
				failing = false
				synctest.Wait()
				assert.Equal(t, h.srv.Count(), 0)
				before := closes.Load()
				assert.True(t, before == 0 || before == 6, "%d sessions closed", before)
				assert.Equal(t, h.do(t.Context(), "GET", polled, nil, origin...).status, 200)
				assert.Equal(t, h.srv.Count(), 1)
			})
		})
	}
}

// TestUseWhileServing adds middlewares while requests come.
func TestUseWhileServing(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{}, nil)
	var made, calls atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				h.srv.Use(func(next http.Handler) http.Handler {
					made.Add(1)
					return before(func(http.ResponseWriter, *http.Request) { calls.Add(1) })(next)
				})
				h.do(t.Context(), "GET", polled, nil)
			}
		})
	}
	all.Wait()
	calls.Store(0)
	assert.Equal(t, h.do(t.Context(), "GET", polled, nil).status, 200)
	assert.Equal(t, calls.Load(), 80)
	assert.Equal(t, made.Load(), 80) // each is made once
}
