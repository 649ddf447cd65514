// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestWebTransportRefused applies the checks of any handshake. What is known before the
// stream is refused with a status.
func TestWebTransportRefused(t *testing.T) {
	t.Parallel()
	no := errors.New("not you")
	denied := `{"code":4,"message":"Forbidden"}`
	for _, tt := range []struct {
		name   string
		cfg    engine.Config
		header []string
		status int
		body   string
		code   engine.Code
	}{
		{"E7.1: not in the transports", engine.Config{Transports: []string{engine.Polling}}, nil, 400, `{"code":0,"message":"Transport unknown"}`, engine.CodeTransportUnknown},
		{"E7.1: not in the default", engine.Config{}, nil, 400, `{"code":0,"message":"Transport unknown"}`, engine.CodeTransportUnknown},
		{"other origin", engine.Config{}, []string{"Origin", "https://page.example"}, 403, denied, engine.CodeForbidden},
		{"CheckOrigin", engine.Config{CheckOrigin: func(*http.Request) bool { return false }}, []string{"Origin", "https://example.com"}, 403, denied, engine.CodeForbidden},
		{"E1.8: invalid origin", engine.Config{}, []string{"Origin", "a\x00"}, 400, `{"code":3,"message":"Bad request"}`, engine.CodeBadRequest},
		{"large header", engine.Config{}, []string{"Cookie", string(bytes.Repeat([]byte("x"), 20_000))}, 431, `{"code":3,"message":"Request header too large"}`, engine.CodeBadRequest},
		{"AllowRequest", engine.Config{AllowRequest: func(*http.Request) error { return no }}, nil, 200, "", engine.CodeForbidden},
		{"GenerateID", engine.Config{GenerateID: func(*http.Request) (string, error) { return "", no }}, nil, 200, "", engine.CodeBadRequest},
		{"OnSession", engine.Config{OnSession: func(*engine.Session) engine.Receiver { return nil }}, nil, 200, "", engine.CodeForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var refused []*engine.RequestError
				tt.cfg.OnRequestError = func(_ *http.Request, e *engine.RequestError) { refused = append(refused, e) }
				if tt.cfg.Transports == nil && tt.code != engine.CodeTransportUnknown {
					tt.cfg.Transports = allTransports
				}
				h := serve(t, tt.cfg, nil)
				c := h.webTransport(tt.header...)
				if tt.status == 200 {
					c.send("0")
					c.wantEnd()
				}
				(<-c.done).want(t, tt.status, tt.body)
				assert.Equal(t, len(refused), 1)
				assert.Equal(t, refused[0].Code, tt.code)
				assert.Equal(t, h.srv.Count(), 0)
			})
		})
	}
	t.Run("E1.7: as a request of another kind", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, nil)
			sid, _ := h.poll()
			for _, query := range []string{"EIO=4&transport=webtransport", "EIO=4&transport=webtransport&sid=" + sid} {
				h.do(t.Context(), "GET", query, nil).want(t, 400, `{"code":0,"message":"Transport unknown"}`)
				_, a := h.upgrade("GET", query, "")
				a.want(t, 400, "Transport unknown")
			}
		})
	})
	t.Run("MaxSessions", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports, MaxSessions: 1}, echo)
			c, r := h.openStream()
			second := h.webTransport()
			second.send("0")
			second.wantEnd()
			c.send("4a")
			c.want("4a")
			_ = c.conn.Close()
			<-r.ended
			synctest.Wait()
			h.openStream()
		})
	})
	t.Run("server closed", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, nil)
			early := h.webTransport()
			synctest.Wait()
			assert.NoError(t, h.srv.Close())
			early.send("0") // it came before, and says now what it wants
			early.wantEnd()
			<-early.done
			(<-h.webTransport().done).want(t, 503, `{"code":4,"message":"Service unavailable"}`)
		})
	})
	t.Run("E6.1: a middleware", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports}, nil)
			h.srv.Use(func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			})
			(<-h.webTransport().done).want(t, http.StatusTeapot, "")
		})
	})
	t.Run("a panic", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports, AllowRequest: func(*http.Request) error { panic("asked for") }}, nil)
			h.srv.Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() { assert.Equal(t, recover(), any("asked for")) }() // as net/http does
					next.ServeHTTP(w, r)
				})
			})
			c := h.webTransport()
			c.send("0")
			c.wantEnd()
			<-c.done
		})
	})
	t.Run("the request's end", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{Transports: allTransports, AllowRequest: func(r *http.Request) error {
				<-r.Context().Done()
				return r.Context().Err()
			}, HandshakeTimeout: time.Second}, nil)
			c := h.webTransport()
			start := time.Now()
			c.send("0")
			c.wantEnd()
			assert.Equal(t, time.Since(start), time.Second)
		})
	})
}
