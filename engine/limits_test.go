// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestHandshakeTimeout lets the functions that decide on a handshake take too long.
func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	wait := func(r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	}
	tests := []struct {
		name string
		cfg  engine.Config
		want time.Duration
	}{
		{"AllowRequest", engine.Config{HandshakeTimeout: time.Second, AllowRequest: wait}, time.Second},
		{"AllowRequest allows", engine.Config{HandshakeTimeout: time.Second, AllowRequest: func(r *http.Request) error {
			_ = wait(r)
			return nil
		}}, time.Second},
		{"GenerateID", engine.Config{HandshakeTimeout: time.Second, GenerateID: func(r *http.Request) (string, error) {
			return "", wait(r)
		}}, time.Second},
		{"GenerateID returns one", engine.Config{HandshakeTimeout: time.Second, GenerateID: func(r *http.Request) (string, error) {
			_ = wait(r)
			return "id", nil
		}}, time.Second},
		{"both", engine.Config{
			HandshakeTimeout: time.Second,
			AllowRequest:     func(*http.Request) error { time.Sleep(600 * time.Millisecond); return nil },
			GenerateID:       func(r *http.Request) (string, error) { return "", wait(r) },
		}, time.Second},
		{"default", engine.Config{AllowRequest: wait}, 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				told := make(chan *engine.RequestError, 1)
				tt.cfg.OnRequestError = func(_ *http.Request, e *engine.RequestError) { told <- e }
				h := serve(t, tt.cfg, nil)
				wantTold := func(start time.Time) {
					t.Helper()
					assert.Equal(t, time.Since(start), tt.want)
					e := <-told
					assert.Equal(t, e.Code, engine.CodeBadRequest)
					assert.Equal(t, e.Context, map[string]any{"name": "HANDSHAKE_TIMEOUT"})
					assert.ErrorIs(t, e, context.DeadlineExceeded)
					assert.Equal(t, h.srv.Count(), 0)
				}
				start := time.Now()
				h.do(t.Context(), "GET", polled, nil).want(t, 503, `{"code":3,"message":"Handshake timeout"}`)
				wantTold(start)
				start = time.Now()
				_, a := h.upgrade("GET", direct, "")
				a.want(t, 503, "Handshake timeout")
				wantTold(start)
			})
		})
	}
}

// TestHandshakeInTime checks what the functions see, and that the session does not.
func TestHandshakeInTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var left time.Duration
		h := serve(t, engine.Config{HandshakeTimeout: -1, AllowRequest: func(r *http.Request) error {
			if d, ok := r.Context().Deadline(); ok {
				left = time.Until(d)
			}
			time.Sleep(24 * time.Hour)
			return r.Context().Err()
		}}, nil)
		assert.Equal(t, h.do(t.Context(), "GET", polled, nil).status, 200)
		assert.True(t, left > 100*365*24*time.Hour, "%v left", left)
		_, limited := h.receiver().session.Request().Context().Deadline()
		assert.True(t, !limited, "the session's context has a deadline")
	})
}

// TestHandshakeClientGone ends the wait of AllowRequest with the client's connection.
func TestHandshakeClientGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ended := make(chan error, 1)
		h := serve(t, engine.Config{AllowRequest: func(r *http.Request) error {
			<-r.Context().Done()
			ended <- r.Context().Err()
			return r.Context().Err()
		}}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.Error(t, h.do(ctx, "GET", polled, nil).err)
		assert.ErrorIs(t, <-ended, context.Canceled)
		synctest.Wait()
		assert.Equal(t, h.srv.Count(), 0)
	})
}

// TestHandshakeResponseTimeout opens a WebSocket and does not read the answer, which is
// larger than the buffers on the way.
func TestHandshakeResponseTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{HandshakeTimeout: time.Second, OnHeaders: func(h http.Header, _ *http.Request) {
			h.Set("X-Long", strings.Repeat("x", 200_000))
		}}, nil)
		conn, err := h.dial(t.Context())
		assert.NoError(t, err)
		defer conn.Close()
		start := time.Now()
		_, err = conn.Write([]byte("GET /engine.io/?" + direct + " HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
		assert.NoError(t, err)
		h.receiver().wantClosed(engine.ReasonTransportError, "timeout")
		assert.Equal(t, time.Since(start), time.Second)
		assert.Equal(t, h.srv.Count(), 0)
	})
}

// TestMaxHeaderBytes sends headers at the limit and beyond it.
func TestMaxHeaderBytes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		told := make(chan *engine.RequestError, 1)
		seen := 0
		h := serve(t, engine.Config{MaxHeaderBytes: 1000, OnRequestError: func(_ *http.Request, e *engine.RequestError) { told <- e }}, nil)
		h.srv.Use(before(func(http.ResponseWriter, *http.Request) { seen++ }))
		sid, r := h.poll()
		h.connect()
		assert.Equal(t, seen, 2)
		wantTold := func() {
			t.Helper()
			e := <-told
			assert.Equal(t, e.Code, engine.CodeBadRequest)
			assert.Equal(t, e.Context, map[string]any{"name": "HEADER_TOO_LARGE"})
			assert.Equal(t, seen, 2)
		}
		const body = `{"code":3,"message":"Request header too large"}`
		long := strings.Repeat("x", 1000)
		for _, query := range []string{polled, polled + "&sid=" + sid, "transport=tobi"} {
			h.do(t.Context(), "GET", query+"&x="+long, nil).want(t, 431, body)
			wantTold()
			h.do(t.Context(), "GET", query, nil, "X-Long", long).want(t, 431, body)
			wantTold()
			_, a := h.upgrade("GET", query, "", "X-Long", long)
			a.want(t, 431, "Request header too large")
			assert.True(t, a.closes, "the connection stays open")
			wantTold()
		}
		r.wantOpen()
		assert.Equal(t, h.srv.Count(), 2)
	})
}

// TestMaxHeaderBytesCounts finds the exact border with a request of known fields.
func TestMaxHeaderBytesCounts(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "http://host/?transport=tobi", nil)
	r.Header = http.Header{"A": {"12", "3"}}
	size := len("http://host/?transport=tobi") + len("host") + len("A: 12\r\n") + len("A: 3\r\n")
	for _, test := range []struct{ limit, status int }{{size, 400}, {size - 1, 431}, {-1, 400}, {0, 400}} {
		srv := engine.NewServer(&engine.Config{MaxHeaderBytes: test.limit, OnSession: func(*engine.Session) engine.Receiver { return nil }})
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		assert.Equal(t, w.Code, test.status)
		assert.NoError(t, srv.Close())
	}
}

// TestHugeHeader sends a header of a megabyte: net/http or the server refuses it.
func TestHugeHeader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		for _, n := range []int{20_000, 1 << 20, 4 << 20} {
			a := h.do(t.Context(), "GET", polled, nil, "X-Long", strings.Repeat("x", n))
			assert.True(t, a.status == 431 || a.status == 0 && a.err != nil, "status %d for %d bytes", a.status, n)
		}
		time.Sleep(time.Second) // net/http waits before it closes such a connection
		assert.Equal(t, h.srv.Count(), 0)
	})
}

// TestBadInput sends what nobody should: each is refused with the code of its row, the
// sessions stay, and the server goes on.
func TestBadInput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, request string
		status        string
	}{
		{"no HTTP", "\x00\x01\x02\r\n\r\n", "400"},
		{"no host", "GET /?EIO=4&transport=polling HTTP/1.1\r\n\r\n", "400"},
		{"method of odd characters", "G{T /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"unknown method", "BREW /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400"},
		{"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n", "400"},
		{"CONNECT as an upgrade", "CONNECT /?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "400"},
		{"upgrade over HTTP/1.0", "GET /?EIO=4&transport=websocket HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "400"},
		{"origin of control characters", "GET /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nOrigin: http://a\x01\r\n\r\n", "400"},
		{"origin twice", "GET /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nOrigin: http://a\r\nConnection: close\r\n\r\n", "403"},
		{"query of bad escapes", "GET /?%zz=%&EIO=4;&transport HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400"},
		{"query of ten thousand parameters", "GET /?" + strings.Repeat("&", 10_000) + "transport=x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400"},
		{"sid of ten thousand bytes", "GET /?transport=polling&sid=" + strings.Repeat("x", 10_000) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "400"},
		{"star", "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"}, // net/http answers
		{"half a request", "GET /?EIO=4&transport=polling HTTP/1.1\r\nHo", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{CORS: &engine.CORS{Origins: []string{"http://nobody"}}}, nil)
				sid, r := h.poll()
				conn, err := h.dial(t.Context())
				assert.NoError(t, err)
				_, err = conn.Write([]byte(tt.request))
				assert.NoError(t, err)
				if tt.status == "" {
					assert.NoError(t, conn.Close())
				}
				line := make([]byte, len("HTTP/1.1 200"))
				n, err := conn.Read(line)
				if tt.status == "" {
					assert.Error(t, err)
				} else {
					assert.NoError(t, err)
					assert.True(t, strings.HasSuffix(string(line[:n]), " "+tt.status), "answer %q", line[:n])
				}
				_ = conn.Close()
				h.post(sid, "4still here").want(t, 200, "ok")
				r.wantMessage("still here", false)
				assert.Equal(t, h.srv.Count(), 1)
			})
		})
	}
}
