// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// counting is the default codec, and counts the events that it encodes.
type counting struct{ events *atomic.Int32 }

func (c counting) Append(dst []byte, p *packet.Packet) ([]byte, [][]byte, error) {
	if p.Type == packet.Event {
		c.events.Add(1)
	}
	return packet.Append(dst, p)
}

func (counting) NewDecoder(l packet.Limits) packet.MessageDecoder { return &packet.Decoder{Limits: l} }

// TestEncodedOnce_S7_4: a packet is encoded once, for whomever it is, and over whatever
// transport it goes.
func TestEncodedOnce_S7_4(t *testing.T) {
	t.Parallel()
	for name, recovery := range map[string]*sio.Recovery{"plain": nil, "recovery": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var events atomic.Int32
			run(t, sio.Config{Codec: counting{&events}, Recovery: recovery}, func(t *testing.T, e *env) {
				var clients []*client
				for range 3 {
					c := e.dial()
					c.send("0")
					c.next()
					clients = append(clients, c)
				}
				sid := e.poll()
				assert.Equal(t, e.request(http.MethodPost, "&sid="+sid, "40").body, "ok")
				e.request(http.MethodGet, "&sid="+sid, "")
				assert.NoError(t, e.srv.Emit("x", 1))
				for _, c := range clients {
					assert.True(t, strings.HasPrefix(c.next(), `2["x",1`), "not the event")
				}
				body := e.request(http.MethodGet, "&sid="+sid, "").body
				assert.True(t, strings.HasPrefix(body, `42["x",1`), "%s", body)
				assert.Equal(t, events.Load(), 1)
			})
		})
	}
}

// TestBroadcastBinary_S7_2: attachments come to all that are chosen, each behind its packet.
func TestBroadcastBinary_S7_2(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		a, b, c := e.join(), e.join(), e.join()
		sa := e.srv.Socket(a.sid)
		assert.NoError(t, sa.Join("r"))
		assert.NoError(t, e.srv.Socket(b.sid).Join("r", "s"))
		for _, tt := range []struct {
			target sio.Emitter
			to     []*client
		}{
			{e.srv, []*client{a, b, c}},
			{e.srv.To("r", "s"), []*client{a, b}},
			{e.srv.Except("s"), []*client{a, c}},
			{e.srv.Volatile(), []*client{a, b, c}},
			{sa.To("r"), []*client{b}},
			{sa.Broadcast(), []*client{b, c}},
		} {
			assert.NoError(t, tt.target.Emit("x", []byte{1}, "and", map[string][]byte{"k": {2, 3}}))
			for _, one := range tt.to {
				one.want(`52-["x",{"_placeholder":true,"num":0},"and",{"k":{"_placeholder":true,"num":1}}]`, "b:\x01", "b:\x02\x03")
			}
			for _, one := range []*client{a, b, c} {
				one.quiet()
			}
		}
	})
}

// TestFlagsImmutable_S7_1: flags are those of the copy.
func TestFlagsImmutable_S7_1(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.join()
		base := e.srv.To(c.sid)
		_, _, _ = base.Volatile(), base.Compress(false), base.Except(c.sid)
		short, long := base.Timeout(time.Second), base.Timeout(time.Hour)
		start := time.Now()
		_, err := short.EmitWithAck(t.Context(), "q")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Since(start), time.Second)
		c.want(`20["q"]`)
		for i, target := range []sio.Target{base, long, short.Timeout(0)} {
			done := askAll(t.Context(), target, "q")
			id := string(rune('1' + i))
			c.want("2" + id + `["q"]`)
			time.Sleep(10 * time.Second)
			c.send("3" + id + `[]`)
			assert.NoError(t, (<-done).err)
		}
	})
}

// TestAskAllForgets_S7_6: who has not answered in time has nothing pending any more.
func TestAskAllForgets_S7_6(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{MaxPendingAcks: 1}, func(t *testing.T, e *env) {
		c := e.join()
		asked := errors.New("asked enough")
		for _, give := range []func() error{
			func() error { _, err := e.srv.Timeout(time.Second).EmitWithAck(t.Context(), "q"); return err },
			func() error {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(asked) })
				_, err := e.srv.EmitWithAck(ctx, "q")
				return err
			},
			func() error {
				for _, err := range sio.AskAll(t.Context(), e.srv.Timeout(time.Second), sio.Request[sio.None, int]("q"), sio.None{}) {
					return err
				}
				return nil
			},
		} {
			assert.Error(t, give())
			text := c.next()
			assert.True(t, strings.HasSuffix(text, `["q"]`), "%s", text)
			c.send("3" + text[1:strings.IndexByte(text, '[')] + `["late"]`)
			synctest.Wait()
		}
		done := askAll(t.Context(), e.srv.Local(), "q")
		c.want(`23["q"]`)
		c.send(`33["in time"]`)
		assert.Equal(t, (<-done).text(), `"in time"`)
	})
}

// TestInOrder_S7_10: what is done to sockets comes behind what was sent to them before.
func TestInOrder_S7_10(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		a, b := e.join(), e.join()
		e.srv.SocketsJoin("r")
		assert.NoError(t, e.srv.To("r").Emit("1"))
		e.srv.To(b.sid).SocketsLeave("r")
		assert.NoError(t, e.srv.To("r").Emit("2"))
		assert.NoError(t, e.srv.Emit("3"))
		e.srv.DisconnectSockets(true)
		assert.NoError(t, e.srv.Emit("4"))
		a.want(`2["1"]`, `2["2"]`, `2["3"]`, "1", "closed")
		b.want(`2["1"]`, `2["3"]`, "1", "closed")
	})
}

// TestRoomHookSlow_S7_13: a hook that is too slow does not fill the memory, and is told of
// all that has happened.
func TestRoomHookSlow_S7_13(t *testing.T) {
	t.Parallel()
	var gate chan struct{} // of the bubble
	told := map[sio.RoomEvent]int{}
	w := &roomWatcher{}
	w.then = func(room string, event sio.RoomEvent, _ *sio.Socket) {
		if room == "gate" && event == sio.RoomJoined {
			<-gate
		}
		told[event]++ // of one socket: one after the other
	}
	run(t, sio.Config{Hooks: []sio.Hook{w}}, func(t *testing.T, e *env) {
		s := e.srv.Socket(e.join().sid)
		synctest.Wait()
		clear(told)
		gate = make(chan struct{})
		first := make(chan error)
		go func() { first <- s.Join("gate") }()
		synctest.Wait()
		joins := 0
		for {
			if err := s.Join("r"); err != nil {
				assert.ErrorIs(t, err, sio.ErrQueueFull)
				break
			}
			if joins++; joins > 100_000 {
				t.Fatal("no limit")
			}
			s.Leave("r")
		}
		assert.True(t, joins > 10_000 && s.Connected(), "%d joins", joins)
		assert.Equal(t, s.InRoom("r"), false)
		close(gate)
		assert.NoError(t, <-first)
		assert.NoError(t, s.Join("r"))
		assert.Equal(t, told, map[sio.RoomEvent]int{
			sio.RoomCreated: joins + 2, sio.RoomJoined: joins + 2, sio.RoomLeft: joins, sio.RoomDeleted: joins,
		})
	})
}
