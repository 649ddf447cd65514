// SPDX-License-Identifier: MIT

package engine_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// churns returns how many sessions TestChurn opens: CHURN, or some thousands.
func churns(t *testing.T) int {
	t.Helper()
	if n := os.Getenv("CHURN"); n != "" {
		count, err := strconv.Atoi(n)
		assert.NoError(t, err)
		return count
	}
	return 3000
}

// TestChurn opens sessions, drops them in every state, and looks at what is left: no
// session, no goroutine, no memory. `make churn` does it with 50,000.
func TestChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // not parallel: it looks at the heap
		h := serve(t, engine.Config{MaxSessions: 1000, AllowEIO3: true}, func(r *receiver) { r.got = make(chan message, 1) })
		count := churns(t)
		h.churn(count / 10) // fills pools and caches
		goroutines, heap := usage()
		h.churn(count)
		goroutinesAfter, heapAfter := usage()
		assert.True(t, goroutinesAfter <= goroutines, "%d goroutines, then %d", goroutines, goroutinesAfter)
		assert.True(t, heapAfter < heap+1<<20, "heap of %d KiB, then %d KiB", heap>>10, heapAfter>>10)
		t.Logf("%d sessions dropped; goroutines %d, then %d; heap %d KiB, then %d KiB", count, goroutines, goroutinesAfter, heap>>10, heapAfter>>10)
	})
}

func usage() (goroutines int, heap uint64) {
	synctest.Wait()
	var m runtime.MemStats
	for range 3 { // pools need two to forget
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// churn drops n sessions, the states in turn, and waits until they are gone.
func (h *host) churn(n int) {
	states := []func(*dropper){
		(*dropper).midRequest, (*dropper).midHandshake, (*dropper).midSwitch, (*dropper).idle, (*dropper).midPoll,
		(*dropper).midBody, (*dropper).midFrame, (*dropper).midMessage, (*dropper).beforeProbe, (*dropper).midUpgrade, (*dropper).upgraded,
	}
	made := make(chan int)
	go func() {
		count := 0
		for r := range h.receivers {
			if count++; r == nil {
				made <- count - 1
				return
			}
		}
	}()
	jobs := make(chan int)
	var workers sync.WaitGroup
	for range 20 {
		workers.Go(func() {
			for i := range jobs {
				if h.srv.Count() > 500 {
					time.Sleep(2 * time.Minute) // nobody answers a ping: all are gone by then
				}
				states[i%len(states)](&dropper{host: h, open: polled, direct: direct})
			}
		})
	}
	for i := range n * len(states) / (len(states) - 1) { // midRequest makes no session
		jobs <- i
	}
	close(jobs)
	workers.Wait()
	time.Sleep(2 * time.Minute)
	assert.Equal(h.t, h.srv.Count(), 0)
	h.receivers <- nil
	count := <-made
	assert.True(h.t, count >= n, "%d sessions, want %d", count, n)
}

// dropper is a client that goes away.
type dropper struct {
	*host
	open, direct string
}

func (d *dropper) dialed() net.Conn {
	conn, err := d.dial(d.t.Context())
	assert.NoError(d.t, err)
	return conn
}

func (d *dropper) request(conn net.Conn, method, query, rest string) {
	_, err := fmt.Fprintf(conn, "%s /engine.io/?%s HTTP/1.1\r\nHost: example.com\r\n%s", method, query, rest)
	assert.NoError(d.t, err)
}

const switching = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// session opens a session on a connection of its own, and returns both.
func (d *dropper) session() (net.Conn, string) {
	conn := d.dialed()
	d.request(conn, "GET", d.open, "\r\n")
	_, body := d.response(conn)
	_, sid, _ := strings.Cut(body, `"sid":"`)
	return conn, sid[:20]
}

// response reads the head of a response and as much of its body as comes with it.
func (d *dropper) response(conn net.Conn) (head, body string) {
	buf := make([]byte, 0, 2048)
	for !strings.Contains(string(buf), "\r\n\r\n") || !strings.Contains(string(buf), "}") {
		n, err := conn.Read(buf[len(buf):cap(buf)])
		assert.NoError(d.t, err)
		buf = buf[:len(buf)+n]
	}
	head, body, _ = strings.Cut(string(buf), "\r\n\r\n")
	return head, body
}

// socket opens a WebSocket and reads until the open packet, or the head of the response.
func (d *dropper) websocket(query string) net.Conn {
	conn := d.dialed()
	d.request(conn, "GET", query, switching)
	buf := make([]byte, 1)
	end := "\r\n\r\n"
	if !strings.Contains(query, "sid=") {
		end = "}"
	}
	var text []byte
	for !strings.HasSuffix(string(text), end) {
		_, err := io.ReadFull(conn, buf)
		assert.NoError(d.t, err)
		text = append(text, buf...)
	}
	return conn
}

func (d *dropper) write(conn net.Conn, p []byte) {
	_, err := conn.Write(p)
	assert.NoError(d.t, err)
}

func (d *dropper) midRequest() {
	conn := d.dialed()
	d.request(conn, "GET", d.open, "Cookie: half a")
	conn.Close()
}

func (d *dropper) midHandshake() {
	conn := d.dialed()
	d.request(conn, "GET", d.open, "\r\n")
	conn.Close()
}

func (d *dropper) midSwitch() {
	conn := d.dialed()
	d.request(conn, "GET", d.direct, switching)
	conn.Close()
}

func (d *dropper) idle() {
	conn, _ := d.session()
	conn.Close()
}

func (d *dropper) midPoll() {
	conn, sid := d.session()
	d.request(conn, "GET", d.open+"&sid="+sid, "\r\n")
	conn.Close()
}

func (d *dropper) midBody() {
	conn, sid := d.session()
	d.request(conn, "POST", d.open+"&sid="+sid, "Content-Length: 900000\r\n\r\n4hal")
	conn.Close()
}

func (d *dropper) midFrame() {
	conn := d.websocket(d.direct)
	frame := text("4" + strings.Repeat("a", 1000))
	d.write(conn, frame[:500])
	conn.Close()
}

func (d *dropper) midMessage() {
	conn := d.websocket(d.direct)
	f := ws.NewTextFrame([]byte("4first of two"))
	f.Header.Fin = false
	d.write(conn, masked(f))
	conn.Close()
}

func (d *dropper) beforeProbe() {
	conn, sid := d.session()
	d.websocket(d.direct + "&sid=" + sid).Close()
	conn.Close()
}

func (d *dropper) midUpgrade() {
	conn, sid := d.session()
	d.request(conn, "GET", d.open+"&sid="+sid, "\r\n")
	second := d.websocket(d.direct + "&sid=" + sid)
	d.write(second, text("2probe"))
	second.Close()
	conn.Close()
}

func (d *dropper) upgraded() {
	conn, sid := d.session()
	second := d.websocket(d.direct + "&sid=" + sid)
	d.write(second, append(text("2probe"), text("5")...))
	d.write(second, text("4a"))
	second.Close()
	conn.Close()
}
