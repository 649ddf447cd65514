// SPDX-License-Identifier: MIT

package dial_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

type dialFunc = func(context.Context, string, http.Header) (net.Conn, error)

// streams opens WebTransport sessions in memory.
type streams struct {
	serve func(conn net.Conn, r *http.Request) // the server's side
	plain bool                                 // connections cannot close one direction

	mu      sync.Mutex
	urls    []string
	headers []http.Header
	done    sync.WaitGroup
}

func (d *streams) dial(ctx context.Context, target string, header http.Header) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.urls, d.headers = append(d.urls, target), append(d.headers, header)
	d.mu.Unlock()
	r := httptest.NewRequestWithContext(context.Background(), "GET", target, nil)
	r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor, r.Header = "CONNECT", "webtransport", 3, 0, header
	client, server := memnet.Pipe()
	d.done.Go(func() { d.serve(server, r) })
	if d.plain {
		return struct{ net.Conn }{client}, nil
	}
	return client, nil
}

func (d *streams) calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.urls)
}

// webTransport gives a server WebTransport, and returns the side that dials.
func (n *network) webTransport() *streams {
	d := &streams{serve: func(conn net.Conn, r *http.Request) {
		n.srv.ServeWebTransport(httptest.NewRecorder(), r, func(*http.Request) (net.Conn, error) { return conn, nil })
	}}
	n.t.Cleanup(d.done.Wait)
	return d
}

// scripted returns sessions of a server that does what a test says.
func scripted(t testing.TB, f func(c *streamPeer)) *streams {
	d := &streams{serve: func(conn net.Conn, _ *http.Request) {
		defer func() { _ = conn.Close() }()
		f(&streamPeer{t, conn, bufio.NewReader(conn)})
	}}
	t.Cleanup(d.done.Wait)
	return d
}

// streamPeer is the server's end of a stream, which may break every rule.
type streamPeer struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func framed(data string, binary bool) string {
	return string(wire.AppendStreamHeader(nil, len(data), binary)) + data
}

func (c *streamPeer) write(p string) { _, _ = io.WriteString(c.conn, p) }

func (c *streamPeer) send(texts ...string) {
	for _, s := range texts {
		c.write(framed(s, false))
	}
}

// want checks the next bytes, packets with their headers.
func (c *streamPeer) want(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		got := make([]byte, len(p))
		n, err := io.ReadFull(c.r, got)
		if err != nil || string(got) != p {
			c.t.Errorf("got %q (%v), want %q", got[:n], err, p)
		}
	}
}

// wantEnd checks that the client ends the stream without another packet.
func (c *streamPeer) wantEnd() {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	assert.True(c.t, len(rest) == 0, "got %.60q (%v), want the end", rest, err)
}
