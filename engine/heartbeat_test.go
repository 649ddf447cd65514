// SPDX-License-Identifier: MIT

package engine_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

var beating = engine.Config{PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second}

// TestHeartbeatPolling_E8_1 answers pings for an hour.
func TestHeartbeatPolling_E8_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, beating, nil)
		start := time.Now()
		sid, r := h.poll()
		for i := range 144 {
			a := h.get(sid)
			a.want(t, 200, "2")
			assert.Equal(t, time.Since(start), time.Duration(i+1)*25*time.Second)
			h.post(sid, "3").want(t, 200, "ok")
		}
		r.wantOpen()
	})
}

// TestHeartbeatWebSocket_E8_1 answers each ping after 19 s: the next one follows 25 s
// after the pong, and messages change nothing.
func TestHeartbeatWebSocket_E8_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, beating, nil)
		start := time.Now()
		c, r := h.connect()
		for i := range 82 {
			c.send("4a")
			c.want("2")
			assert.Equal(t, time.Since(start), time.Duration(i)*44*time.Second+25*time.Second)
			time.Sleep(10 * time.Second)
			c.send("4b")
			time.Sleep(9 * time.Second)
			c.send("3")
			r.wantMessage("a", false)
			r.wantMessage("b", false)
			synctest.Wait()
		}
		r.wantOpen()
	})
}

// TestPingTimeout_E8_2 answers nothing.
func TestPingTimeout_E8_2(t *testing.T) {
	t.Parallel()
	t.Run("polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, beating, nil)
			start := time.Now()
			sid, r := h.poll()
			h.get(sid).want(t, 200, "2")
			pending := h.getLater(sid)
			h.post(sid, "4a").want(t, 200, "ok") // is no pong
			(<-pending).want(t, 200, "1")
			r.wantClosed(engine.ReasonPingTimeout, "")
			assert.Equal(t, time.Since(start), 45*time.Second)
			h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
		})
	})
	t.Run("polling without a GET", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, beating, nil)
			start := time.Now()
			_, r := h.poll()
			<-r.ended
			r.wantClosed(engine.ReasonPingTimeout, "")
			assert.Equal(t, time.Since(start), 45*time.Second)
			assert.Equal(t, h.srv.Count(), 0)
		})
	})
	t.Run("polling without a GET, closing", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, beating, nil)
			start := time.Now()
			_, r := h.poll()
			time.Sleep(20 * time.Second)
			r.session.Close()
			<-r.ended
			r.wantClosed(engine.ReasonPingTimeout, "")
			assert.Equal(t, time.Since(start), 45*time.Second)
		})
	})
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, beating, nil)
			start := time.Now()
			c, r := h.connect()
			c.want("2")
			c.send("4a")
			c.wantGoodbye(0) // E5.3
			r.wantClosed(engine.ReasonPingTimeout, "")
			assert.Equal(t, time.Since(start), 45*time.Second)
		})
	})
	t.Run("websocket that does not read", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, beating, nil)
			start := time.Now()
			_, r := h.connect()
			assert.NoError(t, r.session.Send(newMessage(string(make([]byte, 200_000))), engine.SendOptions{}))
			<-r.ended
			r.wantClosed(engine.ReasonPingTimeout, "")
			assert.Equal(t, time.Since(start), 45*time.Second)
		})
	})
}

// TestUnsolicitedPong_B2 checks that pongs nobody asked for put nothing off.
func TestUnsolicitedPong_B2(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, beating, nil)
		start := time.Now()
		c, r := h.connect()
		go func() {
			for range 25 {
				c.send("3")
				time.Sleep(time.Second)
			}
		}()
		c.want("2")
		assert.Equal(t, time.Since(start), 25*time.Second)
		<-r.ended
		r.wantClosed(engine.ReasonPingTimeout, "")
		assert.Equal(t, time.Since(start), 45*time.Second)
	})
}

// TestPingAcrossUpgrade_B1 upgrades while a ping is outstanding.
func TestPingAcrossUpgrade_B1(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{true, false} {
		name := map[bool]string{true: "answered", false: "not answered"}[answered]
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, beating, nil)
				start := time.Now()
				sid, r := h.poll()
				h.get(sid).want(t, 200, "2")
				c := h.probe(sid)
				c.send("5")
				if answered {
					c.send("3")
					c.want("2")
					assert.Equal(t, time.Since(start), 50*time.Second)
					r.wantOpen()
					return
				}
				c.wantClose(0)
				r.wantClosed(engine.ReasonPingTimeout, "")
				assert.Equal(t, time.Since(start), 45*time.Second)
			})
		})
	}
}

// TestPausedSession checks that a session whose pong may wait unread is not thrown
// out, but is when it has been read and there was none.
func TestPausedSession(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{true, false} {
		name := map[bool]string{true: "pong unread", false: "no pong"}[answered]
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, beating, nil)
				c, r := h.connect()
				r.session.Pause()
				c.send("4a") // the read that was under way
				r.wantMessage("a", false)
				c.want("2")
				if answered {
					c.send("3")
				}
				time.Sleep(time.Hour)
				r.wantOpen()
				resumed := time.Now()
				r.session.Resume()
				if answered {
					for time.Since(resumed) == 0 {
						c.want("2") // those of the pause, and one an interval after the pong was read
					}
					assert.Equal(t, time.Since(resumed), 25*time.Second)
					return
				}
				<-r.ended
				r.wantClosed(engine.ReasonPingTimeout, "")
				assert.Equal(t, time.Since(resumed), 20*time.Second)
			})
		})
	}
}

const (
	polled3 = "EIO=3&transport=polling&b64=1"
	direct3 = "EIO=3&transport=websocket"
)

// TestHeartbeatRevision3: in revision 3 the client pings (E8.4, E12.5).
func TestHeartbeatRevision3(t *testing.T) {
	old := beating
	old.AllowEIO3 = true
	t.Run("E8.4 websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, old, nil)
			c := h.socket(direct3)
			c.text()
			r := h.receiver()
			for range 100 {
				time.Sleep(44 * time.Second)
				c.send("2abc")
				c.want("3") // the data is not echoed
			}
			r.wantOpen()
			start := time.Now()
			c.wantGoodbye(0)
			assert.Equal(t, time.Since(start), 45*time.Second)
			r.wantClosed(engine.ReasonPingTimeout, "")
		})
	})
	t.Run("E8.4 polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, old, nil)
			h.do(t.Context(), "GET", polled3, nil)
			r := h.receiver()
			query := polled3 + "&sid=" + r.session.ID()
			for range 3 {
				time.Sleep(44 * time.Second)
				h.do(t.Context(), "POST", query, strings.NewReader("1:2")).want(t, 200, "ok")
				h.do(t.Context(), "GET", query, nil).want(t, 200, "1:3")
			}
			start := time.Now()
			h.do(t.Context(), "GET", query, nil).want(t, 200, "1:1")
			assert.Equal(t, time.Since(start), 45*time.Second)
			r.wantClosed(engine.ReasonPingTimeout, "")
		})
	})
	t.Run("E8.4 pong from the client", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, old, nil)
			c := h.socket(direct3)
			c.text()
			c.send("3")
			c.wantGoodbye(0)
			h.receiver().wantClosed(engine.ReasonTransportError, "invalid heartbeat direction")
		})
	})
	t.Run("messages do not count", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, old, nil)
			c := h.socket(direct3)
			c.text()
			start := time.Now()
			for range 4 {
				time.Sleep(11 * time.Second)
				c.send("4a")
			}
			c.wantGoodbye(0)
			assert.Equal(t, time.Since(start), 45*time.Second)
		})
	})
	t.Run("paused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, old, nil)
			c := h.socket(direct3)
			c.text()
			r := h.receiver()
			r.session.Pause()
			c.send("4a")
			for range 3 {
				c.want("6") // whether there still is a connection
			}
			r.session.Resume()
			c.send("2")
			c.want("3")
			r.wantOpen()
		})
	})
	t.Run("pings nobody reads the answers of", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			limited := old
			limited.OutboxPackets = 100
			h := serve(t, limited, nil)
			h.do(t.Context(), "GET", polled3, nil)
			r := h.receiver()
			query := polled3 + "&sid=" + r.session.ID()
			h.do(t.Context(), "POST", query, strings.NewReader(strings.Repeat("1:2", 101)))
			r.wantClosed(engine.ReasonSlowConsumer, "outbox full")
		})
	})
}
