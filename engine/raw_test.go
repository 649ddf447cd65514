// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// The tests of this file run over real connections: TCP, where Linux reads and writes
// with raw system calls, and TLS, which uses the connection's own methods.

func overNetworks(t *testing.T, f func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host)) {
	t.Parallel()
	for name, serve := range map[string]func(testing.TB, engine.Config, func(*receiver)) *host{"TCP": serveTCP, "TLS": serveTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, serve)
		})
	}
}

// TestRawEcho sends messages of many sizes, in pieces and all at once.
func TestRawEcho(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{MaxPayloadBytes: 2 << 20}, echo)
		c, r := h.connect()
		sizes := []int{0, 1, 124, 125, 126, 4096, 16 << 10, 32<<10 - 9, 65_535, 65_536, 1 << 20}
		for _, size := range sizes {
			data := strings.Repeat("x", size)
			frame := text("4" + data)
			c.write(frame[:1])
			c.write(frame[1:])
			c.want("4" + data)
			c.sendBinary(data)
			c.wantBinary(data)
		}
		go func() {
			var all []byte
			for i := range 1000 {
				all = append(all, text(fmt.Sprintf("4%d", i))...)
			}
			_, _ = c.conn.Write(all)
		}()
		for i := range 1000 {
			c.want(fmt.Sprintf("4%d", i))
		}
		c.write(masked(ws.NewPingFrame([]byte("p"))))
		c.wantFrame(ws.OpPong, "p")
		r.wantOpen()
	})
}

// TestRawEarly sends frames together with the HTTP request.
func TestRawEarly(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{}, echo)
		c, _ := h.upgrade("GET", direct, string(text("4a"))+string(text("4b")))
		assert.True(t, strings.HasPrefix(c.text(), "0{"), "no open packet")
		c.want("4a")
		c.want("4b")
	})
}

// TestRawSlowPeer sends to a peer that does not read: the rest waits aside, nobody
// else is delayed, and later everything arrives in order.
func TestRawSlowPeer(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{OutboxBytes: -1}, nil)
		slow, slowR := h.connect()
		fast, fastR := h.connect()
		const n = 500
		content := func(i int) (string, string) {
			return fmt.Sprintf("%d %s", i, strings.Repeat("x", i*37%20_000)), strings.Repeat("b", i*11%30_000)
		}
		for i := range n {
			text, bin := content(i)
			assert.NoError(t, slowR.send(text, bin))
			assert.NoError(t, fastR.send(fmt.Sprint(i)))
			fast.want(fmt.Sprintf("4%d", i))
		}
		assert.True(t, slowR.session.Buffered() > 1<<20, "%d bytes wait", slowR.session.Buffered())
		for i := range n {
			text, bin := content(i)
			slow.want("4" + text)
			slow.wantBinary(bin)
		}
		// The writer tells after the last write.
		for slowR.session.Buffered() > 0 {
			runtime.Gosched()
		}
		assert.NoError(t, slowR.send("last"))
		slow.want("4last")
		slowR.wantOpen()
	})
}

// TestRawHold writes many messages of all sizes with few system calls.
func TestRawHold(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{}, nil)
		c, r := h.connect()
		for range 10 {
			r.session.Hold()
			for i := range 100 {
				assert.NoError(t, r.send(strings.Repeat("x", i*i), strings.Repeat("y", i*300)))
			}
			r.session.Release()
			for i := range 100 {
				c.want("4" + strings.Repeat("x", i*i))
				c.wantBinary(strings.Repeat("y", i*300))
			}
		}
	})
}

// TestRawEnds ends connections in every way. None may leave a reader behind that
// waits for a lock of the one who ends it.
func TestRawEnds(t *testing.T) {
	tests := []struct {
		name   string
		run    func(c *socket, r *receiver)
		reason engine.Reason
		err    string
	}{
		{"peer sends 1", func(c *socket, _ *receiver) { c.send("1"); c.wantEnd() }, engine.ReasonTransportClose, ""},
		{"peer closes", func(c *socket, _ *receiver) {
			c.write(masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
			c.wantClose(1000)
			c.wantEnd()
		}, engine.ReasonTransportClose, ""},
		{"peer vanishes", func(c *socket, _ *receiver) { _ = c.conn.Close() }, engine.ReasonTransportClose, ""},
		{"server closes", func(c *socket, r *receiver) { r.session.Close(); c.wantGoodbye(0) }, engine.ReasonForcedClose, ""},
		{"bad frame", func(c *socket, _ *receiver) {
			c.write(header(0xc1, 0x80))
			c.write(make([]byte, 100_000)) // unread input must not reset the connection
			c.wantClose(1002)
		}, engine.ReasonTransportError, "protocol error"},
		{"empty message", func(c *socket, _ *receiver) { c.send(""); c.wantGoodbye(0) }, engine.ReasonParseError, "empty"},
		{"queue full within Receive", func(c *socket, r *receiver) {
			for range 50 {
				if _, err := c.conn.Write(text("4flood")); err != nil {
					break
				}
			}
			<-r.ended
			drain(c)
		}, engine.ReasonSlowConsumer, "outbox full"},
		{"queue full", func(c *socket, r *receiver) {
			for r.send(strings.Repeat("x", 100_000)) == nil { // the peer does not read
			}
			drain(c)
		}, engine.ReasonSlowConsumer, "outbox full"},
	}
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				h := serve(t, engine.Config{OutboxBytes: 200_000}, func(r *receiver) {
					r.onMessage = func(data []byte, _ bool) {
						if string(data) == "flood" {
							_ = r.send(strings.Repeat("x", 1<<20))
						}
					}
				})
				c, r := h.connect()
				tt.run(c, r)
				r.wantClosed(tt.reason, tt.err)
				_ = c.conn.Close()
				assert.NoError(t, h.srv.Close())
			})
		}
	})
}

// drain reads until the connection ends.
func drain(c *socket) {
	for {
		if _, err := c.read(); err != nil {
			return
		}
	}
}

// TestRawReset resets the connection while the server writes to it.
func TestRawReset(t *testing.T) {
	t.Parallel()
	h := serveTCP(t, engine.Config{OutboxBytes: -1}, nil)
	for range 5 {
		c, r := h.connect()
		assert.NoError(t, r.send(strings.Repeat("x", 10<<20))) // more than the kernel takes
		assert.NoError(t, c.conn.(*net.TCPConn).SetLinger(0))
		_ = c.conn.Close()
		<-r.ended
		// Whoever finds out first, the reader or the writer (E5.4, E5.9).
		assert.True(t, r.reason == engine.ReasonTransportClose || r.reason == engine.ReasonTransportError,
			"reason %q", r.reason)
		assert.ErrorIs(t, r.send("late"), engine.ErrClosed)
	}
}

// TestRawPausedPeerGone closes the connection of a session that is paused, so that
// nobody reads the end of file: the pings that go on find out.
func TestRawPausedPeerGone(t *testing.T) {
	t.Parallel()
	h := serveTCP(t, engine.Config{PingInterval: 20 * time.Millisecond, PingTimeout: 20 * time.Millisecond}, func(r *receiver) {
		r.onMessage = func(data []byte, _ bool) {
			r.session.Pause()
			r.got <- message{string(data), false}
		}
	})
	c, r := h.connect()
	c.send("4a")
	r.wantMessage("a", false)
	_ = c.conn.Close()
	<-r.ended
	assert.Equal(t, r.reason, engine.ReasonTransportError)
}

// TestRawUpgrade takes the way of a browser: polling, upgrade, messages.
func TestRawUpgrade(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{}, echo)
		sid, r := h.poll()
		h.post(sid, "4a\x1ebAQIDBA==").want(t, 200, "ok")
		h.get(sid).want(t, 200, "4a\x1ebAQIDBA==")
		c := h.probe(sid)
		h.get(sid).want(t, 200, "6")
		c.write(append(text("5"), text("4b")...))
		c.want("4b")
		h.get(sid).want(t, 400, mismatch)
		r.session.Close()
		c.wantGoodbye(0)
		r.wantClosed(engine.ReasonForcedClose, "")
	})
}

// TestRawPause stops reading from a peer that sends more than the kernel keeps.
func TestRawPause(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{}, func(r *receiver) {
			r.onMessage = func(data []byte, _ bool) {
				if len(data) < 10 {
					r.session.Pause()
				}
				r.got <- message{string(data), false}
			}
		})
		c, r := h.connect()
		c.send("4first")
		r.wantMessage("first", false)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range 100 {
				if _, err := c.conn.Write(text("4" + strings.Repeat("x", 100_000))); err != nil {
					return
				}
			}
		}()
		r.session.Resume()
		for range 100 {
			r.wantMessage(strings.Repeat("x", 100_000), false)
		}
		<-sent
		c.send("4a")
		r.wantMessage("a", false)
		assert.NoError(t, h.srv.Close()) // does not wait for Resume
		r.wantClosed(engine.ReasonForcedClose, "")
	})
}

// TestRawHeartbeat runs a real heartbeat: three rounds, and then none.
func TestRawHeartbeat(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{PingInterval: 30 * time.Millisecond, PingTimeout: time.Second}, nil)
		c, r := h.connect()
		for range 3 {
			c.want("2")
			c.send("3")
		}
		c.want("2")
		c.wantGoodbye(0)
		r.wantClosed(engine.ReasonPingTimeout, "")
	})
}

// TestFloodAfterClose: a client that goes on sending does not stay for longer.
func TestFloodAfterClose(t *testing.T) {
	t.Parallel()
	h := serveTCP(t, engine.Config{UpgradeTimeout: 300 * time.Millisecond, PingInterval: time.Minute}, nil)
	sid, _ := h.poll()
	c := h.socket(direct + "&sid=" + sid) // a candidate that never probes
	flood := bytes.Repeat(masked(ws.NewPongFrame(nil)), 10_000)
	start := time.Now()
	for time.Since(start) < 30*time.Second {
		if _, err := c.conn.Write(flood); err != nil {
			return // thrown out
		}
	}
	t.Fatal("still connected")
}
