// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// vanish are the ways in which a client goes away. conn is a WebSocket that has joined "/".
var vanish = []struct {
	name  string
	leave func(conn net.Conn)
}{
	{"DISCONNECT", func(conn net.Conn) { write(conn, "41"); _ = conn.Close() }},
	{"close packet", func(conn net.Conn) { write(conn, "1") }},
	{"close frame", func(conn net.Conn) {
		_, _ = conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(nil))))
	}},
	{"closed", func(conn net.Conn) { _ = conn.Close() }},
	{"within a frame", func(conn net.Conn) { _, _ = conn.Write([]byte{0x81, 0xfe, 1}); _ = conn.Close() }},
	{"before its attachment", func(conn net.Conn) { write(conn, `451-["x",{"_placeholder":true,"num":0}]`); _ = conn.Close() }},
	{"violation", func(conn net.Conn) { write(conn, "4x") }},
	{"silent", func(net.Conn) {}},
}

func write(conn net.Conn, packet string) {
	_, _ = conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(packet)))))
}

// TestRegressVanish: two seconds after the last of many clients has vanished, or has been
// found out by the ping timeout, there is no session, no socket, no room, no pending
// acknowledgement, no goroutine and no memory left of them.
func TestRegressVanish(t *testing.T) { // not parallel: it looks at the heap
	clients, batch := full(20_000, 2000), 1000
	cfg := sio.Config{Engine: engine.Config{PingInterval: 10 * time.Second, PingTimeout: 10 * time.Second}}
	run(t, cfg, func(t *testing.T, e *env) {
		asks := 0
		var mu sync.Mutex
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
			go func() { // whom nobody will answer
				_, err := s.EmitWithAck(context.Background(), "q")
				mu.Lock()
				defer mu.Unlock()
				if asks++; err == nil {
					t.Error("answered")
				}
			}()
			return s.Join("everybody", fmt.Sprint("half ", s.ID()[0]%2))
		})
		total, idle := 0, runtime.NumGoroutine()
		wave := func(n int) (goroutines int, heap uint64) {
			conns := make([]net.Conn, n)
			for i := range conns {
				conn, err := e.net.Dial(t.Context())
				assert.NoError(t, err)
				assert.NoError(t, answerAtOnce(conn, i%2 == 0))
				conns[i] = conn
			}
			synctest.Wait()
			assert.Equal(t, e.srv.Len(), n)
			for i, conn := range conns {
				vanish[i%len(vanish)].leave(conn)
			}
			// The silent ones: interval and timeout, a second for the answer to the close frame,
			// then two, of which goroutines are kept one for other work.
			time.Sleep(23 * time.Second)
			synctest.Wait()
			goroutines = runtime.NumGoroutine()
			assert.Equal(t, e.srv.Len(), 0)
			assert.Equal(t, e.srv.Engine().Count(), 0)
			assert.Equal(t, len(sio.RoomNames(e.srv.Of("/"))), 0)
			for _, conn := range conns {
				_ = conn.Close()
			}
			e.seen.take()
			total += n
			var m runtime.MemStats
			synctest.Wait()
			for range 3 { // pools need two to forget
				runtime.GC()
			}
			runtime.ReadMemStats(&m)
			return goroutines, m.HeapAlloc
		}
		before, heap := wave(batch) // fills pools and caches
		for total < clients+batch {
			wave(batch)
		}
		after, heapAfter := wave(batch)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, asks, total)
		assert.True(t, before <= idle+16 && after <= idle+16, "%d goroutines, then %d and %d", idle, before, after) // some are kept for a second
		assert.True(t, heapAfter < heap+1<<20, "heap of %d KiB, then %d KiB", heap>>10, heapAfter>>10)
		t.Logf("%d clients; goroutines %d, then %d; heap %d KiB, then %d KiB", total, before, after, heap>>10, heapAfter>>10)
	})
}

// TestRegressVanishTCP is TestRegressVanish over TCP, where connections have no goroutine.
// Those that are silent are in the first batch alone: finding out takes real time.
func TestRegressVanishTCP(t *testing.T) { // not parallel: it counts goroutines
	clients, batch := full(20_000, 2000), 500
	srv, addr := serveTCP(t, &sio.Config{Engine: engine.Config{PingInterval: time.Second, PingTimeout: time.Second}})
	before := runtime.NumGoroutine()
	eventually := func(gone func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !gone(); <-time.After(5 * time.Millisecond) {
			if time.Now().After(end) {
				stacks := make([]byte, 1<<16)
				t.Fatalf("left: %d sockets, %d sessions, %d goroutines, before %d\n%s", srv.Len(), srv.Engine().Count(),
					runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
			}
		}
	}
	for total := 0; total < clients; total += batch {
		ways := len(vanish)
		if total > 0 {
			ways--
		}
		conns := make([]net.Conn, batch)
		for i := range conns {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
			assert.NoError(t, err)
			assert.NoError(t, conn.(*net.TCPConn).SetLinger(0)) // reset: no port waits for long
			assert.NoError(t, answerAtOnce(conn, i%2 == 0))
			conns[i] = conn
		}
		for i, conn := range conns {
			vanish[i%ways].leave(conn)
		}
		eventually(func() bool { return srv.Len() == 0 && srv.Engine().Count() == 0 })
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
	// The goroutines that are kept for later work go after a second; the poller's two stay.
	eventually(func() bool { return runtime.NumGoroutine() <= before+2 })
}
