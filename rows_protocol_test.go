// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// TestAttachments_P2_16_P2_18: attachments in excess, out of order or with wrong
// placeholders end their own connection with the stated reason; what was complete
// before is handled.
func TestAttachments_P2_16_P2_18(t *testing.T) {
	t.Parallel()
	const (
		header   = `51-["b",{"_placeholder":true,"num":0}]`
		unasked  = "conn: got binary data when not reconstructing a packet"
		unknown  = "conn: illegal attachments"
		expected = "conn: got plaintext data when reconstructing a packet"
	)
	for _, test := range []struct {
		name    string
		packets []string // "b:" and the bytes of an attachment
		seen    []string
	}{
		{"P2.16 one too many", []string{header, "b:x", "b:y"}, []string{unasked, "event"}},
		{"P2.16 before the header", []string{"b:x", header}, []string{unasked}},
		{"P2.16 after an event without binary", []string{`2["b",1]`, "b:x"}, []string{unasked, "event"}},
		{"P2.15 one too few", []string{`52-["b",{"_placeholder":true,"num":0}]`, "b:x", `2["b",1]`}, []string{expected}},
		{"P2.15 disconnect while one is awaited", []string{header, `1`}, []string{expected}},
		{"P2.15 header within a packet", []string{header, header, "b:x"}, []string{expected}},
		{"P2.18 out of bounds", []string{`51-["b",{"_placeholder":true,"num":1}]`, "b:x"}, []string{unknown}},
		{"P2.18 negative", []string{`51-["b",{"_placeholder":true,"num":-1}]`, "b:x"}, []string{unknown}},
		{"P2.18 no number", []string{`51-["b",{"_placeholder":true,"num":"0"}]`, "b:x"}, []string{unknown}},
		{"P2.18 of an ack", []string{`61-7[{"_placeholder":true,"num":1}]`, "b:x"}, []string{unknown}},
		{"P2.3 B12 none", []string{`50-["b"]`}, []string{"conn: Illegal attachments"}},
		{"P2.13 B13 no payload", []string{`2`}, []string{"conn: invalid payload"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				e.srv.On("b", func(context.Context, *sio.Socket, *sio.Message) error { e.seen.add("event"); return nil })
				other, c := e.join(), e.join()
				e.seen.settled()
				for _, p := range test.packets {
					if data, binary := strings.CutPrefix(p, "b:"); binary {
						c.queueBinary(data)
					} else {
						c.queueRaw("4" + p)
					}
				}
				c.flush()
				c.want("closed")
				seen := e.seen.settled()
				assert.Equal(t, seen[len(seen)-1], "disconnect: forced close")
				seen = seen[:len(seen)-1]
				slices.Sort(seen) // the reader and the socket's goroutine write them
				assert.Equal(t, seen, test.seen)
				other.queueRaw("4" + header).queueBinary("z").flush()
				assert.Equal(t, e.seen.settled(), []string{"event"})
			})
		})
	}
}

// TestFlushed_P3_13: what was sent before the client broke a rule arrives, however slowly
// the client reads.
func TestFlushed_P3_13(t *testing.T) {
	t.Parallel()
	const n = 500
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		text := strings.Repeat("x", 1000)
		e.srv.On("go", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
			for i := range n {
				assert.NoError(t, s.Emit("n", i, text))
			}
			return nil
		})
		c := e.join()
		c.send(`2["go"]`)
		synctest.Wait() // more than the network holds is queued
		c.send(`9`)
		assert.Equal(t, e.seen.settled()[1], "conn: unknown packet type 9")
		for i := range n {
			if i%50 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			c.want(fmt.Sprintf(`2["n",%d,%q]`, i, text))
		}
		c.want("closed")
		assert.Equal(t, e.seen.settled(), []string{"disconnect: forced close"})
	})
}

// TestDeafMiddleware_B14: a middleware that ignores its context and does not return keeps
// nothing but its goroutine: not the connection, not those who come later, not Shutdown
// beyond its deadline. When it returns at last, it lets nobody in.
func TestDeafMiddleware_B14(t *testing.T) {
	t.Parallel()
	for name, verdict := range map[string]error{"accepts": nil, "refuses": errors.New("no")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				gate := make(chan struct{})
				returns := sync.OnceFunc(func() { close(gate) })
				defer returns()
				deaf := e.srv.Of("/deaf")
				var late []*sio.Socket
				deaf.Use(func(_ context.Context, s *sio.Socket) error {
					<-gate
					late = append(late, s)
					return verdict
				})
				deaf.OnConnect(func(context.Context, *sio.Socket) error { t.Error("let in"); return nil })
				other, c := e.join(), e.dial()
				start := time.Now()
				c.send("0/deaf,")
				time.Sleep(40 * time.Second)
				assert.NoError(t, e.srv.Emit("still"))
				other.want(`2["still"]`) // and answers a ping
				c.want("closed")
				assert.Equal(t, time.Since(start), 45*time.Second) // P3.11
				synctest.Wait()
				assert.Equal(t, e.srv.Engine().Count(), 1)
				assert.Equal(t, deaf.Len(), 0)

				limited, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				assert.ErrorIs(t, e.srv.Shutdown(limited), context.DeadlineExceeded)
				returns()
				synctest.Wait()
				assert.Equal(t, len(late), 1)
				assert.Equal(t, late[0].Connected(), false)
				assert.ErrorIs(t, late[0].Emit("x"), sio.ErrClosed)
				assert.Equal(t, deaf.Len(), 0)
				assert.NoError(t, e.srv.Shutdown(t.Context())) // nothing is waited for any more
			})
		})
	}
}

// TestEventIDs_P1_10: the ids of a client are its own business: each event is answered
// with the id it came with.
func TestEventIDs_P1_10(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("a", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply(m.Args()) })
		c := e.join()
		c.send(`20["a",1]`, `25["a",2]`, `25["a",3]`, `200["a",4]`, `218446744073709551615["a",5]`)
		c.want(`30[1]`, `35[2]`, `35[3]`, `30[4]`, `318446744073709551615[5]`)
		for _, p := range []string{`218446744073709551616["a"]`, `2-1["a"]`, `21e3["a"]`, `2+1["a"]`} {
			c := e.join()
			c.send(p)
			c.want("closed")
		}
	})
}
