// SPDX-License-Identifier: MIT

package nats

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
)

// FuzzToken has names of rooms: a token is one token, and names that are short have one of their own.
func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "lobby", "/chat", "a.b", "*", ">", "%", "~", "é", strings.Repeat("x", 65)} {
		f.Add(s, s+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := token(a), token(b)
		if x == "" || len(x) > maxToken || strings.ContainsAny(x, ".*> \t\r\n\x00") {
			t.Fatalf("%q is no token", x)
		}
		if (x == y) != (a == b) {
			t.Fatalf("%q and %q: %q, %q", a, b, x, y)
		}
	})
}

// FuzzSession has anything for a session.
func FuzzSession(f *testing.F) {
	data, err := adapter.Args(map[string]any{"a": []byte{1}})
	assert.NoError(f, err)
	for _, s := range []*adapter.Session{{ID: "a", PID: "b", Rooms: []string{"a"}, Data: data}, {ID: "a", PID: "b"}} {
		b, err := appendSession(s, time.UnixMilli(1700))
		assert.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, until, err := parseSession(b)
		if err != nil {
			return
		}
		again, err := appendSession(s, until)
		assert.NoError(t, err)
		s2, until2, err := parseSession(again)
		assert.NoError(t, err)
		assert.Equal(t, s2.ID+" "+s2.PID, strings.ToValidUTF8(s.ID+" "+s.PID, "\uFFFD"))
		assert.Equal(t, until2, until)
	})
}

// FuzzParse has anything for a message, and for an offset.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"type":3,"data":{"opts":{"rooms":[],"except":[]},"packet":{"type":2,"data":["x"]}},"uid":"peer"}`), "1700-3")
	f.Add([]byte{0x83}, "-")
	info := &jetstream.StreamInfo{Created: time.UnixMilli(1700), State: jetstream.StreamState{FirstSeq: 2, LastSeq: 9}}
	f.Fuzz(func(t *testing.T, b []byte, off string) {
		if m, err := parse("/", b); err == nil && m.Namespace != "/" {
			t.Fatal("another namespace")
		}
		if seq, err := place(info, off); err == nil && (seq < 2 || seq > 9) {
			t.Fatal(seq)
		}
	})
}

// TestRouter has rooms that are fresh, and too many of them.
func TestRouter(t *testing.T) {
	now := time.Now()
	var r router
	m := &adapter.Message{Namespace: "/", Rooms: []string{"a"}}
	r.joined(m, now)
	assert.True(t, r.isFresh("/", "a", now), "a is fresh")
	assert.True(t, !r.isFresh("/other", "a", now), "not there")
	assert.True(t, !r.isFresh("/", "a", now.Add(freshFor)), "not any more")
	m.Rooms = make([]string, maxFresh+1)
	r.joined(m, now)
	assert.True(t, r.isFresh("/", "b", now), "all are")
	assert.True(t, !r.isFresh("/", "b", now.Add(freshFor)), "for a while")
}

// TestOutbox has limits.
func TestOutbox(t *testing.T) {
	var o outbox
	o.init(2, 10*overhead)
	msg := &nats.Msg{Data: make([]byte, 8*overhead)}
	assert.NoError(t, o.push(job{msg: msg}))
	assert.ErrorIs(t, o.push(job{msg: msg}), adapter.ErrQueueFull)
	assert.NoError(t, o.push(job{msg: &nats.Msg{}}))
	assert.ErrorIs(t, o.push(job{msg: &nats.Msg{}}), adapter.ErrQueueFull)
	assert.Equal(t, len(o.close(time.Millisecond)), 2)
	assert.ErrorIs(t, o.push(job{msg: msg}), adapter.ErrClosed)
	assert.Equal(t, streamName("sio.test-1_x"), "SIO_TEST-1_X")
}

// TestOpenSecret: errors do not tell passwords.
func TestOpenSecret(t *testing.T) {
	for _, url := range []string{"nats://user:secret%zz@127.0.0.1:1", "nats://user:secret/1@127.0.0.1:1", "nats://user:se\x7fcret@127.0.0.1:1"} {
		_, err := Open(t.Context(), url, nil)
		assert.ErrorIs(t, err, errURL)
		_, _, err = OpenEmitter(t.Context(), url)
		assert.ErrorIs(t, err, errURL)
		assert.True(t, !strings.Contains(err.Error(), "cret"), "%v", err)
	}
}

// TestOpenConfig: what the URL says is not written into the settings given, which may be used again.
func TestOpenConfig(t *testing.T) {
	cfg := Config{Log: new(Log)}
	bus, err := Open(t.Context(), "nats://127.0.0.1:1?stream=S&replicas=3", &cfg)
	assert.NoError(t, err)
	_ = bus.Close() // it has never been connected
	assert.Equal(t, *cfg.Log, Log{})
}

// FuzzURL reads anything as the URL of a bus: what follows the question mark is ours, and no
// error tells the password before it.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"host:4222", "host?prefix=a&max-rooms=3", "host?log=true&stream=S&max-age=5m&memory=true&replicas=3", "host?max-age=soon", "host?max-rooms=x",
		"host?other=1", "host?%zz", "host?log", "host?prefix=a&prefix=b", "host?creds=&cert=a&key=b", "?", "host?a;b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		const secret = "Tr0ub4dor"
		var c Config
		server, _, err := parseURL("nats://user:"+secret+"@"+rest, &c)
		switch {
		case err != nil && strings.Contains(err.Error(), secret):
			t.Errorf("the password is told: %v", err)
		case err == nil && !strings.HasPrefix("nats://user:"+secret+"@"+rest, server):
			t.Errorf("%q became %q", rest, server)
		}
	})
}
