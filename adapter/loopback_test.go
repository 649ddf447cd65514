// SPDX-License-Identifier: MIT

package adapter_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// TestLoopback covers what the suite does not: faults and limits.
func TestLoopback(t *testing.T) {
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := &adapter.Loopback{Fault: func(to string, m *adapter.Message) adapter.Fault {
				switch m.Rooms[0] {
				case "drop":
					return adapter.Fault{Drop: true}
				case "twice":
					return adapter.Fault{Twice: to == peer2}
				case "late":
					return adapter.Fault{Delay: time.Second}
				}
				return adapter.Fault{}
			}}
			p, q := join(t, hub, "/", peer1), join(t, hub, "/", peer2)
			for _, what := range []string{"drop", "twice", "late", "x"} {
				p.publish(&adapter.Message{Type: adapter.SocketsJoin, UID: peer1, Rooms: []string{what}})
			}
			assert.Equal(t, rooms(q.take()), "twice twice x")
			time.Sleep(2 * time.Second)
			assert.Equal(t, rooms(q.take()), "late")
			assert.Equal(t, p.types(), "")
		})
	})
	t.Run("queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := &adapter.Loopback{Queue: 2}
			p := join(t, hub, "/", peer1)
			stuck := make(chan struct{})
			bus := hub.Bus()
			_, err := bus.Join(adapter.Peer{Namespace: "/", UID: peer2, Receiver: stubborn{stuck}})
			assert.NoError(t, err)
			synctest.Wait()
			var errs []error
			for range 4 {
				errs = append(errs, p.Publish(&adapter.Message{Type: adapter.SocketsJoin, UID: peer1, Namespace: "/"}))
				synctest.Wait()
			}
			assert.NoError(t, errors.Join(errs[:3]...))
			assert.ErrorIs(t, errs[3], adapter.ErrQueueFull)
			close(stuck)
			assert.NoError(t, bus.Close())
			_, err = bus.Join(adapter.Peer{Namespace: "/"})
			assert.ErrorIs(t, err, adapter.ErrClosed)
		})
	})
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := &adapter.Loopback{Keeps: true, Counts: true}
			p := join(t, hub, "/", peer1)
			hub.SetDown(true)
			log := p.Link.(adapter.Log)
			assert.Error(t, p.Publish(&adapter.Message{Namespace: "/"}))
			assert.Error(t, p.Reply(peer2, &adapter.Message{Namespace: "/"}))
			_, err := p.Link.(adapter.Counter).Count(t.Context())
			assert.Error(t, err)
			assert.Error(t, log.Save(&adapter.Session{}, time.Minute))
			_, err = log.Take(t.Context(), "", "")
			assert.Error(t, err)
			assert.Error(t, log.Since(t.Context(), "0", nil))
			var failed error
			log.Append(&adapter.Message{Namespace: "/"}, func(_ string, err error) { failed = err })
			synctest.Wait()
			assert.Error(t, failed)
			hub.SetDown(false)
			synctest.Wait()
			assert.Equal(t, p.ups, 2)
			assert.Equal(t, len(p.errs), 1)
			assert.NoError(t, p.Leave())
			assert.ErrorIs(t, p.Publish(&adapter.Message{Namespace: "/"}), adapter.ErrClosed)
			assert.ErrorIs(t, p.Reply(peer2, &adapter.Message{Namespace: "/"}), adapter.ErrClosed)
			log.Append(&adapter.Message{Namespace: "/"}, func(_ string, err error) { failed = err })
			assert.ErrorIs(t, failed, adapter.ErrClosed)
		})
	})
	t.Run("log", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			hub := &adapter.Loopback{Keeps: true}
			p, q := join(t, hub, "/", peer1), join(t, hub, "/", peer2)
			log := p.Link.(adapter.Log)
			var offsets []string
			for range 3 {
				log.Append(&adapter.Message{Type: adapter.Broadcast, Namespace: "/"}, func(offset string, err error) {
					assert.True(t, err == nil, "%v", err)
					offsets = append(offsets, offset)
				})
			}
			got := q.take()
			assert.Equal(t, len(got), 3)
			for i := range 3 {
				assert.Equal(t, got[i].Offset, offsets[i])
			}
			assert.Equal(t, adapter.CompareOffsets(offsets[0], offsets[1]), -1)
			since := func(offset string) (n int) {
				assert.NoError(t, log.Since(t.Context(), offset, func(*adapter.Message) bool { n++; return n < 2 }))
				return n
			}
			assert.Equal(t, since(offsets[0]), 2)
			assert.Equal(t, since(offsets[2]), 0)
			assert.ErrorIs(t, log.Since(t.Context(), "77", nil), adapter.ErrNoSession)

			s := &adapter.Session{ID: "id", PID: "pid"}
			take := func(pid, offset string) error {
				_, err := q.Link.(adapter.Log).Take(t.Context(), pid, offset)
				return err
			}
			assert.NoError(t, log.Save(s, time.Minute))
			assert.ErrorIs(t, take("pid", "x"), adapter.ErrNoSession)
			assert.ErrorIs(t, take("other", offsets[0]), adapter.ErrNoSession)
			assert.NoError(t, take("pid", offsets[0]))
			assert.ErrorIs(t, take("pid", offsets[0]), adapter.ErrNoSession)
			assert.NoError(t, log.Save(s, time.Minute))
			time.Sleep(2 * time.Minute)
			assert.ErrorIs(t, take("pid", offsets[0]), adapter.ErrNoSession)
			assert.NoError(t, log.Save(&adapter.Session{PID: "2"}, time.Minute)) // forgets the other one
		})
	})
}

// stubborn does not return.
type stubborn struct{ until chan struct{} }

func (s stubborn) Receive(*adapter.Message) { <-s.until }
func (stubborn) Up()                        {}
func (stubborn) Fail(error)                 {}

func rooms(list []*adapter.Message) string {
	var names []string
	for _, m := range list {
		names = append(names, m.Rooms...)
	}
	return strings.Join(names, " ")
}

// TestCompareOffsets orders positions of all backends.
func TestCompareOffsets(t *testing.T) {
	t.Parallel()
	list := []string{"", "1", "1-1", "2", "10", "1700000000000-0", "1700000000000-9", "1700000000000-10", "1700000000001-0"}
	for i, a := range list {
		for j, b := range list {
			want := min(1, max(-1, i-j))
			assert.Equal(t, adapter.CompareOffsets(a, b), want)
		}
	}
	assert.Equal(t, adapter.CompareOffsets("007", "7"), 0)
}

// TestEmitter_A9_1 covers the whole interface of emitters.
func TestEmitter_A9_1(t *testing.T) {
	t.Parallel()
	var got []*adapter.Message
	type key struct{}
	e := adapter.NewEmitter(func(ctx context.Context, m *adapter.Message) error {
		if ctx.Value(key{}) != nil {
			return context.Canceled
		}
		got = append(got, m)
		return nil
	})
	take := func() *adapter.Message {
		t.Helper()
		if len(got) != 1 {
			t.Fatalf("%d messages, want 1", len(got))
		}
		m := got[0]
		got = nil
		assert.Equal(t, m.UID, "emitter")
		return m
	}
	assert.NoError(t, e.To("a").In("b").Except("c").Volatile().Compress(false).Emit("x", 1, []byte{2}))
	m := take()
	assert.Equal(t, m.Options, adapter.Options{Rooms: []string{"a", "b"}, Except: []string{"c"}, Volatile: true, Plain: true})
	assert.Equal(t, m.Namespace, "/")
	assert.True(t, m.Binary() && m.Args.Len() == 3, "%+v", m)
	assert.NoError(t, e.Of("chat").Send("hi"))
	m = take()
	assert.Equal(t, m.Namespace, "/chat")
	raw, _ := m.Args.Raw(0)
	assert.Equal(t, string(raw), `"message"`)
	assert.Equal(t, len(m.Options.Rooms), 0) // e has not changed
	in := e.To("a").Volatile()
	assert.NoError(t, in.SocketsJoin("r"))
	m = take()
	assert.Equal(t, m.Type, adapter.SocketsJoin)
	assert.Equal(t, m.Rooms, []string{"r"})
	assert.Equal(t, m.Options, adapter.Options{Rooms: []string{"a"}})
	assert.NoError(t, in.SocketsLeave("r"))
	assert.Equal(t, take().Type, adapter.SocketsLeave)
	assert.NoError(t, in.DisconnectSockets(true))
	assert.True(t, take().Close, "not closed")
	assert.NoError(t, e.ServerSideEmit("x", 1))
	assert.Equal(t, take().Type, adapter.ServerSideEmit)

	for _, err := range []error{e.Emit("disconnect"), e.ServerSideEmit("connection")} {
		_, ok := errors.AsType[*packet.ReservedError](err)
		assert.True(t, ok, "%v", err)
	}
	assert.Error(t, e.Emit("x", make(chan int)))
	assert.Error(t, e.ServerSideEmit("x", make(chan int)))
	assert.ErrorIs(t, e.Context(context.WithValue(t.Context(), key{}, 1)).Emit("x"), context.Canceled)
	assert.ErrorIs(t, adapter.Emitter{}.Emit("x"), adapter.ErrClosed)
	assert.Equal(t, len(got), 0)
}
