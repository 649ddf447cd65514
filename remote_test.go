// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// fetched returns the ids of sockets, with names for them, sorted.
func fetched(t *testing.T, target interface {
	FetchSockets(ctx context.Context) ([]sio.RemoteSocket, error)
}, names map[string]string,
) string {
	t.Helper()
	list, err := target.FetchSockets(t.Context())
	assert.NoError(t, err)
	var text []byte
	for _, r := range list {
		text = append(text, names[r.ID]...)
	}
	slices.Sort(text)
	return string(text)
}

// TestFetchSockets_S7_9: who is fetched, and what is known of them.
func TestFetchSockets_S7_9(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		const role sio.Key[string] = "role"
		children := e.srv.OfFunc(func(context.Context, string, sio.Auth) (bool, error) { return true, nil })
		a, b, c, d := e.join(), e.join(), e.dial(), e.dial()
		c.send(`0{"token":"t"}`)
		synctest.Wait()
		d.join("/child")
		for _, s := range e.srv.Sockets() {
			if s.ID() != a.sid && s.ID() != b.sid {
				c.sid = s.ID()
			}
		}
		names := map[string]string{a.sid: "a", b.sid: "b", c.sid: "c", d.sid: "d"}
		s := e.srv.Socket(c.sid)
		assert.NoError(t, s.Join("r", "q"))
		assert.NoError(t, e.srv.Socket(a.sid).Join("r"))
		role.Set(s, "admin")
		s.SetValue(struct{}{}, "private")

		assert.Equal(t, fetched(t, e.srv, names), "abc")
		assert.Equal(t, fetched(t, e.srv.Of("/child"), names), "d")
		assert.Equal(t, fetched(t, e.srv.To("r"), names), "ac")
		assert.Equal(t, fetched(t, e.srv.To("r").Except("q"), names), "a")
		assert.Equal(t, fetched(t, e.srv.In("r", "q", b.sid).Local(), names), "abc")
		assert.Equal(t, fetched(t, e.srv.To("nowhere"), names), "")
		assert.Equal(t, fetched(t, s.Broadcast(), names), "ab")
		assert.Equal(t, fetched(t, children.All(), names), "d")

		list, err := e.srv.In("q").FetchSockets(t.Context())
		assert.NoError(t, err)
		r := list[0]
		assert.Equal(t, r.ID, c.sid)
		assert.Equal(t, r.Rooms, []string{c.sid, "q", "r"})
		assert.Equal(t, r.Data, map[string]any{"role": "admin"})
		assert.Equal(t, string(r.Handshake.Auth.Raw()), `{"token":"t"}`)
		role.Set(s, "guest") // what was fetched does not change
		s.Leave("q")
		assert.Equal(t, r.Data["role"], any("admin"))
		assert.Equal(t, len(r.Rooms), 3)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = e.srv.FetchSockets(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		_, err = sio.Target{}.FetchSockets(t.Context())
		assert.True(t, err != nil, "the zero Target has fetched")
	})
}

// TestRemoteSocket_S7_9: what can be done with a socket that was fetched.
func TestRemoteSocket_S7_9(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c, other := e.join(), e.join()
		list, err := e.srv.To(c.sid).FetchSockets(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, len(list), 1)
		r, s := list[0], e.srv.Socket(c.sid)
		var _ sio.Asker = r

		assert.NoError(t, r.Emit("x", 1))
		c.want(`2["x",1]`)
		assert.NoError(t, sio.Emit(r, sio.Event[string]("typed"), "y"))
		c.want(`2["typed","y"]`)
		assert.True(t, r.Emit("connect") != nil, "a reserved name was sent")

		r.Join("a", "b")
		r.Leave("a")
		assert.Equal(t, s.Rooms(), []string{c.sid, "b"})

		var answer int
		go func() {
			args, err := r.EmitWithAck(t.Context(), "q")
			assert.NoError(t, err)
			assert.NoError(t, args.Unmarshal(0, &answer))
		}()
		c.want(`20["q"]`)
		c.send(`30[42]`)
		synctest.Wait()
		assert.Equal(t, answer, 42)

		var failed error
		go func() { _, failed = r.EmitWithAck(t.Context(), "q") }()
		c.want(`21["q"]`)
		r.Disconnect(false)
		c.want("1")
		synctest.Wait()
		assert.ErrorIs(t, failed, sio.ErrClosed)
		assert.Equal(t, s.Connected(), false)
		assert.NoError(t, r.Emit("x"))
		r.Join("late")
		_, err = r.EmitWithAck(t.Context(), "q")
		assert.ErrorIs(t, err, sio.ErrClosed)

		list, err = e.srv.FetchSockets(t.Context())
		assert.NoError(t, err)
		list[0].Disconnect(true)
		other.want("1", "closed")
		c.quiet()
		assert.True(t, sio.RemoteSocket{}.Emit("x") != nil, "the zero RemoteSocket has sent")
	})
}
