// SPDX-License-Identifier: MIT

package nats_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
	sionats "github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/internal/assert"
)

// receiver writes down what a bus tells.
type receiver struct {
	mu   sync.Mutex
	got  []*adapter.Message
	errs []error
	ups  int
}

func (r *receiver) Receive(m *adapter.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
}

func (r *receiver) Up() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ups++
}

func (r *receiver) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *receiver) count() (got, ups int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got), r.ups
}

// failed reports whether an error was told that ok is content with.
func (r *receiver) failed(ok func(error) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.errs {
		if ok(err) {
			return true
		}
	}
	return false
}

// texts returns the names of the events that have come.
func (r *receiver) texts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, m := range r.got {
		var text string
		_ = m.Args.Unmarshal(0, &text)
		list = append(list, text)
	}
	return list
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(40 * time.Second)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// member is a bus with one link.
type member struct {
	adapter.Link
	*receiver
	bus *sionats.Bus
}

func join(t testing.TB, bus *sionats.Bus, nsp, uid string) *member {
	t.Helper()
	t.Cleanup(func() { _ = bus.Close() })
	r := new(receiver)
	link, err := bus.Join(adapter.Peer{Namespace: nsp, UID: uid, Receiver: r})
	assert.NoError(t, err)
	return &member{link, r, bus}
}

func (m *member) isUp(t testing.TB) {
	t.Helper()
	eventually(t, "the subscription", func() bool {
		_, ups := m.count()
		return ups > 0
	})
}

func args(t testing.TB, v ...any) adapter.Message {
	t.Helper()
	list, err := adapter.Args(v...)
	assert.NoError(t, err)
	return adapter.Message{Type: adapter.Broadcast, UID: "0123456789abcdef", Namespace: "/", Args: list}
}

func event(t testing.TB, name string, rooms ...string) *adapter.Message {
	t.Helper()
	m := args(t, name)
	m.Options.Rooms = rooms
	return &m
}

// listen returns all that is sent below a prefix.
func listen(t testing.TB, conn *nats.Conn, prefix string) func() string {
	t.Helper()
	sub, err := conn.SubscribeSync(prefix + ".>")
	assert.NoError(t, err)
	assert.NoError(t, conn.Flush())
	return func() string {
		t.Helper()
		m, err := sub.NextMsg(20 * time.Second)
		assert.NoError(t, err)
		return strings.TrimPrefix(m.Subject, prefix+".") + " " + string(m.Data)
	}
}

// TestWire has the bytes that a bus and an emitter send, and on which subjects.
func TestWire(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, "")
	conn := connect(t, s)
	prefix := fresh()
	m := join(t, sionats.NewBus(connect(t, s), &sionats.Config{Prefix: prefix}), "/", "0123456789abcdef")
	m.isUp(t)
	next := listen(t, conn, prefix)
	send := func(m2 *adapter.Message) string {
		t.Helper()
		assert.NoError(t, m.Publish(m2))
		return next()
	}
	const (
		head = `{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[`
		tail = `],"except":[],"flags":{}}},"uid":"0123456789abcdef","nsp":"/"}`
	)
	id := strings.Repeat("i", 20)
	long := strings.Repeat("ü", 1000)
	for name, c := range map[string]struct {
		rooms []string
		want  string
	}{
		"all":        {nil, "/.all " + head},
		"room":       {[]string{"lobby"}, "/.room.lobby " + head + `"lobby"`},
		"rooms":      {[]string{"a", "b"}, "/.all " + head + `"a","b"`},
		"id":         {[]string{id}, "/.all " + head + `"` + id + `"`},
		"escaped":    {[]string{"a.b *>é"}, "/.room.a%2Eb%20%2A%3E%C3%A9 " + head + `"a.b *>é"`},
		"empty":      {[]string{""}, "/.room.% " + head + `""`},
		"hash":       {[]string{long}, "/.room.~hash " + head + `"` + long + `"`},
		"not a hash": {[]string{"~"}, "/.room.%7E " + head + `"~"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := send(event(t, "x", c.rooms...)), c.want+tail
			if name == "hash" { // of which the form counts
				subject, rest, _ := strings.Cut(got, " ")
				assert.Equal(t, len(subject), len("/.room.~")+43)
				got = c.want[:strings.Index(c.want, " ")+1] + rest
			}
			assert.Equal(t, got, want)
		})
	}
	t.Run("request", func(t *testing.T) {
		e := event(t, "x", "lobby")
		e.Request = "r"
		assert.True(t, strings.HasPrefix(send(e), "/.all "), "a request must reach all")
	})
	t.Run("reply", func(t *testing.T) {
		assert.NoError(t, m.Reply("fedcba9876543210", &adapter.Message{
			Type: adapter.BroadcastClientCount, UID: "0123456789abcdef", Namespace: "/", Request: "r", Count: 2,
		}))
		assert.Equal(t, next(), `/.node.fedcba9876543210 {"type":11,"data":{"requestId":"r","clientCount":2},"uid":"0123456789abcdef","nsp":"/"}`)
	})
	t.Run("join, then emit", func(t *testing.T) {
		// Who is put into a room has no subscription yet when the event comes.
		join := &adapter.Message{Type: adapter.SocketsJoin, UID: "0123456789abcdef", Namespace: "/", Rooms: []string{"new"}}
		assert.True(t, strings.HasPrefix(send(join), `/.all {"type":4`), "join")
		assert.Equal(t, send(event(t, "x", "new")), "/.all "+head+`"new"`+tail)
		assert.Equal(t, send(event(t, "x", "old")), "/.room.old "+head+`"old"`+tail)
	})
	t.Run("emitter", func(t *testing.T) {
		e := sionats.NewEmitter(conn, &sionats.EmitterConfig{Prefix: prefix})
		assert.NoError(t, e.Of("/chat").To("lobby").Emit("x"))
		assert.Equal(t, next(), `/chat.room.lobby `+head+`"lobby"],"except":[],"flags":{}}},"uid":"emitter","nsp":"/chat"}`)
		assert.NoError(t, e.DisconnectSockets(true))
		assert.True(t, strings.HasPrefix(next(), `/.all {"type":6`), "disconnect")
		assert.Error(t, e.Emit("x", strings.Repeat("y", 2<<20)))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, e.Context(ctx).Emit("x"), context.Canceled)
	})
	t.Run("too long", func(t *testing.T) {
		big := args(t, "x", strings.Repeat("y", 1<<20))
		assert.Error(t, m.Publish(&big))
	})
}

// TestReceive has what others send: each node gets what concerns it, and bad input does no harm.
func TestReceive(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, "")
	conn := connect(t, s)
	prefix := fresh()
	m := join(t, sionats.NewBus(connect(t, s), &sionats.Config{Prefix: prefix, MaxRooms: 2}), "/", "0123456789abcdef")
	m.isUp(t)
	say := func(subject, data string) {
		t.Helper()
		assert.NoError(t, conn.Publish(prefix+"./."+subject, []byte(data)))
	}
	body := func(name string) string {
		return `{"type":3,"data":{"opts":{"rooms":[],"except":[]},"packet":{"type":2,"data":["` + name + `"]}},"uid":"peer"}`
	}
	n := 0
	sync := func() []string { // what has come since the last time
		t.Helper()
		n++
		mark := fmt.Sprint("mark", n)
		say("all", body(mark))
		var list []string
		eventually(t, mark, func() bool {
			list = m.texts()
			return len(list) > 0 && list[len(list)-1] == mark
		})
		m.mu.Lock()
		m.got = nil
		m.mu.Unlock()
		return list[:len(list)-1]
	}
	t.Run("order", func(t *testing.T) {
		for i := range 200 {
			say([]string{"all", "node.0123456789abcdef"}[i%2], body(fmt.Sprint(i)))
		}
		list := sync()
		assert.Equal(t, len(list), 200)
		for i, text := range list {
			assert.Equal(t, text, fmt.Sprint(i))
		}
	})
	t.Run("rooms", func(t *testing.T) {
		router := m.Link.(adapter.Router)
		subscribed := func(room string, want bool) {
			t.Helper()
			eventually(t, "a change of "+room, func() bool {
				say("room."+room, body(room))
				list := sync()
				assert.True(t, len(list) <= 1, "%q came twice", list)
				return len(list) == 1 == want
			})
		}
		subscribed("a", false)
		for _, room := range []string{"a", "b", "c", "d"} { // two of which have no subscription of their own
			router.Route(room, true)
			subscribed(room, true)
		}
		for _, room := range []string{"a", "b", "c", "d"} {
			subscribed(room, true)
		}
		router.Route("a", false)
		router.Route("a", true)
		subscribed("a", true)
		router.Route("c", false)
		router.Route("d", false)
		subscribed("d", false)
		router.Route("a", false)
		subscribed("a", false)
		router.Route("e", true)
		subscribed("e", true)
	})
	t.Run("bad", func(t *testing.T) {
		bad := func(subject, data string) {
			t.Helper()
			m.mu.Lock()
			m.errs = nil
			m.mu.Unlock()
			say(subject, data)
			eventually(t, "an error", func() bool {
				return m.failed(func(err error) bool { return errors.As(err, new(*adapter.MalformedError)) })
			})
		}
		bad("all", "")
		bad("all", "{")
		bad("all", "hello")
		bad("all", strings.Repeat("[", 1<<20-1))
		bad("all", body("x")[:40])
		bad("all", `{"type":99,"uid":"peer"}`)
		bad("all", strings.Replace(body("x"), `"uid"`, `"nsp":"/other","uid"`, 1))
		bad("node.0123456789abcdef", "\xff\xff")
		assert.Equal(t, len(sync()), 0)
	})
	t.Run("leave", func(t *testing.T) {
		assert.NoError(t, m.Publish(event(t, "last")))
		assert.NoError(t, m.Leave())
		assert.NoError(t, m.Leave())
		assert.ErrorIs(t, m.Publish(event(t, "x")), adapter.ErrClosed)
		assert.ErrorIs(t, m.Reply("x", event(t, "x")), adapter.ErrClosed)
		again, err := m.bus.Join(adapter.Peer{Namespace: "/", UID: "again", Receiver: m.receiver})
		assert.NoError(t, err)
		eventually(t, "the subscription", func() bool {
			_, ups := m.count()
			return ups > 1
		})
		sync()
		assert.NoError(t, again.Leave())
		assert.NoError(t, m.bus.Close())
		_, err = m.bus.Join(adapter.Peer{Namespace: "/", UID: "late", Receiver: m.receiver})
		assert.ErrorIs(t, err, adapter.ErrClosed)
	})
}

// TestConfig has settings that are wrong.
func TestConfig(t *testing.T) {
	t.Parallel()
	s := startNATS(t, 0, "")
	for _, prefix := range []string{".", "a..b", "a.*", ">", "a b", "$SYS"} {
		bus := sionats.NewBus(connect(t, s), &sionats.Config{Prefix: prefix})
		_, err := bus.Join(adapter.Peer{Namespace: "/", UID: "x", Receiver: new(receiver)})
		assert.Error(t, err)
		assert.NoError(t, bus.Close())
		assert.Error(t, sionats.NewEmitter(connect(t, s), &sionats.EmitterConfig{Prefix: prefix}).Emit("x"))
	}
	for _, query := range []string{"?unknown=1", "?max-rooms=x", "?log=maybe", "?max-age=1", "?replicas=x", "?memory=x", "?%", "?creds=/none"} {
		_, err := sionats.Open(t.Context(), s.ClientURL()+query, nil)
		assert.Error(t, err)
		_, _, err = sionats.OpenEmitter(t.Context(), s.ClientURL()+query)
		assert.Error(t, err)
	}
	bus, err := sionats.Open(t.Context(), s.ClientURL()+"?prefix=a.b&max-rooms=7&log=true&stream=S&max-age=1m&memory=true&replicas=1", nil)
	assert.NoError(t, err)
	assert.NoError(t, bus.Close())
}
