// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// TestEvents is the conformance suite's echo (9.3) on the plain level.
func TestEvents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		send []string // "b:" marks an attachment
		want []string
	}{
		{"values", []string{`2["echo",1,"2",{"3":[true]},null]`}, []string{`2["echo",1,"2",{"3":[true]},null]`}},
		{"no arguments", []string{`2["echo"]`}, []string{`2["echo"]`}},
		{"binary", []string{`52-["echo",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]`, "b:\x01\x02", "b:\x03"},
			[]string{`52-["echo",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]`, "b:\x01\x02", "b:\x03"}},
		{"ack", []string{`2456["ack",1,"2"]`}, []string{`3456[1,"2"]`}},
		{"ack id 0", []string{`20["ack"]`}, []string{`30[]`}},
		{"binary ack", []string{`51-789["ack",{"_placeholder":true,"num":0}]`, "b:\xff"}, []string{`61-789[{"_placeholder":true,"num":0}]`, "b:\xff"}},
		{"nobody listens", []string{`21["nothing"]`, `22["ack"]`}, []string{`32[]`}},
		{"two handlers, the namespace's first", []string{`2["two"]`}, []string{`2["one"]`, `2["two"]`, `2["own"]`}},
		{"number as a name", []string{`2[7,1]`}, []string{`2["7",1]`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				echo := func(_ ctx, s *sio.Socket, m msg) error { return s.Emit(m.Event(), m.Args()) }
				e.srv.On("echo", echo)
				e.srv.On("7", echo)
				e.srv.On("ack", func(_ ctx, _ *sio.Socket, m msg) error { return m.Reply(m.Args()) })
				e.srv.OnConnect(func(_ ctx, s *sio.Socket) error {
					s.On("two", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("own") })
					return nil
				})
				e.srv.On("two", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("one") })
				e.srv.On("two", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("two") })
				c := e.join()
				for _, p := range tt.send {
					if len(p) > 2 && p[:2] == "b:" {
						c.queueBinary(p[2:])
					} else {
						c.queueRaw("4" + p)
					}
				}
				c.flush()
				c.want(tt.want...)
			})
		})
	}
}

func TestBind(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("a", func(_ ctx, _ *sio.Socket, m msg) error {
			n, text, rest := 0, "kept", 7
			if err := m.Bind(&n, nil, &text, &rest); err != nil {
				return err
			}
			e.seen.add("%d %s %d of %d", n, text, rest, m.Args().Len())
			return nil
		})
		c := e.join()
		c.send(`2["a",1,"skipped","text"]`, `2["a",1]`, `2["a",1,2,"x",3,4]`, `2["a","no number"]`, `2["a"]`)
		seen := e.seen.settled()
		assert.Equal(t, len(seen), 6)
		assert.Equal(t, seen[1:4], []string{"1 text 7 of 3", "1 kept 7 of 1", "1 x 3 of 5"})
		assert.Equal(t, seen[4][:27], `error: sio: event "a": pack`)
		assert.Equal(t, seen[5], "0 kept 7 of 0")
	})
}

// TestEmitErrors: what cannot be encoded is an error and sends nothing (S5.3, S7.5).
func TestEmitErrors(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.join()
		s := e.srv.Socket(c.sid)
		for name, emit := range map[string]func(string, ...any) error{
			"socket": s.Emit, "namespace": e.srv.Emit, "target": e.srv.To("r").Emit, "volatile": s.Volatile().Emit,
			"ack": func(ev string, args ...any) error { _, err := s.EmitWithAck(t.Context(), ev, args...); return err },
		} {
			for _, ev := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
				var reserved *packet.ReservedError
				assert.True(t, errors.As(emit(ev), &reserved), "%s %s", name, ev)
			}
			assert.True(t, emit("x", func() {}) != nil, "%s: a function was sent", name)
			assert.True(t, emit("x", "ok", make(chan int)) != nil, "%s: a channel was sent", name)
		}
		assert.Error(t, sio.Target{}.Emit("x"))
		assert.NoError(t, s.Emit("empty", []int(nil), map[string]int(nil)))
		c.want(`2["empty",[],{}]`)
		c.quiet()
	})
}

// Declarations as a program would have them.
const (
	say     sio.Event[chatLine]                                   = "say"
	nothing sio.Event[sio.None]                                   = "nothing"
	pair    sio.Event[sio.Args2[string, int]]                     = "pair"
	triple  sio.Event[sio.Args3[string, int, []byte]]             = "triple"
	anyArgs sio.Event[sio.Args]                                   = "raw"
	length  sio.Request[[]byte, int]                              = "length"
	confirm sio.Request[string, bool]                             = "confirm"
	swap    sio.Request[sio.Args2[int, int], sio.Args2[int, int]] = "swap"
)

type chatLine struct {
	Text string `json:"text"`
}

// TestTypedEvents is the typed level, in both directions.
func TestTypedEvents(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		sio.On(e.srv, say, func(_ ctx, s *sio.Socket, v chatLine) error { return sio.Emit(s, say, v) })
		sio.On(e.srv.Of("/"), nothing, func(_ ctx, s *sio.Socket, v sio.None) error { return sio.Emit(s, nothing, v) })
		sio.On(e.srv, pair, func(_ ctx, s *sio.Socket, v sio.Args2[string, int]) error {
			v.B++
			return sio.Emit(e.srv.To(s.ID()), pair, v)
		})
		sio.On(e.srv, triple, func(_ ctx, _ *sio.Socket, v sio.Args3[string, int, []byte]) error {
			return sio.Emit(e.srv, triple, v)
		})
		sio.On(e.srv, anyArgs, func(_ ctx, s *sio.Socket, v sio.Args) error { return sio.Emit(s, anyArgs, v) })
		sio.On(e.srv, "literal", func(_ ctx, s *sio.Socket, who string) error { return sio.Emit(s, "literal", who+"!") })
		c := e.join()
		sio.On(e.srv.Socket(c.sid), "own", func(_ ctx, s *sio.Socket, n int) error { return s.Emit("own", n+1) })
		c.send(`2["say",{"text":"hi"}]`, `2["nothing",1]`, `2["pair","a",1]`, `2["raw",1,[2]]`, `2["literal","me"]`, `2["own",1,"more"]`)
		c.want(`2["say",{"text":"hi"}]`, `2["nothing"]`, `2["pair","a",2]`, `2["raw",1,[2]]`, `2["literal","me!"]`, `2["own",2]`)
		c.queueRaw(`451-["triple","a",1,{"_placeholder":true,"num":0}]`).queueBinary("xyz").flush()
		c.want(`51-["triple","a",1,{"_placeholder":true,"num":0}]`, "b:xyz")

		e.seen.settled()
		c.send(`2["say","text"]`, `2["say"]`, `2["pair","a"]`, `2["pair",1,1]`)
		seen := e.seen.settled()
		assert.Equal(t, len(seen), 4)
		for _, line := range seen {
			assert.True(t, line[:17] == `error: sio: event`, "%s", line)
		}
		c.quiet()
	})
}

// TestHandle is the typed request of a client.
func TestHandle(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		sio.Handle(e.srv, length, func(_ ctx, _ *sio.Socket, b []byte) (int, error) { return len(b), nil })
		sio.Handle(e.srv, swap, func(_ ctx, _ *sio.Socket, v sio.Args2[int, int]) (sio.Args2[int, int], error) {
			return sio.Args2[int, int]{A: v.B, B: v.A}, nil
		})
		sio.Handle(e.srv, confirm, func(_ ctx, _ *sio.Socket, q string) (bool, error) {
			switch q {
			case "refuse":
				return false, &sio.ReplyError{Message: "no"}
			case "refuse with data":
				return false, &sio.ReplyError{Message: "no", Data: []int{1}}
			case "secret":
				return false, errors.New("secret")
			}
			return true, nil
		})
		c := e.join()
		e.seen.settled()
		c.queueRaw(`451-1["length",{"_placeholder":true,"num":0}]`).queueBinary("xyz")
		c.send(`22["swap",1,2]`, `23["confirm","x"]`, `24["confirm","refuse"]`, `25["confirm","refuse with data"]`,
			`26["confirm","secret"]`, `27["confirm",1]`, `2["confirm","x"]`, `2["confirm","refuse"]`)
		c.want(`31[3]`, `32[2,1]`, `33[true]`, `34[{"error":{"message":"no"}}]`, `35[{"error":{"message":"no","data":[1]}}]`)
		c.quiet()
		seen := e.seen.settled()
		assert.Equal(t, len(seen), 2)
		assert.Equal(t, seen[0], `error: sio: event "confirm": secret`)
	})
}

// TestAsk is the typed request of the server.
func TestAsk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		want         bool
		err          string
	}{
		{"yes", `[true]`, true, ""},
		{"refused", `[{"error":{"message":"no","data":[1]}}]`, false, "no"},
		{"wrong type", `["yes"]`, false, "packet: argument 0"},
		{"no argument", `[]`, false, "packet: argument 0: no such argument"},
		{"not quite an error", `[{"error":"no"}]`, false, "packet: argument 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				c := e.join()
				s := e.srv.Socket(c.sid)
				type result struct {
					yes bool
					err error
				}
				done := make(chan result, 1)
				go func() {
					yes, err := sio.Ask(t.Context(), s, confirm, "sure?")
					done <- result{yes, err}
				}()
				c.want(`20["confirm","sure?"]`)
				c.send(`30` + tt.answer)
				r := <-done
				assert.Equal(t, r.yes, tt.want)
				if tt.err == "" {
					assert.NoError(t, r.err)
				} else {
					assert.True(t, r.err != nil && len(r.err.Error()) >= len(tt.err) && r.err.Error()[:len(tt.err)] == tt.err, "%v", r.err)
				}
				var reply *sio.ReplyError
				assert.Equal(t, errors.As(r.err, &reply), tt.err == "no")
				if reply != nil {
					assert.Equal(t, reply.Data, any([]any{1.0}))
				}
			})
		})
	}
}

func TestAskDeadline(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		s := e.srv.Socket(e.join().sid)
		limited, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := sio.Ask(limited, s, confirm, "sure?")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		type key struct{}
		s := e.srv.Socket(e.join().sid)
		assert.Equal(t, s.Value(key{}), nil)
		s.SetValue(key{}, "bob")
		assert.Equal(t, s.Value(key{}), any("bob"))
		synctest.Wait()
	})
}
