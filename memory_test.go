// SPDX-License-Identifier: MIT

//go:build !race

package sio_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// TestMemory keeps what a client costs that has joined "/" and says nothing: bytes of live
// heap, and allocations on the way there. What the connection and net/http cost without us is
// taken off, measured with a handler that does nothing but read.
func TestMemory(t *testing.T) {
	cost(t, http.HandlerFunc(bareHandler), "") // the runtime keeps goroutines for later
	tests := []struct {
		name   string
		bytes  int64
		allocs int64
		header string
		setUp  func(*sio.Server)
	}{
		{"nothing registered", 1750, 42, "", func(*sio.Server) {}},
		{"header of a browser", 2050, 43, browser, func(*sio.Server) {}},
		{"OnConnect, which is given a context", 1950, 46, "", func(srv *sio.Server) {
			srv.OnConnect(func(ctx context.Context, _ *sio.Socket) error { return ctx.Err() })
		}},
		{"Handshake, which is not kept", 1950, 60, "", func(srv *sio.Server) {
			srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
				_ = s.Handshake()
				return nil
			})
		}},
		{"a middleware of HTTP with a value", 2050, 55, "", func(srv *sio.Server) {
			srv.Engine().Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "somebody")))
				})
			})
		}},
		{"a room", 2050, 50, "", func(srv *sio.Server) {
			srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Join("room") })
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := sio.NewServer(&sio.Config{
				Logger: slog.New(slog.DiscardHandler),
				Engine: engine.Config{PingInterval: 1 << 50},
			})
			tt.setUp(srv)
			bare := cost(t, http.HandlerFunc(bareHandler), tt.header)
			c := cost(t, srv, tt.header)
			c.bytes -= bare.bytes
			c.allocs -= bare.allocs
			t.Logf("%d bytes, %d allocations (%d, %d)", c.bytes, c.allocs, bare.bytes, bare.allocs)
			assert.True(t, c.bytes > 500, "%d bytes: that cannot be", c.bytes)
			assert.True(t, c.bytes <= tt.bytes, "%d bytes for each client", c.bytes)
			assert.True(t, c.allocs <= tt.allocs, "%d allocations for each client", c.allocs)
		})
	}
}

type perClient struct{ bytes, allocs int64 }

// cost connects many clients to a handler and returns what one of them costs.
func cost(t *testing.T, h http.Handler, header string) (c perClient) {
	t.Helper()
	const clients = 1000
	synctest.Test(t, func(t *testing.T) {
		l := &sizing{Listener: memnet.Listen()}
		server := &http.Server{Handler: h}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		conns := make([]net.Conn, 0, clients+1)
		conns = append(conns, connectBare(t, l, header)) // what is made once
		before := measure()
		for range clients {
			conns = append(conns, connectBare(t, l, header))
		}
		after := measure()
		c.bytes = (int64(after.HeapAlloc)-int64(before.HeapAlloc))/clients - l.buffer.Load()
		c.allocs = (int64(after.Mallocs) - int64(before.Mallocs)) / clients
		for _, conn := range conns {
			assert.NoError(t, conn.Close())
		}
		if srv, ok := h.(io.Closer); ok {
			assert.NoError(t, srv.Close())
		}
		assert.NoError(t, server.Close())
		<-served
	})
	return c
}

// sizing is a listener that knows with what buffer its connections were read last. Only
// connections that are not TCP have one while they are idle.
type sizing struct {
	*memnet.Listener

	buffer atomic.Int64
}

func (l *sizing) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &sized{conn, l}, err
}

type sized struct {
	net.Conn

	l *sizing
}

func (c *sized) Read(p []byte) (int, error) {
	c.l.buffer.Store(int64(len(p)))
	return c.Conn.Read(p)
}

// measure counts what is in use when nothing moves any more.
func measure() (m runtime.MemStats) {
	synctest.Wait()
	runtime.GC()
	runtime.GC() // what pools held
	runtime.ReadMemStats(&m)
	return m
}

const browser = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n" +
	"Origin: http://mem.test\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n"

// connectBare joins "/" and keeps nothing but the connection.
func connectBare(t *testing.T, l *sizing, header string) net.Conn {
	conn, err := l.Dial(t.Context())
	assert.NoError(t, err)
	_, err = io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: mem.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"+header+"\r\n")
	assert.NoError(t, err)
	readUntil(t, conn, "0{")
	_, err = conn.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '4', '0'})
	assert.NoError(t, err)
	readUntil(t, conn, "40{")
	return conn
}

func readUntil(t *testing.T, conn net.Conn, text string) {
	var room [1024]byte
	buf := room[:0]
	for !strings.Contains(string(buf), text) {
		n, err := conn.Read(buf[len(buf):cap(buf)])
		assert.NoError(t, err)
		buf = buf[:len(buf)+n]
	}
}

// bareHandler answers like a server and reads like one, on a goroutine with a buffer, because
// that is how a connection in memory is read.
func bareHandler(w http.ResponseWriter, _ *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\n\r\n0{")
	_ = rw.Flush()
	go func() {
		defer func() { _ = conn.Close() }()
		buf := make([]byte, 512)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			_, _ = conn.Write([]byte("40{"))
		}
	}()
}
