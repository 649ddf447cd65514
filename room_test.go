// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// roomWatcher is a RoomHook that writes down what it is told, with names for ids.
type roomWatcher struct {
	recorder
	names sync.Map // id to name
	then  func(room string, event sio.RoomEvent, s *sio.Socket)
}

func (w *roomWatcher) name(id string) string {
	if name, ok := w.names.Load(id); ok {
		return name.(string)
	}
	return id
}

func (w *roomWatcher) HookRoom(ns *sio.Namespace, room string, event sio.RoomEvent, s *sio.Socket) {
	w.names.LoadOrStore(s.ID(), "me")
	w.add("%s %s %s %s", ns.Name(), w.name(s.ID()), event, w.name(room))
	if w.then != nil {
		w.then(room, event, s)
	}
}

func (w *roomWatcher) HookConnect(*sio.Socket)                { w.add("connect") }
func (w *roomWatcher) HookDisconnect(*sio.Socket, sio.Reason) { w.add("disconnect") }

// TestRoomHook_S7_13: the life of one socket.
func TestRoomHook_S7_13(t *testing.T) {
	t.Parallel()
	w := &roomWatcher{}
	run(t, sio.Config{Hooks: []sio.Hook{w}}, func(t *testing.T, e *env) {
		e.srv.Use(func(_ context.Context, s *sio.Socket) error { return s.Join("early") })
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Join("late", "late") })
		c := e.join()
		assert.Equal(t, w.settled(), []string{
			"/ me created early", "/ me joined early", "/ me created me", "/ me joined me", "connect",
			"/ me created late", "/ me joined late",
		})
		s := e.srv.Socket(c.sid)
		assert.NoError(t, s.Join("late", "early", s.ID())) // no duplicates
		s.Leave("nowhere")
		assert.Equal(t, w.settled(), nil)

		s.Leave("early", "early")
		assert.Equal(t, w.take(), []string{"/ me left early", "/ me deleted early"})
		assert.NoError(t, s.Join("a room"))
		assert.Equal(t, w.take(), []string{"/ me created a room", "/ me joined a room"})

		s.Leave(s.ID(), s.ID())
		assert.Equal(t, w.take(), []string{"/ me left me", "/ me deleted me"})
		assert.NoError(t, s.Join(s.ID()))
		assert.Equal(t, w.take(), []string{"/ me created me", "/ me joined me"})

		s.OnDisconnecting(func(sio.Reason) { w.add("disconnecting, %d rooms", len(s.Rooms())) })
		s.OnDisconnect(func(sio.Reason) { w.add("OnDisconnect, %d rooms", len(s.Rooms())) })
		c.close()
		assert.Equal(t, w.settled(), []string{
			"disconnecting, 3 rooms", "/ me left me", "/ me deleted me", "/ me left a room", "/ me deleted a room",
			"/ me left late", "/ me deleted late", "OnDisconnect, 0 rooms", "disconnect",
		})
		assert.ErrorIs(t, s.Join("after"), sio.ErrClosed)
		s.Leave("after", s.ID())
		assert.Equal(t, w.settled(), nil)
	})
}

// TestRoomHookSeveral_S7_13: a room is created with its first socket and deleted with its
// last.
func TestRoomHookSeveral_S7_13(t *testing.T) {
	t.Parallel()
	w := &roomWatcher{}
	run(t, sio.Config{Hooks: []sio.Hook{w}}, func(t *testing.T, e *env) {
		a, b := e.join(), e.join()
		w.names.Store(a.sid, "a")
		w.names.Store(b.sid, "b")
		w.settled()
		e.srv.To(a.sid).SocketsJoin("r")
		e.srv.To(b.sid).SocketsJoin("r", a.sid) // a's own room is there already
		assert.Equal(t, w.take(), []string{"/ a created r", "/ a joined r", "/ b joined r", "/ b joined a"})
		a.send("1")
		assert.Equal(t, w.settled(), []string{"/ a left a", "/ a left r", "disconnect"}) // b is still in
		b.close()
		lines := w.settled()
		assert.Equal(t, len(lines), 7)
		for _, line := range []string{"/ b deleted b", "/ b deleted a", "/ b deleted r"} {
			assert.True(t, slices.Contains(lines, line), "%q is not in %q", line, lines)
		}
	})
}

// TestRoomHookRejected: a refused socket was never in its own room.
func TestRoomHookRejected(t *testing.T) {
	t.Parallel()
	w := &roomWatcher{}
	run(t, sio.Config{Hooks: []sio.Hook{w}}, func(t *testing.T, e *env) {
		e.srv.Use(func(_ context.Context, s *sio.Socket) error { return errors.Join(s.Join("r"), errors.New("no")) })
		c := e.dial()
		c.send("0")
		c.want(`4{"message":"no"}`)
		c.send("0/nowhere")
		c.want(`4/nowhere,{"message":"Invalid namespace"}`)
		assert.Equal(t, w.settled(), []string{"/ me created r", "/ me joined r", "/ me left r", "/ me deleted r"})
	})
}

// TestRoomHookUsesRooms: the hook is called without locks and may do what it wants.
func TestRoomHookUsesRooms(t *testing.T) {
	t.Parallel()
	w := &roomWatcher{}
	w.then = func(room string, event sio.RoomEvent, s *sio.Socket) {
		if room == "a" && event == sio.RoomCreated {
			assert.NoError(t, s.Join("b"))
			assert.Equal(t, s.Rooms(), []string{s.ID(), "a", "b"})
			assert.Equal(t, len(s.Namespace().To("b").Sockets()), 1)
			assert.NoError(t, s.Namespace().To("b").Emit("x"))
			panic("recovered")
		}
	}
	run(t, sio.Config{Hooks: []sio.Hook{w}}, func(t *testing.T, e *env) {
		c := e.join()
		w.settled()
		assert.NoError(t, e.srv.Socket(c.sid).Join("a"))
		// What the hook has done is told of behind what was done before.
		assert.Equal(t, w.take(), []string{"/ me created a", "/ me joined a", "/ me created b", "/ me joined b"})
		c.want(`2["x"]`)
	})
}

// TestRoomHookConcurrently: what is told of one socket alternates, whatever goroutines do
// to its rooms, and in the end all is told.
func TestRoomHookConcurrently(t *testing.T) {
	t.Parallel()
	w := &roomWatcher{}
	var mu sync.Mutex
	in := map[string]bool{}
	made := map[string]int{}
	w.then = func(room string, event sio.RoomEvent, s *sio.Socket) {
		mu.Lock()
		defer mu.Unlock()
		key := s.ID() + " " + room
		switch event {
		case sio.RoomJoined:
			assert.True(t, !in[key], "%s joined twice", room)
			in[key] = true
		case sio.RoomLeft:
			assert.True(t, in[key], "%s left without having joined", room)
			delete(in, key)
		case sio.RoomCreated:
			assert.True(t, !in[key], "%s created late", room)
			made[room]++
		case sio.RoomDeleted:
			assert.True(t, !in[key], "%s deleted early", room)
			made[room]--
		}
	}
	run(t, sio.Config{Hooks: []sio.Hook{w}}, func(t *testing.T, e *env) {
		clients := []*client{e.join(), e.join(), e.join()}
		synctest.Wait()
		var wg sync.WaitGroup
		for _, c := range clients {
			s := e.srv.Socket(c.sid)
			for g := range 4 {
				wg.Go(func() {
					for i := range 200 {
						room := fmt.Sprint((i + g) % 5)
						_ = s.Join(room, s.ID())
						if i%3 == 0 {
							s.Leave(room)
						}
						if i%7 == 0 {
							s.Leave(s.ID())
						}
						if i == 150 && g == 0 {
							s.Disconnect(true)
						}
					}
				})
			}
		}
		wg.Wait()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, len(in), 0)
		assert.True(t, len(made) >= 5+len(clients), "%d rooms only", len(made))
		for room, n := range made {
			assert.True(t, n == 0, "%s: created %d times more often than deleted", room, n)
		}
	})
}
