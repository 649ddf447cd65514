// SPDX-License-Identifier: MIT

package sio_test

import (
	"testing"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// TestKey attaches values to a socket (S5.1, data).
func TestKey(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		type account struct{ name string }
		const (
			user  sio.Key[account] = "user"
			count sio.Key[int]     = "count"
			other sio.Key[string]  = "count"
		)
		s := e.srv.Socket(e.join().sid)
		_, ok := user.Get(s)
		assert.Equal(t, ok, false)
		user.Set(s, account{"ada"})
		count.Set(s, 7)
		v, ok := user.Get(s)
		assert.Equal(t, v, account{"ada"})
		assert.True(t, ok, "no value")
		n, _ := count.Get(s)
		assert.Equal(t, n, 7)
		_, ok = other.Get(s) // the same name, another type
		assert.Equal(t, ok, false)
		assert.Equal(t, s.Value("count"), any(7))
	})
}

// TestSession reaches the connection of a socket: all its sockets share it, and closing it
// is no disconnection that the client takes for final.
func TestSession(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Of("/chat")
		c := e.join()
		s := e.srv.Socket(c.sid)
		chat := e.srv.Of("/chat").Socket(c.join("/chat"))
		assert.True(t, s.Session() == chat.Session(), "two connections")
		assert.NoError(t, s.Emit("last"))
		assert.NoError(t, s.Session().Drain(t.Context()))
		s.Session().Close()
		c.want(`2["last"]`, "closed")
	})
}
