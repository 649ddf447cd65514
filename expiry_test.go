// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

func TestExpiry(t *testing.T) {
	t.Parallel()
	admit := func(d time.Duration) func(*env) {
		return func(e *env) {
			e.srv.Use(func(_ context.Context, s *sio.Socket) error {
				s.SetExpiry(time.Now().Add(d))
				return nil
			})
		}
	}
	cfg := sio.Config{Engine: engine.Config{PingInterval: time.Hour}}
	expired := []string{"connect", "disconnect: session expired"}
	t.Run("no handler", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			admit(time.Minute)(e)
			c, limitless := e.join(), e.join()
			synctest.Wait()
			e.srv.Socket(limitless.sid).SetExpiry(time.Time{})
			assert.Equal(t, e.srv.Socket(limitless.sid).Expiry(), time.Time{})
			time.Sleep(59 * time.Second)
			assert.Equal(t, e.seen.settled(), []string{"connect", "connect"})
			c.want("1") // answers the pings, and waits for the end
			assert.Equal(t, e.seen.settled(), expired[1:])
			assert.NoError(t, e.srv.Emit("still", 1))
			limitless.want(`2["still",1]`)
		})
	})
	t.Run("a new token in time", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			admit(time.Second)(e)
			e.srv.On("token", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
				s.SetExpiry(s.Expiry().Add(2 * time.Second))
				return m.Reply("ok")
			})
			c := e.join()
			time.Sleep(900 * time.Millisecond)
			c.send(`20["token"]`)
			c.want(`30["ok"]`)
			time.Sleep(2 * time.Second)
			assert.Equal(t, e.seen.settled(), expired[:1])
			time.Sleep(101 * time.Millisecond)
			assert.Equal(t, e.seen.settled(), expired[1:])
			c.want("1")
		})
	})
	t.Run("asked for", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			admit(time.Second)(e)
			e.srv.OnExpire(func(ctx context.Context, s *sio.Socket) error {
				answer, err := s.EmitWithAck(ctx, "token?")
				if err != nil {
					return err
				}
				var token string
				if err := answer.Unmarshal(0, &token); err != nil || token != "new" {
					return errors.New("no token")
				}
				s.SetExpiry(time.Now().Add(time.Second))
				return nil
			})
			handled := 0
			e.srv.On("e", func(context.Context, *sio.Socket, *sio.Message) error { handled++; return nil })
			good := e.join()
			time.Sleep(time.Millisecond) // so that they are asked in this order
			bad := e.join()
			time.Sleep(time.Millisecond)
			mute := e.join()
			good.want(`20["token?"]`)
			bad.want(`21["token?"]`)
			mute.want(`22["token?"]`)
			for _, c := range []*client{good, bad, mute} {
				c.send(`2["e"]`)
			}
			synctest.Wait()
			assert.Equal(t, handled, 0) // not before it is decided
			good.send(`30["new"]`)
			bad.send(`31["old"]`)
			bad.want("1")
			synctest.Wait()
			assert.Equal(t, handled, 1)
			good.want(`23["token?"]`)
			good.send(`33["new"]`)
			synctest.Wait()
			assert.Equal(t, len(e.srv.Sockets()), 2)
			time.Sleep(9500 * time.Millisecond)
			assert.Equal(t, len(e.srv.Sockets()), 1) // the one whose time came later
			mute.want("1")
			assert.Equal(t, handled, 1)
		})
	})
	t.Run("a handler that hangs", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			admit(time.Second)(e)
			e.srv.OnExpire(func(context.Context, *sio.Socket) error { panic("it does not come so far") })
			block := make(chan struct{})
			e.srv.On("block", func(context.Context, *sio.Socket, *sio.Message) error { <-block; return nil })
			c := e.join()
			c.send(`2["block"]`)
			c.want("1")
			close(block)
			assert.Equal(t, e.seen.settled(), expired)
		})
	})
	t.Run("events that come too late", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			var order []string
			e.srv.OnExpire(func(_ context.Context, s *sio.Socket) error {
				order = append(order, "expire")
				if len(order) > 4 {
					return nil
				}
				s.SetExpiry(time.Now().Add(time.Hour))
				return nil
			})
			e.srv.On("e", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
				order = append(order, "e")
				s.SetExpiry(time.Now())
				return nil
			})
			c := e.join()
			c.send(`2["e"]`, `2["e"]`, `2["e"]`, `2["e"]`)
			c.want("1")
			assert.Equal(t, order, []string{"e", "expire", "e", "expire", "e", "expire"})
		})
	})
	t.Run("in a middleware, and a panic", func(t *testing.T) {
		t.Parallel()
		run(t, cfg, func(t *testing.T, e *env) {
			e.srv.Use(func(ctx context.Context, s *sio.Socket) error {
				s.SetExpiry(time.Now().Add(time.Second))
				<-ctx.Done()
				return nil
			})
			c := e.dial()
			c.send("0")
			assert.Equal(t, c.next(), "closed")
			chat := e.srv.Of("/chat")
			chat.OnExpire(func(context.Context, *sio.Socket) error { panic("oh") })
			chat.OnConnect(func(_ context.Context, s *sio.Socket) error { s.SetExpiry(time.Now()); return nil })
			d := e.dial()
			d.join("/chat")
			d.want("1/chat,")
			lines := strings.Join(e.seen.settled(), "; ")
			assert.True(t, strings.Contains(lines, "panic: oh, stack true; disconnect: session expired"), "%s", lines)
		})
	})
}

// TestExpiryRecovery does not let a client in again by way of recovery.
func TestExpiryRecovery(t *testing.T) {
	t.Parallel()
	for away, recovered := range map[time.Duration]bool{time.Second: true, time.Minute: false} {
		t.Run(fmt.Sprint(away), func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Recovery: &sio.Recovery{}}, func(t *testing.T, e *env) {
				var at time.Time
				e.srv.Use(func(_ context.Context, s *sio.Socket) error {
					if at.IsZero() {
						at = time.Now().Add(30 * time.Second)
						s.SetExpiry(at)
						return nil
					}
					return errors.New("old token")
				})
				c := e.dial()
				c.send("0")
				greeting := c.next()
				_, pid, _ := strings.Cut(greeting, `"pid":"`)
				pid, _, _ = strings.Cut(pid, `"`)
				assert.NoError(t, e.srv.Emit("e"))
				_, offset, _ := strings.Cut(c.next(), `2["e","`)
				offset, _, _ = strings.Cut(offset, `"`)
				assert.NoError(t, c.conn.Close())
				time.Sleep(away)
				c = e.dial()
				c.send(`0{"pid":"` + pid + `","offset":"` + offset + `"}`)
				if !recovered {
					c.want(`4{"message":"old token"}`)
					return
				}
				assert.Equal(t, c.next(), greeting)
				assert.Equal(t, e.srv.Sockets()[0].Expiry(), at)
				c.want("1")
			})
		})
	}
}
