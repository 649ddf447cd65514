// SPDX-License-Identifier: MIT

package engine_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// The tests of this file are about connections that share who reads them: one that is
// slow, stalls, or waits in a function of the user costs the others nothing.

// TestRawBlocking keeps sessions in functions of the user, one after the other, on more
// connections than there are workers.
func TestRawBlocking(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		var waiting sync.WaitGroup
		release := make(chan struct{})
		block := func() { waiting.Done(); <-release }
		h := serve(t, engine.Config{OnClose: func(_ *engine.Session, _ engine.Reason, err error) {
			if err != nil { // the empty message
				block()
			}
		}}, func(r *receiver) {
			r.onMessage = func(data []byte, _ bool) {
				if string(data) == "block" {
					r.session.Blocking()
					block()
				}
				_ = r.send(string(data))
			}
		})
		const n = 20
		waiting.Add(2 * n)
		var blocked []*socket
		for range n {
			c, _ := h.connect()
			c.send("4block")
			blocked = append(blocked, c)
			closing, _ := h.connect()
			closing.send("") // no packet
		}
		waiting.Wait() // all of them, or the test hangs
		other, _ := h.connect()
		other.send("4a")
		other.want("4a")
		blocked[0].send("4later")
		close(release)
		for _, c := range blocked {
			c.want("4block")
		}
		blocked[0].want("4later")
	})
}

// TestRawByteAtATime sends frames byte by byte on one connection while another is served.
func TestRawByteAtATime(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{}, echo)
		slow, _ := h.connect()
		fast, _ := h.connect()
		for i := range 20 {
			message := fmt.Sprintf("4%d", i)
			for _, b := range text(message) {
				slow.write([]byte{b})
				fast.send(message)
				fast.want(message)
			}
			slow.want(message)
		}
	})
}

// TestRawLastWords ends connections right behind a message: it is received, and then the
// end is noticed.
func TestRawLastWords(t *testing.T) {
	ends := map[string]func(c *socket){
		"nothing":     func(*socket) {},
		"a frame cut": func(c *socket) { c.write(text("4cut")[:3]) },
		"close frame": func(c *socket) { c.write(masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))) },
	}
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{}, nil)
		for name, end := range ends {
			for range 20 {
				c, r := h.connect()
				c.send("4last")
				end(c)
				assert.NoError(t, c.conn.(interface{ CloseWrite() error }).CloseWrite())
				r.wantMessage("last", false)
				<-r.ended
				assert.True(t, r.reason == engine.ReasonTransportClose, "%s: %s", name, r.reason)
				_, _ = io.Copy(io.Discard, c.conn) // the server closes its side too
			}
		}
	})
}

// TestRawPauses pauses and resumes at random while a client sends numbered messages.
func TestRawPauses(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		const n = 20_000
		got := make(chan struct{})
		next := 0
		h := serve(t, engine.Config{}, func(r *receiver) {
			r.onMessage = func(data []byte, _ bool) {
				if number, _, _ := strings.Cut(string(data), " "); number != fmt.Sprint(next) {
					t.Errorf("got %q, want %d", number, next)
				}
				if next++; next == n {
					close(got)
				}
				if rand.IntN(100) == 0 {
					r.session.Pause()
					go r.session.Resume()
				}
			}
		})
		c, r := h.connect()
		var out []byte
		for i := range n {
			out = append(out, text(fmt.Sprintf("4%d %s", i, strings.Repeat("x", i%300)))...)
		}
		c.write(out)
		<-got
		_ = c.conn.Close()
		<-r.ended
	})
}

// TestRawStalled sends to many peers that do not read: what is left waits, and leaves when
// they read, or ends with them.
func TestRawStalled(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{OutboxBytes: -1}, nil)
		const n = 20
		big := strings.Repeat("x", 8<<20) // more than the kernel takes
		var stalled []*socket
		var receivers []*receiver
		for range n {
			c, r := h.connect()
			assert.NoError(t, r.send(big))
			assert.NoError(t, r.send("after"))
			stalled, receivers = append(stalled, c), append(receivers, r)
		}
		fast, r := h.connect()
		assert.NoError(t, r.send("a"))
		fast.want("4a")
		for i, c := range stalled {
			switch i % 4 {
			case 0:
				c.want("4" + big)
				c.want("4after")
			case 1:
				_ = c.conn.Close()
				<-receivers[i].ended
			case 2:
				receivers[i].session.Close() // polite: it waits for the peer
			case 3: // Server.Close ends it
			}
		}
		assert.True(t, receivers[2].session.Buffered() > 1<<20, "nothing waits")
		stalled[2].want("4" + big)
		stalled[2].want("4after")
		stalled[2].wantGoodbye(0)
	})
}

// TestRawShutdown shuts a server down while clients have not read all that was sent.
func TestRawShutdown(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{OutboxBytes: -1}, nil)
		big := strings.Repeat("x", 4<<20)
		var clients sync.WaitGroup
		for range 10 {
			c, r := h.connect()
			assert.NoError(t, r.send(big))
			clients.Go(func() {
				time.Sleep(10 * time.Millisecond)
				c.want("4" + big)
				c.wantGoodbye(0)
			})
		}
		assert.NoError(t, h.srv.Shutdown(t.Context()))
		clients.Wait()
	})
}

// TestRawStalledShare sends the same messages to many peers that do not read: what they
// wait for is there once, and not once for each.
func TestRawStalledShare(t *testing.T) { //nolint:paralleltest // it looks at the heap
	h := serveTCP(t, engine.Config{OutboxBytes: -1}, nil)
	const n, peers = 4000, 8
	shared := make([]*engine.Message, n) // more than the kernel takes
	for i := range shared {
		shared[i] = newMessage(fmt.Sprintf("%d %s", i, strings.Repeat("x", 4<<10)))
	}
	heap := func() uint64 {
		var m runtime.MemStats
		for range 3 { // pools need two to forget
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var clients []*socket
	before := heap()
	for range peers {
		c, r := h.connect()
		r.session.Hold()
		for _, m := range shared {
			assert.NoError(t, r.session.Send(m, engine.SendOptions{}))
		}
		r.session.Release()
		assert.True(t, r.session.Buffered() > 1<<20, "%d bytes wait", r.session.Buffered())
		clients = append(clients, c)
	}
	after := heap()
	assert.True(t, after < before+8<<20, "%d KiB for %d peers", (after-before)>>10, peers)
	for i := range n {
		clients[0].want(fmt.Sprintf("4%d %s", i, strings.Repeat("x", 4<<10)))
	}
	runtime.KeepAlive(shared)
}
