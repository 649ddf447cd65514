// SPDX-License-Identifier: MIT

package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
	"github.com/sio-go/sio/internal/assert"
)

// FuzzNotification has anything for the payload of a notification.
func FuzzNotification(f *testing.F) {
	for _, s := range []string{
		`{"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":["room1"],"except":[],"flags":{}}},"uid":"2cc56a4f2e01fd06","nsp":"/"}`,
		`{"type":11,"data":{"requestId":"40272c81093b1010","clientCount":1},"uid":"07239708dc2d440c","nsp":"/"}`,
		`{"uid":"1751da9af396f7d1","type":3,"attachmentId":"1"}`,
		`{"uid":"1751da9af396f7d1","type":3,"attachmentId":"1","tag":7,"offset":"17-1700000000000"}`,
		`{"type":1,"uid":"a","nodeId":"b"}`, "{", "\x84\xa4type\x02", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := parseHeader(payload)
		if err == nil && (h.attachment < 0 || h.offset.id < 0 || h.offset.ms < 0) {
			t.Fatalf("%+v", h)
		}
		m, err := parseMessage("/", payload)
		if err != nil {
			return
		}
		if m.Namespace != "/" {
			t.Fatalf("for %q", m.Namespace)
		}
		// What was read can be sent.
		cfg, err := (*Config)(nil).with()
		assert.NoError(t, err)
		for tag := range uint64(2) {
			p, err := cfg.pack(m, tag)
			if err != nil {
				continue
			}
			if n := len(p.head) + len(p.tail); n > maxPayload {
				t.Fatalf("a payload of %d bytes", n)
			}
		}
	})
}

// FuzzPosition has anything for an offset: what is one says the same again.
func FuzzPosition(f *testing.F) {
	for _, s := range []string{"17-1700000000000", "1", "-", "1-", "-1-1", "99999999999999999999-1", "+1-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := parsePosition(s)
		if !ok {
			return
		}
		if q, ok := parsePosition(p.String()); !ok || q != p || adapter.CompareOffsets(p.String(), p.String()) != 0 {
			t.Fatalf("%q: %v, %v", s, p, q)
		}
	})
}

// FuzzSession has anything for a session.
func FuzzSession(f *testing.F) {
	data, err := adapter.Args(map[string]any{"a": []byte{1}})
	assert.NoError(f, err)
	for _, s := range []*adapter.Session{{ID: "a", PID: "b", Rooms: []string{"a"}, Data: data}, {ID: "a", PID: "b"}} {
		b, err := appendSession(s)
		assert.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSession(b)
		if err != nil {
			return
		}
		again, err := appendSession(s)
		assert.NoError(t, err)
		s2, err := parseSession(again)
		assert.NoError(t, err)
		assert.Equal(t, s2.ID+" "+s2.PID, strings.ToValidUTF8(s.ID+" "+s.PID, "\uFFFD"))
	})
}

// FuzzChannel has any names: a channel fits, and others have another one.
func FuzzChannel(f *testing.F) {
	long := strings.Repeat("é", 40)
	for _, s := range []string{"/", "/chat", "/" + long} {
		f.Add("socket.io", s, s+"x")
		f.Add(long, s, s+"x")
	}
	f.Fuzz(func(t *testing.T, prefix, a, b string) {
		if !text(prefix) || !text("/"+a) || !text("/"+b) {
			return
		}
		x, y := channel(prefix, "/"+a), channel(prefix, "/"+b)
		if len(x) > maxChannel || !text(x) {
			t.Fatalf("%q", x)
		}
		if (x == y) != (a == b) {
			t.Fatalf("%q and %q: %q, %q", a, b, x, y)
		}
	})
}

// TestChannel_A6_3_B16 has names as the official adapter makes them, as long as it can.
func TestChannel_A6_3_B16(t *testing.T) {
	assert.Equal(t, channel("socket.io", "/"), "socket.io#/")
	longest := "/" + strings.Repeat("x", 63-len("socket.io#/"))
	assert.Equal(t, channel("socket.io", longest), "socket.io#"+longest)
	hashed := channel("socket.io", longest+"x")
	assert.True(t, strings.HasPrefix(hashed, "socket.io#~") && len(hashed) == 43, "%q", hashed)
}

// TestBlank has white space that makes equal notifications different.
func TestBlank(t *testing.T) {
	seen := make(map[string]bool)
	for n := range batchCount {
		s := blank(n)
		assert.True(t, !seen[s] && len(s) <= 4 && strings.TrimSpace(s) == "", "%d: %q", n, s)
		seen[s] = true
		_, err := parseHeader([]byte(`{"uid":"a"}` + s))
		assert.NoError(t, err)
	}
}

// TestConfig has settings, and those that are refused.
func TestConfig(t *testing.T) {
	c, err := (*Config)(nil).with()
	assert.NoError(t, err)
	assert.Equal(t, c, Config{
		Prefix: "socket.io", Table: "socket_io_attachments", Threshold: 7999, Cleanup: 30 * time.Second, // A6.1
		MaxMessage: 16 << 20, MaxQueue: 16384, MaxQueueBytes: 64 << 20, Timeout: 5 * time.Second, Probe: 5 * time.Second,
	})
	for _, bad := range []Config{
		{Table: "a b"}, {Table: "a.b.c"}, {Table: `"a`}, {Table: "a;b"}, {Prefix: "\x00"}, {Prefix: "\xff"},
		{Log: &Log{Table: "-"}}, {Log: &Log{Sessions: "-"}},
	} {
		_, err := NewBus(nil, &bad)
		assert.Error(t, err)
		_, err = Schema(&bad)
		assert.Error(t, err)
	}
	sql, err := Schema(&Config{Table: `public."Socket IO"`, Log: &Log{}})
	assert.NoError(t, err)
	assert.Equal(t, strings.Count(sql, "CREATE TABLE IF NOT EXISTS "), 3)
}

// TestOpen_url has URLs, and those that are refused. No error tells the password.
func TestOpen_url(t *testing.T) {
	const address = "postgres://u:secret@127.0.0.1:1/db?sslmode=disable&pool_max_conns=7&prefix=p&table=t&threshold=100" +
		"&log=1&log_table=l&log_sessions=s&log_max_age=1m&log_max_rows=5&log_async=1"
	pool, cfg, err := open(t.Context(), address)
	assert.NoError(t, err)
	pool.Close()
	assert.Equal(t, cfg, Config{
		Prefix: "p", Table: "t", Threshold: 100,
		Log: &Log{Table: "l", Sessions: "s", MaxAge: time.Minute, MaxRows: 5, Async: true},
	})
	assert.Equal(t, pool.Config().MaxConns, int32(7))
	assert.Equal(t, pool.Config().ConnConfig.ConnectTimeout, 5*time.Second)
	for _, bad := range []string{
		"", "redis://x", "postgres://u:secret@h:port/db", "postgres://u:secret@h/db?threshold=x", "postgres://u:secret@h/db?log=yes",
		"postgres://u:secret@h/db?log_max_age=1", "postgres://u:secret@h/db?log_max_rows=0", "postgres://u:secret@h/db?sslmode=x",
		"postgres://u:secret@h/db?table=a;b", "postgres://u:secret@h/db?table=-", "postgres://u:secret@h/db?pool_max_conns=x",
	} {
		_, err := Open(t.Context(), bad)
		assert.Error(t, err)
		assert.True(t, !strings.Contains(err.Error(), "secret"), "%v", err)
		_, _, err = OpenEmitter(t.Context(), bad)
		assert.Error(t, err)
	}
	e, c, err := OpenEmitter(t.Context(), "postgres://u:secret@127.0.0.1:1/db")
	assert.NoError(t, err)
	assert.Error(t, e.Emit("x")) // nobody is there
	assert.NoError(t, c.Close())
}

// TestPack_limit has the room for an offset kept free.
func TestPack_limit(t *testing.T) {
	cfg, err := (*Config)(nil).with()
	assert.NoError(t, err)
	empty, err := envelope.Append(nil, broadcast(t, ""))
	assert.NoError(t, err)
	p, err := cfg.pack(broadcast(t, strings.Repeat("x", maxPayload-offsetRoom-len(empty))), 1<<63-1)
	assert.NoError(t, err)
	assert.True(t, p.attachment == nil, "an attachment")
	all := len(p.head) + len(position{1<<63 - 1, 1<<63 - 1}.String()) + len(p.tail)
	assert.True(t, all <= maxPayload, "%d bytes", all)
}

func broadcast(t *testing.T, v ...any) *adapter.Message {
	t.Helper()
	args, err := adapter.Args(v...)
	assert.NoError(t, err)
	return &adapter.Message{Type: adapter.Broadcast, UID: "0123456789abcdef", Namespace: "/", Args: args}
}
