// SPDX-License-Identifier: MIT

package sio_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
)

// TestClusterFlood has another server ask faster than the bus takes answers.
func TestClusterFlood(t *testing.T) {
	hub := &adapter.Loopback{}
	clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
		p := e.probe(hub, "/")
		assert.NoError(t, e.srv.Close()) // it would answer too
		p.take()
		bus := &stalling{Bus: hub.Bus(), hold: make(chan struct{})}
		stalled := e.addBus(bus, sio.Config{MaxPendingAcks: 1})
		c := stalled.join()
		ask := func(timeout time.Duration) {
			m := &adapter.Message{Type: adapter.Broadcast, Args: arguments(t, "q"), UID: p.uid, Namespace: "/", Request: "r", Extended: true}
			m.Options.Timeout = timeout
			assert.NoError(t, p.Publish(m))
		}
		ask(time.Hour)
		const flood = 35_000
		for i := range flood { // each is one too many for the client, which is an answer
			ask(time.Second)
			if i%10_000 == 0 {
				synctest.Wait() // or the queue of the Loopback is full
			}
		}
		synctest.Wait()
		close(bus.hold)
		synctest.Wait()
		lost := stalled.srv.ClusterStats().Lost
		assert.True(t, lost > 0 && lost < flood/2, "%d answers lost", lost)
		c.want(`20["q"]`)
		c.send(`30[]`)
		synctest.Wait()
		assert.Equal(t, stalled.srv.ClusterStats().Lost, lost)
		got := p.take()
		assert.Equal(t, len(got), 2*(flood+1)-int(lost))
	})
}

// stalling is a bus that does not take answers of clients until hold is closed.
type stalling struct {
	adapter.Bus
	hold chan struct{}
}

func (b *stalling) Join(p adapter.Peer) (adapter.Link, error) {
	link, err := b.Bus.Join(p)
	return stallingLink{link, b}, err
}

type stallingLink struct {
	adapter.Link
	bus *stalling
}

func (k stallingLink) Reply(to string, m *adapter.Message) error {
	if m.Type == adapter.BroadcastAck {
		<-k.bus.hold
	}
	return k.Link.Reply(to, m)
}
