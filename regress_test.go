// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// These are the failures that were measured in other servers, each with a test of ours.
// `make regress` runs them with full numbers.

// full returns the full number with REGRESS=1, or else the smaller one.
func full(all, few int) int {
	if os.Getenv("REGRESS") != "" {
		return all
	}
	return few
}

// opening is a request that opens a WebSocket.
const opening = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: mem.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// until reads until text has come. It returns an error where the rest never comes.
func until(conn net.Conn, text string) error {
	var room [1024]byte
	buf := room[:0]
	for !strings.Contains(string(buf), text) {
		n, err := conn.Read(buf[len(buf):cap(buf)])
		if buf = buf[:len(buf)+n]; err != nil {
			return fmt.Errorf("after %q: %w", buf, err)
		}
	}
	return nil
}

var connectFrame = []byte{0x81, 0x82, 0, 0, 0, 0, '4', '0'}

// answerAtOnce opens a connection, says CONNECT with the request or right after the open
// packet, and waits for the answer.
func answerAtOnce(conn net.Conn, early bool) error {
	request := []byte(opening)
	if early {
		request = append(request, connectFrame...)
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	if !early {
		if err := until(conn, "0{"); err != nil {
			return err
		}
		if _, err := conn.Write(connectFrame); err != nil {
			return err
		}
	}
	return until(conn, "40{")
}

// TestRegressConnect: no CONNECT is lost of clients that send it at once.
func TestRegressConnect(t *testing.T) {
	t.Parallel()
	storm := func(t *testing.T, n int, dial func(context.Context) (net.Conn, error)) {
		jobs := make(chan bool)
		var workers sync.WaitGroup
		for range 20 {
			workers.Go(func() {
				for early := range jobs {
					conn, err := dial(t.Context())
					if err == nil {
						// Far beyond any pause of the machine, below the connect timeout.
						_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
						err = answerAtOnce(conn, early)
						_ = conn.Close()
					}
					if err != nil {
						t.Errorf("early %t: %v", early, err)
					}
				}
			})
		}
		for i := range n {
			jobs <- i%2 == 0
		}
		close(jobs)
		workers.Wait()
	}
	t.Run("in memory", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) { storm(t, full(25_000, 2000), e.net.Dial) })
	})
	t.Run("TCP", func(t *testing.T) {
		t.Parallel()
		_, addr := serveTCP(t, &sio.Config{})
		storm(t, full(25_000, 1000), func(ctx context.Context) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
			if err == nil { // no port waits for long
				err = conn.(*net.TCPConn).SetLinger(0)
			}
			return conn, err
		})
	})
}

// serveTCP serves a server on loopback, until the end of the test.
func serveTCP(t *testing.T, cfg *sio.Config) (srv *sio.Server, addr string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	srv = sio.NewServer(cfg)
	server := &http.Server{Handler: srv, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		assert.NoError(t, srv.Close())
		assert.NoError(t, server.Close())
		assert.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return srv, l.Addr().String()
}

// TestRegressPing: clients that answer pings, at once or as late as they may, stay.
func TestRegressPing(t *testing.T) {
	t.Parallel()
	cfg := sio.Config{Engine: engine.Config{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}}
	run(t, cfg, func(t *testing.T, e *env) {
		const clients = 1000
		end := time.Now().Add(time.Duration(full(60, 10)) * time.Second)
		pong := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("3"))))
		var pings [clients]int
		var readers sync.WaitGroup
		for i := range clients {
			conn, err := e.net.Dial(t.Context())
			assert.NoError(t, err)
			assert.NoError(t, answerAtOnce(conn, true))
			assert.NoError(t, conn.SetReadDeadline(end))
			readers.Go(func() {
				ping := make([]byte, 3)
				for {
					if _, err := io.ReadFull(conn, ping); err != nil {
						return // the end, or what the count tells
					}
					pings[i]++
					time.Sleep(time.Duration(i%4) * 66 * time.Millisecond)
					if _, err := conn.Write(pong); err != nil {
						return
					}
				}
			})
		}
		readers.Wait()
		assert.Equal(t, e.srv.Len(), clients)
		for i, n := range pings {
			assert.True(t, n >= full(60, 10)*2-1, "client %d: %d pings", i, n)
		}
		for _, line := range e.seen.settled() {
			if line != "connect" {
				t.Error(line)
			}
		}
	})
}
