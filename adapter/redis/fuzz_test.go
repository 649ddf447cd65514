// SPDX-License-Identifier: MIT

package redis

import (
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/sio-go/sio/adapter"
)

// FuzzRead reads anything as anything: no panic, and what is read can be written.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		`{"uid":"K3v7gN","type":2,"opts":{"rooms":["room1"],"except":[]},"rooms":["a","b"]}`,
		`{"uid":"K3v7gN","requestId":"lHvtSp","type":5,"opts":{"rooms":[],"except":[]}}`,
		`{"uid":"K3v7gN","requestId":"q","type":0,"rooms":[1]}`, `{"requestId":"q","type":1}`,
		`{"requestId":"q","type":3,"sid":"s","room":"r"}`, `{"type":4,"opts":{},"close":true}`,
		`{"uid":"K3v7gN","requestId":"3fgg_L","type":6,"data":["sse",1]}`, `{"type":6,"requestId":"q","data":"resp1"}`,
		`{"type":8,"requestId":"q","clientCount":1}`, "\x83\xa4type\x09\xa9requestId\xa1q\xa6packet\x01",
		`{"requestId":"q","sockets":[{"id":"x","handshake":{},"rooms":["x"],"data":{}}]}`,
		`{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":[],"except":[],"flags":{}}}`,
		"hKNzaWShcaNwaWShcKVyb29tc5ChZGF0YYA=", "{", "", "\xdf\xff\xff\xff\xff",
	} {
		f.Add([]byte(text))
	}
	trace, _ := hex.DecodeString("93a64b337637674e83a47479706502a46461746193a265760181a161a162a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380")
	f.Add(trace)
	f.Fuzz(func(t *testing.T, data []byte) {
		var cfg *Config
		full := cfg.with()
		form := newClassic(&full)
		for i, kind := range []adapter.Type{adapter.Broadcast, adapter.FetchSockets, adapter.ServerSideEmit} {
			id := []string{"q", "3fgg_L", "lHvtSp"}[i]
			form.asks.add(id, kind)
		}
		write := func(m *adapter.Message) {
			if _, _, err := form.encode(m, ""); err != nil {
				t.Errorf("%v cannot be written: %v", m.Type, err)
			}
		}
		if m, err := parseBroadcast(data, "/", "me"); err == nil && m != nil {
			write(m)
		}
		if list, err := parseRequest(data, "/"); err == nil {
			for _, m := range list {
				write(m)
			}
		}
		if list, err := parseAnswer(data, "/", form.asks); err == nil {
			for _, m := range list {
				write(m)
			}
		}
		for _, kind := range []string{"3", "9"} {
			if m, err := parseEntry("1-1", map[string]string{"uid": "a", "nsp": "/", "type": kind, "data": string(data)}); err == nil {
				write(m)
			}
		}
		_, _ = parseSession(string(data))
	})
}

// TestAnswer_A3_9 writes the answers to requests of old peers.
func TestAnswer_A3_9(t *testing.T) {
	t.Parallel()
	var none *Config
	cfg := none.with()
	form := newClassic(&cfg)
	sockets := []adapter.Socket{{ID: "x", Rooms: []string{"x", "r"}}, {ID: "y", Rooms: []string{"y", "r"}}}
	for request, want := range map[string]string{
		asIDs + "q":   `{"requestId":"q","sockets":["x","y"]}`,
		asRooms + "q": `{"requestId":"q","rooms":["r","x","y"]}`,
		asDone + "q":  `{"requestId":"q"}`,
	} {
		m := &adapter.Message{Type: adapter.FetchSocketsResponse, UID: "a", Namespace: "/", Request: request, Sockets: sockets}
		args, _, err := form.encode(m, "b")
		if err != nil || len(args) != 3 || args[1] != "socket.io-response#/#" || args[2] != want {
			t.Errorf("got %q, %v, want %s", args, err, want)
		}
	}
	m := &adapter.Message{Type: adapter.FetchSocketsResponse, UID: "a", Namespace: "/", Request: asDone + "q"}
	if args, _, err := form.encode(m, "b"); args != nil || err != nil {
		t.Errorf("who does not have the socket answers: %q, %v", args, err)
	}
}

// TestAsks gives names to senders: each that has counted sends as many acknowledgements.
func TestAsks(t *testing.T) {
	t.Parallel()
	a := newAsks()
	a.add("q", adapter.Broadcast)
	var got string
	for _, m := range []*adapter.Message{
		{Type: adapter.BroadcastAck}, {Type: adapter.BroadcastClientCount}, {Type: adapter.BroadcastClientCount, Count: 2},
		{Type: adapter.BroadcastAck}, {Type: adapter.BroadcastClientCount, Count: 1}, {Type: adapter.BroadcastAck}, {Type: adapter.BroadcastAck},
	} {
		m.Request = "q"
		for _, m := range a.name(m) {
			got += m.UID + " "
		}
	}
	// The first acknowledgement waits for a count. The last one is one too many.
	if want := "?0 ?1 ?1 ?1 ?2 ?2 "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for range maxAsks {
		a.add("other", adapter.Broadcast)
	}
	if _, known := a.kind("q"); known || len(a.known) > maxAsks {
		t.Error("requests are never forgotten")
	}
}

// TestStream_A5_2 finds the streams of namespaces as Node does.
func TestStream_A5_2(t *testing.T) {
	t.Parallel()
	var none *Config
	cfg := none.with()
	if got := (streams{&cfg}).stream("/my-namespace"); got != "socket.io" {
		t.Errorf("got %q", got)
	}
	cfg.Stream.Count = 4
	if got := (streams{&cfg}).stream("/my-namespace"); got != "socket.io--3" {
		t.Errorf("got %q", got)
	}
}

// FuzzSession reads anything as a session: what is read has what a session must have.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{"hKNzaWShcaNwaWShcKVyb29tc5ChZGF0YYA=", "hKNzaWShc6NwaWShcKVyb29tc5GhcqRkYXRhgA==", "gA==", "", "not base64", "3/////8="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSession(text)
		if err == nil && (s == nil || s.ID == "" || s.PID == "") {
			t.Errorf("a session without ids: %+v", s)
		}
	})
}

// FuzzEntry reads anything as an entry of a stream: what is read has the members of the entry, and
// an offset only if clients may return to it.
func FuzzEntry(f *testing.F) {
	f.Add("1-1", "3", `{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":[],"except":[],"flags":{}}}`)
	f.Add("1-2", "5", `{"opts":{"rooms":["r"],"except":[]},"rooms":["a"]}`)
	f.Add("1-3", "2", "")
	f.Add("1-4", "300", "{}")
	f.Add("1-5", "3", "gqZwYWNrZXSA")
	f.Fuzz(func(t *testing.T, id, kind, data string) {
		m, err := parseEntry(id, map[string]string{"uid": "a", "nsp": "/n", "type": kind, "data": data})
		if err != nil {
			return
		}
		if m.UID != "a" || m.Namespace != "/n" || (m.Offset == id) != (m.Type == adapter.Broadcast || id == "") {
			t.Errorf("type %q became %+v", kind, m)
		}
	})
}

// FuzzURL reads anything as a URL: no error has the password, and what is read can be used.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"127.0.0.1:6379/0?mode=streams&stream_count=3&max_len=10", "x?mode=other", "[", "x?max_len=-1", "x?private=maybe&sharded=1",
		"x/a/b", "x?ca=/none", "x?subscription=static&addr=y:1&master_set=main", "x?dial_timeout=soon", "%zz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		const secret = "Tr0ub4dor"
		if u, err := url.Parse("redis://" + rest); err != nil || !u.Query().Has("ca") { // reads no files
			for _, scheme := range []string{"redis", "rediss", "unix"} {
				option, cfg, err := parse(scheme + "://user:" + secret + "@" + rest)
				switch {
				case err != nil && strings.Contains(err.Error(), secret):
					t.Errorf("the password is told: %v", err)
				case err == nil && (len(option.InitAddress) == 0 || cfg.Mode > Streams || cfg.Stream.Count < 0 || cfg.Stream.MaxLen < 0):
					t.Errorf("%q became %+v, %+v", rest, option, cfg)
				}
			}
		}
	})
}
