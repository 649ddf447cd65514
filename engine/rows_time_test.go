// SPDX-License-Identifier: MIT

package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestAtOnce checks that no time passes where nothing is to be waited for: in virtual
// time, what is forgotten is made up for by a ping or a timeout some seconds later.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(t *testing.T, h *host)
	}{
		{"E3.1: queued before the GET", func(t *testing.T, h *host) {
			sid, r := h.poll()
			assert.NoError(t, r.send("a"))
			h.get(sid).want(t, 200, "4a")
		}},
		{"E3.1: GET pending", func(t *testing.T, h *host) {
			sid, r := h.poll()
			pending := h.getLater(sid)
			assert.NoError(t, r.send("a"))
			(<-pending).want(t, 200, "4a")
		}},
		{"E3.4", func(t *testing.T, h *host) {
			sid, r := h.poll()
			pending := h.getLater(sid)
			h.get(sid).want(t, 400, "")
			(<-pending).want(t, 200, "1")
			<-r.ended
		}},
		{"E3.5: the first POST", func(_ *testing.T, h *host) {
			sid, r := h.poll()
			post, body := h.postSlowly(sid)
			h.post(sid, "4")
			<-post
			<-r.ended
			_ = body.Close()
		}},
		{"E3.13", func(t *testing.T, h *host) {
			sid, r := h.poll()
			pending := h.getLater(sid)
			h.post(sid, "1").want(t, 200, "ok")
			(<-pending).want(t, 200, "6")
			<-r.ended
		}},
		{"E3.18", func(t *testing.T, h *host) {
			sid, r := h.poll()
			pending := h.getLater(sid)
			r.session.Close()
			(<-pending).want(t, 200, "1")
			<-r.ended
		}},
		{"E3.20", func(_ *testing.T, h *host) {
			sid, r := h.poll()
			h.getLater(sid)
			post, body := h.postSlowly(sid)
			r.session.Close()
			<-post
			<-r.ended
			_ = body.Close()
		}},
		{"E3.21", func(_ *testing.T, h *host) {
			sid, _ := h.poll()
			post, body := h.postSlowly(sid)
			c := h.probe(sid)
			c.send("5")
			<-post
			_ = body.Close()
		}},
		{"E9.1: while another one probes", func(_ *testing.T, h *host) {
			sid, _ := h.poll()
			h.socket(direct + "&sid=" + sid)
			second := h.socket(direct + "&sid=" + sid)
			second.wantClose(0)
			second.wantEnd()
		}},
		{"E9.1: of a WebSocket", func(_ *testing.T, h *host) {
			_, r := h.connect()
			second := h.socket(direct + "&sid=" + r.session.ID())
			second.wantClose(0)
			second.wantEnd()
		}},
		{"E9.8: after an upgrade", func(_ *testing.T, h *host) {
			sid, r := h.poll()
			h.probe(sid).send("5")
			synctest.Wait()
			second := h.socket(direct + "&sid=" + sid)
			second.wantClose(0)
			second.wantEnd()
			r.wantOpen()
		}},
		{"E9.4: a pending GET", func(t *testing.T, h *host) {
			sid, _ := h.poll()
			pending := h.getLater(sid)
			h.probe(sid).send("5")
			(<-pending).want(t, 200, "1")
		}},
		{"E9.4: what is queued", func(t *testing.T, h *host) {
			sid, r := h.poll()
			c := h.probe(sid)
			assert.NoError(t, r.send("a"))
			c.send("5")
			c.want("4a")
			assert.NoError(t, r.session.Drain(t.Context()))
		}},
		{"E9.4: closing", func(_ *testing.T, h *host) {
			sid, r := h.poll()
			c := h.probe(sid)
			r.session.Close()
			c.send("5")
			c.wantGoodbye(0)
			<-r.ended
		}},
		{"E9.5", func(_ *testing.T, h *host) {
			sid, _ := h.poll()
			c := h.probe(sid)
			c.send("4a")
			c.wantClose(0)
			c.wantEnd()
		}},
		{"E9.7: the session ends", func(t *testing.T, h *host) {
			sid, r := h.poll()
			c := h.probe(sid)
			h.post(sid, "1").want(t, 200, "ok")
			c.wantClose(0)
			c.wantEnd()
			<-r.ended
		}},
		{"E10.6", func(t *testing.T, h *host) {
			c, r := h.connect()
			assert.NoError(t, r.send("a", "bin"))
			r.session.Close()
			c.want("4a")
			c.wantBinary("bin")
			c.wantGoodbye(0)
			<-r.ended
		}},
		{"E10.9", func(t *testing.T, h *host) {
			sid, polls := h.poll()
			pending := h.getLater(sid)
			_, idle := h.poll()
			assert.NoError(t, idle.send("dropped"))
			c, r := h.connect()
			assert.NoError(t, h.srv.Close())
			(<-pending).want(t, 200, "1")
			drain(c)
			for _, r := range []*receiver{polls, idle, r} {
				<-r.ended
			}
		}},
		{"E8.2: the end of the connection", func(_ *testing.T, h *host) {
			c, r := h.connect()
			_ = c.conn.Close()
			<-r.ended
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				start := time.Now()
				tt.run(t, h)
				synctest.Wait()
				assert.Equal(t, time.Since(start), time.Duration(0))
			})
		})
	}
}
