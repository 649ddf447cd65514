// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// TestOrder: events are handled in order, one at a time, and so is what is emitted.
func TestOrder(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		const n = 10_000
		next, running := 0, atomic.Int32{}
		e.srv.On("n", func(_ ctx, s *sio.Socket, m msg) error {
			if running.Add(1) != 1 {
				t.Error("two handlers at once")
			}
			defer running.Add(-1)
			var i int
			if err := m.Bind(&i); err != nil || i != next {
				t.Errorf("event %d, want %d: %v", i, next, err)
			}
			next++
			return s.Emit("n", i)
		})
		c := e.join()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range n {
				c.queueRaw(fmt.Sprintf(`42["n",%d]`, i))
				if i%97 == 0 {
					c.flush()
				}
			}
			c.flush()
		}()
		for i := range n {
			c.want(fmt.Sprintf(`2["n",%d]`, i))
		}
		<-sent
		assert.Equal(t, next, n)
	})
}

// TestSlowHandler: it delays neither the heartbeat, nor acks, nor other sockets of
// the same connection, nor what it has emitted.
func TestSlowHandler(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("slow", func(_ ctx, s *sio.Socket, _ msg) error {
			assert.NoError(t, s.Emit("working"))
			time.Sleep(5 * time.Minute)
			return s.Emit("done")
		})
		e.srv.Of("other").On("ping", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("pong") })
		c := e.join()
		id := c.sid
		c.join("/other")
		start := time.Now()
		c.send(`2["slow"]`, `2["x"]`) // a burst, which holds what is sent
		c.want(`2["working"]`)
		assert.True(t, time.Since(start) < 10*time.Millisecond, "held for %v", time.Since(start))
		answer := ask(t.Context(), e.srv.Socket(id), "q")
		c.want(`20["q"]`)
		c.send(`30[]`, `2/other,["ping"]`)
		c.want(`2/other,["pong"]`)
		assert.NoError(t, (<-answer).err)
		c.want(`2["done"]`) // next answers a dozen pings
		assert.Equal(t, time.Since(start).Truncate(time.Second), 5*time.Minute)
	})
}

// TestAskBehindBurst: one read brings the event whose handler asks its client, and more
// events than Config.DispatchQueue. The queue is full when the handler asks, and yet the
// answer must be read.
func TestAskBehindBurst(t *testing.T) {
	t.Parallel()
	for _, events := range []int{3, 17, 24, 31} { // of a limit of 4, and 32 while asking
		t.Run(strconv.Itoa(events), func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{DispatchQueue: 4}, func(t *testing.T, e *env) {
				e.srv.On("ask", func(c ctx, s *sio.Socket, m msg) error {
					a, err := s.EmitWithAck(c, "q")
					if err != nil {
						return err
					}
					return m.Reply(a)
				})
				c := e.join()
				c.queueRaw(`427["ask"]`)
				for range events {
					c.queueRaw(`42["more"]`)
				}
				c.flush()
				c.want(`20["q"]`)
				c.send(`30["yes"]`)
				c.want(`37["yes"]`)
			})
		})
	}
}

// TestDispatchBytes: few events stop the reading too if they are large, until they are
// handled.
func TestDispatchBytes(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{DispatchBytes: 10_000}, func(t *testing.T, e *env) {
		release, handled := make(chan struct{}), 0
		e.srv.On("large", func(ctx, *sio.Socket, msg) error { <-release; handled++; return nil })
		c := e.join()
		large := `2["large","` + strings.Repeat("x", 6_000) + `"]`
		go func() { // waits when memory for what is not read is full
			for range 100 {
				c.send(large)
			}
		}()
		synctest.Wait()
		sockets := e.srv.Sockets()
		assert.Equal(t, len(sockets), 1)
		assert.True(t, sio.Waiting(sockets[0]) < 30_000, "%d bytes wait", sio.Waiting(sockets[0]))
		close(release)
		synctest.Wait()
		assert.Equal(t, handled, 100)
		assert.Equal(t, sio.Waiting(sockets[0]), 0)
	})
}

// TestNothingAfterDisconnect: a socket that was disconnected while its handler runs
// gets no broadcast any more, and a new one of the same client gets each once.
func TestNothingAfterDisconnect(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		release := make(chan struct{})
		e.srv.OnConnect(func(_ ctx, s *sio.Socket) error { return s.Join("lobby") })
		e.srv.On("wait", func(ctx, *sio.Socket, msg) error { <-release; return nil })
		c := e.join()
		c.send(`2["wait"]`)
		synctest.Wait()
		c.send(`1`)
		c.join("")
		synctest.Wait()
		assert.NoError(t, e.srv.To("lobby").Emit("once"))
		c.want(`2["once"]`)
		c.quiet()
		close(release)
	})
}

// TestAskOwnClient: a handler waits for its own client without deadlock, also behind
// many more events than Config.DispatchQueue.
func TestAskOwnClient(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{DispatchQueue: 4}, func(t *testing.T, e *env) {
		handled := 0
		e.srv.On("ask", func(c ctx, s *sio.Socket, m msg) error {
			limited, cancel := context.WithTimeout(c, time.Minute)
			defer cancel()
			a, err := s.EmitWithAck(limited, "q")
			if err != nil {
				return err
			}
			return m.Reply(a)
		})
		e.srv.On("more", func(ctx, *sio.Socket, msg) error { handled++; return nil })
		c := e.join()
		c.send(`27["ask"]`)
		c.want(`20["q"]`)
		for range 20 { // in separate reads
			c.send(`2["more"]`)
			synctest.Wait()
		}
		c.send(`30["yes"]`)
		c.want(`37["yes"]`)
		synctest.Wait()
		assert.Equal(t, handled, 20)

		// The same with all events before the question: reading is paused and goes on.
		c.send(`28["ask"]`, `2["more"]`, `2["more"]`, `2["more"]`, `2["more"]`, `2["more"]`)
		c.want(`21["q"]`)
		c.send(`31["yes"]`)
		c.want(`38["yes"]`)
	})
}

// TestBackPressure: a full queue stops the reading, and the client with it.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{DispatchQueue: 8}, func(t *testing.T, e *env) {
		const n = 2000
		gate, handled := make(chan struct{}), 0
		e.srv.On("n", func(_ ctx, _ *sio.Socket, m msg) error {
			<-gate
			var i int
			assert.NoError(t, m.Bind(&i))
			assert.Equal(t, i, handled)
			handled++
			return nil
		})
		c := e.join()
		var sent atomic.Int32
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range n {
				c.queueRaw(fmt.Sprintf(`42["n",%d,%q]`, i, strings.Repeat("x", 1000))).flush()
				sent.Add(1)
			}
		}()
		synctest.Wait()
		before := sent.Load()
		assert.True(t, before < n/4, "%d events were read", before)
		time.Sleep(10 * time.Minute) // the client cannot answer pings: nobody reads them
		synctest.Wait()
		assert.Equal(t, sent.Load(), before)
		assert.Equal(t, e.srv.Len(), 1)
		close(gate)
		<-done
		synctest.Wait()
		assert.Equal(t, handled, n)
	})
}

// TestFullQueueEnds: a socket with a full queue that is disconnected does not keep
// the others of the connection waiting.
func TestFullQueueEnds(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{DispatchQueue: 2}, func(t *testing.T, e *env) {
		gate := make(chan struct{})
		e.srv.On("a", func(ctx, *sio.Socket, msg) error { <-gate; e.seen.add("event"); return nil })
		other := e.srv.Of("other")
		other.On("ping", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("pong") })
		c := e.dial()
		c.join("/other")
		s := e.srv.Socket(c.join(""))
		c.send(`2["a"]`, `2["a"]`, `2["a"]`, `2["a"]`)
		synctest.Wait()
		c.send(`2/other,["ping"]`)
		c.quiet()
		s.Disconnect(false)
		got := []string{c.next(), c.next()} // of two namespaces: in any order
		slices.Sort(got)
		assert.Equal(t, got, []string{`1`, `2/other,["pong"]`})
		e.seen.settled()
		close(gate)
		assert.Equal(t, e.seen.settled(), []string{"event", "disconnect: server namespace disconnect"}) // the rest is dropped
	})
}

// TestEventsBeforeDisconnect: what the client sent before it left is handled.
func TestEventsBeforeDisconnect(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("a", func(c ctx, s *sio.Socket, _ msg) error {
			time.Sleep(time.Second)
			e.seen.add("event, cancelled %t", c.Err() != nil)
			assert.ErrorIs(t, s.Emit("x"), sio.ErrClosed)
			return nil
		})
		c := e.join()
		c.send(`2["a"]`, `2["a"]`, `1`)
		c.close()
		time.Sleep(3 * time.Second)
		assert.Equal(t, e.seen.take(), []string{"connect",
			"event, cancelled true", "event, cancelled true", "disconnect: client namespace disconnect"})
	})
}

// TestPanic: it ends the socket and nothing else.
func TestPanic(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		chat := e.srv.Of("chat")
		e.srv.On("panic", func(ctx, *sio.Socket, msg) error { panic(boom) })
		e.srv.On("panic", func(ctx, *sio.Socket, msg) error { t.Error("second handler"); return nil })
		e.srv.On("error", func(ctx, *sio.Socket, msg) error { return boom })
		e.srv.On("after", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("after") })
		e.srv.OnDisconnecting(func(*sio.Socket, sio.Reason) { panic("leaving") })
		e.srv.OnDisconnect(func(*sio.Socket, sio.Reason) { panic("left") })
		bystander := e.join()
		c := e.dial()
		c.join("/chat")
		c.join("")
		e.seen.settled()
		c.send(`2["error"]`, `2["after"]`)
		c.want(`2["after"]`)
		c.send(`2["panic"]`)
		c.want(`1`)
		assert.Equal(t, e.seen.settled(), []string{
			`error: sio: event "error": boom`, "panic: boom, stack true",
			"panic: leaving, stack true", "panic: left, stack true", "disconnect: server namespace disconnect"})
		assert.Equal(t, chat.Len(), 1)
		c.send(`2/chat,["x"]`)
		bystander.send(`2["after"]`)
		bystander.want(`2["after"]`)
	})
}

// TestGoexit: a handler that ends its goroutine ends no more than that.
func TestGoexit(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("exit", func(ctx, *sio.Socket, msg) error { runtime.Goexit(); return nil })
		e.srv.On("after", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("after") })
		e.srv.OnDisconnect(func(*sio.Socket, sio.Reason) { runtime.Goexit() })
		c := e.join()
		c.send(`2["exit"]`, `2["after"]`)
		c.want(`2["after"]`)
		assert.NoError(t, e.srv.Shutdown(t.Context())) // and nobody waits for ever
	})
}

// badHook panics.
type badHook struct{}

func (badHook) HookConnect(*sio.Socket) { panic("hook") }

func TestPanicInHook(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Hooks: []sio.Hook{badHook{}}}, func(t *testing.T, e *env) {
		c := e.join()
		assert.Equal(t, e.srv.Socket(c.sid).Connected(), true)
	})
}

// TestDisconnectFromHandler: the kick comes after what was emitted before it, even
// in a burst, and later events are dropped (top-25 #16).
func TestDisconnectFromHandler(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("kick", func(_ ctx, s *sio.Socket, _ msg) error {
			assert.NoError(t, s.Emit("bye"))
			s.Disconnect(true)
			assert.Equal(t, s.Connected(), true) // until the handlers of OnDisconnecting have run
			assert.ErrorIs(t, s.Emit("too late"), sio.ErrClosed)
			return nil
		})
		e.srv.On("a", func(ctx, *sio.Socket, msg) error { t.Error("event"); return nil })
		c := e.join()
		c.send(`2["kick"]`, `2["a"]`, `2["a"]`)
		c.want(`2["bye"]`, `1`, "closed")
		assert.Equal(t, e.seen.settled(), []string{"connect", "disconnect: server namespace disconnect"})
	})
}
