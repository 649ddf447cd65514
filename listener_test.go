// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// note returns a handler that records its name and what it gets.
func note(rec *recorder, name string) sio.Handler {
	return func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		rec.add("%s %s/%d", name, m.Event(), m.Args().Len())
		return nil
	}
}

// TestOff removes handlers (S5.2).
func TestOff(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		rec := &recorder{}
		off := e.srv.On("a", note(rec, "ns 1"))
		e.srv.On("a", note(rec, "ns 2"))
		typed := sio.On(e.srv, "b", func(context.Context, *sio.Socket, string) error { rec.add("typed"); return nil })
		c := e.join()
		s := e.srv.Socket(c.sid)
		offSocket := s.On("a", note(rec, "socket 1"))
		s.On("a", note(rec, "socket 2"))
		c.send(`2["a"]`, `2["b","x"]`)
		assert.Equal(t, rec.settled(), []string{"ns 1 a/0", "ns 2 a/0", "socket 1 a/0", "socket 2 a/0", "typed"})
		off()
		off()
		offSocket()
		typed()
		c.send(`2["a"]`, `2["b","x"]`)
		assert.Equal(t, rec.settled(), []string{"ns 2 a/0", "socket 2 a/0"})
		e.srv.Off("a")
		s.Off("a")
		s.Off("never")
		c.send(`2["a"]`)
		assert.Equal(t, len(rec.settled()), 0)
	})
}

// TestOnce calls a handler once (S5.2).
func TestOnce(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		rec := &recorder{}
		c := e.join()
		s := e.srv.Socket(c.sid)
		s.Once("a", note(rec, "once"))
		off := s.Once("a", note(rec, "never"))
		s.On("a", note(rec, "always"))
		off()
		c.send(`2["a"]`, `2["a",1]`)
		assert.Equal(t, rec.settled(), []string{"once a/0", "always a/0", "always a/1"})
		s.Once("x", func(context.Context, *sio.Socket, *sio.Message) error {
			s.Once("x", note(rec, "again"))
			return nil
		})
		c.send(`2["x"]`, `2["x"]`, `2["x"]`)
		assert.Equal(t, rec.settled(), []string{"again x/0"})
	})
}

// TestOrder_S5_15_S5_16 is top-25 no. 17: catch-all handlers, middlewares, handlers.
func TestOrder_S5_15_S5_16(t *testing.T) {
	t.Parallel()
	rec := &recorder{}
	run(t, sio.Config{Hooks: []sio.Hook{rec}}, func(t *testing.T, e *env) {
		through := func(name string) func(sio.Handler) sio.Handler {
			return func(next sio.Handler) sio.Handler {
				return func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
					rec.add("%s before", name)
					err := next(ctx, s, m)
					rec.add("%s after: %v", name, err)
					return err
				}
			}
		}
		e.srv.UseEvents(through("ns use 1"))
		e.srv.UseEvents(through("ns use 2"))
		offAny := e.srv.OnAny(note(rec, "ns any"))
		e.srv.On("a", note(rec, "ns"))
		c := e.join()
		s := e.srv.Socket(c.sid)
		s.UseEvents(through("use"))
		s.OnAny(note(rec, "any"))
		s.On("a", func(context.Context, *sio.Socket, *sio.Message) error { return errors.New("oops") })
		rec.take()
		c.send(`2["a",1]`)
		assert.Equal(t, rec.settled(), []string{
			"ns any a/1", "any a/1", "ns use 1 before", "ns use 2 before", "use before", "ns a/1",
			"use after: oops", "ns use 2 after: oops", "ns use 1 after: oops", `error: sio: event "a": oops`,
		})
		offAny()
		c.send(`2["b"]`) // without a handler
		assert.Equal(t, rec.settled(), []string{
			"any b/0", "ns use 1 before", "ns use 2 before", "use before", "use after: <nil>", "ns use 2 after: <nil>", "ns use 1 after: <nil>",
		})
	})
}

// TestUseEvents_S5_15: a middleware refuses an event; catch-all handlers have seen it.
func TestUseEvents_S5_15(t *testing.T) {
	t.Parallel()
	rec := &recorder{}
	run(t, sio.Config{Hooks: []sio.Hook{rec}}, func(t *testing.T, e *env) {
		e.srv.OnAny(note(rec, "any"))
		e.srv.UseEvents(func(next sio.Handler) sio.Handler {
			return func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
				if m.Event() == "forbidden" {
					return errors.New("not for you")
				}
				if err := next(ctx, s, m); err != nil {
					rec.add("kept: %v", err)
				}
				return nil
			}
		})
		e.srv.On("forbidden", note(rec, "ns"))
		e.srv.On("fails", func(context.Context, *sio.Socket, *sio.Message) error { return errors.New("one") })
		e.srv.On("fails", func(context.Context, *sio.Socket, *sio.Message) error { return errors.New("two") })
		e.srv.On("panics", func(context.Context, *sio.Socket, *sio.Message) error { panic("no") })
		c := e.join()
		rec.settled()
		c.send(`2["forbidden"]`)
		assert.Equal(t, rec.settled(), []string{"any forbidden/0", `error: sio: event "forbidden": not for you`})
		c.send(`2["fails"]`)
		assert.Equal(t, rec.settled(), []string{"any fails/0", "kept: one\ntwo"})
		c.send(`2["panics"]`) // is reported and ends the socket, whatever the middleware does
		c.want("1")
		assert.Equal(t, rec.settled(), []string{"any panics/0", "panic: no, stack true", "kept: sio: panic: no", "disconnect: server namespace disconnect"})
	})
}

// TestAnyPanics ends the socket before its handlers are called.
func TestAnyPanics(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"namespace", "socket", "middleware"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			rec := &recorder{}
			run(t, sio.Config{Hooks: []sio.Hook{rec}}, func(t *testing.T, e *env) {
				bad := func(context.Context, *sio.Socket, *sio.Message) error { panic("no") }
				e.srv.On("a", note(rec, "ns"))
				c := e.join()
				s := e.srv.Socket(c.sid)
				switch where {
				case "namespace":
					e.srv.OnAny(bad)
				case "socket":
					s.OnAny(bad)
				default:
					s.UseEvents(func(sio.Handler) sio.Handler { return bad })
				}
				rec.settled()
				c.send(`2["a"]`)
				c.want("1")
				assert.Equal(t, rec.settled(), []string{"panic: no, stack true", "disconnect: server namespace disconnect"})
			})
		})
	}
}

// TestOnAnyOutgoing_S5_17 tells of emits and broadcasts, and not of acknowledgements.
func TestOnAnyOutgoing_S5_17(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		rec := &recorder{}
		e.srv.On("ask", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply("answer") })
		a, b := e.join(), e.join()
		sa := e.srv.Socket(a.sid)
		name := map[string]string{a.sid: "a", b.sid: "b"}
		tell := func(where string) func(*sio.Socket, string, []any) {
			return func(s *sio.Socket, event string, args []any) {
				rec.add("%s %s %s %s", where, name[s.ID()], event, fmt.Sprint(args...))
			}
		}
		off := e.srv.OnAnyOutgoing(tell("ns"))
		offSocket := sa.OnAnyOutgoing(tell("socket"))

		assert.NoError(t, sa.Emit("e", 1, "x"))
		assert.Equal(t, rec.take(), []string{"ns a e 1x", "socket a e 1x"})
		assert.NoError(t, e.srv.To(b.sid).Emit("e"))
		assert.Equal(t, rec.take(), []string{"ns b e "})
		assert.NoError(t, sa.Broadcast().Emit("e"))
		assert.Equal(t, rec.take(), []string{"ns b e "})
		assert.NoError(t, e.srv.Except(b.sid).Emit("e"))
		assert.Equal(t, rec.take(), []string{"ns a e ", "socket a e "})
		done := ask(t.Context(), sa, "q", true)
		synctest.Wait()
		assert.Equal(t, rec.take(), []string{"ns a q true", "socket a q true"})
		a.send(`30[]`, `21["ask"]`)
		<-done
		synctest.Wait()
		assert.Equal(t, len(rec.take()), 0)

		off()
		offSocket()
		assert.NoError(t, e.srv.Emit("e"))
		assert.Equal(t, len(rec.take()), 0)
		sa.OnAnyOutgoing(func(*sio.Socket, string, []any) { panic("no") })
		assert.NoError(t, sa.Send("still", "sent")) // S5.9
		a.want(`2["e",1,"x"]`, `2["e"]`, `20["q",true]`, `31["answer"]`, `2["e"]`, `2["message","still","sent"]`)
	})
}
