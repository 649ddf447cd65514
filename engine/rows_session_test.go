// SPDX-License-Identifier: MIT

package engine_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestBodyLimit_E6_1 posts a large body to a server with a middleware.
func TestBodyLimit_E6_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxPayloadBytes: 10}, nil)
		h.srv.Use(before(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Way", "a") }))
		sid, r := h.poll()
		a := h.post(sid, "41234567890")
		a.want(t, 413, "")
		assert.Equal(t, a.header.Get("X-Way"), "a")
		h.post(sid, "4123456789").want(t, 200, "ok")
		r.wantMessage("123456789", false)
	})
}

// TestManyLarge_E8_1 sends 100 large messages, over seconds, to a client that answers
// pings: they come between the messages, and in time.
func TestManyLarge_E8_1(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 100_000)
	cfg := engine.Config{PingInterval: 200 * time.Millisecond, PingTimeout: 100 * time.Millisecond, OutboxBytes: -1, HTTPCompressionThreshold: -1}
	sendAll := func(t *testing.T, r *receiver) {
		for range 100 {
			time.Sleep(10 * time.Millisecond)
			assert.NoError(t, r.send(large))
		}
	}
	t.Run("polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, cfg, nil)
			sid, r := h.poll()
			go sendAll(t, r)
			messages, pings := 0, 0
			for messages < 100 {
				for p := range strings.SplitSeq(h.get(sid).body, "\x1e") {
					if p == "2" {
						pings++
						h.post(sid, "3").want(t, 200, "ok")
						continue
					}
					assert.True(t, p == "4"+large, "packet %.20q", p)
					messages++
				}
			}
			assert.True(t, pings >= 4, "%d pings", pings)
			r.wantOpen()
		})
	})
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, cfg, nil)
			c, r := h.connect()
			go sendAll(t, r)
			messages, pings := 0, 0
			for messages < 100 {
				p := c.text()
				if p == "2" {
					pings++
					c.send("3")
					continue
				}
				assert.True(t, p == "4"+large, "packet %.20q", p)
				messages++
			}
			assert.True(t, pings >= 4, "%d pings", pings)
			r.wantOpen()
		})
	})
}

// TestUpgraded_E9_4_E10_5_E10_12 counts what is told of one session's life.
func TestUpgraded_E9_4_E10_5_E10_12(t *testing.T) {
	bubble(t, func(t *testing.T) {
		told := make(chan string, 10)
		var session *engine.Session
		h := serve(t, engine.Config{
			OnUpgrade: func(s *engine.Session) {
				assert.True(t, s == session && s.Upgraded(), "another session, or not upgraded")
				told <- "upgrade to " + s.Transport()
			},
			OnClose: func(s *engine.Session, reason engine.Reason, err error) {
				assert.True(t, s == session && err == nil, "another session, or error %v", err)
				told <- string(reason)
			},
		}, nil)
		sid, r := h.poll()
		session = r.session
		c := h.probe(sid)
		c.send("6") // fails
		c.wantClose(0)
		synctest.Wait()
		assert.True(t, !session.Upgraded() && session.Transport() == engine.Polling, "upgraded by a probe")
		assert.Equal(t, len(told), 0)
		c = h.probe(sid)
		c.send("5")
		assert.Equal(t, <-told, "upgrade to websocket")
		assert.True(t, session.Upgraded(), "not upgraded")
		c.send("1")
		assert.Equal(t, <-told, "transport close")
		r.wantClosed(engine.ReasonTransportClose, "")
		synctest.Wait()
		assert.Equal(t, len(told), 0)

		sid, r = h.poll() // closing, it still is upgraded first (E9.4)
		session = r.session
		c = h.probe(sid)
		session.Close()
		c.send("5")
		c.wantClose(0)
		assert.Equal(t, <-told, "upgrade to websocket")
		assert.Equal(t, <-told, "forced close")

		c, r = h.connect()
		assert.True(t, !r.session.Upgraded(), "a WebSocket from the beginning is no upgrade")
		session = r.session
		_ = c.conn.Close()
		assert.Equal(t, <-told, "transport close")
	})
}

// TestDrainAcrossUpgrade_E9_9 waits for a message that is queued on polling and leaves
// by WebSocket.
func TestDrainAcrossUpgrade_E9_9(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		c := h.probe(sid)
		assert.NoError(t, r.send("a"))
		drained := make(chan error, 3)
		for range 3 {
			go func() { drained <- r.session.Drain(t.Context()) }()
		}
		synctest.Wait()
		assert.Equal(t, len(drained), 0)
		c.send("5")
		c.want("4a")
		for range 3 {
			assert.NoError(t, <-drained)
		}
	})
}

// TestStates_E10_1 calls what depends on the state.
func TestStates_E10_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		assert.NoError(t, r.send("open"))
		r.session.Close() // closing: what is queued waits for a GET
		assert.ErrorIs(t, r.send("closing"), engine.ErrClosed)
		assert.True(t, h.srv.Session(sid) == r.session, "forgotten while closing")
		h.get(sid).want(t, 200, "4open")
		h.get(sid).want(t, 200, "6\x1e1")
		<-r.ended
		assert.ErrorIs(t, r.send("closed"), engine.ErrClosed)
		assert.ErrorIs(t, r.session.Drain(t.Context()), engine.ErrClosed)
		assert.True(t, h.srv.Session(sid) == nil, "known after its end")
		r.session.Close() // changes nothing
	})
}

// TestEmpty_E10_4 sends messages without data.
func TestEmpty_E10_4(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		assert.NoError(t, r.send("", ""))
		h.get(sid).want(t, 200, "4\x1eb")
		c, r := h.connect()
		assert.NoError(t, r.send("", ""))
		c.want("4")
		c.wantBinary("")
	})
}

// TestBuffered_E10_7 looks at what waits: it gets less when the peer takes it, and what
// was not handed to the network is dropped before OnClose is told.
func TestBuffered_E10_7(t *testing.T) {
	bubble(t, func(t *testing.T) {
		buffered := make(chan int, 2)
		h := serve(t, engine.Config{OnClose: func(s *engine.Session, _ engine.Reason, _ error) { buffered <- s.Buffered() }}, nil)
		long := strings.Repeat("x", 200_000) // more than the connection holds
		c, r := h.connect()
		synctest.Wait()
		assert.Equal(t, r.session.Buffered(), 0)
		assert.NoError(t, r.send(long))
		synctest.Wait()
		assert.True(t, r.session.Buffered() > 100_000, "%d bytes", r.session.Buffered())
		c.want("4" + long)
		synctest.Wait()
		assert.Equal(t, r.session.Buffered(), 0)

		assert.NoError(t, r.send(long))
		synctest.Wait()
		_ = c.conn.Close()
		<-r.ended
		<-buffered // the writer may not have noticed yet
		synctest.Wait()
		assert.Equal(t, r.session.Buffered(), 0)

		sid, r := h.poll()
		assert.NoError(t, r.send(long))
		assert.True(t, r.session.Buffered() > 100_000, "%d bytes", r.session.Buffered())
		h.post(sid, "1").want(t, 200, "ok")
		assert.Equal(t, <-buffered, 0)
	})
}

// TestUpgradeTimeout_E11_3 changes the time that an upgrade may take.
func TestUpgradeTimeout_E11_3(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{UpgradeTimeout: 300 * time.Millisecond}, nil)
		sid, r := h.poll()
		start := time.Now()
		h.probe(sid).wantClose(0)
		assert.Equal(t, time.Since(start), 300*time.Millisecond)
		r.wantOpen()
	})
}

// TestDeflateThreshold_E11_8 has the threshold of the official server.
func TestDeflateThreshold_E11_8(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{}}, nil)
		c, r := h.deflating(direct)
		for _, n := range []int{1023, 1024} {
			data := strings.Repeat("a", n-1)
			assert.NoError(t, r.send(data))
			c.wantInflated(ws.OpText, "4"+data, n == 1024)
		}
	})
}

// TestIndependent_E10_10 ends one of many sessions.
func TestIndependent_E10_10(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		var ids []string
		for i := range 10 {
			sid, _ := h.poll()
			assert.True(t, !slices.Contains(ids, sid), "id %s twice", sid)
			ids = append(ids, sid)
			assert.Equal(t, h.srv.Count(), i+1)
		}
		for i, sid := range ids {
			h.post(sid, "1").want(t, 200, "ok")
			assert.Equal(t, h.srv.Count(), 9-i)
			for j, other := range ids {
				assert.Equal(t, h.srv.Session(other) != nil, j > i)
			}
		}
	})
}
