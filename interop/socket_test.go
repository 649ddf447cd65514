// SPDX-License-Identifier: MIT

package interop_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSocket is the conformance list of Socket.IO revision 5 (behaviour.md 9.3),
// over a server with a connectTimeout of 1 s; each subtest is a line of it.
func TestSocket(t *testing.T) {
	list := []struct {
		name string
		test func(*testing.T, *peer)
	}{
		{"connect", socketConnect},
		{"connect with auth", socketAuth},
		{"connect to a custom namespace", socketCustom},
		{"connect to a custom namespace with auth", socketCustomAuth},
		{"connect to an unknown namespace", socketUnknown},
		{"connect refused", socketRefused},
		{"connect over polling", socketPolling},
		{"garbage as first message", socketGarbageFirst},
		{"no connect within connectTimeout", socketConnectTimeout},
		{"disconnect from the main namespace", socketDisconnect},
		{"disconnect from a custom namespace", socketDisconnectCustom},
		{"connect again after disconnect", socketReconnect},
		{"echo", socketEcho},
		{"echo of two attachments", socketBinary},
		{"ack", socketAck},
		{"ack with binary", socketBinaryAck},
		{"garbage after connect", socketGarbage},
		{"a burst across the upgrade keeps its order", socketUpgrade},
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, newPeer(t, servers(t).plain+"fast/"))
		})
	}
}

// joined opens a WebSocket and connects to the main namespace.
func (p *peer) joined() *socket {
	p.t.Helper()
	s := p.session()
	s.say("40")
	s.accepted("")
	s.want(`42["auth",{}]`)
	return s
}

// accepted expects the CONNECT reply of a namespace: exactly one key, since
// recovery is off.
func (s *socket) accepted(nsp string) {
	s.t.Helper()
	got := s.text()
	if !regexp.MustCompile(`^40` + nsp + `\{"sid":"[\w-]{20}"\}$`).MatchString(got) {
		s.t.Fatalf(`got %q, want 40%s{"sid":"<20>"}`, got, nsp)
	}
}

func socketConnect(_ *testing.T, p *peer) { p.joined() }

func socketAuth(_ *testing.T, p *peer) {
	s := p.session()
	s.say(`40{"token":"123"}`)
	s.accepted("")
	s.want(`42["auth",{"token":"123"}]`)
}

func socketCustom(_ *testing.T, p *peer) {
	s := p.session()
	s.say("40/custom,")
	s.accepted("/custom,")
	s.want(`42/custom,["auth",{}]`)
}

func socketCustomAuth(_ *testing.T, p *peer) {
	s := p.session()
	s.say(`40/custom,{"token":"abc"}`)
	s.accepted("/custom,")
	s.want(`42/custom,["auth",{"token":"abc"}]`)
}

func socketUnknown(_ *testing.T, p *peer) {
	s := p.session()
	s.say("40/random")
	s.want(`44/random,{"message":"Invalid namespace"}`)
	s.say("40/ran?dom=1 x,")
	s.want(`44/ran?dom=1 x,{"message":"Invalid namespace"}`)
	s.say("40") // P3.4: the connection stays
	s.accepted("")
}

func socketRefused(_ *testing.T, p *peer) {
	s := p.session()
	s.say("40/refused,")
	s.want(`44/refused,{"message":"not today","data":{"code":7,"why":["a","b"]}}`)
	s.say("40")
	s.accepted("")
}

func socketPolling(t *testing.T, p *peer) {
	q := p.open()
	p.post(q, `40{"a":1}`)
	body := p.want(http.MethodGet, q, "", http.StatusOK, "*").body
	if !strings.Contains(body, "\x1e") {
		body += "\x1e" + p.want(http.MethodGet, q, "", http.StatusOK, "*").body
	}
	if !regexp.MustCompile(`^40\{"sid":"[\w-]{20}"\}` + "\x1e" + `42\["auth",\{"a":1\}\]$`).MatchString(body) {
		t.Fatalf("got %q", body)
	}
	p.post(q, `451-["message",{"_placeholder":true,"num":0}]`+"\x1ebAQIDBA==")
	p.get(q, `451-["message-back",{"_placeholder":true,"num":0}]`+"\x1ebAQIDBA==")
	p.post(q, `42"x"`)
	p.gone(q)
}

func socketGarbageFirst(_ *testing.T, p *peer) {
	for _, text := range []string{"4abc", "4", `42["message",1]`, "41", "44{}"} {
		p.endsAtOnce(text, func() *socket {
			s := p.session()
			s.say(text)
			return s
		})
	}
}

// endsAtOnce expects that what is said ends a connection, and neither the heartbeat nor the
// connectTimeout, as it is later. A machine that stands still for a moment has two more tries.
func (p *peer) endsAtOnce(what string, say func() *socket) {
	p.t.Helper()
	var took time.Duration
	for range 3 {
		s := say()
		start := time.Now()
		s.closed()
		if took = time.Since(start); took <= 450*time.Millisecond {
			return
		}
	}
	p.t.Errorf("%s: closed only after %v", what, took)
}

func socketConnectTimeout(t *testing.T, p *peer) {
	s := p.session()
	start := time.Now()
	for {
		op, data, err := s.read()
		if err != nil || op == opClose {
			break
		}
		if string(data) == "2" {
			s.say("3")
		}
	}
	if d := time.Since(start); d < 900*time.Millisecond || d > 4*time.Second {
		t.Errorf("closed after %v, want 1 s", d)
	}
}

func socketDisconnect(_ *testing.T, p *peer) {
	s := p.joined()
	s.say("41")
	// P3.9: no reply, and the connection stays.
	for range 2 {
		s.want("2")
		s.say("3")
	}
}

func socketDisconnectCustom(_ *testing.T, p *peer) {
	s := p.joined()
	s.say("40/custom")
	s.accepted("/custom,")
	s.want(`42/custom,["auth",{}]`)
	s.say("41/custom", `42["message","still here"]`)
	s.want(`42["message-back","still here"]`)
}

func socketReconnect(_ *testing.T, p *peer) {
	s := p.joined()
	s.say("41", "40/random") // the answer tells that the DISCONNECT was handled
	s.want(`44/random,{"message":"Invalid namespace"}`)
	s.say("40")
	s.accepted("")
	s.want(`42["auth",{}]`)
}

func socketEcho(_ *testing.T, p *peer) {
	s := p.joined()
	for _, args := range []string{
		`1,"2",{"3":[true]}`,
		`-1.5,null,[],{},"",false`,
		`"€ 😀 \" \\ \n"`,
		`[[[[1]]]],{"a":{"b":{"c":[{"d":null}]}}}`,
		`{"z":1,"a":2}`,
		`9007199254740991,1e-7`,
	} {
		s.say(`42["message",` + args + `]`)
		s.want(`42["message-back",` + args + `]`)
	}
	s.say(`42["message"]`)
	s.want(`42["message-back"]`)
}

func socketBinary(_ *testing.T, p *peer) {
	s := p.joined()
	const args = `{"_placeholder":true,"num":0},"test",{"b":[{"_placeholder":true,"num":1}]}]`
	s.say(`452-["message",` + args)
	s.write(opBinary, []byte{1, 2, 3})
	s.write(opBinary, []byte{4, 5, 6})
	s.want(`452-["message-back",` + args)
	s.wantBinary([]byte{1, 2, 3})
	s.wantBinary([]byte{4, 5, 6})
}

func socketAck(_ *testing.T, p *peer) {
	s := p.joined()
	s.say(`42456["message-with-ack",1,"2",{"3":[false]}]`)
	s.want(`43456[1,"2",{"3":[false]}]`)
	s.say(`420["message-with-ack"]`)
	s.want(`430[]`)
}

func socketBinaryAck(_ *testing.T, p *peer) {
	s := p.joined()
	const args = `{"_placeholder":true,"num":0},"test",{"_placeholder":true,"num":1}]`
	s.say(`452-789["message-with-ack",` + args)
	s.write(opBinary, []byte{1, 2, 3})
	s.write(opBinary, []byte{4, 5, 6})
	s.want(`462-789[` + args)
	s.wantBinary([]byte{1, 2, 3})
	s.wantBinary([]byte{4, 5, 6})
}

// The rows of 2.2 and 2.3: each ends the connection, at once, and no other.
func socketGarbage(t *testing.T, p *peer) {
	other := p.joined()
	for row, texts := range map[string][]string{
		"P2.1":  {"4abc", "49"},
		"P2.2":  {"45", "451", `45a-["a"]`, `451.5-["a"]`},
		"P2.3":  {`45-1-["a"]`, `450-["a"]`},
		"P2.4":  {`4511-["a"]`},
		"P2.7":  {"42{}", `42abc["message-with-ack",1]`, "42[", `42"a"`},
		"P2.8":  {"40[]", "40null", `40"a"`},
		"P2.9":  {"41{}"},
		"P2.11": {"42[]", "42[{}]", "42[null]"},
		"P2.14": {`42["connect"]`, `42["connect_error"]`, `42["disconnect"]`, `42["disconnecting"]`, `42["newListener"]`, `42["removeListener"]`},
		"P2.15": {`451-["message",{"_placeholder":true,"num":0}]|42["message"]`},
		"P3.5":  {`42/custom,["message"]`},
		"P3.6":  {"40"},
		"P3.7":  {`44{"message":"x"}`},
	} {
		for _, text := range texts {
			p.endsAtOnce(row+" "+text, func() *socket {
				s := p.joined()
				s.say(strings.Split(text, "|")...)
				return s
			})
			other.say(`42["message",1]`)
			other.want(`42["message-back",1]`)
		}
	}
	for row, first := range map[string]string{
		"P2.16": "",
		"P2.18": `451-["message",{"_placeholder":true,"num":1}]`,
	} {
		p.endsAtOnce(row, func() *socket {
			s := p.joined()
			if first != "" {
				s.say(first)
			}
			s.write(opBinary, []byte{1})
			return s
		})
	}
}

// E9: messages of both directions keep their order while the transport changes.
func socketUpgrade(t *testing.T, p *peer) {
	q := p.open()
	p.post(q, "40")
	var got []string
	joined := false
	poll := func() {
		for _, packet := range strings.Split(p.want(http.MethodGet, q, "", http.StatusOK, "*").body, "\x1e") {
			switch {
			case strings.HasPrefix(packet, "40{"):
				joined = true
			case packet == "2": // the machine is slow
				p.post(q, "3")
			case strings.HasPrefix(packet, `42["n",`):
				got = append(got, packet)
			}
		}
	}
	for !joined { // who does not wait for that breaks a rule (P3.5)
		poll()
	}
	p.post(q, `42["burst",5]`)
	for len(got) < 5 {
		poll()
	}
	s := p.dial(strings.Replace(q, "=polling", "=websocket", 1))
	s.say("2probe")
	s.want("3probe")
	p.post(q, `42["burst",5]`)
	for len(got) < 10 {
		poll()
	}
	p.get(q, "6")
	s.say("5", `42["burst",5]`)
	for len(got) < 15 {
		text := s.text()
		if text == "2" {
			s.say("3")
			continue
		}
		got = append(got, text)
	}
	want := []string{`42["n",0]`, `42["n",1]`, `42["n",2]`, `42["n",3]`, `42["n",4]`}
	for i, packet := range got {
		if packet != want[i%5] {
			t.Fatalf("packet %d of %q: want %q", i, got, want[i%5])
		}
	}
}
