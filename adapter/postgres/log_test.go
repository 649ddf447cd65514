// SPDX-License-Identifier: MIT

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/internal/assert"
)

// logged is a Config with a log of its own.
func logged() postgres.Config {
	prefix := fresh()
	return postgres.Config{Prefix: prefix, Table: prefix, Log: &postgres.Log{Table: prefix + "_l", Sessions: prefix + "_s"}}
}

func (m *member) log() adapter.Log { return m.Link.(adapter.Log) }

// append appends a message, and returns its offset.
func (m *member) append(t testing.TB, msg *adapter.Message) string {
	t.Helper()
	type result struct {
		offset string
		err    error
	}
	done := make(chan result, 1)
	m.log().Append(msg, func(offset string, err error) { done <- result{offset, err} })
	r := <-done
	assert.NoError(t, r.err)
	return r.offset
}

// since returns the events behind an offset.
func (m *member) since(t testing.TB, offset string) (list []string) {
	t.Helper()
	list = []string{}
	assert.NoError(t, m.log().Since(t.Context(), offset, func(msg *adapter.Message) bool {
		list = append(list, text(t, msg))
		assert.True(t, adapter.CompareOffsets(msg.Offset, offset) > 0, "%s is not behind %s", msg.Offset, offset)
		offset = msg.Offset
		return true
	}))
	return list
}

// TestLog_wire has entries look to others as messages do that are not logged.
func TestLog_wire(t *testing.T) {
	t.Parallel()
	cfg := logged()
	m := join(t, newBus(t, cfg), "/", uid)
	plain := join(t, newBus(t, postgres.Config{Prefix: cfg.Prefix, Table: cfg.Table}), "/", peer)
	conn := raw(t, cfg.Prefix+"#/")
	long := strings.Repeat("x", 8000)
	for i, msg := range []*adapter.Message{m.event(t, "a"), m.event(t, "b", []byte("x")), m.event(t, long)} {
		offset := m.append(t, msg)
		got := next(t, conn)
		head := `{"type":3,"data":{"packet":{"type":2,"data":["a"]},"opts":{"rooms":[],"except":[],"flags":{}}},"uid":"` + uid + `","nsp":"/"`
		if i > 0 {
			head = fmt.Sprintf(`{"uid":%q,"type":3,"attachmentId":"%d"`, uid, i)
		}
		assert.Equal(t, got, fmt.Sprintf(`%s,"tag":%d,"offset":%q}`, head, i+1, offset))
	}
	eventually(t, "the events", func() bool { return len(plain.messages()) == 3 })
	assert.Equal(t, plain.events(t), []string{`"a"`, `"b""eA=="`, `"` + long + `"`})
	e, err := postgres.NewEmitter(pool(t, nil), &postgres.EmitterConfig{Prefix: cfg.Prefix, Table: cfg.Table, Log: cfg.Log})
	assert.NoError(t, err)
	assert.NoError(t, e.Emit("emitted"))
	eventually(t, "the event", func() bool { return len(m.messages()) == 1 })
	assert.True(t, m.messages()[0].Offset != "", "no offset")
}

// TestLog has sessions, and what was missed.
func TestLog(t *testing.T) {
	t.Parallel()
	cfg := logged()
	cfg.Log.Async = true
	bus := newBus(t, cfg)
	a, b := join(t, bus, "/", uid), join(t, newBus(t, cfg), "/", peer)
	elsewhere := join(t, bus, "/other", uid)
	first := a.append(t, a.event(t, "first"))
	_ = elsewhere.append(t, elsewhere.event(t, "elsewhere"))
	_ = b.append(t, b.event(t, "second", []byte("x")))
	third := a.append(t, a.event(t, "third"))
	assert.Equal(t, b.since(t, first), []string{`"second""eA=="`, `"third"`})
	assert.Equal(t, b.since(t, third), []string{})
	n := 0
	assert.NoError(t, a.log().Since(t.Context(), first, func(*adapter.Message) bool { n++; return false }))
	assert.Equal(t, n, 1)

	data, err := adapter.Args(map[string]any{"k": []byte{1}})
	assert.NoError(t, err)
	s := &adapter.Session{ID: "id", PID: "pid\x00", Rooms: []string{"id", "room"}, Data: data}
	save := func(keep time.Duration) {
		t.Helper()
		assert.NoError(t, a.log().Save(s, keep))
		_ = a.append(t, a.event(t, "behind the session"))
	}
	save(time.Minute)
	none := func(m *member, pid, offset string) {
		t.Helper()
		_, err := m.log().Take(t.Context(), pid, offset)
		assert.ErrorIs(t, err, adapter.ErrNoSession)
	}
	none(b, s.PID, "")
	none(b, s.PID, "x-1")
	none(b, s.PID, third+"1") // the same number, made at another time
	none(b, "other", first)
	none(elsewhere, s.PID, first)
	got, err := b.log().Take(t.Context(), s.PID, first)
	assert.NoError(t, err)
	assert.Equal(t, got, s)
	none(b, s.PID, first) // once
	save(time.Microsecond)
	none(b, s.PID, first)
	for _, offset := range []string{"", "1", "x", third + "1", "999999-1"} {
		assert.ErrorIs(t, a.log().Since(t.Context(), offset, func(*adapter.Message) bool { return true }), adapter.ErrNoSession)
	}
	execute(t, "DELETE FROM "+cfg.Log.Table+" WHERE id = 1")
	assert.ErrorIs(t, a.log().Since(t.Context(), first, func(*adapter.Message) bool { return true }), adapter.ErrNoSession)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.log().Take(ctx, "x", third)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NoError(t, a.Leave())
	assert.ErrorIs(t, a.log().Save(s, time.Minute), adapter.ErrClosed)
	a.log().Append(a.event(t, "x"), func(_ string, err error) { assert.ErrorIs(t, err, adapter.ErrClosed) })
}

// TestLog_order has two servers append at once: all learn of all entries in one order.
func TestLog_order(t *testing.T) {
	t.Parallel()
	cfg := logged()
	var mu sync.Mutex
	var all []*member
	order := make(map[string][]string)
	const n = 300
	for i := range 3 {
		id := fmt.Sprintf("%016d", i)
		all = append(all, join(t, newBus(t, cfg), "/", id))
	}
	var tasks sync.WaitGroup
	for _, m := range all {
		tasks.Go(func() {
			for i := range n {
				m.log().Append(m.event(t, i), func(offset string, err error) {
					assert.True(t, err == nil, "%v", err)
					mu.Lock()
					defer mu.Unlock()
					order[m.uid] = append(order[m.uid], offset)
					m.Receive(&adapter.Message{Offset: offset})
				})
			}
		})
	}
	tasks.Wait()
	var want []string
	for _, m := range all {
		eventually(t, "all entries", func() bool { return len(m.messages()) == 3*n })
		var got []string
		for _, msg := range m.messages() {
			got = append(got, msg.Offset)
		}
		assert.True(t, slices.IsSortedFunc(got, adapter.CompareOffsets), "out of order: %v", got)
		if want == nil {
			want = got
		}
		assert.Equal(t, got, want)
		mu.Lock()
		assert.Equal(t, len(order[m.uid]), n)
		mu.Unlock()
	}
}

// TestLog_catchUp has a server that is cut off miss nothing.
func TestLog_catchUp(t *testing.T) {
	t.Parallel()
	need(t)
	cfg := logged()
	p := newProxy(t, shared.addr())
	slow := cfg
	slow.Probe, slow.Timeout = 300*time.Millisecond, 2*time.Second
	m := join(t, behind(t, p, slow), "/", uid)
	n := join(t, newBus(t, cfg), "/", peer)
	total := 0
	for _, fault := range []func(){p.cut, func() { p.stall(true) }} {
		before := m.upCount()
		fault()
		for range 20 {
			_ = n.append(t, n.event(t, total))
			total++
			_ = n.append(t, n.event(t, total, []byte{1}))
			total++
		}
		p.heal()
		eventually(t, "being up again", func() bool { return m.upCount() > before })
		_ = n.append(t, n.event(t, total))
		total++
		eventually(t, "all events", func() bool { return len(m.messages()) >= total })
	}
	for i, event := range m.events(t) {
		assert.True(t, strings.HasPrefix(event, fmt.Sprint(i)), "the event %d is %s", i, event)
	}
	assert.Equal(t, len(m.messages()), total)
	assert.Equal(t, m.lost(), 0)

	// An attachment that somebody has deleted is in the log as well.
	execute(t, "CREATE FUNCTION "+cfg.Prefix+"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM "+cfg.Table+" WHERE id = NEW.id; RETURN NULL; END'")
	execute(t, "CREATE TRIGGER gone AFTER INSERT ON "+cfg.Table+" FOR EACH ROW EXECUTE FUNCTION "+cfg.Prefix+"()")
	rows := query[int](t, "SELECT count(*) FROM "+cfg.Table)
	_ = n.append(t, n.event(t, total, []byte{1}))
	eventually(t, "the event", func() bool { return len(m.messages()) == total+1 })
	assert.Equal(t, query[int](t, "SELECT count(*) FROM "+cfg.Table), rows)
	assert.Equal(t, m.malformed(), 0)
}

// TestLog_bad has entries that cannot be kept, and liars.
func TestLog_bad(t *testing.T) {
	t.Parallel()
	need(t)
	cfg := logged()
	p := newProxy(t, shared.addr())
	slow := cfg
	slow.Probe, slow.Timeout, slow.MaxMessage, slow.MaxQueue = time.Second, time.Second, 500, 4
	m := join(t, behind(t, p, slow), "/", uid)
	n := join(t, newBus(t, cfg), "/", peer)

	// Somebody claims to be far ahead. What comes is handed out nevertheless.
	execute(t, "SELECT pg_notify($1, $2)", cfg.Prefix+"#/", `{"type":2,"uid":"liar","offset":"9000000000000000000-1"}`)
	_ = n.append(t, n.event(t, "x"))
	eventually(t, "the event", func() bool { return slices.Contains(m.events(t), `"x"`) })
	before := m.upCount()
	p.cut()
	eventually(t, "being up again", func() bool { return m.upCount() > before })
	_ = n.append(t, n.event(t, "y"))
	eventually(t, "the event", func() bool { return slices.Contains(m.events(t), `"y"`) })

	p.stall(true)
	var mu sync.Mutex
	var got []error
	done := func(i int) func(string, error) {
		return func(offset string, err error) {
			mu.Lock()
			defer mu.Unlock()
			assert.True(t, err != nil && offset == "" && len(got) == i, "entry %d: %q, %v, behind %d others", i, offset, err, len(got))
			got = append(got, err)
		}
	}
	m.log().Append(m.event(t, strings.Repeat("x", 500)), done(0)) // too long
	for i := range 9 {
		m.log().Append(m.event(t, i), done(i+1)) // too many
	}
	eventually(t, "all errors", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == 10
	})
	full := 0
	for _, err := range got {
		if errors.Is(err, adapter.ErrQueueFull) {
			full++
		}
	}
	assert.True(t, full > 0, "the queue was not full")
	assert.Error(t, m.log().Save(&adapter.Session{ID: strings.Repeat("x", 500), PID: "p"}, time.Minute))
	_, err := m.log().Take(t.Context(), "pid", "1-1")
	assert.Error(t, err)
	assert.Error(t, m.log().Since(t.Context(), "1-1", func(*adapter.Message) bool { return true }))
}

// TestLog_gap has the log end behind what a server has seen.
func TestLog_gap(t *testing.T) {
	t.Parallel()
	need(t)
	cfg := logged()
	p := newProxy(t, shared.addr())
	slow := cfg
	slow.Probe, slow.Timeout = time.Second, time.Second
	m := join(t, behind(t, p, slow), "/", uid)
	n := join(t, newBus(t, cfg), "/", peer)
	_ = n.append(t, n.event(t, "a"))
	eventually(t, "the event", func() bool { return len(m.messages()) == 1 })
	p.stall(true)
	m.told(t, "listening")
	_ = n.append(t, n.event(t, "b"))
	_ = n.append(t, n.event(t, "c"))
	execute(t, "DELETE FROM "+cfg.Log.Table+" WHERE id < 3")
	p.heal()
	eventually(t, "the event", func() bool { return len(m.messages()) == 2 })
	m.told(t, "does not reach back")
}
