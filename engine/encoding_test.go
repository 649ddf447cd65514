// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/klauspost/compress/zstd"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// decoded returns the body of an answer without its content coding.
func (a answer) decoded(t testing.TB) string {
	t.Helper()
	var in io.Reader = strings.NewReader(a.body)
	var err error
	switch a.header.Get("Content-Encoding") {
	case "gzip":
		in, err = gzip.NewReader(in)
	case "deflate":
		in, err = zlib.NewReader(in)
	case "zstd":
		in, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
	}
	assert.NoError(t, err)
	text, err := io.ReadAll(in)
	assert.NoError(t, err)
	return string(text)
}

// wantEncoded checks a response in a content coding; "" means none.
func (a answer) wantEncoded(t testing.TB, encoding, body string) {
	t.Helper()
	assert.NoError(t, a.err)
	assert.Equal(t, a.status, 200)
	assert.Equal(t, a.header.Get("Content-Encoding"), encoding)
	assert.Equal(t, a.header.Get("Content-Length"), strconv.Itoa(len(a.body)))
	assert.True(t, a.decoded(t) == body, "the body differs")
	assert.True(t, encoding == "" || len(a.body) < len(body), "%d bytes from %d", len(a.body), len(body))
}

// accept makes the client ask for content codings, and leave what it gets alone.
func (h *host) accept(sid string, fields ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, "http://example.com/engine.io/?"+polled+"&sid="+sid, nil)
	assert.NoError(h.t, err)
	req.Header["Accept-Encoding"] = fields
	res, err := h.client.Do(req)
	assert.NoError(h.t, err)
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body), res.Close, err}
}

// TestEncoding_E3_14 lets clients ask for content codings.
func TestEncoding_E3_14(t *testing.T) {
	t.Parallel()
	tests := []struct {
		want   string
		accept []string
	}{
		{"gzip", []string{"gzip"}},
		{"gzip", []string{" GZip "}},
		{"deflate", []string{"deflate"}},
		{"zstd", []string{"zstd"}},
		{"gzip", []string{"gzip, deflate"}}, // a tie
		{"gzip", []string{"deflate, gzip"}},
		{"gzip", []string{"gzip, deflate, br"}},
		{"zstd", []string{"gzip, deflate, br, zstd"}},
		{"zstd", []string{"gzip", "zstd"}},
		{"deflate", []string{"gzip;q=0.5, deflate"}},
		{"deflate", []string{"gzip; q=0.8 , deflate;Q=0.900"}},
		{"gzip", []string{"zstd;q=0.1,gzip;q=0.2"}},
		{"gzip", []string{"*"}},
		{"gzip", []string{"br, *;q=0.1"}},
		{"deflate", []string{"gzip;q=0, *"}},
		{"gzip", []string{"gzip;x=y;q=0.001"}},
		{"gzip", []string{"identity;q=0.5, gzip;q=0.5"}},
		{"", []string{"*;q=0"}},
		{"", []string{"gzip;q=0"}},
		{"", []string{"gzip;q=0.000, deflate;q=0"}},
		{"", []string{"gzip;q=x, deflate;q=-1, zstd;q=2"}},
		{"", []string{"gzip;q=NaN"}},
		{"", []string{"identity"}},
		{"", []string{"identity, gzip;q=0.5"}},
		{"", []string{"br"}},
		{"", []string{"gzipped"}},
		{"", []string{""}},
		{"", []string{";,;=,=;q", "q=1"}},
		{"", []string{}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.accept, "|"), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				h.client.Transport.(*http.Transport).DisableCompression = true
				sid, r := h.poll()
				text := strings.Repeat("message ", 400)
				for range 3 { // encoders are used again
					assert.NoError(t, r.send(text))
					h.accept(sid, tt.accept...).wantEncoded(t, tt.want, "4"+text)
				}
			})
		})
	}
}

// TestEncodingThreshold_E3_14 looks at what is too small, and what must not be
// compressed.
func TestEncodingThreshold_E3_14(t *testing.T) {
	t.Parallel()
	plain := func(n int) *engine.Message { return newMessage(strings.Repeat("p", n)).WithoutCompression() }
	tests := []struct {
		name      string
		threshold int
		messages  []*engine.Message
		want      string
	}{
		{"one byte less", 0, []*engine.Message{newMessage(strings.Repeat("a", 1022))}, ""},
		{"threshold", 0, []*engine.Message{newMessage(strings.Repeat("a", 1023))}, "gzip"},
		{"bytes count, not characters", 0, []*engine.Message{newMessage(strings.Repeat("é", 600))}, "gzip"},
		{"the whole payload counts", 0, []*engine.Message{newMessage(strings.Repeat("a", 600)), newMessage(strings.Repeat("a", 600))}, "gzip"},
		{"own threshold, less", 2000, []*engine.Message{newMessage(strings.Repeat("a", 1998))}, ""},
		{"own threshold", 2000, []*engine.Message{newMessage(strings.Repeat("a", 1999))}, "gzip"},
		{"never", -1, []*engine.Message{newMessage(strings.Repeat("a", 9999))}, ""},
		{"none allows it", 0, []*engine.Message{plain(2000), plain(2000)}, ""},
		{"one allows it", 0, []*engine.Message{plain(2000), newMessage("a"), plain(2000)}, "gzip"},
		{"binary", 0, []*engine.Message{newMessage("", strings.Repeat("\x00", 5000))}, "gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{HTTPCompressionThreshold: tt.threshold}, nil)
				sid, r := h.poll()
				for _, m := range tt.messages {
					assert.NoError(t, r.session.Send(m, engine.SendOptions{}))
				}
				a := h.accept(sid, "gzip")
				a.wantEncoded(t, tt.want, a.decoded(t))
				assert.Equal(t, a.header.Get("Content-Type"), "text/plain; charset=UTF-8")
				synctest.Wait()
				assert.Equal(t, r.session.Buffered(), 0)
			})
		})
	}
}

// TestEncodingOther_E3_14 compresses a handshake, JSONP, and the binary format.
func TestEncodingOther_E3_14(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{HTTPCompressionThreshold: 1, AllowEIO3: true, AllowJSONP: true}, nil)
		a := h.do(t.Context(), "GET", polled, nil, "Accept-Encoding", "deflate")
		assert.Equal(t, a.header.Get("Content-Encoding"), "deflate")
		assert.True(t, strings.HasPrefix(a.decoded(t), `0{"sid":"`), "handshake %q", a.decoded(t))
		h.receiver()

		text := strings.Repeat("\u2028", 500)
		h.do(t.Context(), "GET", polled+"&j=1", nil)
		r := h.receiver()
		assert.NoError(t, r.send(text))
		h.accept(r.session.ID(), "zstd").wantEncoded(t, "zstd", `___eio[1]("4`+strings.Repeat(`\u2028`, 500)+`");`)

		h.do(t.Context(), "GET", "EIO=3&transport=polling", nil)
		r = h.receiver()
		assert.NoError(t, r.session.Send(engine.NewBinary(make([]byte, 999)), engine.SendOptions{}))
		a = h.accept(r.session.ID(), "gzip")
		a.wantEncoded(t, "gzip", "\x01\x01\x00\x00\x00\xff\x04"+string(make([]byte, 999)))
		assert.Equal(t, a.header.Get("Content-Type"), "application/octet-stream")
	})
}

// TestEncodingConcurrent compresses for many clients at once: none gets the bytes of
// another.
func TestEncodingConcurrent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		done := make(chan struct{})
		const clients = 16
		for i := range clients {
			sid, _ := h.poll()
			go func() {
				defer func() { done <- struct{}{} }()
				for j := range 20 {
					text := "4" + strings.Repeat(strconv.Itoa(i)+" ", 100*(j+1)*(i%4+1)) // some larger than what is kept
					h.post(sid, text).want(t, 200, "ok")
					encoding := []string{"gzip", "deflate", "zstd"}[(i+j)%3]
					a := h.accept(sid, encoding)
					assert.True(t, a.decoded(t) == text, "client %d got something else", i)
				}
			}()
		}
		for range clients {
			<-done
		}
	})
}

// FuzzAcceptEncoding sends any header: the answer is always what was sent.
func FuzzAcceptEncoding(f *testing.F) {
	for _, seed := range []string{"gzip, deflate, br, zstd", "*;q=0, identity", "gzip;q=1.5", ";,=", "zstd;q=0.3;q=0"} {
		f.Add(seed)
	}
	srv := engine.NewServer(&engine.Config{HTTPCompressionThreshold: 1, OnSession: func(s *engine.Session) engine.Receiver { return &plain{session: s} }})
	f.Cleanup(func() { _ = srv.Close() })
	f.Fuzz(func(t *testing.T, accept string) {
		w := &recorder{header: http.Header{}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+polled, nil)
		assert.NoError(t, err)
		r.Header.Set("Accept-Encoding", accept)
		srv.ServeHTTP(w, r)
		a := answer{status: 200, header: w.header, body: w.body.String()}
		text := a.decoded(t)
		assert.True(t, strings.HasPrefix(text, `0{"sid":"`), "answer %q", text)
		_, sid, _ := strings.Cut(text, `"sid":"`)
		sid, _, _ = strings.Cut(sid, `"`)
		if s := srv.Session(sid); s != nil {
			closeNow(srv, s)
		}
	})
}

// closeNow ends a polling session: its client closes it.
func closeNow(srv *engine.Server, s *engine.Session) {
	r, _ := http.NewRequest(http.MethodPost, "/?"+polled+"&sid="+s.ID(), strings.NewReader("1")) //nolint:noctx // no network
	srv.ServeHTTP(&recorder{header: http.Header{}}, r)
}

// recorder is an http.ResponseWriter that knows nothing but to keep what is written.
type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(int)             {}
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }
