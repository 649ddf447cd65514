// SPDX-License-Identifier: MIT

package sio_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestTargets: who gets what (S7.2, S5.12). Four sockets: 0 and 1 are in "a", 1 and 2
// in "b", 3 in none; 2 is in the room named like 3's id as well.
func TestTargets(t *testing.T) {
	t.Parallel()
	type set = []*sio.Socket
	tests := []struct {
		name   string
		target func(srv *sio.Server, s set) sio.Emitter
		want   string // digits
	}{
		{"all", func(srv *sio.Server, _ set) sio.Emitter { return srv }, "0123"},
		{"namespace", func(srv *sio.Server, _ set) sio.Emitter { return srv.Of("/") }, "0123"},
		{"local", func(srv *sio.Server, _ set) sio.Emitter { return srv.Local() }, "0123"},
		{"room", func(srv *sio.Server, _ set) sio.Emitter { return srv.To("a") }, "01"},
		{"in", func(srv *sio.Server, _ set) sio.Emitter { return srv.In("b") }, "12"},
		{"unknown room", func(srv *sio.Server, _ set) sio.Emitter { return srv.To("zzz") }, ""},
		{"union, each once", func(srv *sio.Server, _ set) sio.Emitter { return srv.To("a", "b") }, "012"},
		{"union by steps", func(srv *sio.Server, _ set) sio.Emitter { return srv.To("a").In("b").To("a") }, "012"},
		{"room except room", func(srv *sio.Server, _ set) sio.Emitter { return srv.To("a").Except("b") }, "0"},
		{"except", func(srv *sio.Server, _ set) sio.Emitter { return srv.Except("a") }, "23"},
		{"except two", func(srv *sio.Server, _ set) sio.Emitter { return srv.Except("a").Except("b") }, "3"},
		{"except unknown", func(srv *sio.Server, _ set) sio.Emitter { return srv.Except("zzz") }, "0123"},
		{"id", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[1].ID()) }, "1"},
		{"id and its room", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[1].ID(), "a") }, "01"},
		{"id twice", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[1].ID(), s[1].ID()) }, "1"},
		{"ids", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[1].ID(), s[0].ID()) }, "01"},
		{"id that is also a room", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[3].ID()) }, "23"},
		{"unknown id", func(srv *sio.Server, _ set) sio.Emitter { return srv.To(strings.Repeat("x", 20)) }, ""},
		{"id except itself", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[1].ID()).Except(s[1].ID()) }, ""},
		{"id except its room", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[1].ID()).Except("a") }, ""},
		{"ids except a room", func(srv *sio.Server, s set) sio.Emitter { return srv.To(s[1].ID(), s[2].ID()).Except("a") }, "2"},
		{"except id", func(srv *sio.Server, s set) sio.Emitter { return srv.Except(s[1].ID()) }, "023"},
		{"except id that is also a room", func(srv *sio.Server, s set) sio.Emitter { return srv.Except(s[3].ID()) }, "01"},
		{"broadcast", func(_ *sio.Server, s set) sio.Emitter { return s[0].Broadcast() }, "123"},
		{"socket local", func(_ *sio.Server, s set) sio.Emitter { return s[0].Local() }, "123"},
		{"socket to", func(_ *sio.Server, s set) sio.Emitter { return s[0].To("a") }, "1"},
		{"socket in", func(_ *sio.Server, s set) sio.Emitter { return s[0].In("a", "b") }, "12"},
		{"socket except", func(_ *sio.Server, s set) sio.Emitter { return s[0].Except("b") }, "3"},
		{"socket to itself", func(_ *sio.Server, s set) sio.Emitter { return s[0].To(s[0].ID()) }, ""},
		{"socket to another", func(_ *sio.Server, s set) sio.Emitter { return s[0].To(s[1].ID()) }, "1"},
		{"broadcast of one whose id is a room", func(_ *sio.Server, s set) sio.Emitter { return s[3].Broadcast() }, "01"},
		{"volatile", func(_ *sio.Server, s set) sio.Emitter { return s[0].Volatile() }, "0"},
		{"compress", func(_ *sio.Server, s set) sio.Emitter { return s[0].Compress(false) }, "0"},
		{"volatile broadcast", func(_ *sio.Server, s set) sio.Emitter { return s[0].Volatile().To("a") }, "1"},
		{"volatile all others", func(_ *sio.Server, s set) sio.Emitter { return s[0].Broadcast().Volatile() }, "123"},
		{"volatile all", func(srv *sio.Server, _ set) sio.Emitter { return srv.Volatile() }, "0123"},
		{"compress all", func(srv *sio.Server, _ set) sio.Emitter { return srv.Compress(true) }, "0123"},
		{"namespace compress to", func(srv *sio.Server, _ set) sio.Emitter { return srv.Compress(false).Volatile().To("a") }, "01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				e.srv.Of("other")
				var clients []*client
				var sockets []*sio.Socket
				for range 4 {
					c := e.join()
					clients = append(clients, c)
					sockets = append(sockets, e.srv.Socket(c.sid))
				}
				outsider := e.dial()
				outsider.join("/other")
				assert.NoError(t, sockets[0].Join("a"))
				assert.NoError(t, sockets[1].Join("a", "b"))
				assert.NoError(t, sockets[2].Join("b", sockets[3].ID()))
				synctest.Wait()

				assert.NoError(t, tt.target(e.srv, sockets).Emit("x", 1))
				got := ""
				for i, c := range clients {
					if strings.Contains(tt.want, string(rune('0'+i))) {
						c.want(`2["x",1]`)
						got += string(rune('0' + i))
					}
					c.quiet()
				}
				outsider.quiet()
				assert.Equal(t, got, tt.want)
			})
		})
	}
}

// TestCompress is S5.14: Compress(false) is for one emit, or for what uses the Target.
func TestCompress(t *testing.T) {
	t.Parallel()
	cfg := sio.Config{Engine: engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{}}}
	tests := []struct {
		name       string
		target     func(srv *sio.Server, s *sio.Socket) sio.Emitter
		compressed bool
	}{
		{"emit", func(_ *sio.Server, s *sio.Socket) sio.Emitter { return s }, true},
		{"emit false", func(_ *sio.Server, s *sio.Socket) sio.Emitter { return s.Compress(false) }, false},
		{"emit true", func(_ *sio.Server, s *sio.Socket) sio.Emitter { return s.Compress(true) }, true},
		{"broadcast", func(srv *sio.Server, _ *sio.Socket) sio.Emitter { return srv }, true},
		{"broadcast false", func(srv *sio.Server, _ *sio.Socket) sio.Emitter { return srv.Compress(false) }, false},
		{"room false", func(srv *sio.Server, _ *sio.Socket) sio.Emitter { return srv.Compress(false).To("r") }, false},
		{"id false", func(srv *sio.Server, s *sio.Socket) sio.Emitter { return srv.To(s.ID()).Compress(false) }, false},
		{"false, then true", func(srv *sio.Server, _ *sio.Socket) sio.Emitter { return srv.Compress(false).Compress(true) }, true},
	}
	check := func(t *testing.T, e *env, compressed func() bool) {
		s := e.srv.Sockets()[0]
		assert.NoError(t, s.Join("r"))
		for _, tt := range tests {
			assert.NoError(t, tt.target(e.srv, s).Emit("x", strings.Repeat("x", 10_000)))
			if got := compressed(); got != tt.compressed {
				t.Errorf("%s: compressed %t", tt.name, got)
			}
		}
	}
	t.Run("WebSocket", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			c := e.dial(func(d *ws.Dialer) {
				d.Extensions = append(d.Extensions, wsflate.DefaultParameters.Option())
			})
			c.join("")
			check(t, e, func() bool {
				f, err := c.frame()
				assert.NoError(t, err)
				return f.Header.Rsv1()
			})
		})
	})
	t.Run("E3.14 polling", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			sid := e.poll()
			assert.Equal(t, e.request(http.MethodPost, "&sid="+sid, "40").body, "ok")
			assert.True(t, strings.HasPrefix(e.request(http.MethodGet, "&sid="+sid, "").body, `40{"sid":"`), "not connected")
			check(t, e, func() bool {
				return e.request(http.MethodGet, "&sid="+sid, "").Header.Get("Content-Encoding") == "gzip"
			})
		})
	})
}

// TestTargetImmutable: no Target changes another (S7.1).
func TestTargetImmutable(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var clients []*client
		for _, room := range []string{"a", "b", "c", "d"} {
			c := e.join()
			assert.NoError(t, e.srv.Socket(c.sid).Join(room))
			clients = append(clients, c)
		}
		synctest.Wait()
		names := []string{"a", "b"}
		base := e.srv.To(names...).Except("x", "y")
		names[0] = "d" // the caller's slice is not kept
		c, d := base.To("c"), base.To("d")
		notA, notB := base.Except("a"), base.Except("b")
		all := base.To("c", "d").Compress(false)
		var wg sync.WaitGroup
		for i, target := range []sio.Target{base, c, d, notA, notB, all} {
			wg.Go(func() { assert.NoError(t, target.Emit("x", i)) }) // shared by goroutines
		}
		wg.Wait()
		for i, want := range [][]string{{"0", "1", "2", "4", "5"}, {"0", "1", "2", "3", "5"}, {"1", "5"}, {"2", "5"}} {
			var got []string
			for range want {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(clients[i].next(), `2["x",`), `]`))
			}
			slices.Sort(got)
			assert.Equal(t, got, want)
			clients[i].quiet()
		}
	})
}

// TestRooms is S5.10: join, leave, and what a socket knows of its rooms.
func TestRooms(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{MaxRooms: 3}, func(t *testing.T, e *env) {
		c := e.join()
		s := e.srv.Socket(c.sid)
		assert.Equal(t, s.Rooms(), []string{s.ID()})
		assert.NoError(t, s.Join("b", "a", "b"))
		assert.Equal(t, s.Rooms(), []string{s.ID(), "a", "b"})
		assert.ErrorIs(t, s.Join("c", "d"), sio.ErrTooManyRooms)
		assert.Equal(t, s.Rooms(), []string{s.ID(), "a", "b", "c"})
		assert.NoError(t, s.Join("a")) // again, at the limit
		s.Leave("b", "c", "nowhere")
		assert.Equal(t, s.Rooms(), []string{s.ID(), "a"})
		assert.Equal(t, []bool{s.InRoom("a"), s.InRoom("b"), s.InRoom(s.ID())}, []bool{true, false, true})

		s.Leave(s.ID()) // the own room can be left and joined again
		assert.Equal(t, s.Rooms(), []string{"a"})
		assert.Equal(t, s.InRoom(s.ID()), false)
		assert.NoError(t, e.srv.To(s.ID()).Emit("no"))
		assert.NoError(t, s.Broadcast().Emit("all"))
		c.want(`2["all"]`) // who has left the own room is not left out by it
		assert.NoError(t, s.Join(s.ID()))
		assert.NoError(t, e.srv.To(s.ID()).Emit("yes"))
		c.want(`2["yes"]`)
	})
}

// TestNamespaceSockets is S3.9.
func TestNamespaceSockets(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var ids []string
		for range 3 {
			ids = append(ids, e.join().sid)
		}
		var got []string
		for _, s := range e.srv.Sockets() {
			got = append(got, s.ID())
		}
		slices.Sort(ids)
		slices.Sort(got)
		assert.Equal(t, got, ids)
		assert.Equal(t, e.srv.Len(), 3)
		assert.Equal(t, e.srv.Engine().Count(), 3)
		assert.True(t, e.srv.Socket("nobody") == nil, "a socket")
	})
}
