// SPDX-License-Identifier: MIT

package postgres_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/internal/assert"
)

// TestWire has what a bus sends, byte for byte.
func TestWire(t *testing.T) {
	t.Parallel()
	prefix := fresh()
	m := join(t, newBus(t, postgres.Config{Prefix: prefix, Table: prefix}), "/", uid)
	conn := raw(t, prefix+"#/") // A6.3

	t.Run("A6.4", func(t *testing.T) {
		ev := m.event(t, "ev")
		ev.Options.Rooms = []string{"room1"}
		assert.NoError(t, m.Publish(ev))
		assert.Equal(t, next(t, conn), `{"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":["room1"],"except":[],"flags":{}}},"uid":"`+uid+`","nsp":"/"}`)
		assert.NoError(t, m.Publish(&adapter.Message{Type: adapter.InitialHeartbeat, UID: uid, Namespace: "/"}))
		assert.Equal(t, next(t, conn), `{"type":1,"uid":"`+uid+`","nsp":"/"}`)
	})
	t.Run("A6.9", func(t *testing.T) {
		assert.NoError(t, m.Reply(peer, &adapter.Message{Type: adapter.BroadcastClientCount, UID: uid, Namespace: "/", Request: "40272c81093b1010", Count: 1}))
		assert.Equal(t, next(t, conn), `{"type":11,"data":{"requestId":"40272c81093b1010","clientCount":1},"uid":"`+uid+`","nsp":"/"}`)
	})
	// attached returns the attachment that the next notification has.
	attached := func(t *testing.T, kind adapter.Type) []byte {
		t.Helper()
		id := query[int64](t, "SELECT max(id) FROM "+prefix)
		want := fmt.Sprintf(`{"uid":%q,"type":%d,"attachmentId":"%d"}`, uid, kind, id)
		assert.Equal(t, next(t, conn), want)
		return query[[]byte](t, "SELECT payload FROM "+prefix+" WHERE id = $1", id)
	}
	publish := func(t *testing.T, msg *adapter.Message) (first string) {
		t.Helper()
		assert.NoError(t, m.Publish(msg))
		first = next(t, conn)
		assert.NoError(t, m.Publish(msg)) // and again, so that attached finds the last one
		return first
	}
	t.Run("A6.5 binary", func(t *testing.T) {
		ev := m.event(t, "bin", []byte{1, 2})
		assert.NoError(t, m.Publish(ev))
		eventually(t, "the row", func() bool {
			return query[bool](t, "SELECT to_regclass($1) IS NOT NULL", prefix) && query[int](t, "SELECT count(*) FROM "+prefix) > 0
		})
		want, err := envelope.AppendPacked(nil, ev)
		assert.NoError(t, err)
		assert.Equal(t, attached(t, adapter.Broadcast), want)
		assert.True(t, bytes.Contains(want, []byte{0xc4, 2, 1, 2}), "no binary data in % x", want)
	})
	t.Run("A6.5 long", func(t *testing.T) {
		empty, err := envelope.Append(nil, m.event(t, ""))
		assert.NoError(t, err)
		fits := m.event(t, strings.Repeat("x", 7999-len(empty)))
		assert.Equal(t, len(publish(t, fits)), 7999)
		assert.Equal(t, len(next(t, conn)), 7999)
		long := m.event(t, strings.Repeat("x", 8000-len(empty)))
		assert.True(t, strings.HasPrefix(publish(t, long), `{"uid":"`), "no header")
		eventually(t, "the row", func() bool { return query[int](t, "SELECT count(*) FROM "+prefix) >= 3 })
		got, err := envelope.Parse(attached(t, adapter.Broadcast))
		assert.NoError(t, err)
		assert.Equal(t, text(t, got), text(t, long))
	})
	t.Run("A6.5 sockets", func(t *testing.T) { // JS differs
		data, err := adapter.Args([]byte{1})
		assert.NoError(t, err)
		n := query[int](t, "SELECT count(*) FROM "+prefix)
		assert.NoError(t, m.Reply(peer, &adapter.Message{
			Type: adapter.FetchSocketsResponse, UID: uid, Namespace: "/", Request: "1", Sockets: []adapter.Socket{{ID: "a", Data: data}},
		}))
		eventually(t, "the row", func() bool { return query[int](t, "SELECT count(*) FROM "+prefix) > n })
		_ = attached(t, adapter.FetchSocketsResponse)
	})
	t.Run("A6.3 B16", func(t *testing.T) {
		for _, nsp := range []string{`/a"b';--`, "/" + strings.Repeat("é", 100), "/" + strings.Repeat("é", 99) + "x"} {
			a := join(t, m.bus, nsp, uid)
			b := join(t, newBus(t, postgres.Config{Prefix: prefix, Table: prefix}), nsp, peer)
			assert.NoError(t, a.Publish(a.event(t, "x")))
			eventually(t, "the event", func() bool { return len(b.messages()) == 1 })
			assert.Equal(t, b.messages()[0].Namespace, nsp)
			assert.NoError(t, b.Leave())
		}
		_, err := m.bus.Join(adapter.Peer{Namespace: "/\x00", UID: uid, Receiver: new(receiver)})
		assert.Error(t, err)
	})
	t.Run("limit", func(t *testing.T) {
		m := join(t, newBus(t, postgres.Config{Prefix: prefix, MaxMessage: 100}), "/", uid)
		assert.Error(t, m.Publish(m.event(t, strings.Repeat("x", 100))))
	})
}

// TestBatch_equal has equal messages sent in one transaction, where PostgreSQL would drop all but one.
func TestBatch_equal(t *testing.T) {
	t.Parallel()
	prefix := fresh()
	a := join(t, newBus(t, postgres.Config{Prefix: prefix, Table: prefix}), "/", uid)
	b := join(t, newBus(t, postgres.Config{Prefix: prefix, Table: prefix}), "/", peer)
	const n = 1000
	same := a.event(t, "tick")
	for range n {
		assert.NoError(t, a.Publish(same))
	}
	assert.NoError(t, a.Publish(a.event(t, "last")))
	eventually(t, "the last event", func() bool {
		got := b.messages()
		return len(got) > 0 && text(t, got[len(got)-1]) == `"last"`
	})
	assert.Equal(t, len(b.messages()), n+1)
}

// TestReceive has what others send.
func TestReceive(t *testing.T) {
	t.Parallel()
	prefix := fresh()
	m := join(t, newBus(t, postgres.Config{Prefix: prefix, Table: prefix, MaxMessage: 1000}), "/", uid)
	schema, err := postgres.Schema(&postgres.Config{Table: prefix})
	assert.NoError(t, err)
	execute(t, schema)
	send := func(payload string) {
		t.Helper()
		execute(t, "SELECT pg_notify($1, $2)", prefix+"#/", payload)
	}
	attach := func(payload []byte) int64 {
		t.Helper()
		return query[int64](t, "INSERT INTO "+prefix+" (payload) VALUES ($1) RETURNING id", payload)
	}
	const body = `"type":3,"data":{"packet":{"type":2,"data":[%q]},"opts":{"rooms":[],"except":[],"flags":{}}},"uid":"` + peer + `"`
	packed := func(name string) []byte {
		other := *m
		other.uid = peer
		data, err := envelope.AppendPacked(nil, other.event(t, name, []byte{1}))
		assert.NoError(t, err)
		return data
	}

	send(fmt.Sprintf(`{`+body+`,"nsp":"/"}`, "A6.4"))
	send(fmt.Sprintf(`{`+body+`}`, "B5 A10.4"))
	send(fmt.Sprintf(`{`+body+`,"nsp":"/","nodeId":"0123456789abcdef"}`, "A6.11"))
	send(fmt.Sprintf(`{"uid":%q,"type":3,"attachmentId":"%d"}`, peer, attach(packed("A6.6"))))
	send(fmt.Sprintf(`{"uid":%q,"type":3,"attachmentId":%d}`, peer, attach(packed("number"))))
	send(fmt.Sprintf(`{`+body+`,"nsp":"/","attachmentId":null}`, "null"))
	send(strings.ReplaceAll(fmt.Sprintf(`{`+body+`,"nsp":"/"}`, "own"), peer, uid)) // A2.1
	send(fmt.Sprintf(`{"uid":%q,"type":3,"attachmentId":"%d"}`, uid, attach(packed("own"))))
	send(fmt.Sprintf(`{`+body+`,"nsp":"/","offset":"1-1","tag":1}`, "a log is not ours"))
	bad := []string{
		"", "x", "[]", "null", "{", `{"type":3`, `{}`, `{"type":99,"uid":"a"}`, `{"type":3,"uid":"a","nsp":"/"}`,
		fmt.Sprintf(`{`+body+`,"nsp":"/other"}`, "x"), `{"uid":{},"type":2}`, `{"uid":"a","type":3,"attachmentId":"x"}`,
		`{"uid":"a","type":3,"attachmentId":"-1"}`, `{"uid":"a","type":3,"attachmentId":"99999999999999999999"}`,
		`{"uid":"a","type":3,"attachmentId":"999999"}`, `{"uid":"a","type":3,"attachmentId":{}}`,
		`{"type":2,"uid":"a","offset":"x"}`, `{"type":2,"uid":"a","tag":-1}`, strings.Repeat("[", 7999), `{"a":` + strings.Repeat("[", 7000),
		fmt.Sprintf(`{"uid":"a","type":3,"attachmentId":"%d"}`, attach(nil)),
		fmt.Sprintf(`{"uid":"a","type":3,"attachmentId":"%d"}`, attach([]byte{0xc1})),
		fmt.Sprintf(`{"uid":"a","type":3,"attachmentId":"%d"}`, attach(make([]byte, 1001))),
	}
	for _, payload := range bad {
		send(payload)
	}
	send(fmt.Sprintf(`{`+body+`,"nsp":"/"}`, "last"))
	eventually(t, "the last event", func() bool {
		got := m.messages()
		return len(got) > 0 && strings.Contains(text(t, got[len(got)-1]), "last")
	})
	// Nobody reads what a header says is ours.
	assert.Equal(t, m.events(t), []string{
		`"A6.4"`, `"B5 A10.4"`, `"A6.11"`, `"A6.6""AQ=="`, `"number""AQ=="`, `"null"`, `"a log is not ours"`, `"last"`,
	})
	for _, msg := range m.messages() {
		assert.Equal(t, msg.Namespace+msg.Offset, "/")
	}
	assert.Equal(t, m.malformed(), len(bad))
}

// TestCleanup_A6_7 has old attachments deleted.
func TestCleanup_A6_7(t *testing.T) {
	t.Parallel()
	prefix := fresh()
	m := join(t, newBus(t, postgres.Config{
		Prefix: prefix, Table: prefix, Cleanup: 50 * time.Millisecond, Log: &postgres.Log{Table: prefix + "_l", Sessions: prefix + "_s", MaxRows: 3},
	}), "/", uid)
	assert.NoError(t, m.Publish(m.event(t, []byte{1}))) // not an event, but nobody sees it
	eventually(t, "the table", func() bool { return query[bool](t, "SELECT to_regclass($1) IS NOT NULL", prefix) })
	eventually(t, "an empty table", func() bool { return query[int](t, "SELECT count(*) FROM "+prefix) == 0 })
	log := m.Link.(adapter.Log)
	assert.NoError(t, log.Save(&adapter.Session{ID: "a", PID: "b"}, time.Millisecond))
	for range 10 {
		log.Append(m.event(t, "x"), func(string, error) {})
	}
	eventually(t, "a short log", func() bool {
		return query[int](t, "SELECT coalesce(max(id), 0) FROM "+prefix+"_l") == 10 && query[int](t, "SELECT count(*) FROM "+prefix+"_l") == 3
	})
	eventually(t, "no sessions", func() bool { return query[int](t, "SELECT count(*) FROM "+prefix+"_s") == 0 })
}

// TestEmitter_A9_6 has what an emitter sends.
func TestEmitter_A9_6(t *testing.T) {
	t.Parallel()
	prefix := fresh()
	cfg := postgres.EmitterConfig{Prefix: prefix, Table: prefix}
	e, err := postgres.NewEmitter(pool(t, nil), &cfg)
	assert.NoError(t, err)
	conn := raw(t, prefix+"#/chat")
	assert.NoError(t, e.Of("chat").To("a").Except("b").Emit("hello", 1))
	// B5: with the namespace.
	assert.Equal(t, next(t, conn), `{"type":3,"data":{"packet":{"type":2,"data":["hello",1]},"opts":{"rooms":["a"],"except":["b"],"flags":{}}},"uid":"emitter","nsp":"/chat"}`)
	assert.NoError(t, e.Of("/chat").ServerSideEmit("x"))
	assert.Equal(t, next(t, conn), `{"type":9,"data":{"packet":["x"]},"uid":"emitter","nsp":"/chat"}`)
	assert.NoError(t, e.Of("/chat").Emit("bin", []byte{1})) // makes the table
	assert.Equal(t, next(t, conn), `{"uid":"emitter","type":3,"attachmentId":"1"}`)
	assert.Error(t, e.Of("/\x00").Emit("x"))
	assert.Error(t, e.Emit("connect"))
	_, err = postgres.NewEmitter(pool(t, nil), &postgres.EmitterConfig{Table: "x; DROP TABLE y"})
	assert.Error(t, err)
	m := join(t, newBus(t, postgres.Config{Prefix: prefix, Table: prefix}), "/chat", uid)
	assert.NoError(t, e.Of("/chat").Emit("a"))
	assert.NoError(t, e.Of("/chat").Emit("b", []byte("x")))
	eventually(t, "the events", func() bool { return len(m.messages()) == 2 })
	assert.Equal(t, m.events(t), []string{`"a"`, `"b""eA=="`})
}
