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

// What is held stays, whoever comes by: a writer that was at work before, the flusher of a
// broadcast that was queued before, and a GET. What was sent before the hold does not wait.
func TestHeldStays(t *testing.T) {
	const hold = 20 * time.Millisecond
	fanout := func(h *host, r *receiver, text string) {
		f := h.srv.Fanout()
		f.Send(r.session, newMessage(text), engine.SendOptions{})
		f.Flush()
	}
	sends := map[string]func(h *host, r *receiver, text string){
		"Send":   func(_ *host, r *receiver, text string) { assert.NoError(r.t, r.send(text)) },
		"Fanout": fanout,
	}
	for name, send := range sends {
		t.Run("writer/"+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				c, r := h.connect()
				long := strings.Repeat("x", 200_000) // more than the connection takes
				assert.NoError(t, r.send(long))
				synctest.Wait()
				send(h, r, "before")
				r.session.HoldFor(hold)
				send(h, r, "held")
				start := time.Now()
				c.want("4" + long)
				c.want("4before")
				assert.Equal(t, time.Since(start), 0)
				c.want("4held")
				assert.Equal(t, time.Since(start), hold)
				r.session.Release()
			})
		})
		t.Run("GET/"+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				sid, r := h.poll()
				r.session.HoldFor(hold)
				send(h, r, "held")
				start := time.Now()
				h.get(sid).want(t, 200, "4held")
				assert.Equal(t, time.Since(start), hold)
				r.session.Release()
			})
		})
	}
	t.Run("flusher", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			synctest.Wait()
			f := h.srv.Fanout()
			f.Send(r.session, newMessage("broadcast"), engine.SendOptions{})
			r.session.HoldFor(hold)
			assert.NoError(t, r.send("held"))
			f.Flush()
			start := time.Now()
			c.want("4broadcast")
			c.want("4held")
			assert.Equal(t, time.Since(start), hold)
			r.session.Release()
		})
	})
}
