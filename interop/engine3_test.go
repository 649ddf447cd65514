// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

const (
	polling3   = "EIO=3&transport=polling"
	websocket3 = "EIO=3&transport=websocket"
)

// TestEngine3 is what differs in the conformance list of Engine.IO revision 3
// (behaviour.md 9.2, and the rows of 1.12); the rest is TestEngine.
func TestEngine3(t *testing.T) {
	list := []struct {
		name string
		path string // engine3/ where the heartbeat matters, which is short there
		test func(*testing.T, *peer)
	}{
		{"polling handshake", "engine3/", polling3Handshake},
		{"polling handshake refused", "echo/", polling3Refused},
		{"ws handshake", "echo/", ws3Handshake},
		{"polling echo", "echo/", polling3Echo},
		{"polling echo of a payload", "echo/", polling3Payload},
		{"polling echo of a binary payload", "echo/", polling3Binary},
		{"polling POST of a binary payload", "echo/", polling3BinaryPost},
		{"polling malformed payload ends the session", "echo/", polling3Malformed},
		{"polling two GETs", "echo/", polling3Overlap},
		{"polling heartbeat", "engine3/", polling3Heartbeat},
		{"polling without pings", "engine3/", polling3NoPing},
		{"polling pong ends the session", "echo/", polling3Pong},
		{"polling close", "echo/", polling3Close},
		{"polling JSONP", "echo/", polling3JSONP},
		{"ws echo", "echo/", ws3Echo},
		{"ws malformed message", "echo/", ws3Malformed},
		{"ws heartbeat", "engine3/", ws3Heartbeat},
		{"ws without pings", "engine3/", ws3NoPing},
		{"ws close", "engine3/", ws3Close},
		{"upgrade", "echo/", upgrade3},
		{"upgrade, then a GET", "echo/", upgrade3ThenGet},
		{"upgrade, then a second ws", "echo/", upgrade3Twice},
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, newPeer(t, servers(t).plain+c.path))
		})
	}
}

// open3 makes a polling session and returns the query of its requests.
func (p *peer) open3(more string) string {
	p.t.Helper()
	r := p.want(http.MethodGet, polling3+more, "", http.StatusOK, "*")
	text := r.body
	if strings.HasPrefix(r.header.Get("Content-Type"), "text/") {
		text = only3(p.t, text)
	}
	return polling3 + more + "&sid=" + handshake(p.t, text).SID
}

// only3 returns the one packet of a text payload.
func only3(t *testing.T, payload string) string {
	t.Helper()
	head, packet, ok := strings.Cut(payload, ":")
	n, err := strconv.Atoi(head)
	if !ok || err != nil || n != len(utf16.Encode([]rune(packet))) {
		t.Fatalf("got %q, want a payload of one packet", payload)
	}
	return packet
}

// postBinary sends a payload of content type application/octet-stream.
func (p *peer) postBinary(query, body string) reply {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.base+"?"+query, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, body: string(data), header: res.Header, err: err}
}

func polling3Handshake(t *testing.T, p *peer) {
	for _, more := range []string{"&b64=1", ""} {
		r := p.want(http.MethodGet, polling3+more, "", http.StatusOK, "*")
		h := handshake(t, only3(t, r.body))
		want := hello{SID: h.SID, Upgrades: []string{"websocket"}, PingInterval: 300, PingTimeout: 200, MaxPayload: 1e6}
		text, _ := json.Marshal(want)
		if got := only3(t, r.body); got != "0"+string(text) { // E1.15
			t.Errorf("got %q, want %q", got, "0"+string(text))
		}
		if got := r.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
			t.Errorf("Content-Type %q", got)
		}
	}
	// E1.5: anything but exactly 4 is revision 3.
	for _, query := range []string{"transport=polling", "EIO=abc&transport=polling", "EIO=4&EIO=&transport=polling"} {
		r := p.want(http.MethodGet, query, "", http.StatusOK, "*")
		handshake(t, only3(t, r.body))
	}
	// Both revisions at one server.
	handshake(t, p.want(http.MethodGet, polling, "", http.StatusOK, "*").body)
}

func polling3Refused(t *testing.T, p *peer) {
	q := p.open3("&b64=1")
	for _, c := range []struct{ method, query, text string }{
		{"GET", "EIO=3", `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=3&transport=abc", `{"code":0,"message":"Transport unknown"}`},
		{"POST", polling3, `{"code":2,"message":"Bad handshake method"}`},
		{"GET", polling3 + "&sid=nobody", `{"code":1,"message":"Session ID unknown"}`},
		{"GET", strings.Replace(q, "=polling", "=websocket", 1), `{"code":3,"message":"Bad request"}`},
	} {
		p.want(c.method, c.query, "", http.StatusBadRequest, c.text)
	}
	if !control { // JS differs: JSONP has to be admitted
		p = newPeer(t, servers(t).plain+"engine3/")
		p.want("GET", polling3+"&j=1", "", http.StatusForbidden, `{"code":4,"message":"Forbidden"}`)
	}
}

func ws3Handshake(t *testing.T, p *peer) {
	if h := handshake(t, p.dial(websocket3).text()); h.Upgrades == nil || len(h.Upgrades) != 0 {
		t.Errorf("upgrades: got %q, want []", h.Upgrades)
	}
}

// E12.1: lengths are in UTF-16 code units.
func polling3Echo(_ *testing.T, p *peer) {
	q := p.open3("&b64=1")
	for _, body := range []string{"6:4hello", "1:4", "5:4€ 😀", "4:4ä\x1e:"} {
		p.post(q, body)
		p.get(q, body)
	}
}

// E12.2: binary is base64, with the digit of its type.
func polling3Payload(_ *testing.T, p *peer) {
	q := p.open3("&b64=1")
	for _, body := range []string{"6:4test16:4test26:4test3", "6:4hello10:b4AQIDBA==", "2:b4", "6:b4AA=="} {
		p.post(q, body)
		p.get(q, body)
	}
}

// E12.3: a payload with binary is binary for a client that did not ask for base64,
// and one without is text.
func polling3Binary(t *testing.T, p *peer) {
	q := p.open3("")
	p.post(q, "6:4hello10:b4AQIDBA==")
	r := p.want(http.MethodGet, q, "", http.StatusOK, "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04")
	if got := r.header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("Content-Type %q", got)
	}
	p.post(q, "6:4hello")
	r = p.want(http.MethodGet, q, "", http.StatusOK, "6:4hello")
	if got := r.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("Content-Type %q", got)
	}
	// Lengths are in bytes, in decimal digits, here.
	p.post(q, "5:4€ 😀22:b4AAAAAAAAAAAAAAAAAAAA")
	p.get(q, "\x00\x09\xff4€ 😀\x01\x01\x06\xff\x04"+strings.Repeat("\x00", 15))
}

// E12.4
func polling3BinaryPost(t *testing.T, p *peer) {
	q := p.open3("")
	for _, body := range []string{
		"\x01\x05\xff\x04\x01\x02\x03\x04",
		"\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04\x00\x01\xff4",
		"\x01\x01\xff\x04",
	} {
		if r := p.postBinary(q, body); r.status != http.StatusOK || r.body != "ok" {
			t.Fatalf("POST %q: got %d %q", body, r.status, r.body)
		}
		p.get(q, body)
	}
	if r := p.postBinary(q, "\x00\x09\xff4€ 😀"); r.status != http.StatusOK {
		t.Fatalf("got %d %q", r.status, r.body)
	}
	p.get(q, "5:4€ 😀")
}

func polling3Malformed(t *testing.T, p *peer) {
	for _, body := range []string{"abc", "", "6:4hell", "x:4", "3:4a", "1:9", "6:4hello3", ":4", "-1:4"} {
		q := p.open3("&b64=1")
		if r := p.do(t.Context(), http.MethodPost, q, body); r.status != 200 && r.status != 400 {
			t.Errorf("POST %q: got %d %q %v", body, r.status, r.body, r.err)
		}
		p.gone(q)
	}
}

func polling3Overlap(t *testing.T, p *peer) {
	q := p.open3("&b64=1")
	both := make(chan reply, 2)
	for range 2 {
		go func() { both <- p.do(context.WithoutCancel(t.Context()), http.MethodGet, q, "") }()
	}
	a, b := <-both, <-both
	if a.status == http.StatusOK {
		a, b = b, a
	}
	if a.status != http.StatusBadRequest || a.body != "" || b.status != http.StatusOK || b.body != "1:1" {
		t.Errorf(`got %d %q and %d %q, want 400 "" and 200 "1:1"`, a.status, a.body, b.status, b.body)
	}
	p.want(http.MethodGet, q, "", http.StatusBadRequest, `{"code":1,"message":"Session ID unknown"}`)
}

// E8.4: the client pings; what the ping carries is not sent back.
func polling3Heartbeat(_ *testing.T, p *peer) {
	q := p.open3("&b64=1")
	for range 3 {
		p.post(q, "1:2")
		p.get(q, "1:3")
	}
	p.post(q, "6:2probe")
	p.get(q, "1:3")
}

func polling3NoPing(t *testing.T, p *peer) {
	q := p.open3("&b64=1")
	first := make(chan reply, 1)
	go func() { first <- p.do(context.WithoutCancel(t.Context()), http.MethodGet, q, "") }()
	// No ping comes from the server, and the pending GET is freed.
	if r := <-first; r.body == "1:2" {
		t.Errorf("pending GET: got %q", r.body)
	}
	p.gone(q)
}

func polling3Pong(_ *testing.T, p *peer) {
	q := p.open3("&b64=1")
	p.do(p.t.Context(), http.MethodPost, q, "1:3")
	p.gone(q)
}

func polling3Close(t *testing.T, p *peer) {
	q := p.open3("&b64=1")
	first := make(chan reply, 1)
	go func() { first <- p.do(context.WithoutCancel(t.Context()), http.MethodGet, q, "") }()
	settle(t)
	p.post(q, "1:1")
	if r := <-first; r.status != http.StatusOK || r.body != "1:6" {
		t.Errorf(`pending GET: got %d %q %v, want 200 "1:6"`, r.status, r.body, r.err)
	}
	p.want(http.MethodGet, q, "", http.StatusBadRequest, `{"code":1,"message":"Session ID unknown"}`)
}

// E4.1-E4.3: responses are scripts, POSTs are forms.
func polling3JSONP(t *testing.T, p *peer) {
	r := p.want(http.MethodGet, polling3+"&b64=1&j=7x", "", http.StatusOK, "*")
	script := func(r reply) string {
		body, ok := strings.CutPrefix(r.body, "___eio[7](")
		body, end := strings.CutSuffix(body, ");")
		var text string
		if err := json.Unmarshal([]byte(body), &text); !ok || !end || err != nil {
			t.Fatalf("got %q, want a call of ___eio[7]", r.body)
		}
		return text
	}
	q := polling3 + "&b64=1&sid=" + handshake(t, only3(t, script(r))).SID
	post := func(d string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.base+"?"+q+"&j=8", strings.NewReader(d))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := p.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || string(body) != "ok" {
			t.Fatalf("POST %q: got %s %q", d, res.Status, body)
		}
	}
	get := func(want string) {
		t.Helper()
		r := p.want(http.MethodGet, q, "", http.StatusOK, "*")
		if got := script(r); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		if strings.ContainsAny(r.body, "\u2028\u2029") {
			t.Errorf("%q is not a script everywhere", r.body)
		}
	}
	post("d=6:4hello")
	get("6:4hello")
	post("d=7%3A4%E2%82%AC%20%F0%9F%98%80%E2%80%A8%22")
	get("7:4€ 😀\u2028\"")
	// A form has no newlines: the client escapes them, and doubles what looks escaped.
	post(`d=4:4a\nb`)
	get("4:4a\nb")
	post(`d=5:4a\\nb`)
	get(`5:4a\nb`)
}

// E5.1: binary frames begin with the type.
func ws3Echo(t *testing.T, p *peer) {
	s := p.dial(websocket3)
	handshake(t, s.text())
	for _, text := range []string{"4hello", "4", "4€ 😀", "4" + strings.Repeat("y", 70_000)} {
		s.say(text)
		s.want(text)
	}
	for _, n := range []int{0, 1, 124, 125, 70_000} {
		data := make([]byte, 1+n)
		data[0] = 4
		for i := range n {
			data[1+i] = byte(i)
		}
		s.write(opBinary, data)
		s.wantBinary(data)
	}
	s = p.dial(websocket3 + "&b64=1")
	handshake(t, s.text())
	s.write(opBinary, []byte{4, 1, 2, 3, 4})
	s.want("b4AQIDBA==")
	s.say("b4AQIDBA==")
	s.want("b4AQIDBA==")
}

func ws3Malformed(t *testing.T, p *peer) {
	for _, text := range []string{"abc", "", "9x", "3"} {
		s := p.dial(websocket3)
		handshake(t, s.text())
		s.say(text)
		s.closed()
	}
}

func ws3Heartbeat(t *testing.T, p *peer) {
	s := p.dial(websocket3)
	handshake(t, s.text())
	for range 3 {
		s.say("2")
		s.want("3")
	}
	s.say("2probe", "4hello")
	s.want("3", "4hello")
}

func ws3NoPing(t *testing.T, p *peer) {
	s := p.dial(websocket3)
	handshake(t, s.text())
	op, data, err := s.read()
	if err == nil && op != opClose {
		t.Fatalf("got opcode %d %q, want the end", op, data)
	}
}

func ws3Close(t *testing.T, p *peer) {
	s := p.dial(websocket3)
	handshake(t, s.text())
	s.say("1")
	s.closed()
}

// upgraded3 makes a session on polling and moves it to a WebSocket.
func upgraded3(p *peer) (*socket, string) {
	p.t.Helper()
	q := p.open3("&b64=1")
	s := p.dial(strings.Replace(q, "=polling", "=websocket", 1))
	s.say("2probe")
	s.want("3probe")
	p.get(q, "1:6")
	s.say("5")
	return s, q
}

func alive3(s *socket) {
	s.t.Helper()
	s.say("4hello")
	s.want("4hello")
}

func upgrade3(_ *testing.T, p *peer) {
	s, _ := upgraded3(p)
	alive3(s)
	s.say("2")
	s.want("3")
}

func upgrade3ThenGet(_ *testing.T, p *peer) {
	s, q := upgraded3(p)
	alive3(s)
	p.want(http.MethodGet, q, "", http.StatusBadRequest, `{"code":3,"message":"Bad request"}`)
	alive3(s)
}

func upgrade3Twice(_ *testing.T, p *peer) {
	s, q := upgraded3(p)
	alive3(s)
	p.dial(strings.Replace(q, "=polling", "=websocket", 1)).closed()
	alive3(s)
}
