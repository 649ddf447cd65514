// SPDX-License-Identifier: MIT

package nats_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sio-go/sio/adapter"
	sionats "github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// appended is what Append's done was told.
type appended struct {
	mu   sync.Mutex
	offs []string
	errs []error
}

func (a *appended) done(offset string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.offs, a.errs = append(a.offs, offset), append(a.errs, err)
}

func (a *appended) wait(t *testing.T, n int) ([]string, []error) {
	t.Helper()
	eventually(t, "entries", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.offs) >= n
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.offs, a.errs
}

// since returns the events behind an offset.
func since(ctx context.Context, log adapter.Log, offset string) (list []string, err error) {
	err = log.Since(ctx, offset, func(m *adapter.Message) bool {
		var text string
		_ = m.Args.Unmarshal(0, &text)
		list = append(list, text)
		return len(list) < 5
	})
	return list, err
}

// TestLog has broadcasts and sessions be kept.
func TestLog(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, t.TempDir())
	conn := connect(t, s)
	js, err := jetstream.New(conn)
	assert.NoError(t, err)
	prefix := fresh()
	cfg := &sionats.Config{Prefix: prefix, Log: &sionats.Log{Memory: true, Stream: "L"}}
	a := join(t, sionats.NewBus(connect(t, s), cfg), "/", "aaaaaaaaaaaaaaaa")
	b := join(t, sionats.NewBus(connect(t, s), cfg), "/", "bbbbbbbbbbbbbbbb")
	a.isUp(t)
	b.isUp(t)
	log, other := a.Link.(adapter.Log), b.Link.(adapter.Log)
	var acks appended
	for i := range 4 {
		m := event(t, fmt.Sprint(i), "room")
		m.UID = "aaaaaaaaaaaaaaaa"
		log.Append(m, acks.done)
	}
	offs, errs := acks.wait(t, 4)
	assert.NoError(t, errors.Join(errs...))
	eventually(t, "events", func() bool { n, _ := b.count(); return n == 4 })
	t.Run("offsets", func(t *testing.T) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, m := range b.got {
			assert.Equal(t, m.Offset, offs[i])
			assert.True(t, i == 0 || adapter.CompareOffsets(offs[i-1], offs[i]) < 0, "offsets must grow")
		}
	})
	t.Run("since", func(t *testing.T) {
		list, err := since(t.Context(), other, offs[1])
		assert.NoError(t, err)
		assert.Equal(t, list, []string{"2", "3"})
		list, err = since(t.Context(), log, offs[3])
		assert.NoError(t, err)
		assert.Equal(t, list, nil)
		for _, bad := range []string{"", "1", "1-1", offs[3] + "9", "x-1", strings.Split(offs[0], "-")[0] + "-x"} {
			_, err := since(t.Context(), log, bad)
			assert.ErrorIs(t, err, adapter.ErrNoSession)
		}
	})
	t.Run("emitter", func(t *testing.T) {
		e := sionats.NewEmitter(conn, &sionats.EmitterConfig{Prefix: prefix, Log: true})
		assert.NoError(t, e.To("room").Emit("emitted"))
		assert.NoError(t, sionats.NewEmitter(conn, &sionats.EmitterConfig{Prefix: prefix}).To("room").Emit("not kept"))
		eventually(t, "events", func() bool { n, _ := b.count(); return n == 6 })
		list, err := since(t.Context(), other, offs[3])
		assert.NoError(t, err)
		assert.Equal(t, list, []string{"emitted"})
	})
	t.Run("session", func(t *testing.T) {
		data, err := adapter.Args(map[string]any{"blob": []byte{1, 2}})
		assert.NoError(t, err)
		pid := "p > * . " + strings.Repeat("x", 300)
		assert.NoError(t, log.Save(&adapter.Session{ID: "id", PID: pid, Rooms: []string{"id", "room"}, Data: data}, time.Minute))
		_, err = other.Take(t.Context(), pid, "1-1")
		assert.ErrorIs(t, err, adapter.ErrNoSession)
		got := make(chan *adapter.Session, 4)
		var tasks sync.WaitGroup
		for range 4 { // of which one gets it
			tasks.Go(func() {
				if s, err := other.Take(t.Context(), pid, offs[0]); err == nil {
					got <- s
				} else if !errors.Is(err, adapter.ErrNoSession) {
					t.Error(err)
				}
			})
		}
		tasks.Wait()
		assert.Equal(t, len(got), 1)
		one := <-got
		assert.Equal(t, one.PID, pid)
		assert.Equal(t, one.Rooms, []string{"id", "room"})
		var v map[string][]byte
		assert.NoError(t, one.Data.Unmarshal(0, &v))
		assert.Equal(t, v["blob"], []byte{1, 2})
		assert.NoError(t, log.Save(&adapter.Session{ID: "id", PID: "old"}, -time.Second))
		_, err = log.Take(t.Context(), "old", offs[0])
		assert.ErrorIs(t, err, adapter.ErrNoSession)
		assert.Error(t, log.Save(&adapter.Session{ID: strings.Repeat("x", 2<<20), PID: "big"}, time.Minute))
	})
	t.Run("too long", func(t *testing.T) {
		var bad appended
		big := args(t, "x", strings.Repeat("y", 1<<20))
		log.Append(&big, bad.done)
		_, errs := bad.wait(t, 1)
		assert.Error(t, errs[0])
	})
	t.Run("stream lost", func(t *testing.T) {
		assert.NoError(t, js.DeleteStream(t.Context(), "L"))
		n := 0
		eventually(t, "a new one", func() bool {
			n++
			var again appended
			log.Append(event(t, "again"), again.done)
			offs2, errs := again.wait(t, 1)
			return errs[0] == nil && adapter.CompareOffsets(offs2[0], offs[3]) > 0
		})
		_, err := log.Take(t.Context(), "p", offs[3])
		assert.ErrorIs(t, err, adapter.ErrNoSession)
		assert.True(t, n > 0, "never")
	})
	t.Run("leave", func(t *testing.T) {
		assert.NoError(t, a.Leave())
		var late appended
		log.Append(event(t, "late"), late.done)
		_, errs := late.wait(t, 1)
		assert.ErrorIs(t, errs[0], adapter.ErrClosed)
		assert.ErrorIs(t, log.Save(&adapter.Session{ID: "a", PID: "b"}, time.Minute), adapter.ErrClosed)
	})
}

// TestLog_storm has the clients of a server that has gone come to another one, all at once: a
// NATS server has a limit for those who read.
func TestLog_storm(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, t.TempDir())
	js, err := jetstream.New(connect(t, s))
	assert.NoError(t, err)
	prefix := fresh()
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "STORM", Subjects: []string{prefix + ".*.log"}, MaxConsumers: 20})
	assert.NoError(t, err)
	a := join(t, sionats.NewBus(connect(t, s), &sionats.Config{Prefix: prefix, Log: &sionats.Log{Stream: "STORM"}}), "/", "aaaaaaaaaaaaaaaa")
	a.isUp(t)
	log := a.Link.(adapter.Log)
	var acks appended
	for i := range 20 {
		log.Append(event(t, fmt.Sprint(i), "room"), acks.done)
	}
	offs, errs := acks.wait(t, 20)
	assert.NoError(t, errors.Join(errs...))
	var clients sync.WaitGroup
	for range 60 {
		clients.Go(func() {
			list, err := since(t.Context(), log, offs[17])
			assert.NoError(t, err)
			assert.Equal(t, list, []string{"18", "19"})
		})
	}
	clients.Wait()
	eventually(t, "one consumer", func() bool {
		stream, err := js.Stream(t.Context(), "STORM")
		return err == nil && stream.CachedInfo().State.Consumers == 1
	})
}

// TestLog_first has a server say something before it has begun to read the log: that is kept,
// and has a place in it.
func TestLog_first(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, t.TempDir())
	cfg := &sionats.Config{Prefix: fresh(), Log: &sionats.Log{Memory: true}}
	a := join(t, sionats.NewBus(connect(t, s), cfg), "/", "aaaaaaaaaaaaaaaa")
	a.isUp(t) // the stream is there
	for i := range 6 {
		b := join(t, sionats.NewBus(connect(t, s), cfg), "/", fmt.Sprintf("bbbbbbbbbbbbbb%02d", i))
		var acks appended
		for n := range 60 {
			log := b.Link.(adapter.Log)
			log.Append(event(t, fmt.Sprint(n), "room"), acks.done)
			if n%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		offs, errs := acks.wait(t, 60)
		assert.NoError(t, errors.Join(errs...))
		assert.True(t, slices.IsSortedFunc(offs, adapter.CompareOffsets), "not in order")
	}
}

// TestLog_gone has the log forget what a server has not read yet, because it was away: it is told.
func TestLog_gone(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, t.TempDir())
	p := newProxy(t, strings.TrimPrefix(s.ClientURL(), "nats://"))
	prefix := fresh()
	m := open(t, p.url(), sionats.Config{Prefix: prefix, Log: &sionats.Log{Memory: true, Stream: "GONE"}})
	m.isUp(t)
	conn := connect(t, s)
	js, err := jetstream.New(conn)
	assert.NoError(t, err)
	stream, err := js.Stream(t.Context(), "GONE")
	assert.NoError(t, err)
	e := sionats.NewEmitter(conn, &sionats.EmitterConfig{Prefix: prefix, Log: true})
	eventually(t, "an error", func() bool { // it may be back before all is gone
		p.cut()
		for range 10 {
			assert.NoError(t, e.Emit("x"))
		}
		assert.NoError(t, stream.Purge(t.Context()))
		assert.NoError(t, e.Emit("last"))
		return m.failed(func(err error) bool { return strings.Contains(err.Error(), "does not go back") })
	})
	eventually(t, "the last event", func() bool {
		list := m.texts()
		return len(list) > 0 && list[len(list)-1] == "last"
	})
}

// TestLog_none has a server without JetStream.
func TestLog_none(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, "")
	m := join(t, sionats.NewBus(connect(t, s), &sionats.Config{Log: new(sionats.Log)}), "/", "aaaaaaaaaaaaaaaa")
	eventually(t, "an error", func() bool {
		return m.failed(func(err error) bool { return strings.Contains(err.Error(), "stream SIO") })
	})
	var acks appended
	m.Link.(adapter.Log).Append(event(t, "x"), acks.done)
	_, errs := acks.wait(t, 1)
	assert.Error(t, errs[0])
	assert.NoError(t, m.Publish(event(t, "y")))
	eventually(t, "a loss", func() bool {
		return m.failed(func(err error) bool { return errors.As(err, new(*adapter.LostError)) })
	})
	_, err := m.Link.(adapter.Log).Take(t.Context(), "p", "1-1")
	assert.Error(t, err)
	_, err = since(t.Context(), m.Link.(adapter.Log), "1-1")
	assert.Error(t, err)
}

// listener counts the events for servers that a node hears.
type listener struct{ heard atomic.Int32 }

func (*listener) Apply(*adapter.Message)                                           {}
func (*listener) Ask(*adapter.Message, func(int), func(string, packet.Args, bool)) {}
func (*listener) Fetch(adapter.Options) []adapter.Socket                           { return nil }
func (l *listener) Serve(packet.Args, func(packet.Args))                           { l.heard.Add(1) }

// TestLog_leave: that a server leaves does not overtake what it has sent before, or it would
// be counted again because of that.
func TestLog_leave(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, t.TempDir())
	prefix := fresh()
	node := func(local adapter.Local) *adapter.Node {
		bus := sionats.NewBus(connect(t, s), &sionats.Config{Prefix: prefix, Log: &sionats.Log{}})
		t.Cleanup(func() { assert.NoError(t, bus.Close()) })
		n := adapter.NewNode(bus, adapter.Config{Namespace: "/", Local: local, HeartbeatTimeout: time.Hour})
		assert.NoError(t, n.Open())
		return n
	}
	var here listener
	stays, leaves := node(&here), node(new(listener))
	eventually(t, "a peer", func() bool { return len(stays.Peers()) == 1 && len(leaves.Peers()) == 1 })
	for range 100 {
		args, err := adapter.Args("bye")
		assert.NoError(t, err)
		assert.NoError(t, leaves.Publish(&adapter.Message{Type: adapter.ServerSideEmit, Args: args}))
	}
	assert.NoError(t, leaves.Close())
	eventually(t, "events", func() bool { return here.heard.Load() == 100 })
	eventually(t, "the end of a peer", func() bool { return len(stays.Peers()) == 0 })
}
