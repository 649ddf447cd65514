// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

type answer struct {
	args sio.Args
	err  error
}

// ask calls EmitWithAck on a goroutine of its own.
func ask(c context.Context, s *sio.Socket, event string, args ...any) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		a, err := s.EmitWithAck(c, event, args...)
		done <- answer{a, err}
	}()
	return done
}

// TestEmitWithAck is S5.5 and S5.7: the server asks, the client answers.
func TestEmitWithAck(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.join()
		s := e.srv.Socket(c.sid)
		done := ask(t.Context(), s, "q", "ready?", []byte{1})
		c.want(`51-0["q","ready?",{"_placeholder":true,"num":0}]`, "b:\x01")
		c.queueRaw(`461-0["yes",{"_placeholder":true,"num":0}]`).queueBinary("\x02").flush()
		a := <-done
		assert.NoError(t, a.err)
		assert.Equal(t, a.args.Len(), 2)
		var data []byte
		assert.NoError(t, a.args.Unmarshal(1, &data))
		assert.Equal(t, data, []byte{2})

		// One counter for the namespace, and answers in any order (top-25 #18).
		other := e.join()
		first, second := ask(t.Context(), s, "q"), (<-chan answer)(nil)
		c.want(`21["q"]`)
		second = ask(t.Context(), e.srv.Socket(other.sid), "q")
		other.want(`22["q"]`)
		third := ask(t.Context(), s, "q")
		c.want(`23["q"]`)
		// An unknown id, an answer of the wrong socket, a duplicate.
		other.send(`31["wrong"]`, `32["second"]`)
		c.send(`399["unknown"]`, `33["third"]`, `33["again"]`, `31["first"]`, `31["again"]`)
		for want, ch := range map[string]<-chan answer{"first": first, "second": second, "third": third} {
			a := <-ch
			var got string
			assert.NoError(t, a.err)
			assert.NoError(t, a.args.Unmarshal(0, &got))
			assert.Equal(t, got, want)
		}
	})
}

// TestAckEnds is what ends the wait for an answer, other than the answer.
func TestAckEnds(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.join()
		s := e.srv.Socket(c.sid)
		start := time.Now()
		limited, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := s.EmitWithAck(limited, "q")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Since(start), 3*time.Second)
		c.want(`20["q"]`)
		c.send(`30["late"]`) // S5.6: ignored

		done := ask(s.Context(), s, "q")
		forever := ask(context.Background(), s, "q")
		synctest.Wait()
		c.next()
		c.next()
		c.send(`1`)
		for _, ch := range []<-chan answer{done, forever} {
			a := <-ch
			var e *sio.DisconnectError
			assert.True(t, errors.As(a.err, &e), "%v", a.err)
			assert.Equal(t, e.Reason, sio.ReasonClientDisconnect)
			assert.ErrorIs(t, a.err, net.ErrClosed)
			assert.ErrorIs(t, a.err, sio.ErrClosed)
		}

		ended, stop := context.WithCancel(t.Context())
		stop()
		c.join("")
		_, err = e.srv.Socket(c.sid).EmitWithAck(ended, "q")
		assert.ErrorIs(t, err, context.Canceled)
		c.quiet()
	})
}

func TestTooManyAcks(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{MaxPendingAcks: 2}, func(t *testing.T, e *env) {
		c := e.join()
		s := e.srv.Socket(c.sid)
		one := ask(t.Context(), s, "q")
		c.want(`20["q"]`)
		two := ask(t.Context(), s, "q")
		c.want(`21["q"]`)
		_, err := s.EmitWithAck(t.Context(), "q")
		assert.ErrorIs(t, err, sio.ErrTooManyAcks)
		c.quiet()
		c.send(`30[]`)
		assert.NoError(t, (<-one).err)
		three := ask(t.Context(), s, "q")
		c.next()
		c.close()
		assert.ErrorIs(t, (<-two).err, sio.ErrClosed)
		assert.ErrorIs(t, (<-three).err, sio.ErrClosed)
	})
}

// TestReply is S5.8.
func TestReply(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var kept msg
		e.srv.On("a", func(_ ctx, _ *sio.Socket, m msg) error {
			kept = m
			if !m.HasAck() {
				assert.ErrorIs(t, m.Reply(1), sio.ErrNoAck)
				return nil
			}
			assert.Error(t, m.Reply(make(chan int))) // nothing is sent
			assert.NoError(t, m.Reply("once"))
			assert.ErrorIs(t, m.Reply("twice"), sio.ErrReplied)
			return nil
		})
		e.srv.On("later", func(_ ctx, _ *sio.Socket, m msg) error { kept = m; return nil })
		c := e.join()
		c.send(`2["a"]`, `25["a"]`)
		c.want(`35["once"]`)
		c.send(`26["later"]`)
		synctest.Wait()
		c.quiet()
		assert.NoError(t, kept.Reply(1, 2)) // not from the handler
		c.want(`36[1,2]`)
		c.send(`27["later"]`)
		synctest.Wait()
		c.send(`1`)
		synctest.Wait()
		assert.ErrorIs(t, kept.Reply(1), net.ErrClosed)
		c.quiet()
	})
}
