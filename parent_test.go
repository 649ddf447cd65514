// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// namespaces is a recorder that is told of new namespaces, too.
type namespaces struct{ *recorder }

func (r namespaces) HookNamespace(ns *sio.Namespace) { r.add("namespace %s", ns.Name()) }

const invalid = `{"message":"Invalid namespace"}`

func names(list []*sio.Namespace) string {
	var all []string
	for _, ns := range list {
		all = append(all, ns.Name())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestOfRegexp_S4_2_S4_3 makes namespaces on demand.
func TestOfRegexp_S4_2_S4_3(t *testing.T) {
	t.Parallel()
	rec := &recorder{}
	run(t, sio.Config{Hooks: []sio.Hook{namespaces{rec}}}, func(t *testing.T, e *env) {
		p := e.srv.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
		second := e.srv.OfRegexp(regexp.MustCompile(`^/room`))
		p.Use(func(_ context.Context, s *sio.Socket) error { rec.add("use %s", s.Namespace().Name()); return nil })
		p.OnConnect(func(_ context.Context, s *sio.Socket) error { rec.add("on %s", s.Namespace().Name()); return nil })
		e.srv.Of("/room-existing").OnConnect(func(context.Context, *sio.Socket) error { rec.add("existing"); return nil })
		rec.take()

		c := e.join()
		rec.settled()
		c.send("0/room-1,")
		assert.True(t, strings.HasPrefix(c.next(), `0/room-1,{"sid":"`), "not connected")
		assert.Equal(t, rec.settled(), []string{"namespace /room-1", "use /room-1", "connect", "on /room-1"})
		c.send("0/room-x,")
		assert.True(t, strings.HasPrefix(c.next(), `0/room-x,{"sid":"`), "not connected")
		assert.Equal(t, rec.settled(), []string{"namespace /room-x", "connect"})
		c.send("0/room-existing,", "0/other,")
		got := []string{c.next(), c.next()}
		slices.Sort(got)
		assert.True(t, strings.HasPrefix(got[0], `0/room-existing,{"sid":"`), "not connected: %q", got)
		assert.Equal(t, got[1], "4/other,"+invalid)
		assert.Equal(t, rec.settled(), []string{"connect", "existing"})
		assert.Equal(t, names(p.Namespaces()), "/room-1")
		assert.Equal(t, names(second.Namespaces()), "/room-existing /room-x") // S4.5
		assert.Equal(t, e.srv.Of("/room-1").Len(), 1)
	})
}

// TestOfFunc_S4_1 asks a function, which may wait and fail.
func TestOfFunc_S4_1(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		gate := make(chan bool)
		e.srv.OfFunc(func(ctx context.Context, name string, auth sio.Auth) (bool, error) {
			switch name {
			case "/fails":
				return true, errors.New("no")
			case "/panics":
				panic("no")
			case "/waits":
				select {
				case ok := <-gate:
					return ok, nil
				case <-ctx.Done():
					return false, ctx.Err()
				}
			}
			var who struct{ Token string }
			err := auth.Bind(&who)
			return who.Token == "secret", err
		})
		p := e.srv.OfFunc(func(_ context.Context, name string, _ sio.Auth) (bool, error) { return name == "/panics", nil })
		c := e.join()
		for _, packet := range []string{`0/a,`, `0/fails,`, `0/a,{"token":"wrong"}`} {
			c.send(packet)
			nsp, _, _ := strings.Cut(packet, ",")
			c.want("4" + nsp[1:] + "," + invalid)
		}
		c.send(`0/a,{"Token":"secret"}`)
		assert.True(t, strings.HasPrefix(c.next(), `0/a,{"sid":"`), "not connected")
		c.send(`0/panics,`) // the next one is asked
		assert.True(t, strings.HasPrefix(c.next(), `0/panics,{"sid":"`), "not connected")
		assert.Equal(t, names(p.Namespaces()), "/panics")

		// It waits on the socket's goroutine: other namespaces go on.
		c.send(`0/waits,`)
		c.send(`0/b,{"Token":"secret"}`)
		assert.True(t, strings.HasPrefix(c.next(), `0/b,{"sid":"`), "not connected")
		gate <- true
		assert.True(t, strings.HasPrefix(c.next(), `0/waits,{"sid":"`), "not connected")

		// A client that leaves meanwhile leaves nothing behind.
		other := e.join()
		e.srv.OfFunc(func(ctx context.Context, _ string, _ sio.Auth) (bool, error) { <-ctx.Done(); return true, nil })
		other.send(`0/x,`)
		synctest.Wait()
		other.close()
		synctest.Wait()
		c.send(`0/y,{"Token":"secret"}`, `2/y,["early"]`) // P3.5
		_, err := c.frame()
		for err == nil {
			_, err = c.frame()
		}
		synctest.Wait()
		assert.Equal(t, e.srv.Len(), 0)
	})
}

// TestParentRace_S4_4: two clients ask for the same name at once.
func TestParentRace_S4_4(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		gate := make(chan struct{})
		p := e.srv.OfFunc(func(context.Context, string, sio.Auth) (bool, error) { <-gate; return true, nil })
		a, b := e.join(), e.join()
		a.send("0/x,")
		b.send("0/x,")
		synctest.Wait()
		close(gate)
		a.next()
		b.next()
		assert.Equal(t, names(p.Namespaces()), "/x")
		assert.Equal(t, e.srv.Of("/x").Len(), 2)
	})
}

// TestParentEmit_S4_6 reaches all children.
func TestParentEmit_S4_6(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		p := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
		a, b := e.join(), e.join()
		a.join("/p1")
		b.join("/p2")
		e.srv.Of("/q")
		b.join("/q")
		assert.NoError(t, p.Emit("e", 1))
		a.want(`2/p1,["e",1]`)
		b.want(`2/p2,["e",1]`)
		assert.NoError(t, e.srv.Of("/p1").Sockets()[0].Join("r"))
		assert.NoError(t, p.To("r").Emit("e", 2))
		a.want(`2/p1,["e",2]`)
		assert.NoError(t, p.Except("r").Volatile().Emit("e", 3))
		b.want(`2/p2,["e",3]`)
		assert.Equal(t, len(p.All().Sockets()), 2)
		assert.True(t, p.Emit("connect") != nil, "a reserved name")
		_, err := p.All().EmitWithAck(t.Context(), "e") // S4.7
		assert.True(t, err != nil, "no error")
		p.In("r").DisconnectSockets(false)
		a.want("1/p1,")
		b.quiet()
	})
}

// TestParentHandlers gives children what is added to the parent before and after.
func TestParentHandlers(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		rec := &recorder{}
		p := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
		wrap := func(name string) func(sio.Handler) sio.Handler {
			return func(next sio.Handler) sio.Handler {
				return func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
					rec.add("wrap %s", name)
					return next(ctx, s, m)
				}
			}
		}
		off1 := p.On("e", note(rec, "before"))
		p.UseEvents(wrap("before"))
		p.OnAny(note(rec, "any before"))
		c := e.join()
		c.join("/p1")
		off2 := p.On("e", note(rec, "after"))
		p.UseEvents(wrap("after"))
		offAny := p.OnAny(note(rec, "any after"))
		offOut := p.OnAnyOutgoing(func(_ *sio.Socket, event string, _ []any) { rec.add("out %s", event) })
		p.OnDisconnecting(func(*sio.Socket, sio.Reason) { rec.add("disconnecting") })
		p.OnDisconnect(func(*sio.Socket, sio.Reason) { rec.add("disconnect") })
		c.join("/p2")
		for _, nsp := range []string{"/p1", "/p2"} {
			c.send(`2` + nsp + `,["e"]`)
			assert.Equal(t, rec.settled(), []string{"any before e/0", "any after e/0", "wrap before", "wrap after", "before e/0", "after e/0"})
		}
		assert.NoError(t, p.Emit("x"))
		assert.Equal(t, rec.take(), []string{"out x", "out x"})
		off1()
		off2()
		offAny()
		offOut()
		c.want(`2/p1,["x"]`, `2/p2,["x"]`)
		c.join("/p3")
		assert.NoError(t, p.Emit("x"))
		c.want(`2/p1,["x"]`, `2/p2,["x"]`, `2/p3,["x"]`)
		for _, nsp := range []string{"/p1", "/p3"} {
			c.send(`2` + nsp + `,["e"]`)
			assert.Equal(t, rec.settled(), []string{"any before e/0", "wrap before", "wrap after"})
		}
		p.On("e", note(rec, "again"))
		p.Off("e")
		c.send(`2/p1,["e"]`, `1/p1,`)
		assert.Equal(t, rec.settled(), []string{"any before e/0", "wrap before", "wrap after", "disconnecting", "disconnect"})
	})
}

// TestParentCleanup_S4_9 forgets empty children, if that is wanted.
func TestParentCleanup_S4_9(t *testing.T) {
	t.Parallel()
	for _, cleanup := range []bool{false, true} {
		run(t, sio.Config{CleanupEmptyNamespaces: cleanup, MaxDynamicNamespaces: 3}, func(t *testing.T, e *env) {
			p := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
			p.Use(func(_ context.Context, s *sio.Socket) error {
				if s.Namespace().Name() == "/p-refused" {
					return errors.New("no")
				}
				return nil
			})
			e.srv.Of("/p-kept")
			a, b := e.join(), e.join()
			a.join("/p1")
			b.join("/p1")
			a.send("0/p-refused,", "0/p-kept,")
			a.next()
			a.next()
			a.send("1/p1,", "1/p-kept,")
			synctest.Wait()
			want := "/p-kept /p-refused /p1"
			if cleanup {
				want = "/p-kept /p1"
			}
			assert.Equal(t, names(p.Namespaces()), want)
			b.close()
			synctest.Wait()
			if cleanup {
				want = "/p-kept"
			}
			assert.Equal(t, names(p.Namespaces()), want)
			a.join("/p1") // made again
			a.send("0/p2,")
			assert.True(t, strings.HasPrefix(a.next(), `0/p2,{"sid":"`), "not connected")
			a.send("0/p3,") // at the limit, in the place of one that nobody uses
			assert.True(t, strings.HasPrefix(a.next(), `0/p3,{"sid":"`), "not connected")
			a.send("0/p4,")
			a.want("4/p4," + invalid)
			a.send("0/p" + strings.Repeat("x", 1024) + ",")
			assert.True(t, strings.HasSuffix(a.next(), invalid), "a long name is accepted")
		})
	}
}
