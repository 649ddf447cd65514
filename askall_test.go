// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

type answers struct {
	list []sio.Answer
	err  error
}

// askAll calls EmitWithAck on a goroutine of its own, and waits until all are asked.
func askAll(ctx context.Context, target sio.Target, event string, args ...any) <-chan answers {
	done := make(chan answers, 1)
	go func() {
		list, err := target.EmitWithAck(ctx, event, args...)
		done <- answers{list, err}
	}()
	synctest.Wait()
	return done
}

// text returns what was answered: the first argument's JSON, or the error.
func (a answers) text() string {
	var list []string
	for _, one := range a.list {
		raw, _ := one.Args.Raw(0)
		text := string(raw)
		if one.Err != nil {
			text = one.Err.Error()
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// TestEmitWithAckAll_S7_6 asks several clients, with one id (top-25 no. 18 and 19).
func TestEmitWithAckAll_S7_6(t *testing.T) {
	t.Parallel()
	t.Run("all answer", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			a, b, c := e.join(), e.join(), e.join()
			done := askAll(t.Context(), e.srv.Except(c.sid), "q", 7)
			a.want(`20["q",7]`)
			b.want(`20["q",7]`)
			c.quiet()
			b.send(`30["from b","more"]`, `30["again"]`)
			c.send(`30["not asked"]`)
			synctest.Wait()
			assert.Equal(t, len(done), 0)
			a.send(`30["from a"]`)
			got := <-done
			assert.NoError(t, got.err)
			assert.Equal(t, got.text(), `"from b" "from a"`)
			assert.Equal(t, got.list[0].ID, b.sid)
			assert.Equal(t, got.list[0].Args.Len(), 2) // JS differs: all arguments are kept
		})
	})
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			list, err := e.srv.EmitWithAck(t.Context(), "q")
			assert.NoError(t, err)
			assert.Equal(t, len(list), 0)
			list, err = e.srv.To("nobody").EmitWithAck(t.Context(), "q")
			assert.NoError(t, err)
			assert.Equal(t, len(list), 0)
		})
	})
	t.Run("timeout", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			a, b := e.join(), e.join()
			start := time.Now()
			done := askAll(t.Context(), e.srv.Timeout(time.Second), "q")
			a.want(`20["q"]`)
			b.want(`20["q"]`)
			a.send(`30[1]`)
			got := <-done
			assert.ErrorIs(t, got.err, context.DeadlineExceeded)
			assert.Equal(t, got.text(), `1`)
			assert.Equal(t, time.Since(start), time.Second)
			b.send(`30[2]`) // too late
			synctest.Wait()
			assert.True(t, e.srv.Socket(b.sid).Connected(), "a late answer disconnects")

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			got = <-askAll(ctx, e.srv.Local(), "q")
			assert.ErrorIs(t, got.err, context.Canceled)
			a.quiet()
		})
	})
	t.Run("disconnected meanwhile", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			a, b := e.join(), e.join()
			done := askAll(t.Context(), e.srv.Local(), "q")
			a.want(`20["q"]`)
			b.want(`20["q"]`)
			b.send(`1`)
			a.send(`30[1]`)
			got := <-done
			assert.NoError(t, got.err)
			i := slices.IndexFunc(got.list, func(a sio.Answer) bool { return a.ID == b.sid })
			e1, ok := errors.AsType[*sio.DisconnectError](got.list[i].Err)
			assert.True(t, ok && e1.Reason == sio.ReasonClientDisconnect, "error %v", got.list[i].Err)
			assert.Equal(t, len(got.list), 2)
		})
	})
	t.Run("too many pending", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{MaxPendingAcks: 1}, func(t *testing.T, e *env) {
			a, b := e.join(), e.join()
			first := ask(t.Context(), e.srv.Socket(a.sid), "q")
			a.want(`20["q"]`)
			done := askAll(t.Context(), e.srv.Local(), "q")
			b.want(`21["q"]`)
			b.send(`31["b"]`)
			a.send(`30[]`)
			got := <-done
			assert.NoError(t, got.err)
			i := slices.IndexFunc(got.list, func(x sio.Answer) bool { return x.ID == a.sid })
			assert.ErrorIs(t, got.list[i].Err, sio.ErrTooManyAcks)
			assert.NoError(t, (<-first).err)
		})
	})
	t.Run("one socket", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			a, b := e.join(), e.join()
			for _, target := range []sio.Target{e.srv.To(a.sid), e.srv.Socket(a.sid).Volatile(), e.srv.Socket(b.sid).To(a.sid)} {
				done := askAll(t.Context(), target.Compress(false), "q")
				text := a.next()
				id := text[1:strings.IndexByte(text, '[')]
				a.send("3" + id + `["a"]`)
				assert.Equal(t, (<-done).text(), `"a"`)
			}
			b.quiet()
		})
	})
	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			c := e.join()
			for _, event := range []string{"connect", "disconnect"} {
				_, err := e.srv.EmitWithAck(t.Context(), event)
				assert.True(t, err != nil, "no error")
			}
			_, err := e.srv.EmitWithAck(t.Context(), "q", func() {})
			assert.True(t, err != nil, "no error")
			_, err = sio.Target{}.EmitWithAck(t.Context(), "q")
			assert.True(t, err != nil, "no error")
			c.quiet()
		})
	})
}

// TestAskAll is the typed form.
func TestAskAll(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		const confirm sio.Request[string, bool] = "confirm"
		clients := []*client{e.join(), e.join(), e.join(), e.join()}
		got := make(chan []string, 1)
		go func() {
			var list []string
			for yes, err := range sio.AskAll(t.Context(), e.srv.Timeout(time.Second), confirm, "restart?") {
				switch {
				case err == nil && yes:
					list = append(list, "yes")
				case err == nil:
					list = append(list, "no")
				default:
					list = append(list, err.Error())
				}
			}
			got <- list
		}()
		synctest.Wait()
		for i, answer := range []string{`[true]`, `["maybe"]`, `[{"error":{"message":"busy"}}]`} {
			clients[i].want(`20["confirm","restart?"]`)
			clients[i].send("30" + answer)
			synctest.Wait()
		}
		list := <-got
		assert.Equal(t, len(list), 4)
		assert.Equal(t, list[0], "yes")
		assert.Equal(t, list[2], "busy")
		assert.True(t, strings.Contains(list[1], "bool"), "error %q", list[1])
		assert.True(t, strings.Contains(list[3], "deadline exceeded"), "error %q", list[3])

		// Leaving the loop ends the waiting.
		left := make(chan int, 1)
		go func() {
			n := 0
			for range sio.AskAll(t.Context(), e.srv.Local(), confirm, "") {
				n++
				break
			}
			left <- n
		}()
		synctest.Wait()
		clients[0].want(`21["confirm",""]`)
		clients[0].send(`31[true]`)
		assert.Equal(t, <-left, 1)
	})
}

// TestSocketsOf_S7_10 joins, leaves and disconnects what a target chooses.
func TestSocketsOf_S7_10(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		a, b, c := e.join(), e.join(), e.join()
		sa, sb, sc := e.srv.Socket(a.sid), e.srv.Socket(b.sid), e.srv.Socket(c.sid)
		e.srv.SocketsJoin("all")
		e.srv.Except(c.sid).SocketsJoin("ab", "x")
		e.srv.To("ab").Except(a.sid).SocketsLeave("x")
		assert.Equal(t, sa.Rooms(), []string{a.sid, "ab", "all", "x"})
		assert.Equal(t, sb.Rooms(), []string{b.sid, "ab", "all"})
		assert.Equal(t, sc.Rooms(), []string{c.sid, "all"})
		e.srv.SocketsLeave("all")
		assert.Equal(t, len(e.srv.To("all").Sockets()), 0)
		assert.Equal(t, e.srv.To(b.sid).Sockets(), []*sio.Socket{sb})
		assert.Equal(t, len(sa.Broadcast().Sockets()), 2)
		assert.Equal(t, sa.Volatile().Sockets(), []*sio.Socket{sa})
		assert.Equal(t, len(sio.Target{}.Sockets()), 0)

		e.srv.To("ab").DisconnectSockets(false)
		a.want("1")
		b.want("1")
		c.quiet()
		assert.Equal(t, e.srv.Sockets(), []*sio.Socket{sc})
		assert.Equal(t, len(sa.Volatile().Sockets()), 0)
		e.srv.DisconnectSockets(true)
		c.want("1")
		_, err := c.frame()
		_ = err
		synctest.Wait()
		assert.Equal(t, e.srv.Len(), 0)
	})
}
