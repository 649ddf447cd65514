// SPDX-License-Identifier: MIT

package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
	// Only what one server sends to one room comes in order: each server that has probed a room
	// says there that it has ended.
	for i := range list {
		for _, room := range []string{"all", fmt.Sprint("room", i)} {
			assert.NoError(e, e.nodes[(i+1)%3].Of(nsp).To(room).Emit("probed", room, i))
		}
	}
	for i, p := range list {
		ends := []string{"probed all 0", "probed all 1", "probed all 2", fmt.Sprintf("probed room%d %d", i, i)}
		e.eventually("the end of probes", func() bool {
			events := p.events()
			return !slices.ContainsFunc(ends, func(end string) bool { return !slices.Contains(events, end) })
		})
		p.forget()
	}
	return list
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
