// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// An endpoint is an Engine.IO server under test, with pingInterval 300 ms,
// pingTimeout 200 ms and maxPayload 1e6.
type endpoint struct {
	base string
	echo bool // it echoes messages; otherwise it is a Socket.IO server
}

// TestEngine is the conformance list of Engine.IO revision 4 (behaviour.md 9.1);
// each subtest is a line of it.
func TestEngine(t *testing.T) {
	t.Run("echo", func(t *testing.T) {
		t.Parallel()
		engineSuite(t, endpoint{base: servers(t).plain + "engine.io/", echo: true})
	})
	// 9.3: all Engine checks also hold under the path of Socket.IO.
	t.Run("socket.io", func(t *testing.T) {
		t.Parallel()
		engineSuite(t, endpoint{base: servers(t).plain + "fast/"})
	})
}

func engineSuite(t *testing.T, e endpoint) {
	list := []struct {
		name string
		echo bool // needs an echoing server
		test func(*testing.T, endpoint)
	}{
		{"polling handshake", false, pollingHandshake},
		{"polling handshake refused", false, pollingRefused},
		{"ws handshake", false, wsHandshake},
		{"ws handshake refused", false, wsRefused},
		{"polling echo", true, pollingEcho},
		{"polling echo of a payload", true, pollingPayload},
		{"polling malformed payload ends the session", false, pollingMalformed},
		{"polling two GETs", false, pollingOverlap},
		{"polling aborted GET", false, pollingAbort},
		{"polling heartbeat", false, pollingHeartbeat},
		{"polling without pongs", false, pollingNoPong},
		{"polling close", false, pollingClose},
		{"ws echo", true, wsEcho},
		{"ws malformed message", false, wsMalformed},
		{"ws heartbeat", false, wsHeartbeat},
		{"ws without pongs", false, wsNoPong},
		{"ws close", false, wsClose},
		{"ws message above maxPayload", false, wsTooBig},
		{"upgrade", false, upgrade},
		{"upgrade, then a GET", false, upgradeThenGet},
		{"upgrade, then a second ws", false, upgradeTwice},
	}
	for _, c := range list {
		if c.echo && !e.echo {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, e)
		})
	}
}

// join makes a Socket.IO server regard the client as connected, so that its
// connectTimeout does not end the session; an echo server knows no such thing.
func (e endpoint) join(say func(string), hear func(prefix string)) {
	if !e.echo {
		say("40")
		hear("40{")
	}
}

// alive makes a round trip on a WebSocket.
func (e endpoint) alive(s *socket) {
	s.t.Helper()
	if e.echo {
		s.say("4hello")
		s.want("4hello")
		return
	}
	s.say("40/random")
	s.want(`44/random,{"message":"Invalid namespace"}`)
}

func (s *socket) hear(prefix string) {
	s.t.Helper()
	for {
		got := s.text()
		switch {
		case strings.HasPrefix(got, prefix):
			return
		case got == "2":
			s.say("3")
		case !strings.HasPrefix(got, "42"): // events sent on connecting
			s.t.Fatalf("got %q, want %s...", got, prefix)
		}
	}
}

func pollingHandshake(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	r := p.want(http.MethodGet, polling, "", http.StatusOK, "*")
	h := handshake(t, r.body)
	want := hello{SID: h.SID, Upgrades: []string{"websocket"}, PingInterval: 300, PingTimeout: 200, MaxPayload: 1e6}
	text, _ := json.Marshal(want)
	if r.body != "0"+string(text) {
		t.Errorf("got %q, want %q", r.body, "0"+string(text))
	}
	if got := r.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

// The bodies are those of E2.0-E2.6.
func pollingRefused(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	cases := []struct {
		method, query, body string
		status              int
		text                string
	}{
		{"GET", "transport=polling", "", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"GET", "EIO=abc&transport=polling", "", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"GET", "EIO=3&transport=polling", "", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"GET", "EIO=4", "", 400, `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=4&transport=abc", "", 400, `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=4&transport=__proto__", "", 400, `{"code":0,"message":"Transport unknown"}`},
		{"POST", polling, "4a", 400, `{"code":2,"message":"Bad handshake method"}`},
		{"PUT", polling, "4a", 400, `{"code":2,"message":"Bad handshake method"}`},
		{"GET", polling + "&sid=nobody", "", 400, `{"code":1,"message":"Session ID unknown"}`},
		{"POST", polling + "&sid=__proto__", "4a", 400, `{"code":1,"message":"Session ID unknown"}`},
		{"GET", websocket, "", 400, `{"code":3,"message":"Bad request"}`},
	}
	for _, c := range cases {
		r := p.want(c.method, c.query, c.body, c.status, c.text)
		if got := r.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s ?%s: Content-Type %q", c.method, c.query, got)
		}
	}
	// E1.9: a session asked for by another transport than its own.
	q := p.open()
	p.want("GET", strings.Replace(q, "=polling", "=websocket", 1), "", 400, `{"code":3,"message":"Bad request"}`)
	// E1.4: the last of several values counts.
	p.want("GET", "EIO=3&EIO=4&transport=abc&transport=polling", "", 200, "*")
}

func wsHandshake(t *testing.T, e endpoint) {
	s := newPeer(t, e.base).dial(websocket)
	h := handshake(t, s.text())
	if h.Upgrades == nil || len(h.Upgrades) != 0 {
		t.Errorf("upgrades: got %q, want []", h.Upgrades)
	}
}

// E2.7: a refused upgrade is answered in plain text, and the connection ends.
func wsRefused(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	for query, text := range map[string]string{
		"EIO=4":                       "Transport unknown",
		"EIO=4&transport=abc":         "Transport unknown",
		websocket + "&sid=nobody":     "Session ID unknown",
		"transport=websocket":         "Unsupported protocol version",
		"EIO=abc&transport=websocket": "Unsupported protocol version",
	} {
		s, res := p.request(query)
		if control && res.StatusCode == http.StatusSwitchingProtocols {
			continue // B4: the official server says no after it has said yes
		}
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusBadRequest || string(body) != text {
			t.Errorf("?%s: got %d %q, want 400 %q", query, res.StatusCode, body, text)
		}
		if _, err := s.r.ReadByte(); err == nil {
			t.Errorf("?%s: the connection stays open", query)
		}
	}
}

func pollingEcho(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	q := p.open()
	p.post(q, "4hello")
	p.get(q, "4hello")
	p.post(q, "4€ 😀")
	p.get(q, "4€ 😀")
}

func pollingPayload(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	q := p.open()
	for _, body := range []string{"4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA==", "4\x1e4", "bAQIDBA=="} {
		p.post(q, body)
		p.get(q, body)
	}
}

func pollingMalformed(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	for _, body := range []string{"abc", "", "4a\x1e", "\x1e4a", "9", "b&&&&"} {
		if body == "b&&&&" && control {
			continue // the official decoder takes any base64
		}
		q := p.open()
		if r := p.do(t.Context(), http.MethodPost, q, body); r.status != 200 && r.status != 400 {
			t.Errorf("POST %q: got %d %q %v", body, r.status, r.body, r.err)
		}
		// What came before the mistake may have been echoed; then the session is gone.
		p.gone(q)
	}
}

func pollingOverlap(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	q := p.open()
	both := make(chan reply, 2)
	for range 2 {
		go func() { both <- p.do(t.Context(), http.MethodGet, q, "") }()
	}
	// Whichever came second is refused, and frees the first.
	a, b := <-both, <-both
	if a.status == http.StatusOK {
		a, b = b, a
	}
	if a.status != http.StatusBadRequest || a.body != "" || b.status != http.StatusOK || b.body != "1" {
		t.Errorf(`got %d %q and %d %q, want 400 "" and 200 "1"`, a.status, a.body, b.status, b.body)
	}
	p.want(http.MethodGet, q, "", http.StatusBadRequest, `{"code":1,"message":"Session ID unknown"}`)
}

func pollingAbort(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	q := p.open()
	u, _ := url.Parse(e.base)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "GET %s?%s HTTP/1.1\r\nHost: %s\r\n\r\n", u.Path, q, u.Host)
	if err != nil {
		t.Fatal(err)
	}
	settle(t)
	_ = conn.Close()
	settle(t)
	p.want(http.MethodGet, q, "", http.StatusBadRequest, `{"code":1,"message":"Session ID unknown"}`)
}

func pollingHeartbeat(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	q := p.open()
	if !e.echo {
		p.post(q, "40")
		r := p.want(http.MethodGet, q, "", http.StatusOK, "*")
		for !strings.Contains(r.body, "42[") { // the event on connecting may come apart from 40
			r = p.want(http.MethodGet, q, "", http.StatusOK, "*")
		}
	}
	for range 3 {
		p.get(q, "2")
		p.post(q, "3")
	}
}

func pollingNoPong(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	q := p.open()
	p.get(q, "2")
	p.gone(q)
}

func pollingClose(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	q := p.open()
	first := make(chan reply, 1)
	go func() { first <- p.do(t.Context(), http.MethodGet, q, "") }()
	settle(t)
	p.post(q, "1")
	if r := <-first; r.status != http.StatusOK || r.body != "6" {
		t.Errorf(`pending GET: got %d %q %v, want 200 "6"`, r.status, r.body, r.err)
	}
	p.want(http.MethodGet, q, "", http.StatusBadRequest, `{"code":1,"message":"Session ID unknown"}`)
}

func wsEcho(t *testing.T, e endpoint) {
	s := newPeer(t, e.base).session()
	for _, text := range []string{"4hello", "4", "4€ 😀", "4" + strings.Repeat("x", 125), "4" + strings.Repeat("y", 70_000)} {
		s.say(text)
		s.want(text)
	}
	for _, n := range []int{0, 1, 125, 126, 70_000} {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i)
		}
		s.write(opBinary, data)
		s.wantBinary(data)
	}
}

func wsMalformed(t *testing.T, e endpoint) {
	for _, text := range []string{"abc", "", "9x"} {
		s := newPeer(t, e.base).session()
		s.say(text)
		s.closed()
	}
}

func wsHeartbeat(t *testing.T, e endpoint) {
	s := newPeer(t, e.base).session()
	e.join(func(text string) { s.say(text) }, s.hear)
	for rounds := 0; rounds < 3; {
		switch got := s.text(); {
		case got == "2":
			rounds++
			s.say("3")
		case !strings.HasPrefix(got, "42"):
			t.Fatalf("got %q, want a ping", got)
		}
	}
	e.alive(s)
}

func wsNoPong(t *testing.T, e endpoint) {
	s := newPeer(t, e.base).session()
	s.say() // nothing at all
	start := time.Now()
	s.closed()
	if d := time.Since(start); d < 400*time.Millisecond {
		t.Errorf("closed after %v, before interval and timeout were over", d)
	}
}

func wsClose(t *testing.T, e endpoint) {
	s := newPeer(t, e.base).session()
	s.say("1")
	s.closed() // B3: the official server gets there by its ping timeout
}

func wsTooBig(t *testing.T, e endpoint) {
	s := newPeer(t, e.base).session()
	s.write(opText, []byte("4"+strings.Repeat("x", 1_000_001)))
	if code := s.closed(); code != 1009 {
		t.Errorf("close code %d, want 1009", code)
	}
}

// upgraded makes a session on polling and moves it to a WebSocket.
func upgraded(p *peer) (*socket, string) {
	p.t.Helper()
	q := p.open()
	s := p.dial(strings.Replace(q, "=polling", "=websocket", 1))
	s.say("2probe")
	s.want("3probe")
	p.get(q, "6")
	s.say("5")
	return s, q
}

func upgrade(t *testing.T, e endpoint) {
	s, _ := upgraded(newPeer(t, e.base))
	e.alive(s)
}

func upgradeThenGet(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	s, q := upgraded(p)
	e.alive(s) // now the upgrade packet has been read
	p.want(http.MethodGet, q, "", http.StatusBadRequest, `{"code":3,"message":"Bad request"}`)
	e.alive(s)
}

func upgradeTwice(t *testing.T, e endpoint) {
	p := newPeer(t, e.base)
	s, q := upgraded(p)
	e.alive(s)
	p.dial(strings.Replace(q, "=polling", "=websocket", 1)).closed()
	e.alive(s)
}

// settle lets a request arrive: one that is held open by the server announces
// itself by nothing.
func settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	<-ctx.Done()
}
