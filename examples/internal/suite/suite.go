// SPDX-License-Identifier: MIT

// Package suite tests what the examples with a router have in common.
package suite

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sio-go/sio/examples/internal/client"
	"github.com/sio-go/sio/internal/assert"
)

// Example is one of the examples.
type Example struct {
	Handler func() (http.Handler, io.Closer) // the routes, and the Socket.IO server
	Run     func(ctx context.Context, l net.Listener) error
	Home    string // the path of the page; the rest is below it
}

// Test runs the example: both transports, the upgrade from one to the other, the HTTP
// routes beside them, and the shutdown.
func (e *Example) Test(t *testing.T) {
	t.Run("polling", func(t *testing.T) {
		t.Parallel()
		base := e.serve(t)
		c := e.client(t, base)
		id := connected(t, c.Poll())
		c.Send(`42["say","hello"]`)
		assert.Equal(t, c.Next(), said(id))
	})
	t.Run("websocket", func(t *testing.T) {
		t.Parallel()
		base := e.serve(t)
		c := e.client(t, base)
		id := connected(t, c.Dial())
		c.Send(`42["say","hello"]`)
		assert.Equal(t, c.Next(), said(id))
	})
	t.Run("upgrade", func(t *testing.T) {
		t.Parallel()
		base := e.serve(t)
		c := e.client(t, base)
		id := connected(t, c.Poll())
		c.Upgrade()
		c.Send(`42["say","hello"]`)
		assert.Equal(t, c.Next(), said(id))
	})
	t.Run("announce", func(t *testing.T) {
		t.Parallel()
		base := e.serve(t)
		polling, websocket := e.client(t, base), e.client(t, base)
		connected(t, polling.Poll())
		connected(t, websocket.Dial())
		resp, err := http.PostForm(base+e.Home+"announce", url.Values{"text": {"hello"}})
		assert.NoError(t, err)
		resp.Body.Close() //nolint:errcheck // not read
		assert.Equal(t, resp.StatusCode, http.StatusAccepted)
		assert.Equal(t, polling.Next(), said("server"))
		assert.Equal(t, websocket.Next(), said("server"))
	})
	t.Run("other routes", func(t *testing.T) {
		t.Parallel()
		base := e.serve(t)
		status, body := get(t, base+e.Home)
		assert.Equal(t, status, http.StatusOK)
		assert.True(t, strings.Contains(body, `path: "`+e.Home+`socket.io/"`), "not the page: %s", body)
		status, _ = get(t, base+e.Home+"nothing")
		assert.Equal(t, status, http.StatusNotFound)
		status, body = get(t, base+e.Home+"socket.io/?transport=polling&EIO=9")
		assert.Equal(t, status, http.StatusBadRequest) // sio's own answer
		assert.Equal(t, body, `{"code":5,"message":"Unsupported protocol version"}`)
	})
	t.Run("shutdown", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		assert.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx, l) }()
		c := e.client(t, "http://"+l.Addr().String())
		connected(t, c.Dial())
		cancel()
		c.Closed()
		assert.NoError(t, <-ended)
	})
}

// serve starts a server of its own for a test.
func (e *Example) serve(t *testing.T) string {
	h, srv := e.Handler()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = srv.Close() }) // first, for server waits for polls
	return server.URL
}

func (e *Example) client(t *testing.T, base string) *client.Client {
	hc := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(hc.CloseIdleConnections)
	return client.New(t, hc, base, e.Home+"socket.io/")
}

// connected returns the socket's id from the answer to a connect packet.
func connected(t *testing.T, packet string) string {
	t.Helper()
	id, ok := strings.CutPrefix(packet, `40{"sid":"`)
	if !ok {
		t.Fatalf("got %q, want to be connected", packet)
	}
	return strings.TrimSuffix(id, `"}`)
}

// said is the event that somebody has said hello.
func said(from string) string {
	return `42["said",{"from":"` + from + `","text":"hello"}]`
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	assert.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(resp.Body)
	assert.NoError(t, err)
	return resp.StatusCode, string(body)
}
