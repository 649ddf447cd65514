// SPDX-License-Identifier: MIT

package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/internal/assert"
)

func open(t *testing.T, address string) *postgres.Bus {
	t.Helper()
	bus, err := postgres.Open(t.Context(), address)
	assert.NoError(t, err)
	return bus
}

func (m *member) told(t *testing.T, what string) {
	t.Helper()
	eventually(t, "an error with "+what, func() bool {
		return m.failed(func(err error) bool { return strings.Contains(err.Error(), what) })
	})
}

// behind makes a bus whose connections go through a proxy.
func behind(t *testing.T, p *proxy, cfg postgres.Config) *postgres.Bus {
	t.Helper()
	c := poolAt(t, p.url("sio"))
	t.Cleanup(p.cut) // or closing the pool takes 15 s
	bus, err := postgres.NewBus(c, &cfg)
	assert.NoError(t, err)
	return bus
}

// TestFaults has the server away, silent or unwilling.
func TestFaults(t *testing.T) {
	t.Parallel()
	t.Run("absent at start, killed later", func(t *testing.T) {
		t.Parallel()
		s := startPostgres(t)
		s.stop(syscall.SIGINT)
		m := enter(t, open(t, s.url()), "/", uid)
		m.told(t, "listening")
		assert.NoError(t, m.Publish(m.event(t, "x")))
		eventually(t, "the loss", func() bool { return m.lost() == 1 })
		assert.NoError(t, s.start())
		eventually(t, "the subscription", func() bool { return m.upCount() == 1 })
		s.stop(syscall.SIGQUIT)
		assert.NoError(t, s.start())
		eventually(t, "the subscription", func() bool { return m.upCount() == 2 })
		n := join(t, open(t, s.url()), "/", peer)
		assert.NoError(t, n.Publish(n.event(t, "y")))
		eventually(t, "the event", func() bool { return len(m.messages()) == 1 })
	})
	t.Run("cut and stalled", func(t *testing.T) {
		t.Parallel()
		need(t)
		prefix := fresh()
		p := newProxy(t, shared.addr())
		m := join(t, behind(t, p, postgres.Config{Prefix: prefix, Probe: 300 * time.Millisecond}), "/", uid)
		n := join(t, newBus(t, postgres.Config{Prefix: prefix}), "/", peer)
		for i, fault := range []func(){p.cut, func() { p.stall(false) }} {
			before := m.upCount()
			fault()
			eventually(t, "being up again", func() bool { return m.upCount() > before })
			eventually(t, "an event", func() bool { // a slow machine may lose the connection again
				assert.NoError(t, n.Publish(n.event(t, i)))
				return slices.Contains(m.events(t), fmt.Sprint(i))
			})
		}
	})
	t.Run("ended by an administrator", func(t *testing.T) {
		t.Parallel()
		prefix := fresh()
		need(t)
		m := join(t, open(t, shared.url()+"&application_name="+prefix), "/", uid)
		execute(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", prefix)
		eventually(t, "being up again", func() bool { return m.upCount() == 2 })
	})
	t.Run("slow, queue full", func(t *testing.T) {
		t.Parallel()
		need(t)
		prefix := fresh()
		p := newProxy(t, shared.addr())
		m := join(t, behind(t, p, postgres.Config{Prefix: prefix, MaxQueue: 10, Timeout: 300 * time.Millisecond, Probe: 300 * time.Millisecond}), "/", uid)
		p.stall(true)
		eventually(t, "a full queue", func() bool {
			err := m.Publish(m.event(t, "x"))
			return errors.Is(err, adapter.ErrQueueFull)
		})
		eventually(t, "the loss", func() bool { return m.lost() > 0 })
		p.heal()
		n := join(t, newBus(t, postgres.Config{Prefix: prefix}), "/", peer)
		eventually(t, "an event", func() bool {
			_ = m.Publish(m.event(t, "again"))
			return strings.Contains(strings.Join(n.events(t), ""), "again")
		})
		big := join(t, newBus(t, postgres.Config{Prefix: prefix, MaxQueueBytes: 1}), "/big", uid)
		assert.NoError(t, big.Publish(big.event(t, "one is taken in any case")))
	})
	t.Run("wrong credentials", func(t *testing.T) {
		t.Parallel()
		need(t)
		m := enter(t, open(t, strings.Replace(shared.url(), "sio@", "nobody:secret@", 1)), "/", uid)
		m.told(t, `role "nobody" does not exist`)
		assert.True(t, !m.failed(func(err error) bool { return strings.Contains(err.Error(), "secret") }), "the password was told")
	})
	t.Run("no right to make or read tables", func(t *testing.T) {
		t.Parallel()
		prefix := fresh()
		execute(t, "CREATE ROLE "+prefix+" LOGIN")
		m := join(t, open(t, strings.Replace(shared.url(), "sio@", prefix+"@", 1)+"&prefix="+prefix+"&table="+prefix+"_t"), "/", uid)
		n := join(t, newBus(t, postgres.Config{Prefix: prefix, Table: prefix + "_t"}), "/", peer)
		assert.NoError(t, m.Publish(m.event(t, "bin", []byte{1})))
		assert.NoError(t, m.Publish(m.event(t, "text")))
		eventually(t, "what needs no table", func() bool { return len(n.messages()) == 1 })
		eventually(t, "the loss of the rest", func() bool { return m.lost() == 1 })
		assert.NoError(t, n.Publish(n.event(t, "bin", []byte{1}))) // makes the table, which m may not read
		assert.NoError(t, n.Publish(n.event(t, "text")))
		eventually(t, "what needs no table", func() bool { return len(m.messages()) == 1 })
		m.told(t, "permission denied")
		eventually(t, "the loss of the attachment", func() bool { return m.lost() == 2 })
	})
	t.Run("duplicate and late", func(t *testing.T) {
		t.Parallel()
		prefix := fresh()
		m := join(t, newBus(t, postgres.Config{Prefix: prefix}), "/", uid)
		conn := raw(t, prefix+"#/")
		assert.NoError(t, m.Publish(&adapter.Message{Type: adapter.Heartbeat, UID: uid, Namespace: "/"}))
		payload := strings.Replace(next(t, conn), uid, peer, 1)
		for range 2 { // what they mean is for the Receiver to say
			execute(t, "SELECT pg_notify($1, $2)", prefix+"#/", payload)
		}
		eventually(t, "both", func() bool { return len(m.messages()) == 2 })
	})
}

// TestLeave has links come and go.
func TestLeave(t *testing.T) {
	t.Parallel()
	prefix := fresh()
	bus := newBus(t, postgres.Config{Prefix: prefix})
	other := join(t, newBus(t, postgres.Config{Prefix: prefix}), "/", peer)
	old := join(t, bus, "/", uid)
	fresh := join(t, bus, "/", "2222222222222222")
	assert.NoError(t, old.Publish(old.event(t, "within a bus")))
	eventually(t, "the event", func() bool { return len(fresh.messages()) == 1 && len(other.messages()) == 1 })
	assert.NoError(t, old.Leave())
	assert.NoError(t, old.Leave())
	assert.ErrorIs(t, old.Publish(old.event(t, "x")), adapter.ErrClosed)
	assert.NoError(t, other.Publish(other.event(t, "y")))
	eventually(t, "the event", func() bool { return len(fresh.messages()) == 2 })
	assert.Equal(t, len(old.messages()), 0)
	assert.NoError(t, fresh.Leave())
	for i := range 20 { // channels are given up and taken again
		m := join(t, bus, fmt.Sprint("/", i%3), uid)
		assert.NoError(t, m.Leave())
	}
	assert.NoError(t, other.Publish(other.event(t, "nobody")))
	last := join(t, bus, "/", uid)
	assert.NoError(t, last.Publish(last.event(t, "bye")))
	assert.NoError(t, bus.Close())
	assert.NoError(t, bus.Close())
	eventually(t, "what was queued", func() bool { return len(other.messages()) == 2 })
	_, err := bus.Join(adapter.Peer{Namespace: "/", UID: uid, Receiver: new(receiver)})
	assert.ErrorIs(t, err, adapter.ErrClosed)
}
