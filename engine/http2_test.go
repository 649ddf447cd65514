// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// streamWriter is what net/http gives the handler of an HTTP/2 stream.
type streamWriter struct {
	header http.Header
	status int
	out    *io.PipeWriter
	body   *io.PipeReader
}

func (w *streamWriter) Header() http.Header         { return w.header }
func (w *streamWriter) WriteHeader(status int)      { w.status = status }
func (w *streamWriter) Write(p []byte) (int, error) { return w.out.Write(p) }
func (w *streamWriter) Flush()                      {}

// SetReadDeadline is called with times that have passed, or with none.
func (w *streamWriter) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && t.Before(time.Now()) {
		return w.body.CloseWithError(http.ErrBodyReadAfterClose)
	}
	return nil
}

func (w *streamWriter) SetWriteDeadline(time.Time) error { return nil }

// TestExtendedConnect opens WebSockets by CONNECT (RFC 8441), without and with
// middlewares that write late.
func TestExtendedConnect(t *testing.T) {
	for _, name := range []string{"alone", "middleware"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{Cookie: engine.DefaultCookie}, echo)
				var c *committer
				if name == "middleware" {
					h.srv.Use(func(next http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							c = &committer{inner: w, commit: func(h http.Header) int { h.Set("X-Late", "1"); return 0 }}
							next.ServeHTTP(c, r)
						})
					})
				}
				body, send := io.Pipe()
				receive, out := io.Pipe()
				w := &streamWriter{header: make(http.Header), out: out, body: body}
				r := httptest.NewRequestWithContext(t.Context(), "CONNECT", "/engine.io/?"+direct, body)
				r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
				r.Header = http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}}
				done := make(chan struct{})
				go func() {
					defer close(done)
					h.srv.ServeHTTP(w, r)
					_ = out.Close()
				}()
				s := &socket{t: t, r: bufio.NewReader(receive)}
				assert.True(t, strings.HasPrefix(s.text(), "0{"), "no open packet")
				assert.Equal(t, w.status, 200)
				session := h.receiver().session
				assert.Equal(t, w.header.Values("Set-Cookie"), []string{"io=" + session.ID() + "; Path=/; HttpOnly; SameSite=Lax"})
				if c != nil {
					assert.Equal(t, c.statuses, []int{200})
					assert.Equal(t, w.header.Get("X-Late"), "1")
				}
				_, err := send.Write(text("4a"))
				assert.NoError(t, err)
				s.want("4a")
				select {
				case <-done:
					t.Error("the handler has returned")
				default:
				}
				session.Close()
				s.wantClose(0)
				_, err = send.Write(closeAnswer)
				assert.NoError(t, err)
				<-done
			})
		})
	}
}

// TestRefusedOverHTTP2_E2_7 leaves the other streams of the connection alone.
func TestRefusedOverHTTP2_E2_7(t *testing.T) {
	t.Parallel()
	srv := engine.NewServer(&engine.Config{OnSession: func(*engine.Session) engine.Receiver { return nil }})
	for _, method := range []string{"CONNECT", "GET"} {
		r := httptest.NewRequest(method, "/engine.io/?"+direct+"&sid=tobi", nil)
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		r.Header = http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		assert.Equal(t, w.Code, 400)
		assert.Equal(t, w.Header().Get("Connection"), "")
	}
	assert.NoError(t, srv.Close())
}
