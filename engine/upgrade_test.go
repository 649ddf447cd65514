// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

const mismatch = `{"code":3,"message":"Bad request"}`

// TestUpgrade_E9_1_E9_2_E9_3_E9_4_E9_8 follows the trace of chapter 10.
func TestUpgrade_E9_1_E9_2_E9_3_E9_4_E9_8(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		sid, r := h.poll()
		c := h.socket(direct + "&sid=" + sid)
		pending := h.getLater(sid)
		time.Sleep(time.Second)
		wantPending(t, pending) // nothing is freed before the probe
		start := time.Now()
		c.send("2probe")
		c.want("3probe")
		(<-pending).want(t, 200, "6")
		assert.Equal(t, time.Since(start), 100*time.Millisecond)
		h.get(sid).want(t, 200, "6")
		assert.Equal(t, time.Since(start), 200*time.Millisecond)

		// Messages go by polling until the client switches.
		assert.NoError(t, r.send("a"))
		h.get(sid).want(t, 200, "4a")
		h.post(sid, "4b").want(t, 200, "ok")
		h.get(sid).want(t, 200, "4b")
		assert.Equal(t, time.Since(start), 200*time.Millisecond)
		assert.Equal(t, r.session.Transport(), engine.Polling)

		pending = h.getLater(sid)
		wantPending(t, pending)
		c.send("5")
		(<-pending).want(t, 200, "1")
		synctest.Wait()
		assert.Equal(t, r.session.Transport(), engine.WebSocket)
		h.get(sid).want(t, 400, mismatch)
		h.post(sid, "4x").want(t, 400, mismatch)
		for range 2 {
			second := h.socket(direct + "&sid=" + sid)
			second.wantClose(0)
			second.wantEnd()
		}
		c.send("4c")
		c.want("4c")
		c.sendBinary("\x01\x02")
		c.wantBinary("\x01\x02")
		r.wantOpen()
		assert.Equal(t, h.srv.Count(), 1)
	})
}

// TestUpgradeQueued_E9_9 sends what was queued while no GET was there by WebSocket.
func TestUpgradeQueued_E9_9(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		c := h.probe(sid)
		assert.NoError(t, r.send("a", "bin"))
		assert.NoError(t, r.send("b"))
		c.send("5")
		c.want("4a")
		c.wantBinary("bin")
		c.want("4b")
	})
}

// TestUpgradeAndMessage sends messages together with the packet that completes the
// upgrade: they are received like any others.
func TestUpgradeAndMessage(t *testing.T) {
	t.Parallel()
	t.Run("messages", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			sid, r := h.poll()
			c := h.probe(sid)
			c.write(append(append(text("5"), text("4a")...), text("4b")...))
			r.wantMessage("a", false)
			r.wantMessage("b", false)
			synctest.Wait()
			assert.Equal(t, r.ends.Load(), int64(1))
			c.send("4c")
			r.wantMessage("c", false)
		})
	})
	t.Run("all at once", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, echo)
			sid, _ := h.poll()
			early := append(append(text("2probe"), text("5")...), text("4a")...)
			c, a := h.upgrade("GET", direct+"&sid="+sid, string(early))
			assert.Equal(t, a.status, 101)
			c.want("3probe")
			c.want("4a")
		})
	})
	t.Run("bad frame", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			sid, r := h.poll()
			c := h.probe(sid)
			c.write(append(append(text("5"), text("4a")...), header(0xc1, 0x80)...))
			r.wantMessage("a", false)
			r.wantClosed(engine.ReasonTransportError, "protocol error")
			c.wantClose(1002)
		})
	})
	t.Run("paused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			sid, r := h.poll()
			c := h.probe(sid)
			r.session.Pause()
			c.write(append(text("5"), text("4a")...))
			r.wantMessage("a", false)
			c.send("4b")
			synctest.Wait()
			assert.Equal(t, len(r.got), 0)
			r.session.Resume()
			r.wantMessage("b", false)
		})
	})
}

// TestUpgradeFails_E9_5_E9_6_E9_7 breaks upgrades off: the session goes on polling,
// and may be upgraded later.
func TestUpgradeFails_E9_5_E9_6_E9_7(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		run   func(c *socket)
		after time.Duration
	}{
		{"other packet", func(c *socket) { c.send("4hello"); c.wantClose(0); c.wantEnd() }, 0},
		{"wrong probe", func(c *socket) { c.send("2wrong"); c.wantClose(0); c.wantEnd() }, 0},
		{"binary", func(c *socket) { c.sendBinary("5"); c.wantClose(0); c.wantEnd() }, 0},
		{"parse error", func(c *socket) { c.send("abc"); c.wantClose(0); c.wantEnd() }, 0},
		{"bad frame", func(c *socket) { c.write(header(0xc1, 0x80)); c.wantClose(0); c.wantEnd() }, 0},
		{"garbage", func(c *socket) { c.write([]byte("GET / HTTP/1.1\r\n\r\n")); c.wantClose(0); c.wantEnd() }, 0},
		{"closed", func(c *socket) { c.write(masked(ws.NewCloseFrame(nil))); c.wantClose(0); c.wantEnd() }, 0},
		{"vanished", func(c *socket) { _ = c.conn.Close() }, 0},
		{"E9.6: timeout", func(c *socket) { c.wantClose(0); c.wantEnd() }, 10 * time.Second},
		{"E9.6: timeout after the probe", func(c *socket) {
			c.send("2probe")
			c.want("3probe")
			c.wantClose(0)
			c.wantEnd()
		}, 10 * time.Second},
		{"timeout of a flood of probes", func(c *socket) {
			for { // reads nothing
				if _, err := c.conn.Write(text("2probe")); err != nil {
					return
				}
			}
		}, 11 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, echo)
				sid, r := h.poll()
				c := h.socket(direct + "&sid=" + sid)
				start := time.Now()
				tt.run(c)
				assert.Equal(t, time.Since(start), tt.after)
				synctest.Wait()
				pending := h.getLater(sid)
				time.Sleep(time.Second)
				wantPending(t, pending) // no noops any more
				h.post(sid, "4a").want(t, 200, "ok")
				(<-pending).want(t, 200, "4a")
				c = h.probe(sid)
				c.send("5")
				c.send("4b")
				c.want("4b")
				r.wantOpen()
			})
		})
	}
}

// TestUpgradeTwice_E9_1 opens a second WebSocket while the first one probes.
func TestUpgradeTwice_E9_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		sid, _ := h.poll()
		first := h.socket(direct + "&sid=" + sid)
		second := h.socket(direct + "&sid=" + sid)
		second.wantClose(0)
		second.wantEnd()
		first.send("2probe")
		first.want("3probe")
		first.send("5")
		first.send("4a")
		first.want("4a")
	})
}

// TestUpgradeOfWebSocket_E9_1 tries to upgrade a session that began as a WebSocket.
func TestUpgradeOfWebSocket_E9_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		c, r := h.connect()
		second := h.socket(direct + "&sid=" + r.session.ID())
		second.wantClose(0)
		second.wantEnd()
		c.send("4a")
		c.want("4a")
	})
}

// TestUpgradeDisabled_B9 refuses what was not offered.
func TestUpgradeDisabled_B9(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{DisableUpgrades: true}, nil)
		sid, r := h.poll()
		_, a := h.upgrade("GET", direct+"&sid="+sid, "")
		a.want(t, 400, "Bad request")
		r.wantOpen()
	})
}

// TestUpgradeWithoutProbe_E9_5 completes an upgrade without a probe, as the official
// server allows.
func TestUpgradeWithoutProbe_E9_5(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		sid, _ := h.poll()
		c := h.socket(direct + "&sid=" + sid)
		c.send("5")
		c.send("4a")
		c.want("4a")
	})
}

// TestCloseWhileUpgrading_E9_4_E9_7 ends sessions in the middle of an upgrade.
func TestCloseWhileUpgrading_E9_4_E9_7(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		run    func(t *testing.T, h *host, sid string, r *receiver, c *socket)
		reason engine.Reason
		err    string
	}{
		{"E9.4: closing, then completed", func(t *testing.T, _ *host, _ string, r *receiver, c *socket) {
			r.session.Close() // waits for a GET
			synctest.Wait()
			r.wantOpen()
			c.send("5")
			c.wantGoodbye(0)
		}, engine.ReasonForcedClose, ""},
		{"closing with packets queued, then completed", func(t *testing.T, _ *host, _ string, r *receiver, c *socket) {
			assert.NoError(t, r.send("a"))
			r.session.Close()
			c.send("5")
			c.want("4a")
			c.wantGoodbye(0)
		}, engine.ReasonForcedClose, ""},
		{"closing, then polled", func(t *testing.T, h *host, sid string, r *receiver, c *socket) {
			r.session.Close()
			h.get(sid).want(t, 200, "6\x1e1")
			c.wantClose(0)
			c.wantEnd()
		}, engine.ReasonForcedClose, ""},
		{"closed with a GET pending", func(t *testing.T, h *host, sid string, r *receiver, c *socket) {
			pending := h.getLater(sid)
			r.session.Close()
			(<-pending).want(t, 200, "1")
			c.wantClose(0)
			c.wantEnd()
		}, engine.ReasonForcedClose, ""},
		{"closed by the peer", func(t *testing.T, h *host, sid string, _ *receiver, c *socket) {
			h.post(sid, "1").want(t, 200, "ok")
			c.wantClose(0)
			c.wantEnd()
		}, engine.ReasonTransportClose, ""},
		{"completed after the end", func(t *testing.T, h *host, sid string, _ *receiver, c *socket) {
			h.post(sid, "1").want(t, 200, "ok")
			_, _ = c.conn.Write(text("5"))
			c.wantClose(0)
			c.wantEnd()
		}, engine.ReasonTransportClose, ""},
		{"server closed", func(t *testing.T, h *host, _ string, _ *receiver, c *socket) {
			assert.NoError(t, h.srv.Close())
			c.wantClose(0)
			c.wantEnd()
		}, engine.ReasonForcedClose, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				sid, r := h.poll()
				c := h.probe(sid)
				tt.run(t, h, sid, r, c)
				r.wantClosed(tt.reason, tt.err)
				_, a := h.upgrade("GET", direct+"&sid="+sid, "")
				a.want(t, 400, "Session ID unknown")
			})
		})
	}
}

// TestUpgradeDuringPost checks that a body that comes when the session has left
// polling behind harms nobody.
func TestUpgradeDuringPost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		sid, r := h.poll()
		post, body := h.postSlowly(sid)
		c := h.probe(sid)
		c.send("5")
		a := <-post // is not waited for
		assert.True(t, a.status == 400 && a.closes || a.err != nil, "answer %+v", a)
		_ = body.Close()
		c.send("4a")
		c.want("4a")
		r.wantOpen()
	})
}

// TestUpgradeContinuity_E9_9 sends 1000 messages each way while the client upgrades
// as the official one does: it stops polling, and then switches.
func TestUpgradeContinuity_E9_9(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 1000
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		go func() {
			for i := range n {
				if i > 0 {
					time.Sleep(time.Millisecond)
				}
				assert.NoError(t, r.send(fmt.Sprint(i)))
			}
		}()
		stop, polls := context.WithCancel(t.Context())
		gets, posts := make(chan int), make(chan int)
		go func() { // polls until it is told to stop
			next := 0
			for stop.Err() == nil {
				a := h.get(sid)
				assert.Equal(t, a.status, 200)
				for p := range strings.SplitSeq(a.body, "\x1e") {
					if p == "6" {
						continue
					}
					assert.Equal(t, p, fmt.Sprintf("4%d", next))
					next++
				}
			}
			gets <- next
		}()
		go func() {
			next := 0
			for stop.Err() == nil {
				h.post(sid, fmt.Sprintf("4%d\x1e4%d", next, next+1)).want(t, 200, "ok")
				next += 2
				time.Sleep(3 * time.Millisecond)
			}
			posts <- next
		}()
		time.Sleep(200 * time.Millisecond)
		c := h.probe(sid)
		time.Sleep(50 * time.Millisecond)
		polls()
		received, sent := <-gets, <-posts
		assert.True(t, received > 100 && received < n, "%d messages by polling", received)
		c.send("5")
		go func() {
			for i := sent; i < n; i++ {
				c.send(fmt.Sprintf("4%d", i))
			}
		}()
		for i := received; i < n; i++ {
			c.want(fmt.Sprintf("4%d", i))
		}
		for i := range n {
			r.wantMessage(fmt.Sprint(i), false)
		}
		assert.Equal(t, r.session.Transport(), engine.WebSocket)
	})
}
