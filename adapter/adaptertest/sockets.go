// SPDX-License-Identifier: MIT

package adaptertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// fetch returns sockets, sorted by name.
func (e *env) fetch(t sio.Target) []sio.RemoteSocket {
	e.Helper()
	list, err := t.FetchSockets(e.long())
	assert.NoError(e, err)
	slices.SortFunc(list, func(a, b sio.RemoteSocket) int {
		return strings.Compare(fmt.Sprint(a.Data["name"]), fmt.Sprint(b.Data["name"]))
	})
	return list
}

// names are those of fetched sockets.
func names(list []sio.RemoteSocket) (names []string) {
	for _, s := range list {
		names = append(names, fmt.Sprint(s.Data["name"]))
	}
	return names
}

func sockets(e *env) {
	p := e.three("/")
	for i, n := range e.nodes {
		next := p[(i+1)%3]
		e.do("fetch", func() {
			all := e.fetch(n.To())
			assert.Equal(e, names(all), []string{"client0", "client1", "client2"})
			for i, s := range all {
				assert.Equal(e, s.ID, p[i].ID())
				assert.Equal(e, s.Rooms, []string{s.ID, "all", fmt.Sprint("room", i)})
				var auth struct {
					Token string `json:"token"`
				}
				assert.NoError(e, s.Handshake.Auth.Bind(&auth))
				assert.Equal(e, any(auth.Token), s.Data["name"])
				assert.Equal(e, s.Handshake.Query.Get("EIO"), "4")
				assert.Equal(e, s.Handshake.Host, "node.test")
				assert.Equal(e, s.Handshake.Header.Get("Upgrade"), "websocket")
				assert.Equal(e, s.Handshake.URL.Path, "/socket.io/")
				assert.Equal(e, s.Handshake.Address, "mem")
				assert.True(e, !s.Handshake.Time.IsZero() && !s.Handshake.Secure && !s.Handshake.CrossDomain, "handshake: %+v", s.Handshake)
			}
			assert.Equal(e, names(e.fetch(n.To("room0", "room2"))), []string{"client0", "client2"})
			assert.Equal(e, names(e.fetch(n.Except("room0"))), []string{"client1", "client2"})
			assert.Equal(e, names(e.fetch(n.To(next.ID()))), []string{next.name})
			assert.Equal(e, names(e.fetch(n.Local())), []string{p[i].name})
			assert.Equal(e, len(e.fetch(n.To("nobody"))), 0)
		})
		e.do("fetch binary data", func() {
			next.server().SetValue("blob", []byte{1, 2})
			next.server().SetValue("func", func() {}) // has no JSON: it is left out
			assert.Equal(e, fmt.Sprint(e.fetch(n.To(next.ID()))[0].Data["blob"]), "[1 2]")
			next.server().SetValue("blob", nil)
		})
		e.do("join and leave", func() {
			n.To("room0", "room1").SocketsJoin("new", "new2")
			e.where("new", "client0", "client1")
			e.where("new2", "client0", "client1")
			n.SocketsJoin("every")
			e.where("every", "client0", "client1", "client2")
			n.To(next.ID()).SocketsLeave("every")
			n.Except(next.ID()).SocketsJoin("but")
			e.where("but", others(next.name)...)
			e.where("every", others(next.name)...)
			n.SocketsLeave("new", "new2", "every", "but")
			for _, room := range []string{"new", "new2", "every", "but"} {
				e.where(room)
			}
		})
		e.do("join of one", func() {
			one := e.fetch(n.To(next.ID()))[0]
			one.Join("own")
			e.where("own", next.name)
			one.Leave("own")
			e.where("own")
		})
		e.do("order of join and emit", func() {
			if e.nodes[0].bus.routes.Load() {
				return // the backend may not know yet
			}
			n.SocketsJoin("later")
			assert.NoError(e, n.To("later").Emit("in"))
			n.SocketsLeave("later")
			assert.NoError(e, n.To("later").Emit("out"))
			e.want("/", map[*peer][]string{p[0]: {"in"}, p[1]: {"in"}, p[2]: {"in"}})
		})
	}
	e.do("disconnect", func() {
		q := e.three("/custom")
		n := e.nodes[1].Of("/custom")
		assert.NoError(e, n.Emit("bye"))
		n.To("room0").DisconnectSockets(false)
		e.eventually("a client to be gone", q[0].isGone)
		e.eventually("two clients", func() bool { return len(e.fetch(n.To())) == 2 })
		n.DisconnectSockets(true)
		for _, q := range q {
			e.eventually("all clients to be gone", q.isGone)
			assert.Equal(e, q.events(), []string{"bye"})
		}
		e.eventually("no client", func() bool { return len(e.fetch(n.To())) == 0 })
	})
}

// others are the names of all but one.
func others(name string) []string {
	return slices.DeleteFunc([]string{"client0", "client1", "client2"}, func(s string) bool { return s == name })
}

// where waits until exactly these are in a room, as each server sees it.
func (e *env) where(room string, want ...string) {
	e.Helper()
	for _, n := range e.nodes {
		e.eventually(fmt.Sprintf("%q in %s", want, room), func() bool {
			return slices.Equal(names(e.fetch(n.To(room))), want)
		})
	}
}
