// SPDX-License-Identifier: MIT

package webtransport_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestEcho_E7_3 sends text and binary of all sizes both ways.
func TestEcho_E7_3(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{}, true)
	c, r := h.connect()
	assert.Equal(t, r.session.Transport(), engine.WebTransport)
	for _, n := range []int{1, 125, 126, 65_535, 65_536, 900_000} {
		data := strings.Repeat("x", n)
		go c.send(data, true) // the echo may be more than the buffers hold
		c.want(data, true)
		go c.send("4"+data, false)
		c.want("4"+data, false)
	}
}

// TestRequest_E7_8 looks at what a session knows of its request.
func TestRequest_E7_8(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{}, false)
	c, r := h.connect()
	q := r.session.Request()
	assert.Equal(t, "https://"+q.Host()+q.URL().Path, h.url)
	_, port, err := net.SplitHostPort(c.session.LocalAddr().String())
	assert.NoError(t, err)
	assert.Equal(t, q.RemoteAddr(), "127.0.0.1:"+port)
	assert.True(t, q.TLS() != nil && q.TLS().HandshakeComplete, "TLS: %+v", q.TLS())
}

// TestUpgrade_E7_5_E7_6 polls over HTTP/3 and moves to WebTransport.
func TestUpgrade_E7_5_E7_6(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{}, true)
	transport := &http3.Transport{TLSClientConfig: h.tls}
	defer transport.Close()
	do := func(method, query, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, h.url+"?EIO=4&transport=polling"+query, strings.NewReader(body))
		assert.NoError(t, err)
		res, err := transport.RoundTrip(req)
		assert.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		assert.Equal(t, res.StatusCode, 200)
		assert.Equal(t, res.ProtoMajor, 3)
		return string(text)
	}
	open := do("GET", "", "")
	assert.True(t, strings.Contains(open, `"upgrades":["websocket","webtransport"]`), "open packet %s", open)
	r := <-h.receivers
	sid := "&sid=" + r.session.ID()
	assert.Equal(t, do("POST", sid, "4"+strings.Repeat("a", 5000)), "ok")
	assert.Equal(t, do("GET", sid, ""), "4"+strings.Repeat("a", 5000))
	assert.Equal(t, do("POST", sid, "4last"), "ok")

	c := h.stream()
	c.send(`0{"sid":"`+r.session.ID()+`"}`, false)
	c.send("2probe", false)
	c.want("3probe", false)
	assert.Equal(t, do("GET", sid, ""), "4last")
	c.send("5", false)
	c.send("4b", false)
	c.want("4b", false)
	assert.Equal(t, r.session.Transport(), engine.WebTransport)
	assert.Equal(t, r.session.Upgraded(), true)
}

// TestClosed_E7_7 ends sessions from either side.
func TestClosed_E7_7(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		run    func(t *testing.T, h *host, c *client, r *receiver)
		reason engine.Reason
		failed bool // with an error
	}{
		{"by the client", func(t *testing.T, _ *host, c *client, _ *receiver) {
			assert.NoError(t, c.session.CloseWithError(7, "bye"))
		}, engine.ReasonTransportClose, false},
		{"end of the stream", func(t *testing.T, _ *host, c *client, _ *receiver) {
			assert.NoError(t, c.stream.Close())
			c.wantEnd()
		}, engine.ReasonTransportClose, false},
		{"stream reset", func(_ *testing.T, _ *host, c *client, _ *receiver) {
			c.stream.CancelWrite(1)
			c.wantEnd()
		}, engine.ReasonTransportClose, true},
		{"by the server, with packets queued", func(t *testing.T, _ *host, c *client, r *receiver) {
			big := strings.Repeat("x", 900_000)
			assert.NoError(t, r.send("a"))
			assert.NoError(t, r.send(big))
			assert.NoError(t, r.send("b"))
			r.session.Close()
			c.want("4a", false)
			c.want("4"+big, false)
			c.want("4b", false)
			c.wantEnd()
		}, engine.ReasonForcedClose, false},
		{"by the server, and the client at the last packet", func(t *testing.T, _ *host, c *client, r *receiver) {
			assert.NoError(t, r.send("go"))
			r.session.Close()
			c.want("4go", false)
			assert.NoError(t, c.session.CloseWithError(0, ""))
		}, engine.ReasonForcedClose, false},
		{"Shutdown", func(t *testing.T, h *host, c *client, r *receiver) {
			assert.NoError(t, r.send("a"))
			assert.NoError(t, h.srv.Shutdown(t.Context()))
			<-c.session.Context().Done()
		}, engine.ReasonForcedClose, false},
		{"of QUIC", func(t *testing.T, h *host, c *client, _ *receiver) {
			assert.NoError(t, h.wt.Close())
			c.wantEnd()
		}, engine.ReasonTransportClose, false},
		{"E7.4: oversize", func(_ *testing.T, _ *host, c *client, _ *receiver) {
			_, _ = c.stream.Write([]byte{0x7f, 0, 0, 0, 0, 1, 0, 0, 0})
			c.wantEnd()
		}, engine.ReasonParseError, true},
		{"E7.4: empty", func(_ *testing.T, _ *host, c *client, _ *receiver) {
			c.send("", false)
			c.wantEnd()
		}, engine.ReasonParseError, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, engine.Config{}, false)
			c, r := h.connect()
			tt.run(t, h, c, r)
			r.wantClosed(t, tt.reason)
			assert.True(t, (r.err != nil) == tt.failed, "closed with error %v", r.err)
		})
	}
}

// TestPingTimeout_E8_2 answers the first pings only.
func TestPingTimeout_E8_2(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{PingInterval: 20 * time.Millisecond, PingTimeout: 5 * time.Second}, false)
	c, r := h.connect()
	for range 3 {
		c.want("2", false)
		c.send("3", false)
	}
	r.session.Close()
	r.wantClosed(t, engine.ReasonForcedClose)

	h = serve(t, engine.Config{PingInterval: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond}, false)
	c, r = h.connect()
	r.wantClosed(t, engine.ReasonPingTimeout)
	c.want("2", false)
	c.wantEnd()
}

// TestSlowPeer ends a session whose client takes nothing.
func TestSlowPeer(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{OutboxBytes: 1 << 20}, false)
	c, r := h.connect()
	var err error
	for range 100 {
		if err = r.send(strings.Repeat("x", 200_000)); err != nil {
			break
		}
	}
	assert.ErrorIs(t, err, engine.ErrQueueFull)
	r.wantClosed(t, engine.ReasonSlowConsumer)
	<-c.session.Context().Done()
}

// TestOpening_E7_2_E7_5 ends sessions that do not begin as they have to.
func TestOpening_E7_2_E7_5(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{UpgradeTimeout: 100 * time.Millisecond}, false)
	session, status := h.dial(nil)
	assert.Equal(t, status, 200)
	<-session.Context().Done() // no stream
	h.stream().wantEnd()       // no packet: the server has not even seen a stream
	for _, first := range []string{"4hello", `0{"sid":"tobi"}`, `0{"sid":`} {
		c := h.stream()
		c.send(first, false)
		c.wantEnd()
	}
	assert.Equal(t, len(h.receivers), 0)
}

// TestOrigin leaves the check of the origin to the engine.
func TestOrigin(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{CORS: &engine.CORS{Origins: []string{"https://page.example"}}}, false)
	same := strings.TrimSuffix(h.url, "/engine.io/")
	for origin, want := range map[string]int{same: 200, "https://page.example": 200, "https://evil.example": 403} {
		session, status := h.dial(http.Header{"Origin": {origin}})
		assert.Equal(t, status, want)
		if session == nil {
			continue
		}
		stream, err := session.OpenStream()
		assert.NoError(t, err)
		_, err = stream.Write([]byte("\x010"))
		assert.NoError(t, err)
		r := <-h.receivers
		assert.Equal(t, r.session.Request().Header().Get("Origin"), origin)
	}
}

// TestDisabled_E7_1 refuses WebTransport unless it is configured.
func TestDisabled_E7_1(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{Transports: []string{engine.Polling}}, false)
	_, status := h.dial(nil)
	assert.Equal(t, status, 400)
}

// TestOtherRequests leaves what is no session to the next handler.
func TestOtherRequests(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{}, false)
	transport := &http3.Transport{TLSClientConfig: h.tls}
	defer transport.Close()
	for query, want := range map[string]int{"transport=webtransport": 400, "transport=polling&sid=tobi": 400, "transport=polling": 200} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", h.url+"?EIO=4&"+query, nil)
		assert.NoError(t, err)
		res, err := transport.RoundTrip(req)
		assert.NoError(t, err)
		_ = res.Body.Close()
		assert.Equal(t, res.StatusCode, want)
	}
}

// wrapper is the writer of a middleware.
type wrapper struct{ http.ResponseWriter }

type unwrapper struct{ wrapper }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// TestMiddlewares_E6_1 has middlewares around the handler and in the engine, which write
// when they should not.
func TestMiddlewares_E6_1(t *testing.T) {
	t.Parallel()
	wrote := make(chan error, 2)
	h := serveWith(t, engine.Config{}, true, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(unwrapper{wrapper{w}}, r)
		})
	})
	h.srv.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(wrapper{w}, r)
			w.WriteHeader(http.StatusInternalServerError)
			_, err := w.Write([]byte("late"))
			wrote <- err
		})
	})
	c, _ := h.connect()
	assert.ErrorIs(t, <-wrote, http.ErrHijacked)
	c.send("4a", false)
	c.want("4a", false)

	h = serveWith(t, engine.Config{}, false, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(wrapper{w}, r) })
	})
	_, status := h.dial(nil)
	assert.Equal(t, status, 500)
}
