// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// long is more than the network in memory takes from a server whose client does not read.
var long = strings.Repeat("x", 200_000)

// stall makes a client that does not read what is sent, from now on.
func (e *env) stall() (*client, *sio.Socket) {
	e.t.Helper()
	c := e.join()
	synctest.Wait()
	s := e.srv.Socket(c.sid)
	assert.NoError(e.t, s.Emit("long", long))
	synctest.Wait()
	assert.True(e.t, s.Buffered() > 200_000, "%d bytes wait", s.Buffered())
	return c, s
}

// wantLong reads what stall has sent.
func (c *client) wantLong() {
	c.t.Helper()
	c.want(`2["long","` + long + `"]`)
}

func TestOverflow(t *testing.T) {
	t.Parallel()
	packets := engine.Config{OutboxPackets: 8}
	emit := func(s *sio.Socket, n int) error { return s.Emit("n", n) }
	all := func(s *sio.Socket, n int) error { return s.Namespace().Emit("n", n) }
	t.Run("disconnect", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: packets}, func(t *testing.T, e *env) {
			_, s := e.stall()
			for n := range 8 {
				assert.NoError(t, s.Emit("n", n))
			}
			assert.ErrorIs(t, s.Emit("n", 8), sio.ErrQueueFull)
			assert.ErrorIs(t, s.Emit("n", 9), sio.ErrClosed)
			assert.Equal(t, e.seen.settled(), []string{"connect", "disconnect: slow consumer"})
		})
	})
	for name, send := range map[string]func(*sio.Socket, int) error{"Emit": emit, "broadcast": all} {
		t.Run("drop newest/"+name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Engine: packets, Overflow: sio.OverflowDropNewest}, func(t *testing.T, e *env) {
				c, s := e.stall()
				for n := range 12 {
					if err := send(s, n); name == "Emit" && n >= 8 {
						assert.ErrorIs(t, err, sio.ErrQueueFull)
					} else {
						assert.NoError(t, err)
					}
				}
				c.wantLong()
				for n := range 8 {
					c.want(fmt.Sprintf(`2["n",%d]`, n))
				}
				c.quiet()
				assert.NoError(t, send(s, 99))
				c.want(`2["n",99]`)
				assert.Equal(t, s.Buffered(), 0)
			})
		})
		t.Run("drop volatile/"+name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Engine: packets, Overflow: sio.OverflowDropVolatile}, func(t *testing.T, e *env) {
				c, s := e.stall()
				for n := range 20 { // every third is volatile: 0, 3, 6, 9
					if n%3 != 0 {
						continue
					}
					assert.NoError(t, s.Volatile().Emit("v", n))
					if n < 9 {
						assert.NoError(t, send(s, n))
					}
				}
				assert.NoError(t, s.Emit("last", 1))
				c.wantLong()
				c.want(`2["n",0]`, `2["n",3]`, `2["n",6]`)
				c.want(`2["v",9]`, `2["v",12]`, `2["v",15]`, `2["v",18]`, `2["last",1]`)
				c.quiet()
				assert.Equal(t, s.Buffered(), 0)
			})
		})
	}
	t.Run("drop volatile/nothing to drop", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: packets, Overflow: sio.OverflowDropVolatile}, func(t *testing.T, e *env) {
			_, s := e.stall()
			for n := range 8 {
				assert.NoError(t, s.Emit("n", n))
			}
			assert.ErrorIs(t, s.Volatile().Emit("v", 1), sio.ErrQueueFull)
			assert.True(t, s.Connected(), "disconnected because of a volatile event")
			assert.ErrorIs(t, s.Emit("n", 9), sio.ErrQueueFull)
			assert.Equal(t, e.seen.settled(), []string{"connect", "disconnect: slow consumer"})
		})
	})
	t.Run("bytes, by socket", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: engine.Config{OutboxBytes: 1000}}, func(t *testing.T, e *env) {
			c, s := e.stall() // one of any size goes into an empty outbox
			s.SetOverflow(sio.OverflowDropNewest)
			assert.ErrorIs(t, s.Emit("n", 1), sio.ErrQueueFull)
			_, err := s.EmitWithAck(t.Context(), "ask")
			assert.ErrorIs(t, err, sio.ErrQueueFull)
			c.wantLong()
			assert.NoError(t, s.Emit("n", 2))
			c.want(`2["n",2]`)
			_, other := e.stall()
			assert.ErrorIs(t, other.Emit("n", 1), sio.ErrQueueFull)
			assert.Equal(t, e.seen.settled(), []string{"connect", "connect", "disconnect: slow consumer"})
		})
	})
	t.Run("with recovery", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: packets, Overflow: sio.OverflowDropNewest, Recovery: &sio.Recovery{}}, func(t *testing.T, e *env) {
			c := e.dial()
			c.send("0")
			c.next()
			synctest.Wait()
			s := e.srv.Sockets()[0]
			assert.NoError(t, s.Emit("long", long))
			synctest.Wait()
			for n := range 10 {
				if err := s.Emit("n", n); n >= 8 {
					assert.ErrorIs(t, err, sio.ErrQueueFull)
				} else {
					assert.NoError(t, err)
				}
			}
			assert.True(t, s.Connected(), "disconnected")
		})
	})
	t.Run("a kick is not dropped", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: packets, Overflow: sio.OverflowDropNewest}, func(t *testing.T, e *env) {
			c, s := e.stall()
			for n := range 9 {
				_ = s.Emit("n", n)
			}
			s.Disconnect(true)
			c.wantLong()
			for n := range 8 {
				c.want(fmt.Sprintf(`2["n",%d]`, n))
			}
			c.want("1", "closed")
			synctest.Wait()
			assert.Equal(t, e.srv.Engine().Count(), 0)
		})
	})
}

func TestConflate(t *testing.T) {
	t.Parallel()
	t.Run("latest", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: engine.Config{OutboxBytes: 300_000}}, func(t *testing.T, e *env) {
			c, s := e.stall()
			for n := range 10_000 {
				assert.NoError(t, s.Conflate("a").Emit("a", n))
				assert.NoError(t, e.srv.Conflate("b").Emit("b", n))
			}
			assert.NoError(t, s.Emit("plain"))
			c.wantLong()
			c.want(`2["plain"]`, `2["a",9999]`, `2["b",9999]`)
			c.quiet()
			assert.Equal(t, s.Buffered(), 0)
			assert.NoError(t, s.Conflate("a").Emit("a", 1))
			c.want(`2["a",1]`)
		})
	})
	t.Run("polling", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			sid := e.poll()
			assert.Equal(t, e.request("POST", "&sid="+sid, "40").body, "ok")
			e.request("GET", "&sid="+sid, "")
			s := e.srv.Sockets()[0]
			for n := range 100 {
				assert.NoError(t, s.Conflate("a").Emit("a", n))
			}
			assert.Equal(t, e.request("GET", "&sid="+sid, "").body, `42["a",99]`)
			assert.NoError(t, s.Conflate("a").Emit("a", 100))
			s.Session().Close() // what waits leaves before
			assert.Equal(t, e.request("GET", "&sid="+sid, "").body, `42["a",100]`)
			synctest.Wait()
		})
	})
	t.Run("limits", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: engine.Config{OutboxPackets: 8, OutboxBytes: 300_000}}, func(t *testing.T, e *env) {
			c, s := e.stall()
			s.SetOverflow(sio.OverflowDropNewest)
			for n := range 8 {
				assert.NoError(t, s.Conflate(fmt.Sprint(n)).Emit("a", n))
			}
			assert.ErrorIs(t, s.Conflate("one more").Emit("a", 8), sio.ErrQueueFull)
			assert.ErrorIs(t, s.Emit("a", 8), sio.ErrQueueFull)
			assert.NoError(t, s.Conflate("0").Emit("a", "changed"))
			assert.ErrorIs(t, s.Conflate("0").Emit("a", long), sio.ErrQueueFull)
			c.wantLong()
			c.want(`2["a","changed"]`, `2["a",1]`)
		})
	})
	t.Run("the end of a socket", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			e.srv.Of("/chat")
			c, s := e.stall()
			c.send("0/chat,")
			synctest.Wait()
			other := e.srv.Of("/chat").Sockets()[0]
			assert.NoError(t, s.Conflate("a").Emit("a", 1))
			assert.NoError(t, other.Conflate("a").Emit("a", 2))
			s.Disconnect(false)
			c.wantLong()
			for p := ""; p != `2/chat,["a",2]`; {
				p = c.next()
				assert.True(t, p != `2["a",1]`, "an event behind the end")
			}
		})
	})
}

func TestOnDrain(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c, s := e.stall()
		drains := 0
		s.OnDrain(func() {
			if drains++; drains == 3 {
				panic("no more")
			}
		})
		synctest.Wait()
		assert.Equal(t, drains, 0)
		c.wantLong()
		synctest.Wait()
		assert.Equal(t, drains, 1)
		assert.NoError(t, s.Emit("n", 1)) // taken at once: nothing had to wait
		c.want(`2["n",1]`)
		synctest.Wait()
		first := drains
		for drains < 3 {
			assert.NoError(t, s.Emit("long", long))
			c.wantLong()
			synctest.Wait()
		}
		assert.True(t, first <= 2, "%d drains", first)
		lines := e.seen.settled()
		assert.Equal(t, lines[len(lines)-1], "disconnect: server namespace disconnect")
	})
}

func TestEmitWait(t *testing.T) {
	t.Parallel()
	cfg := engine.Config{OutboxBytes: 100_000, PingInterval: time.Hour}
	t.Run("a producer", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: cfg}, func(t *testing.T, e *env) {
			const count = 1000
			text := strings.Repeat("y", 10_000)
			produced := make(chan error, 1)
			e.srv.On("go", func(ctx context.Context, s *sio.Socket, _ *sio.Message) error {
				for n := range count {
					if err := s.EmitWait(ctx, "part", n, text); err != nil {
						produced <- err
						return nil //nolint:nilerr // looked at below
					}
					if b := s.Buffered(); b > 50_000 {
						t.Errorf("%d bytes wait", b)
					}
				}
				produced <- nil
				return s.Emit("there is room for others", text)
			})
			c := e.join()
			c.send(`2["go"]`, `2["go"]`) // more than one: the handler holds the session
			synctest.Wait()
			assert.Equal(t, len(produced), 0)
			for range 2 {
				for n := range count {
					c.want(fmt.Sprintf(`2["part",%d,"%s"]`, n, text))
				}
				assert.NoError(t, <-produced)
				c.want(`2["there is room for others","` + text + `"]`)
			}
		})
	})
	t.Run("ends", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: cfg}, func(t *testing.T, e *env) {
			c, s := e.stall()
			wait := func(ctx context.Context) <-chan error {
				done := make(chan error, 1)
				go func() { done <- s.EmitWait(ctx, "n", 1) }()
				synctest.Wait()
				assert.Equal(t, len(done), 0)
				return done
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			assert.ErrorIs(t, <-wait(ctx), context.DeadlineExceeded)
			first, second := wait(t.Context()), wait(t.Context())
			c.wantLong()
			assert.NoError(t, <-first)
			assert.NoError(t, <-second)
			c.want(`2["n",1]`, `2["n",1]`)
			assert.NoError(t, s.Emit("long", long))
			waiting := wait(t.Context())
			s.Session().Close()
			assert.NoError(t, c.conn.Close())
			assert.ErrorIs(t, <-waiting, sio.ErrClosed)
			assert.ErrorIs(t, s.EmitWait(t.Context(), "n", 1), sio.ErrClosed)
		})
	})
	t.Run("the end of the socket alone", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: cfg, Overflow: sio.OverflowDropNewest}, func(t *testing.T, e *env) {
			c, s := e.stall()
			waiting := make(chan error, 1)
			go func() { waiting <- s.EmitWait(t.Context(), "n", 1) }()
			synctest.Wait()
			c.send("1")
			assert.ErrorIs(t, <-waiting, sio.ErrClosed)
			assert.Equal(t, e.srv.Engine().Count(), 1)
			c.wantLong()
			c.quiet()
		})
	})
	t.Run("recovery, and what cannot be encoded", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{Engine: cfg, Recovery: &sio.Recovery{}}, func(t *testing.T, e *env) {
			c := e.dial()
			c.send("0")
			assert.True(t, strings.Contains(c.next(), `"pid"`), "no recovery")
			synctest.Wait()
			s := e.srv.Sockets()[0]
			assert.NoError(t, s.EmitWait(t.Context(), "n", 1))
			assert.True(t, strings.HasPrefix(c.next(), `2["n",1,"`), "no offset")
			assert.Error(t, s.EmitWait(t.Context(), "n", make(chan int)))
			assert.NoError(t, s.Conflate("a").Emit("a", 1))
			c.want(`2["a",1]`)
		})
	})
}
