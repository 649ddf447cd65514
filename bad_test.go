// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// A handler that sends its client a million events that it does not read: that socket ends,
// with the stated reason, within the limits of the memory, and others notice nothing.
func TestMillionEmits(t *testing.T) { // alone: it looks at the heap
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		sent := 0
		var refused error
		e.srv.On("flood", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
			text := strings.Repeat("x", 100)
			for range 1_000_000 {
				if refused = s.Emit("flood", text); refused != nil {
					return nil //nolint:nilerr // looked at below
				}
				sent++
			}
			return nil
		})
		c, other := e.join(), e.join()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c.send(`2["flood"]`)
		assert.Equal(t, e.seen.settled(), []string{"connect", "connect", "disconnect: slow consumer"})
		runtime.GC()
		runtime.ReadMemStats(&after)
		assert.ErrorIs(t, refused, sio.ErrQueueFull)
		assert.True(t, sent < 100_000, "%d events were taken", sent)
		assert.True(t, after.HeapAlloc < before.HeapAlloc+64<<20, "%d MiB are held", (after.HeapAlloc-before.HeapAlloc)>>20)
		assert.NoError(t, e.srv.Emit("still", 1))
		other.want(`2["still",1]`)
	})
}

// Acknowledgements that nobody waits for are ignored; ids that are none end the connection.
func TestAckIDs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		packets []string
		ends    bool
	}{
		"unknown":      {[]string{`399["x"]`}, false},
		"duplicated":   {[]string{`30["first"]`, `30["second"]`}, false},
		"huge":         {[]string{`318446744073709551615[]`}, false},
		"too large":    {[]string{`318446744073709551616[]`}, true},
		"negative":     {[]string{`3-1[]`}, true},
		"without id":   {[]string{`3["x"]`}, false},
		"of an event":  {[]string{`2-1["x"]`}, true},
		"no arguments": {[]string{`30[]`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				client, other := e.join(), e.join()
				done := ask(t.Context(), e.srv.Socket(client.sid), "q")
				client.want(`20["q"]`)
				client.send(c.packets...)
				synctest.Wait()
				assert.Equal(t, e.srv.Socket(client.sid) == nil, c.ends)
				if !c.ends {
					client.send(`30["late"]`) // ignored if it is the second
				}
				a := <-done
				if ended, ok := errors.AsType[*sio.DisconnectError](a.err); c.ends {
					assert.True(t, ok && ended.Reason == sio.ReasonForcedClose, "%v", a.err)
				} else {
					assert.NoError(t, a.err)
				}
				if name == "duplicated" {
					var text string
					assert.NoError(t, a.args.Unmarshal(0, &text))
					assert.Equal(t, text, "first")
				}
				assert.NoError(t, e.srv.To(other.sid).Emit("still"))
				other.want(`2["still"]`)
			})
		})
	}
}

// A middleware that never returns keeps one connection waiting until the time to connect is
// over, and nothing else.
func TestMiddlewareHangs(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		hang := e.srv.Of("/hang")
		hang.Use(func(ctx context.Context, _ *sio.Socket) error { <-ctx.Done(); return context.Cause(ctx) })
		c, other := e.dial(), e.join()
		c.send("0/hang,")
		time.Sleep(44 * time.Second)
		assert.NoError(t, e.srv.Emit("still"))
		other.want(`2["still"]`)
		c.want("closed")
		synctest.Wait()
		assert.Equal(t, hang.Len(), 0)
		assert.Equal(t, e.srv.Engine().Count(), 1)
	})
}
