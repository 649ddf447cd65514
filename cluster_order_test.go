// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
)

// slow is a bus whose reader can be held up.
type slow struct {
	adapter.Bus
	since  func()                 // called when the log was read
	append func(*adapter.Message) // called before something is appended

	mu   sync.Mutex
	held bool
	jobs []func()
}

func (b *slow) do(f func()) {
	b.mu.Lock()
	if b.held {
		b.jobs = append(b.jobs, f)
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	f()
}

func (b *slow) hold(on bool) {
	b.mu.Lock()
	b.held = on
	jobs := b.jobs
	if !on {
		b.jobs = nil
	}
	b.mu.Unlock()
	if on {
		return
	}
	for _, f := range jobs {
		f()
	}
	synctest.Wait()
}

func (b *slow) Join(p adapter.Peer) (adapter.Link, error) {
	p.Receiver = slowReceiver{p.Receiver, b}
	link, err := b.Bus.Join(p)
	return adapter.Combine(link, nil, nil, slowLog{link.(adapter.Log), b}), err
}

type slowReceiver struct {
	adapter.Receiver
	bus *slow
}

func (r slowReceiver) Receive(m *adapter.Message) { r.bus.do(func() { r.Receiver.Receive(m) }) }

type slowLog struct {
	adapter.Log
	bus *slow
}

func (l slowLog) Append(m *adapter.Message, done func(string, error)) {
	if l.bus.append != nil {
		l.bus.append(m)
	}
	l.Log.Append(m, func(offset string, err error) { l.bus.do(func() { done(offset, err) }) })
}

func (l slowLog) Since(ctx context.Context, offset string, yield func(*adapter.Message) bool) error {
	err := l.Log.Since(ctx, offset, yield)
	if l.bus.since != nil {
		l.bus.since()
	}
	return err
}

// addSlow starts a server whose bus can be held up.
func (e *env) addSlow(hub *adapter.Loopback, cfg sio.Config) (*env, *slow) {
	bus := &slow{Bus: hub.Bus()}
	return e.addBus(bus, cfg), bus
}

// TestClusterOrder covers what overtakes what while broadcasts wait for their place in the log.
func TestClusterOrder(t *testing.T) {
	cfg := sio.Config{Recovery: &sio.Recovery{}}
	t.Run("too much waits", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		clustered(t, hub, sio.Config{}, func(t *testing.T, a *env) {
			b, bus := a.addSlow(hub, cfg)
			bus.hold(true)
			mega, n := make([]byte, 4<<20), 0
			var err error
			for ; n < 30 && err == nil; n++ {
				if err = b.srv.To("nobody").Emit("mega", mega); err == nil && n%2 == 0 {
					err = b.srv.To("nobody").Volatile().Emit("mega", mega)
				}
			}
			assert.ErrorIs(t, err, sio.ErrQueueFull)
			assert.True(t, n > 8, "only %d", n)
			assert.Equal(t, b.srv.ClusterStats().Lost, 1)
			bus.hold(false)
			assert.NoError(t, b.srv.To("nobody").Emit("mega", mega))
		})
	})
	t.Run("one sender", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		clustered(t, hub, sio.Config{}, func(t *testing.T, a *env) {
			b, bus := a.addSlow(hub, cfg)
			c := b.dial()
			s := c.start()
			so := b.srv.Socket(s.SID)
			b.srv.OnAnyOutgoing(func(*sio.Socket, string, []any) {})
			synctest.Wait()
			bus.hold(true)
			assert.NoError(t, so.Emit("1"))
			assert.NoError(t, so.Volatile().Emit("2"))
			assert.NoError(t, b.srv.Local().Emit("3"))
			assert.NoError(t, b.srv.Emit("4", []byte{1}))
			b.srv.SocketsJoin("r")
			b.srv.SocketsLeave("r")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := so.EmitWithAck(ctx, "never")
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			_, err = b.srv.Local().EmitWithAck(ctx, "never")
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			answered := make(chan error, 1)
			go func() {
				_, err := so.EmitWithAck(t.Context(), "5")
				answered <- err
			}()
			synctest.Wait()
			c.quiet()
			bus.hold(false)
			assert.Equal(t, c.event(&s), `2["1"]`)
			c.want(`2["2"]`, `2["3"]`)
			assert.Equal(t, c.event(&s), `51-["4",{"_placeholder":true,"num":0}]`)
			c.want("b:\x01", `22["5"]`)
			c.send(`32[]`)
			assert.NoError(t, <-answered)
			bus.hold(true)
			assert.NoError(t, so.Emit("6"))
			so.Disconnect(false)
			c.quiet()
			bus.hold(false)
			assert.Equal(t, c.event(&s), `2["6"]`)
			c.want("1")
			c.send("0")
			c.next()
			bus.hold(true)
			assert.NoError(t, b.srv.Emit("7"))
			b.srv.DisconnectSockets(true)
			assert.NoError(t, b.srv.Emit("not for who has gone"))
			bus.hold(false)
			assert.Equal(t, c.event(&s), `2["7"]`)
			c.want("1", "closed")
		})
	})
	t.Run("several senders", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		clustered(t, hub, sio.Config{}, func(t *testing.T, a *env) {
			b, bus := a.addSlow(hub, cfg)
			c := b.dial()
			s := c.start()
			release := stuck(t, b, bus)
			assert.NoError(t, b.srv.Emit("first"))
			assert.Equal(t, c.event(&s), `2["first"]`)
			assert.Equal(t, s.Offset, "0")
			b.srv.SocketsJoin("r")
			assert.NoError(t, b.srv.To("r").Emit("second"))
			b.srv.SocketsLeave("r")
			assert.NoError(t, b.srv.To("r").Emit("not for who has left"))
			assert.Equal(t, c.event(&s), `2["second"]`)
			release()
			// It is the last one in the log, so that a client that has it has all.
			assert.Equal(t, c.event(&s), `2["stuck"]`)
			assert.Equal(t, s.Offset, "3")
			synctest.Wait()
			assert.True(t, !b.srv.Socket(s.SID).InRoom("r"), "still in the room")
			b.srv.SocketsJoin("r") // nothing is in line any more
			assert.True(t, b.srv.Socket(s.SID).InRoom("r"), "not in the room")
		})
	})
	t.Run("other servers", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		clustered(t, hub, cfg, func(t *testing.T, a *env) {
			b, bus := a.addSlow(hub, cfg)
			c := b.dial()
			s := c.start()
			release := stuck(t, b, bus)
			a.srv.SocketsJoin("r")
			assert.NoError(t, a.srv.To("r").Emit("1"))
			assert.NoError(t, a.srv.To("r").Volatile().Emit("2"))
			assert.Equal(t, c.event(&s), `2["1"]`)
			c.want(`2["2"]`)
			a.srv.SocketsLeave("r")
			assert.NoError(t, a.srv.To("r").Emit("not for who has left"))
			a.srv.DisconnectSockets(false)
			c.want("1")
			release()
		})
	})
}

// stuck has a goroutine emit something that does not get into the log until it is released.
func stuck(t *testing.T, e *env, bus *slow) (release func()) {
	t.Helper()
	hold := make(chan struct{})
	bus.append = func(m *adapter.Message) {
		if raw, _ := m.Args.Raw(0); string(raw) == `"stuck"` {
			<-hold
		}
	}
	var emitting sync.WaitGroup
	emitting.Go(func() { assert.True(t, e.srv.Emit("stuck") == nil, "not sent") })
	synctest.Wait()
	return func() {
		close(hold)
		emitting.Wait()
	}
}

// routed is a bus that is slow to hear of the room "slow".
type routed struct {
	adapter.Bus
	adapter.Router
	slow chan struct{}

	mu   sync.Mutex
	told []string
}

func (b *routed) Join(p adapter.Peer) (adapter.Link, error) {
	link, err := b.Bus.Join(p)
	b.Router = link.(adapter.Router)
	return adapter.Combine(link, nil, b, nil), err
}

func (b *routed) Route(room string, on bool) {
	if room == "slow" {
		<-b.slow
	}
	b.Router.Route(room, on)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, room)
}

// TestClusterRoutes: when Join has returned, the Bus knows that the room is wanted, even if
// another goroutine is telling it of others. Otherwise it might drop what comes next.
func TestClusterRoutes(t *testing.T) {
	hub := &adapter.Loopback{Routes: true}
	clustered(t, hub, sio.Config{}, func(t *testing.T, a *env) {
		bus := &routed{Bus: hub.Bus(), slow: make(chan struct{})}
		b := a.addBus(bus, sio.Config{})
		first, second := b.srv.Socket(b.join().sid), b.srv.Socket(b.join().sid)
		var joining sync.WaitGroup
		joining.Go(func() { assert.NoError(t, first.Join("slow")) })
		synctest.Wait()
		joining.Go(func() {
			assert.NoError(t, second.Join("room"))
			bus.mu.Lock()
			defer bus.mu.Unlock()
			assert.Equal(t, bus.told, []string{"slow", "room"})
		})
		synctest.Wait()
		close(bus.slow)
		joining.Wait()
	})
}
