// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// greeted is a client that has got one event, so that it may return.
func greeted(e *env, nsp string) *returning {
	e.t.Helper()
	r := &returning{nsp: nsp}
	r.enter(e.dial())
	assert.NoError(e.t, e.srv.Of(nsp).To(r.sid).Emit("hello"))
	text := r.event(r.next())
	assert.True(e.t, text == `2["hello"]` || text == "2"+nsp+`,["hello"]`, "%s", text)
	return r
}

// TestRecoveryStored_S8_2: which events have an offset, and are sent again.
func TestRecoveryStored_S8_2(t *testing.T) {
	t.Parallel()
	type test struct {
		target func(srv *sio.Server, id string) sio.Emitter
		stored bool
	}
	tests := map[string]test{
		"all":                {func(srv *sio.Server, _ string) sio.Emitter { return srv }, true},
		"local":              {func(srv *sio.Server, _ string) sio.Emitter { return srv.Local() }, true},
		"compress":           {func(srv *sio.Server, _ string) sio.Emitter { return srv.Compress(false) }, true},
		"timeout":            {func(srv *sio.Server, _ string) sio.Emitter { return srv.Timeout(time.Second) }, true},
		"one of two rooms":   {func(srv *sio.Server, _ string) sio.Emitter { return srv.To("other", "999") }, true},
		"except another":     {func(srv *sio.Server, _ string) sio.Emitter { return srv.Except("other") }, true},
		"volatile":           {func(srv *sio.Server, _ string) sio.Emitter { return srv.Volatile() }, false},
		"volatile to a room": {func(srv *sio.Server, _ string) sio.Emitter { return srv.To("1").Volatile() }, false},
		"except a room":      {func(srv *sio.Server, _ string) sio.Emitter { return srv.To("1").Except("2") }, false},
		"except the id":      {func(srv *sio.Server, id string) sio.Emitter { return srv.Except(id) }, false},
		"a room it has left": {func(srv *sio.Server, _ string) sio.Emitter { return srv.To("1000") }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, recovering, func(t *testing.T, e *env) {
				r := greeted(e, "")
				for i := range 1001 {
					assert.NoError(t, e.srv.Socket(r.sid).Join(fmt.Sprint(i)))
				}
				e.srv.Socket(r.sid).Leave("1000")
				r.close()
				synctest.Wait()
				assert.NoError(t, tt.target(e.srv, r.sid).Emit("x"))
				assert.NoError(t, e.srv.Emit("end"))
				sid := r.sid
				want := []string{`2["end"]`}
				if tt.stored {
					want = []string{`2["x"]`, `2["end"]`}
				}
				assert.Equal(t, r.enter(e.dial()), want)
				assert.Equal(t, r.sid, sid)
			})
		})
	}
	t.Run("with an acknowledgement", func(t *testing.T) {
		t.Parallel()
		run(t, recovering, func(t *testing.T, e *env) {
			r := greeted(e, "")
			done := askAll(t.Context(), e.srv.Local(), "q")
			r.want(`20["q"]`)
			r.close()
			assert.Equal(t, len((<-done).list), 1)
			list, err := e.srv.EmitWithAck(t.Context(), "q")
			assert.NoError(t, err)
			assert.Equal(t, len(list), 0) // nobody waits for who is away
			assert.Equal(t, len(r.enter(e.dial())), 0)
		})
	})
}

// TestRecoveryNamespaces_S8_6: each namespace remembers its own, within limits of its own.
func TestRecoveryNamespaces_S8_6(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Recovery: &sio.Recovery{MaxPackets: 3}}, func(t *testing.T, e *env) {
		chat := e.srv.Of("/chat")
		root, other := greeted(e, ""), greeted(e, "/chat")
		root.close()
		other.close()
		synctest.Wait()
		for i := range 5 {
			assert.NoError(t, chat.Emit("n", i))
		}
		stranger := &returning{nsp: "/chat", pid: root.pid, offset: root.offset}
		stranger.enter(e.dial())
		assert.True(t, stranger.sid != root.sid && !chat.Socket(stranger.sid).Recovered(), "recovered in another namespace")
		sid := other.sid
		assert.Equal(t, len(other.enter(e.dial())), 0)
		assert.True(t, other.sid != sid, "recovered beyond MaxPackets")
		sid = root.sid
		root.enter(e.dial())
		assert.Equal(t, root.sid, sid)
	})
}

// TestRecoveryQuiet_S8_6: also the last event must not be older than MaxDisconnection.
func TestRecoveryQuiet_S8_6(t *testing.T) {
	t.Parallel()
	for _, quiet := range []time.Duration{time.Minute, 2 * time.Minute} {
		run(t, recovering, func(t *testing.T, e *env) {
			r := greeted(e, "")
			ended := make(chan string)
			go func() { ended <- r.next() }() // which answers pings
			time.Sleep(quiet)
			r.close()
			assert.Equal(t, <-ended, "closed")
			synctest.Wait()
			sid := r.sid
			r.enter(e.dial())
			assert.Equal(t, r.sid == sid, quiet < 2*time.Minute)
		})
	}
}

// TestRecoveryForgotten: what a client has missed is forgotten while a middleware looks at
// it. It must not take itself for one that has missed nothing.
func TestRecoveryForgotten(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Recovery: &sio.Recovery{RunMiddlewares: true, MaxPackets: 3}}, func(t *testing.T, e *env) {
		gate := make(chan struct{})
		e.srv.Use(func(_ context.Context, s *sio.Socket) error {
			if s.Recovered() {
				<-gate
			}
			return nil
		})
		r := greeted(e, "")
		r.close()
		synctest.Wait()
		c := e.dial()
		c.send(fmt.Sprintf(`0{"pid":%q,"offset":%q}`, r.pid, r.offset))
		synctest.Wait()
		for i := range 5 {
			assert.NoError(t, e.srv.Emit("n", i))
		}
		close(gate)
		c.want("closed") // and comes back
		synctest.Wait()
		sid := r.sid
		assert.Equal(t, len(r.enter(e.dial())), 0)
		assert.True(t, r.sid != sid && !e.srv.Socket(r.sid).Recovered(), "recovered")
		assert.Equal(t, e.srv.Len(), 1)
	})
}
