// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
)

// TestModel does random things to a server and to a model of it, one after the other, and
// compares: what each client gets and in which order, who is in which room, and what the
// hooks are told. A seed that fails belongs into the list.
func TestModel(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3, 4, 5, rand.Uint64()} { //nolint:gosec // a test
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			cfg := sio.Config{
				CleanupEmptyNamespaces: seed%2 == 0,
				Engine:                 engine.Config{PingInterval: time.Hour},
			}
			run(t, cfg, func(t *testing.T, e *env) {
				w := &world{env: e, t: t, r: rand.New(rand.NewPCG(seed, 0)), cleanup: cfg.CleanupEmptyNamespaces, asked: map[string]int{}} //nolint:gosec // a test
				w.begin()
				for range 400 {
					w.step()
				}
			})
		})
	}
}

// world is the model, and the server beside it.
type world struct {
	*env
	t       *testing.T
	r       *rand.Rand
	cleanup bool // dynamic namespaces end with their last socket
	parent  *sio.ParentNamespace
	peers   []*peer
	left    []*member      // those that have left since the last comparison
	hooks   []string       // what the hooks are to be told
	asked   map[string]int // acknowledgement ids used, by namespace
	log     []string       // what was done
	n       int            // makes each event different
}

// peer is a client: one connection.
type peer struct {
	*client
	members []*member
	want    [][]string // groups of packets; within a group the order is open

	mu  sync.Mutex
	got []string
	sid string // of the last CONNECT
}

// member is a client in a namespace.
type member struct {
	peer  *peer
	nsp   string
	s     *sio.Socket
	rooms map[string]bool
}

var modelNames = []string{"/", "/a", "/d1", "/d2"} // those with a digit are dynamic

func dynamic(nsp string) bool { return strings.HasPrefix(nsp, "/d") }

// head is how a packet for the namespace begins.
func head(kind, nsp string) string {
	if nsp == "/" {
		return kind
	}
	return kind + nsp + ","
}

func (w *world) begin() {
	w.parent = w.srv.OfRegexp(regexp.MustCompile(`^/d\d$`))
	for _, r := range []interface {
		sio.Registrar[*sio.Socket, *sio.Message]
		Use(f func(ctx context.Context, s *sio.Socket) error)
	}{w.srv, w.srv.Of("/a"), w.parent} {
		r.Use(func(_ context.Context, s *sio.Socket) error {
			if s.Handshake().Auth.Raw() != nil {
				return errors.New("no")
			}
			return nil
		})
		sio.On(r, "join", func(_ context.Context, s *sio.Socket, room string) error { return s.Join(room) })
		sio.On(r, "leave", func(_ context.Context, s *sio.Socket, room string) error { s.Leave(room); return nil })
		sio.On(r, "shout", func(_ context.Context, s *sio.Socket, v sio.Args3[[]string, []string, int]) error {
			return s.Broadcast().To(v.A...).Except(v.B...).Emit("e", v.C)
		})
		sio.On(r, "bye", func(_ context.Context, s *sio.Socket, _ sio.None) error { s.Disconnect(false); return nil })
		sio.Handle(r, "ask", func(_ context.Context, _ *sio.Socket, n int) (int, error) { return n, nil })
	}
	for range 6 {
		w.peers = append(w.peers, w.open())
	}
}

// open opens a connection.
func (w *world) open() *peer {
	p := &peer{client: w.dial()}
	go func() {
		for text := ""; text != "closed"; {
			text = p.next()
			p.mu.Lock()
			if kind, sid, ok := strings.Cut(text, `{"sid":"`); ok {
				text, p.sid = kind, strings.TrimSuffix(sid, `"}`)
			}
			p.got = append(p.got, text)
			p.mu.Unlock()
		}
	}()
	return p
}

func (w *world) did(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// expect adds a packet for each member.
func (w *world) expect(list []*member, kind, payload string) {
	groups := map[*peer][]string{}
	for _, m := range list {
		groups[m.peer] = append(groups[m.peer], head(kind, m.nsp)+payload)
	}
	for p, group := range groups {
		p.want = append(p.want, group)
	}
}

// gone takes members out of the model.
func (w *world) gone(reason sio.Reason, list ...*member) {
	for _, m := range list {
		m.peer.members = slices.DeleteFunc(m.peer.members, func(o *member) bool { return o == m })
		w.left = append(w.left, m)
		w.hooks = append(w.hooks, "disconnect: "+string(reason))
		if w.cleanup && dynamic(m.nsp) && len(w.members(m.nsp)) == 0 {
			delete(w.asked, m.nsp)
		}
	}
}

// members returns those of a namespace; "" means all dynamic ones.
func (w *world) members(nsp string) (list []*member) {
	for _, p := range w.peers {
		for _, m := range p.members {
			if m.nsp == nsp || nsp == "" && dynamic(m.nsp) {
				list = append(list, m)
			}
		}
	}
	return list
}

func (w *world) everybody() (list []*member) {
	for _, nsp := range modelNames {
		list = append(list, w.members(nsp)...)
	}
	return list
}

// namespace returns the server's namespace, or nil.
func (w *world) namespace(nsp string) *sio.Namespace {
	if !dynamic(nsp) {
		return w.srv.Of(nsp)
	}
	for _, ns := range w.parent.Namespaces() {
		if ns.Name() == nsp {
			return ns
		}
	}
	return nil
}

func pick[T any](w *world, list []T) T { return list[w.r.IntN(len(list))] }

// someRooms returns up to n names of rooms, some of them ids.
func (w *world) someRooms(n int) []string {
	list := []string{}
	for range w.r.IntN(n + 1) {
		name := fmt.Sprintf("r%d", w.r.IntN(4))
		if all := w.everybody(); len(all) > 0 && w.r.IntN(4) == 0 {
			name = pick(w, all).s.ID()
		}
		list = append(list, name)
	}
	return list
}

// chosen is who S7.2 says is chosen.
func (w *world) chosen(nsp string, self *member, rooms, except []string) []*member {
	if self != nil {
		except = append(slices.Clip(except), self.s.ID())
	}
	return slices.DeleteFunc(w.members(nsp), func(m *member) bool {
		in := func(room string) bool { return m.rooms[room] }
		return len(rooms) > 0 && !slices.ContainsFunc(rooms, in) || slices.ContainsFunc(except, in)
	})
}

// target makes a random Target and returns whom it chooses.
func (w *world) target(parents bool) (to sio.Target, list []*member, nsp string) {
	rooms, except := w.someRooms(3), w.someRooms(2)
	var self *member
	nsp = pick(w, modelNames)
	all := w.everybody()
	switch {
	case parents && w.r.IntN(4) == 0:
		nsp, to = "", w.parent.All()
	case len(all) > 0 && w.r.IntN(2) == 0 || w.namespace(nsp) == nil:
		if len(all) == 0 {
			nsp, to = "/", w.srv.Local()
			break
		}
		self = pick(w, all)
		nsp, to = self.nsp, self.s.Broadcast()
	default:
		to = w.namespace(nsp).Local()
	}
	k, l := w.r.IntN(len(rooms)+1), w.r.IntN(len(except)+1)
	to = to.Except(except[l:]...).To(rooms[:k]...).Except(except[:l]...).In(rooms[k:]...)
	w.did("for %q, self %t, rooms %q, except %q:", nsp, self != nil, rooms, except)
	return to, w.chosen(nsp, self, rooms, except), nsp
}

// settle waits until nothing moves and compares the server with the model.
func (w *world) settle() {
	w.t.Helper()
	synctest.Wait()
	fail := func(format string, args ...any) {
		w.t.Helper()
		w.t.Fatalf("%s\nafter, among others:\n%s", fmt.Sprintf(format, args...), strings.Join(w.log[max(0, len(w.log)-30):], "\n"))
	}
	for i, p := range w.peers {
		p.mu.Lock()
		got := p.got
		p.got = nil
		p.mu.Unlock()
		rest := got
		var sorted, want []string
		for _, group := range p.want {
			n := min(len(group), len(rest))
			sorted = append(sorted, slices.Sorted(slices.Values(rest[:n]))...)
			rest = rest[n:]
			want = append(want, slices.Sorted(slices.Values(group))...)
		}
		if len(rest) > 0 || !slices.Equal(sorted, want) {
			fail("client %d got\n%q, want\n%q", i, got, p.want)
		}
		p.want = nil
	}
	hooks := slices.Sorted(slices.Values(w.seen.take()))
	if slices.Sort(w.hooks); !slices.Equal(hooks, w.hooks) {
		fail("hooks were told\n%q, want\n%q", hooks, w.hooks)
	}
	w.hooks = nil
	for _, m := range w.left {
		if m.s.Connected() || len(m.s.Rooms()) > 0 || m.s.Namespace().Socket(m.s.ID()) != nil {
			fail("a socket of %s that has left is in %q", m.nsp, m.s.Rooms())
		}
	}
	w.left = nil
	for _, nsp := range modelNames {
		list, ns := w.members(nsp), w.namespace(nsp)
		if ns == nil && len(list) > 0 || ns != nil && ns.Len() != len(list) {
			fail("%s has not %d sockets", nsp, len(list))
		}
		if w.cleanup && ns != nil && dynamic(nsp) && len(list) == 0 {
			fail("%s is still there", nsp)
		}
		for _, m := range list {
			rooms := slices.Sorted(maps.Keys(m.rooms))
			if got := slices.Sorted(slices.Values(m.s.Rooms())); !slices.Equal(got, rooms) {
				fail("a socket of %s is in %q, want %q", nsp, got, rooms)
			}
		}
	}
}
