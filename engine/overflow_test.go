// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestOverflowModel sends at random to a client that polls now and then, with volatile
// messages that give way and keys, and checks what may never happen: that another message is
// lost, comes twice or out of order, that bytes are counted wrong, or that a Drain waits for
// ever.
func TestOverflowModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { overflowModel(t, rand.New(rand.NewPCG(seed, 8))) }) //nolint:gosec // no secret
		})
	}
}

func overflowModel(t *testing.T, rnd *rand.Rand) {
	h := serve(t, engine.Config{OutboxPackets: 12, OutboxBytes: 1200, PingInterval: time.Hour}, nil)
	sid, r := h.poll()
	var plain, got []int
	lastVolatile, latest, seen := -1, map[string]int{}, map[string]int{}
	drains, drained := int64(0), new(atomic.Int64)
	read := func() {
		if r.session.Buffered() == 0 {
			return
		}
		for p := range strings.SplitSeq(h.get(sid).body, "\x1e") {
			kind, rest := p[1:2], strings.TrimRight(p[2:], ".")
			n, err := strconv.Atoi(rest)
			assert.NoError(t, err)
			switch kind {
			case "p":
				got = append(got, n)
			case "v":
				assert.True(t, n > lastVolatile, "volatile %d after %d", n, lastVolatile)
				lastVolatile = n
			default:
				assert.True(t, n > seen[kind], "%d of key %s after %d", n, kind, seen[kind])
				seen[kind] = n
			}
		}
		if synctest.Wait(); r.session.Buffered() == 0 {
			assert.Equal(t, drained.Load(), drains)
		}
	}
	holds := 0
	for n := 1; n < 2000; n++ {
		message := func(kind string) *engine.Message {
			return newMessage(kind + fmt.Sprint(n) + strings.Repeat(".", rnd.IntN(200)))
		}
		switch x := rnd.IntN(100); {
		case x < 20:
			// What is not volatile waits for room, so that it never ends the session.
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := r.session.SendWait(ctx, message("p"), engine.SendOptions{})
			cancel()
			if err == nil {
				plain = append(plain, n)
			} else {
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				read()
			}
		case x < 70:
			err := r.session.Send(message("v"), engine.SendOptions{Volatile: true, Overflow: engine.OverflowDropVolatile})
			assert.True(t, err == nil || errors.Is(err, engine.ErrQueueFull), "error %v", err)
		case x < 80:
			key := string(rune('a' + rnd.IntN(3)))
			if r.session.Send(message(key), engine.SendOptions{Key: key, Overflow: engine.OverflowDropNewest}) == nil {
				latest[key] = n
			}
		case x < 84 && holds == 0:
			r.session.Hold()
			holds++
		case x < 90 && holds > 0:
			r.session.Release()
			holds--
		case x < 94:
			drains++
			go func() {
				assert.NoError(t, r.session.Drain(t.Context()))
				drained.Add(1)
			}()
			synctest.Wait()
		default:
			read()
		}
		assert.True(t, r.session.Buffered() <= 1200, "%d bytes wait", r.session.Buffered())
	}
	for range holds {
		r.session.Release()
	}
	for r.session.Buffered() > 0 {
		read()
		synctest.Wait()
	}
	assert.Equal(t, got, plain)
	assert.Equal(t, seen, latest)
	synctest.Wait()
	assert.Equal(t, drained.Load(), drains)
	r.wantOpen()
}

// TestDropKeys drops what waits because of keys, and lets a close that waited go on.
func TestDropKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{PingInterval: time.Hour}, nil)
		sid, r := h.poll()
		for _, key := range []string{"a/1", "b/1", "a/2", "b/2"} {
			assert.NoError(t, r.session.Send(newMessage(key), engine.SendOptions{Key: key}))
		}
		r.session.DropKeys("a/")
		assert.NoError(t, r.session.Send(newMessage("new"), engine.SendOptions{Key: "b/1"}))
		h.get(sid).want(t, 200, "4new\x1e4b/2")
		assert.Equal(t, r.session.Buffered(), 0)
		assert.NoError(t, r.session.Send(newMessage("x"), engine.SendOptions{Key: "a/1"}))
		r.session.DropKeys("")
		r.session.Close()
		h.get(sid).want(t, 200, "6\x1e1")
		r.wantClosed(engine.ReasonForcedClose, "")
		r.session.DropKeys("")
		assert.ErrorIs(t, r.session.WaitRoom(t.Context(), 1), engine.ErrClosed)
	})
}

// TestVolatileOfFastPeer sends volatile messages that may be dropped to who takes them all.
func TestVolatileOfFastPeer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{PingInterval: time.Hour}, nil)
		c, r := h.connect()
		for n := range 1000 {
			text := fmt.Sprint(n)
			assert.NoError(t, r.session.Send(newMessage(text), engine.SendOptions{Volatile: true, Overflow: engine.OverflowDropVolatile}))
			c.want("4" + text)
		}
		synctest.Wait()
		assert.Equal(t, r.session.Buffered(), 0)
	})
}
