// SPDX-License-Identifier: MIT

package redis_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/redis"
	"github.com/sio-go/sio/internal/assert"
)

// record is a Receiver that writes down what it is told.
type record struct {
	mu   sync.Mutex
	got  []*adapter.Message
	up   int
	errs []error
}

func (r *record) Receive(m *adapter.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
}

func (r *record) Up() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up++
}

func (r *record) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *record) see(f func() bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return f()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 4000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// join joins a namespace, and waits until it is up.
func join(t *testing.T, b *redis.Bus, nsp, uid string) (adapter.Link, *record) {
	t.Helper()
	r := new(record)
	k, err := b.Join(adapter.Peer{Namespace: nsp, UID: uid, Receiver: r})
	assert.NoError(t, err)
	eventually(t, "Up", func() bool { return r.see(func() bool { return r.up > 0 }) })
	return k, r
}

// spy subscribes to channels, and returns what comes there: channel, space, content.
func spy(t *testing.T, c rueidis.Client, subscribe func(d rueidis.DedicatedClient) rueidis.Completed) func() []string {
	t.Helper()
	var mu sync.Mutex
	var got []string
	d, release := c.Dedicate()
	t.Cleanup(func() { d.Close(); release() })
	d.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m.Channel+" "+m.Message)
	}})
	assert.NoError(t, d.Do(t.Context(), subscribe(d)).Error())
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), got...)
	}
}

func args(t *testing.T, values ...any) (list adapter.Message) {
	t.Helper()
	a, err := adapter.Args(values...)
	assert.NoError(t, err)
	return adapter.Message{Args: a}
}

func unhex(text string) string {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestClassicWire_A3 compares what is published with what was recorded of Node.
func TestClassicWire_A3(t *testing.T) {
	t.Parallel()
	c := client(t, sharedRedis(t))
	p := fresh()
	got := spy(t, c, func(d rueidis.DedicatedClient) rueidis.Completed { return d.B().Psubscribe().Pattern(p + "*").Build() })
	b := redis.NewBus(c, &redis.Config{Prefix: p})
	t.Cleanup(func() { _ = b.Close() })
	const uid = "K3v7gN"
	k, _ := join(t, b, "/", uid)
	var want []string
	send := func(m adapter.Message, to, channel, text string) {
		t.Helper()
		m.UID, m.Namespace = uid, "/"
		if to != "" {
			assert.NoError(t, k.Reply(to, &m))
		} else {
			assert.NoError(t, k.Publish(&m))
		}
		want = append(want, p+channel+" "+text)
	}
	ev := args(t, "ev", 1, map[string]string{"a": "b"}).Args
	one := args(t, 1).Args
	send(adapter.Message{Type: adapter.Broadcast, Args: ev}, "", "#/#", // A3.5
		unhex("93a64b337637674e83a47479706502a46461746193a265760181a161a162a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380"))
	send(adapter.Message{Type: adapter.SocketsJoin, Options: adapter.Options{Rooms: []string{"room1"}}, Rooms: []string{"a", "b"}}, "",
		"-request#/#", `{"uid":"K3v7gN","type":2,"opts":{"rooms":["room1"],"except":[]},"rooms":["a","b"]}`) // A3.11
	send(adapter.Message{Type: adapter.SocketsLeave, Rooms: []string{"a"}}, "",
		"-request#/#", `{"uid":"K3v7gN","type":3,"opts":{"rooms":[],"except":[]},"rooms":["a"]}`) // A3.12
	send(adapter.Message{Type: adapter.DisconnectSockets, Close: true}, "",
		"-request#/#", `{"uid":"K3v7gN","type":4,"opts":{"rooms":[],"except":[]},"close":true}`) // A3.13
	send(adapter.Message{Type: adapter.FetchSockets, Request: "lHvtSp"}, "",
		"-request#/#", `{"uid":"K3v7gN","requestId":"lHvtSp","type":5,"opts":{"rooms":[],"except":[]}}`) // A3.14
	send(adapter.Message{Type: adapter.ServerSideEmit, Request: "3fgg_L", Args: args(t, "sse", 1).Args}, "",
		"-request#/#", `{"uid":"K3v7gN","requestId":"3fgg_L","type":6,"data":["sse",1]}`) // A3.15
	send(adapter.Message{Type: adapter.ServerSideEmitResponse, Request: "3fgg_L", Args: args(t, "resp1").Args}, "other1",
		"-response#/#", `{"type":6,"requestId":"3fgg_L","data":"resp1"}`)
	send(adapter.Message{Type: adapter.BroadcastClientCount, Request: "yM7nf0", Count: 1}, "other1",
		"-response#/#", `{"type":8,"requestId":"yM7nf0","clientCount":1}`) // A3.16
	send(adapter.Message{Type: adapter.BroadcastAck, Request: "yM7nf0", Args: one}, "other1",
		"-response#/#", "\x83\xa4type\x09\xa9requestId\xa6yM7nf0\xa6packet\x01")
	send(adapter.Message{Type: adapter.FetchSocketsResponse, Request: "\x00ids\x00q", Sockets: []adapter.Socket{{ID: "x"}}}, "other1",
		"-response#/#", `{"requestId":"q","sockets":["x"]}`) // A3.9
	eventually(t, "all messages", func() bool { return len(got()) >= len(want) })
	assert.Equal(t, got(), want)
}

// TestClassicReads_A3 has a server read what Node and others publish.
func TestClassicReads_A3(t *testing.T) {
	t.Parallel()
	c := client(t, sharedRedis(t))
	p := fresh()
	b := redis.NewBus(c, &redis.Config{Prefix: p})
	t.Cleanup(func() { _ = b.Close() })
	k, r := join(t, b, "/", "me")
	k.(adapter.Router).Route("room1", true)
	pub := func(channel, text string) {
		t.Helper()
		assert.NoError(t, c.Do(t.Context(), c.B().Publish().Channel(p+channel).Message(text).Build()).Error())
	}
	pub("#/#room2#", "garbage, unread") // A3.7
	pub("#/#", "garbage")
	pub("-request#/#", "{")
	pub("-request#/#", strings.Repeat("[", 1<<20))
	pub("-response#/#", "\xdd\xff\xff\xff\xff")
	pub("#/#", "\x93\xa2me\x80\x80")
	pub("#/#room1#", unhex("93a64b337637674e82a47479706502a46461746192a265760183a5726f6f6d7391a5726f6f6d31a665786365707490a5666c61677380"))
	pub("-request#/#", `{"requestId":"q","type":2,"sid":"s","room":"a"}`) // A10.5
	pub("-request#/#", `{"uid":"x","requestId":"q","type":0,"rooms":[1]}`)
	pub("-response#/#", `{"requestId":"unknown","sockets":[]}`)
	pub("-request#/#", `{"type":4,"opts":{"rooms":["last"]},"close":true}`)
	eventually(t, "the last message", func() bool {
		return r.see(func() bool { return len(r.got) > 0 && r.got[len(r.got)-1].Type == adapter.DisconnectSockets })
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	var types []adapter.Type
	for _, m := range r.got {
		types = append(types, m.Type)
	}
	assert.Equal(t, types, []adapter.Type{
		adapter.Broadcast, adapter.FetchSockets, adapter.SocketsJoin, adapter.FetchSockets, adapter.DisconnectSockets,
	})
	assert.Equal(t, len(r.errs), 4)
	assert.Equal(t, r.got[4].UID, adapter.EmitterUID)
	assert.Equal(t, r.got[3].Options.Rooms, []string{"1"}) // A10.2
}

// TestStreamsWire_A5 compares entries and sessions with what was recorded of Node.
func TestStreamsWire_A5(t *testing.T) {
	t.Parallel()
	c := client(t, sharedRedis(t))
	p := fresh()
	b := redis.NewBus(c, &redis.Config{Mode: redis.Streams, Prefix: p, Stream: redis.Stream{Name: p, SessionPrefix: p}})
	t.Cleanup(func() { _ = b.Close() })
	k, r := join(t, b, "/", "4b2f1b5fc9f1b9f9")
	m := args(t, "ev", 1, map[string]string{"a": "b"})
	m.Type, m.UID, m.Namespace = adapter.Broadcast, "4b2f1b5fc9f1b9f9", "/"
	offset := make(chan string, 1)
	k.(adapter.Log).Append(&m, func(id string, err error) {
		assert.True(t, err == nil, "appended: %v", err)
		offset <- id
	})
	id := <-offset
	list, err := c.Do(t.Context(), c.B().Xrange().Key(p).Start(id).End(id).Build()).AsXRange()
	assert.NoError(t, err)
	assert.Equal(t, list[0].FieldValues, map[string]string{ // A5.3
		"uid": "4b2f1b5fc9f1b9f9", "nsp": "/", "type": "3",
		"data": `{"packet":{"type":2,"data":["ev",1,{"a":"b"}]},"opts":{"rooms":[],"except":[],"flags":{}}}`,
	})
	// What Node has written is read, and garbage is not (A5.4, A5.7).
	add := func(fields ...string) {
		t.Helper()
		assert.NoError(t, c.Do(t.Context(), c.B().Arbitrary("XADD").Keys(p).Args("*").Args(fields...).Build()).Error())
	}
	add("nsp", "/", "type", "x", "uid", "a")
	add("other", "fields")
	add("uid", "a", "nsp", "/", "type", "3", "data",
		"gqZwYWNrZXSCpHR5cGUCpGRhdGGVo2JpbsQCAQLW/wAAAAHAgaF1wKRvcHRzg6Vyb29tc5CmZXhjZXB0kKVmbGFnc4A=")
	eventually(t, "the broadcast of Node", func() bool { return r.see(func() bool { return len(r.got) == 1 }) })
	assert.Equal(t, r.got[0].Args.Attachments(), [][]byte{{1, 2}})
	assert.Equal(t, len(r.errs), 1)

	const session = "hKNzaWS0cU9NQnZFX0VmdFRYNUlwSEFBQUWjcGlktEtLNHFQRzZkWmFXLXN1SkFBQUFGpXJvb21zk7RxT01CdkVfRWZ0VFg1SXBIQUFBRaVyb29tMaFipGRhdGGBo2Zvb6NiYXI="
	const pid = "KK4qPG6dZaW-suJAAAAF"
	assert.NoError(t, c.Do(t.Context(), c.B().Set().Key(p+pid).Value(session).Build()).Error())
	log := k.(adapter.Log)
	_, err = log.Take(t.Context(), pid, "no offset") // A5.12
	assert.ErrorIs(t, err, adapter.ErrNoSession)
	s, err := log.Take(t.Context(), pid, id)
	assert.NoError(t, err)
	assert.Equal(t, s.ID, "qOMBvE_EftTX5IpHAAAE")
	assert.Equal(t, s.Rooms, []string{s.ID, "room1", "b"})
	_, err = log.Take(t.Context(), pid, id)
	assert.ErrorIs(t, err, adapter.ErrNoSession)
	assert.NoError(t, log.Save(s, time.Minute)) // A5.11
	eventually(t, "the session", func() bool {
		text, _ := c.Do(t.Context(), c.B().Get().Key(p+pid).Build()).ToString()
		return text == session
	})
	_, err = base64.StdEncoding.DecodeString(session)
	assert.NoError(t, err)
}

// TestShardedWire_A4 compares what is published with what was recorded of Node.
func TestShardedWire_A4(t *testing.T) {
	t.Parallel()
	c := client(t, sharedRedis(t))
	p := fresh()
	got := spy(t, c, func(d rueidis.DedicatedClient) rueidis.Completed {
		return d.B().Ssubscribe().Channel(p+"#/#", p+"#/#room1#", p+"#/#abcd#", p+"#/#qOMBvE_EftTX5IpHAAAE#").Build()
	})
	b := redis.NewBus(c, &redis.Config{Mode: redis.Sharded, Prefix: p})
	t.Cleanup(func() { _ = b.Close() })
	k, _ := join(t, b, "/", "2cc56a4f2e01fd06")
	private := redis.NewBus(c, &redis.Config{Mode: redis.Sharded, Prefix: p, Subscription: redis.DynamicPrivate})
	t.Cleanup(func() { _ = private.Close() })
	other, _ := join(t, private, "/", "2cc56a4f2e01fd06")
	m := args(t, "ev")
	m.Type, m.UID, m.Namespace, m.Options.Rooms = adapter.Broadcast, "2cc56a4f2e01fd06", "/", []string{"room1"}
	own := m
	own.Options.Rooms = []string{"qOMBvE_EftTX5IpHAAAE"}
	assert.NoError(t, k.Publish(&m))
	assert.NoError(t, k.Publish(&own))
	assert.NoError(t, k.Reply("abcd", &adapter.Message{Type: adapter.BroadcastClientCount, UID: m.UID, Namespace: "/", Request: "q", Count: 1}))
	eventually(t, "all messages", func() bool { return len(got()) >= 3 })
	assert.NoError(t, other.Publish(&own))
	eventually(t, "the last message", func() bool { return len(got()) >= 4 })
	assert.Equal(t, got(), []string{
		p + `#/#room1# {"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":["room1"],"except":[],"flags":{}}},"uid":"2cc56a4f2e01fd06","nsp":"/"}`,
		p + `#/# {"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":["qOMBvE_EftTX5IpHAAAE"],"except":[],"flags":{}}},"uid":"2cc56a4f2e01fd06","nsp":"/"}`,
		p + `#/#abcd# {"type":11,"data":{"requestId":"q","clientCount":1},"uid":"2cc56a4f2e01fd06","nsp":"/"}`,
		p + `#/#qOMBvE_EftTX5IpHAAAE# {"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":["qOMBvE_EftTX5IpHAAAE"],"except":[],"flags":{}}},"uid":"2cc56a4f2e01fd06","nsp":"/"}`,
	})
}
