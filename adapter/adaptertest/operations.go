// SPDX-License-Identifier: MIT

package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// three connects a client to each server, all in "all", and the i-th in "room i".
func (e *env) three(nsp string) []*peer {
	e.Helper()
	var list []*peer
	for i := range 3 {
		list = append(list, e.join(i, nsp, fmt.Sprint("client", i), "all", fmt.Sprint("room", i)))
	}
	if !e.nodes[0].bus.routes.Load() {
		return list
	}
	// It takes a while until the backend knows which rooms are wanted where.
	for i, p := range list {
		for _, room := range []string{"all", fmt.Sprint("room", i)} {
			e.eventually("a route", func() bool {
				assert.NoError(e, e.nodes[(i+1)%3].Of(nsp).To(room).Emit("probe", room))
				return slices.Contains(p.events(), "probe "+room)
			})
		}
	}
	e.want(nsp, nil)
	for _, p := range list {
		e.eventually("the end of probes", func() bool { return p.marked(e.marks) })
		p.forget()
	}
	return list
}

// marked reports whether a client has got the marks of a number.
func (p *peer) marked(n int) bool {
	events := p.events()
	for i := range p.e.nodes {
		if !slices.Contains(events, fmt.Sprint("mark ", n, " ", i)) {
			return false
		}
	}
	return true
}

func broadcast(e *env) {
	p := e.three("/")
	other := e.three("/custom")
	for i, n := range e.nodes {
		next, far := p[(i+1)%3], p[(i+2)%3]
		e.do("to all, from any server", func() {
			assert.NoError(e, n.Emit("x", i, "ü", nil, []any{}, map[string]any{}))
			ev := []string{fmt.Sprint("x ", i, " ü <nil> [] map[]")}
			e.want("/", map[*peer][]string{p[0]: ev, p[1]: ev, p[2]: ev})
			e.want("/custom", map[*peer][]string{other[0]: nil, other[1]: nil, other[2]: nil})
		})
		e.do("in a custom namespace", func() {
			assert.NoError(e, n.Of("/custom").Emit("x"))
			e.want("/custom", map[*peer][]string{other[0]: {"x"}, other[1]: {"x"}, other[2]: {"x"}})
			e.want("/", map[*peer][]string{p[0]: nil, p[1]: nil, p[2]: nil})
		})
		e.do("binary", func() {
			assert.NoError(e, n.Emit("b", []byte{1, 2, 0xff}, map[string]any{"deep": []any{[]byte{}, "text"}}))
			ev := []string{"b [1 2 255] map[deep:[[] text]]"}
			e.want("/", map[*peer][]string{p[0]: ev, p[1]: ev, p[2]: ev})
		})
		e.do("to a room", func() {
			assert.NoError(e, n.To(fmt.Sprint("room", (i+1)%3)).Emit("r"))
			e.want("/", map[*peer][]string{p[i]: nil, next: {"r"}, far: nil})
		})
		e.do("to rooms, once each", func() {
			assert.NoError(e, n.To("all", "room0", "room1", "none").Emit("rs"))
			e.want("/", map[*peer][]string{p[0]: {"rs"}, p[1]: {"rs"}, p[2]: {"rs"}})
		})
		e.do("except rooms", func() {
			assert.NoError(e, n.Except(fmt.Sprint("room", (i+2)%3), "none").Emit("ex"))
			e.want("/", map[*peer][]string{p[i]: {"ex"}, next: {"ex"}, far: nil})
		})
		e.do("to the id of a socket", func() {
			assert.NoError(e, n.To(next.ID()).Emit("one"))
			assert.NoError(e, n.Except(next.ID()).Emit("others"))
			e.want("/", map[*peer][]string{p[i]: {"others"}, next: {"one"}, far: {"others"}})
		})
		e.do("not to oneself", func() {
			assert.NoError(e, p[i].server().Broadcast().Emit("b"))
			assert.NoError(e, p[i].server().To("all").Emit("a"))
			e.want("/", map[*peer][]string{p[i]: nil, next: {"b", "a"}, far: {"b", "a"}})
		})
		e.do("local", func() {
			assert.NoError(e, n.Local().Emit("local"))
			assert.NoError(e, n.To("all").Local().Emit("local"))
			e.want("/", map[*peer][]string{p[i]: {"local", "local"}, next: nil, far: nil})
		})
		e.do("flags", func() {
			assert.NoError(e, n.To("all").Compress(false).Emit("plain"))
			e.want("/", map[*peer][]string{p[0]: {"plain"}, p[1]: {"plain"}, p[2]: {"plain"}})
		})
	}
}

// order sends many events of which each must come, in order.
func order(e *env) {
	const count = 500
	p := e.three("/")
	for i := range count {
		assert.NoError(e, e.nodes[0].Emit("n", i))
		if i%100 == 7 {
			assert.NoError(e, e.nodes[0].Emit("bin", i, []byte(strings.Repeat("x", i))))
		}
	}
	for _, p := range p {
		var got []string
		e.eventually("all events", func() bool {
			got = p.events()
			return slices.Contains(got, fmt.Sprint("n ", count-1))
		})
		got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "bin") })
		for i := range count {
			if len(got) != count || got[i] != fmt.Sprint("n ", i) {
				e.Fatalf("%s got %d events; not in order: %q", p.name, len(got), got[min(i, len(got)-1)])
			}
		}
	}
}

// long is a context for what must come.
func (e *env) long() context.Context {
	ctx, cancel := context.WithTimeout(e.Context(), patience)
	e.Cleanup(cancel)
	return ctx
}

// texts returns the first arguments of answers, sorted.
func (e *env) texts(answers []sio.Answer) []string {
	e.Helper()
	var list []string
	for _, a := range answers {
		var v any
		switch err := a.Args.Unmarshal(0, &v); {
		case a.Err != nil:
			v = "error"
		case err != nil:
			v = err
		}
		if data, ok := v.([]byte); ok {
			v = "bytes " + string(data)
		}
		list = append(list, fmt.Sprint(v))
	}
	slices.Sort(list)
	return list
}

func acks(e *env) {
	p := e.three("/")
	for i, n := range e.nodes {
		e.do("of all clients", func() {
			answers, err := n.EmitWithAck(e.long(), "ask", i)
			assert.NoError(e, err)
			assert.Equal(e, e.texts(answers), []string{"client0", "client1", "client2"})
		})
		e.do("binary", func() {
			answers, err := n.EmitWithAck(e.long(), "bin", []byte{1})
			assert.NoError(e, err)
			assert.Equal(e, e.texts(answers), []string{"bytes client0", "bytes client1", "bytes client2"})
		})
		e.do("typed", func() {
			var got []string
			for v, err := range sio.AskAll(e.long(), n.To("room1", "room2"), sio.Request[int, string]("ask"), 1) {
				assert.NoError(e, err)
				got = append(got, v)
			}
			slices.Sort(got)
			assert.Equal(e, got, []string{"client1", "client2"})
		})
		e.do("of nobody", func() {
			answers, err := n.To("nobody").EmitWithAck(e.long(), "ask")
			assert.NoError(e, err)
			assert.Equal(e, len(answers), 0)
		})
		e.do("of one", func() {
			for _, one := range e.fetch(n.To("all")) {
				answer, err := one.EmitWithAck(e.long(), "ask")
				assert.NoError(e, err)
				var name string
				assert.NoError(e, answer.Unmarshal(0, &name))
				assert.Equal(e, any(name), one.Data["name"])
			}
		})
		e.do("of a client that does not answer", func() {
			mute := p[(i+1)%3]
			mute.setMute(true)
			ctx, cancel := context.WithTimeout(e.Context(), time.Second)
			answers, err := n.EmitWithAck(ctx, "ask")
			cancel()
			assert.ErrorIs(e, err, context.DeadlineExceeded)
			e.isTimeout(err)
			assert.Equal(e, len(answers), 2)
			mute.setMute(false)
		})
	}
	e.do("of a client that leaves", func() {
		p[2].setMute(true)
		answered := make(chan []sio.Answer)
		before := len(p[2].events())
		go func() {
			answers, err := e.nodes[0].EmitWithAck(e.long(), "ask")
			assert.True(e, err == nil, "%v", err)
			answered <- answers
		}()
		e.eventually("the question", func() bool { return len(p[2].events()) > before })
		assert.NoError(e, p[2].Close())
		assert.Equal(e, e.texts(<-answered), []string{"client0", "client1", "error"})
	})
}

func (p *peer) setMute(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = on
}

func (p *peer) isGone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

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

func serverSide(e *env) {
	got := make(chan string, 100)
	for i, n := range e.nodes {
		for _, nsp := range []string{"/", "/custom"} {
			n.Of(nsp).OnServerSide("ask", func(_ context.Context, args sio.Args) (any, error) {
				var v any
				err := args.Unmarshal(0, &v)
				got <- fmt.Sprint(nsp, " ", i, " ", v)
				if data, ok := v.([]byte); ok {
					return append(data, byte(i)), err
				}
				return fmt.Sprint("server", i), err
			})
		}
	}
	next := func(n int) []string {
		var list []string
		for range n {
			select {
			case text := <-got:
				list = append(list, text)
			case <-e.long().Done():
				e.Fatalf("got %q, want %d events", list, n)
			}
		}
		slices.Sort(list)
		return list
	}
	for i, n := range e.nodes {
		a, b := min((i+1)%3, (i+2)%3), max((i+1)%3, (i+2)%3)
		e.do("emit", func() {
			assert.NoError(e, n.ServerSideEmit("ask", "x"))
			assert.Equal(e, next(2), []string{fmt.Sprint("/ ", a, " x"), fmt.Sprint("/ ", b, " x")})
			assert.NoError(e, n.Of("/custom").ServerSideEmit("ask", "y"))
			assert.Equal(e, next(2), []string{fmt.Sprint("/custom ", a, " y"), fmt.Sprint("/custom ", b, " y")})
		})
		e.do("with answers", func() {
			answers, err := n.ServerSideEmitWithAck(e.long(), "ask", 1.5)
			assert.NoError(e, err)
			assert.Equal(e, first(e, answers), []string{fmt.Sprint("server", a), fmt.Sprint("server", b)})
			next(2)
		})
		if e.cluster.TextOnly {
			continue
		}
		e.do("binary", func() {
			answers, err := n.ServerSideEmitWithAck(e.long(), "ask", []byte{7})
			assert.NoError(e, err)
			assert.Equal(e, first(e, answers), []string{fmt.Sprint([]byte{7, byte(a)}), fmt.Sprint([]byte{7, byte(b)})})
			next(2)
		})
	}
}

// first returns the first arguments, sorted.
func first(e *env, answers []sio.Args) (list []string) {
	e.Helper()
	for _, a := range answers {
		var v any
		assert.NoError(e, a.Unmarshal(0, &v))
		list = append(list, fmt.Sprint(v))
	}
	slices.Sort(list)
	return list
}
