// SPDX-License-Identifier: MIT

package websocket_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/websocket"
)

// server accepts WebSockets.
type server struct {
	t        *testing.T
	listener net.Addr
	header   http.Header // added to responses
	accepted chan *websocket.Upgrade
	refused  chan error
}

func serve(t *testing.T, d *websocket.Deflate) *server {
	t.Helper()
	s := &server{t: t, accepted: make(chan *websocket.Upgrade, 1), refused: make(chan error, 1)}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !websocket.IsUpgrade(r) {
			http.Error(w, "no upgrade", http.StatusUpgradeRequired)
			return
		}
		if err := websocket.Check(w.Header(), r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		up, err := websocket.Accept(wrapped{w}, r, s.header, d, time.Minute)
		if err != nil {
			s.refused <- err
			return
		}
		up.Wait()
		s.accepted <- up
	}))
	t.Cleanup(h.Close)
	s.listener = h.Listener.Addr()
	return s
}

// wrapped is what middlewares make of a ResponseWriter.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// request sends a handshake with changed header fields, an empty one taken away, and
// early behind it.
func (s *server) request(method, version, early string, fields ...string) (*http.Response, net.Conn, *bufio.Reader) {
	s.t.Helper()
	conn, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", s.listener.String())
	assert.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	h := http.Header{"Host": {"example.com"}, "Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	for i := 0; i < len(fields); i += 2 {
		if h.Set(fields[i], fields[i+1]); fields[i+1] == "" {
			h.Del(fields[i])
		}
	}
	var text strings.Builder
	text.WriteString(method + " / HTTP/" + version + "\r\n")
	_ = h.Write(&text)
	_, err = io.WriteString(conn, text.String()+"\r\n"+early)
	assert.NoError(s.t, err)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	assert.NoError(s.t, err)
	return res, conn, r
}

func (s *server) open(fields ...string) (*http.Response, *websocket.Upgrade) {
	s.t.Helper()
	res, _, _ := s.request("GET", "1.1", "", fields...)
	up := <-s.accepted
	s.t.Cleanup(func() { _ = up.Conn.Close() })
	return res, up
}

func TestAccept(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	s.header = http.Header{"Set-Cookie": {"a=1", "b=2"}, "Connection": {"close"}, "Sec-Websocket-Accept": {"forged"}, "Content-Length": {"7"}}
	res, conn, r := s.request("GET", "1.1", "early", "Sec-WebSocket-Protocol", "one, two")
	up := <-s.accepted
	defer up.Conn.Close()
	assert.Equal(t, res.StatusCode, 101)
	assert.Equal(t, res.Header["Sec-Websocket-Accept"], []string{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}) // RFC 6455, section 1.3
	assert.Equal(t, res.Header["Sec-Websocket-Protocol"], []string{"one"})
	assert.Equal(t, res.Header["Set-Cookie"], []string{"a=1", "b=2"})
	assert.Equal(t, res.Header.Get("Content-Length"), "")
	assert.Equal(t, strings.ToLower(strings.Join(res.Header["Connection"], ",")), "upgrade")
	assert.Equal(t, string(up.Early), "early")
	assert.Equal(t, len(s.header), 4) // it belongs to the caller
	_, err := up.Conn.Write([]byte("x"))
	assert.NoError(t, err)
	b, err := r.ReadByte()
	assert.NoError(t, err)
	assert.Equal(t, b, byte('x'))
	_, _ = conn.Write([]byte("y"))
	_, err = io.ReadFull(up.Conn, make([]byte, 1))
	assert.NoError(t, err)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, test := range []struct {
		name, method, version string
		fields                []string
		status                int
		body                  string
	}{
		{"POST", "POST", "1.1", nil, 400, websocket.ErrMethod.Error()},
		{"HTTP/1.0", "GET", "1.0", nil, 400, websocket.ErrHTTP.Error()},
		{"no key", "GET", "1.1", []string{"Sec-WebSocket-Key", ""}, 400, websocket.ErrKey.Error()},
		{"short key", "GET", "1.1", []string{"Sec-WebSocket-Key", "AAAA"}, 400, websocket.ErrKey.Error()},
		{"no base64", "GET", "1.1", []string{"Sec-WebSocket-Key", "!!!!"}, 400, websocket.ErrKey.Error()},
		{"no version", "GET", "1.1", []string{"Sec-WebSocket-Version", ""}, 400, websocket.ErrVersion.Error()},
		{"old version", "GET", "1.1", []string{"Sec-WebSocket-Version", "8"}, 400, websocket.ErrVersion.Error()},
		{"no upgrade", "GET", "1.1", []string{"Upgrade", ""}, 426, "no upgrade"},
		{"another upgrade", "GET", "1.1", []string{"Upgrade", "h2c"}, 426, "no upgrade"},
		{"no connection", "GET", "1.1", []string{"Connection", "keep-alive"}, 426, "no upgrade"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			res, _, _ := s.request(test.method, test.version, "", test.fields...)
			body, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			assert.Equal(t, res.StatusCode, test.status)
			assert.Equal(t, string(body), test.body+"\n")
			if strings.Contains(test.name, "version") {
				assert.Equal(t, res.Header.Get("Sec-WebSocket-Version"), "13")
			}
		})
	}
}

func TestAcceptFails(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	res, _, _ := s.request("GET", "1.1", "", "Sec-WebSocket-Extensions", "???")
	assert.Equal(t, res.StatusCode, 400)
	select {
	case err := <-s.refused:
		assert.Error(t, err)
	case up := <-s.accepted:
		_ = up.Conn.Close()
		t.Error("accepted")
	}
	// A writer that cannot be taken over.
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	w := httptest.NewRecorder()
	_, err := websocket.Accept(w, r, nil, nil, time.Second)
	assert.True(t, err != nil, "no error")
	assert.Equal(t, w.Code, 500)
}

// stream is the ResponseWriter of an HTTP/2 stream, as far as it is needed.
type stream struct {
	*httptest.ResponseRecorder
	deadlines []string
	block     chan struct{} // blocks Write until a deadline closes it
	waits     atomic.Bool
	entered   chan struct{}
}

func (s *stream) Write(p []byte) (int, error) {
	if s.block != nil {
		s.waits.Store(true)
		s.entered <- struct{}{}
		<-s.block
		return 0, errors.New("reset")
	}
	return s.ResponseRecorder.Write(p)
}

func (s *stream) SetReadDeadline(time.Time) error {
	s.deadlines = append(s.deadlines, "read")
	return nil
}

func (s *stream) SetWriteDeadline(time.Time) error {
	s.deadlines = append(s.deadlines, "write")
	if s.waits.Load() {
		close(s.block)
	}
	return nil
}

func extended(t *testing.T, body io.Reader) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "CONNECT", "/", body)
	r.ProtoMajor, r.ProtoMinor = 2, 0
	r.Header.Set(":protocol", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Protocol", " , one, two")
	r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate")
	return r
}

// TestAcceptHTTP2 is RFC 8441, without a network; interop has a browser for that.
func TestAcceptHTTP2(t *testing.T) {
	t.Parallel()
	r := extended(t, strings.NewReader("from the client"))
	assert.True(t, websocket.IsUpgrade(r), "no upgrade")
	assert.NoError(t, websocket.Check(http.Header{}, r))
	w := &stream{ResponseRecorder: httptest.NewRecorder()}
	header := http.Header{"Set-Cookie": {"a=1"}, "Content-Length": {"7"}}
	up, err := websocket.Accept(w, r, header, &websocket.Deflate{Level: 1, WindowBits: 15}, time.Second)
	assert.NoError(t, err)
	assert.Equal(t, w.Code, 200)
	assert.Equal(t, w.Header(), http.Header{"Set-Cookie": {"a=1"}, "Sec-Websocket-Protocol": {"one"}, "Sec-Websocket-Extensions": {"permessage-deflate;server_no_context_takeover;client_no_context_takeover"}})
	got, err := io.ReadAll(up.Conn)
	assert.NoError(t, err)
	assert.Equal(t, string(got), "from the client")
	_, err = up.Conn.Write([]byte("to the client"))
	assert.NoError(t, err)
	assert.Equal(t, w.Body.String(), "to the client")
	assert.True(t, w.Flushed, "not flushed")
	assert.Equal(t, up.Conn.RemoteAddr().String(), r.RemoteAddr)
	assert.Equal(t, up.Conn.RemoteAddr().Network(), "tcp")
	assert.Equal(t, up.Conn.LocalAddr(), nil)
	assert.NoError(t, up.Conn.SetDeadline(time.Now()))
	assert.NoError(t, up.Conn.Close())
	up.Wait()
	assert.ErrorIs(t, up.Conn.Close(), net.ErrClosed)
	assert.ErrorIs(t, up.Conn.SetReadDeadline(time.Now()), net.ErrClosed)
	_, err = up.Conn.Write([]byte("x"))
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.Equal(t, w.deadlines[3:], []string{"read", "write", "read"}) // no write deadline at the end: the stream is not reset
}

// TestCloseHTTP2 ends a write that waits.
func TestCloseHTTP2(t *testing.T) {
	t.Parallel()
	w := &stream{ResponseRecorder: httptest.NewRecorder(), block: make(chan struct{}), entered: make(chan struct{})}
	up, err := websocket.Accept(w, extended(t, http.NoBody), nil, nil, time.Second)
	assert.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := up.Conn.Write([]byte("x"))
		done <- err
	}()
	<-w.entered
	assert.NoError(t, up.Conn.Close())
	assert.True(t, <-done != nil, "no error")
	up.Wait()
}

// TestHTTP2WithoutConnect: there is no upgrade over HTTP/2.
func TestHTTP2WithoutConnect(t *testing.T) {
	t.Parallel()
	r := extended(t, http.NoBody)
	r.Method = "GET"
	assert.Equal(t, websocket.IsUpgrade(r), false)
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Connection", "Upgrade")
	assert.ErrorIs(t, websocket.Check(http.Header{}, r), websocket.ErrHTTP)
}

func FuzzExtensions(f *testing.F) {
	for _, s := range []string{"permessage-deflate", "permessage-deflate; server_max_window_bits=8; client_max_window_bits, x", ";", "permessage-deflate; server_max_window_bits=99999999999"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, takeover bool) {
		r := extended(t, http.NoBody)
		r.Header["Sec-Websocket-Extensions"] = []string{text}
		w := &stream{ResponseRecorder: httptest.NewRecorder()}
		up, err := websocket.Accept(w, r, nil, &websocket.Deflate{Level: 1, WindowBits: 15, ContextTakeover: takeover}, time.Second)
		if err != nil {
			assert.Equal(t, w.Code, http.StatusBadRequest)
			return
		}
		if p := up.Params; p != nil && (p.OutBits < 8 || p.OutBits > 15 || p.OutTakeover && (!takeover || p.OutBits != 15)) {
			t.Fatalf("%q: %+v", text, p)
		}
		_ = up.Conn.Close()
	})
}
