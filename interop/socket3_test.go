// SPDX-License-Identifier: MIT

package interop_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestSocket3 is Socket.IO as clients of revision 3 see it on the wire (behaviour.md
// 2.4, and the traces of section 10).
func TestSocket3(t *testing.T) {
	list := []struct {
		name string
		test func(*testing.T, *peer)
	}{
		{"P4.1 default namespace", socket3Default},
		{"P4.2 ids", socket3IDs},
		{"P4.3 namespace query", socket3Query},
		{"P4.4 middleware error", socket3Refused},
		{"P4.5 unknown namespace", socket3Unknown},
		{"binary over polling, base64", socket3Base64},
		{"binary over polling", socket3Binary},
		{"binary over ws", socket3WSBinary},
		{"leaving a namespace", socket3Leave},
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, newPeer(t, servers(t).plain+"socket.io/"))
		})
	}
}

// session3 opens a WebSocket session and takes what comes without asking.
func (p *peer) session3() (*socket, hello) {
	p.t.Helper()
	s := p.dial(websocket3)
	h := handshake(p.t, s.text())
	s.want("40", `42["auth",{}]`)
	return s, h
}

// payload3 makes a text payload.
func payload3(packets ...string) string {
	var b strings.Builder
	for _, packet := range packets {
		b.WriteString(strconv.Itoa(len(utf16.Encode([]rune(packet)))) + ":" + packet)
	}
	return b.String()
}

// hear3 reads with GETs until so much came, however it is split.
func (p *peer) hear3(query, want string) {
	p.t.Helper()
	got := ""
	for len(got) < len(want) {
		got += p.want(http.MethodGet, query, "", http.StatusOK, "*").body
	}
	if got != want {
		p.t.Fatalf("got %q, want %q", got, want)
	}
}

func socket3Default(_ *testing.T, p *peer) {
	q := p.open3("&b64=1")
	p.hear3(q, payload3("40", `42["auth",{}]`))
	s, _ := p.session3()
	s.say(`420["ack",1]`)
	s.want("430[1]")
}

func socket3IDs(_ *testing.T, p *peer) {
	s, h := p.session3()
	s.say(`421["id"]`)
	s.want(`431["` + h.SID + `"]`)
	s.say("40/custom,")
	s.want("40/custom,", `42/custom,["auth",{}]`)
	s.say(`42/custom,2["id"]`)
	s.want(`43/custom,2["/custom#` + h.SID + `"]`)
}

func socket3Query(_ *testing.T, p *peer) {
	s, _ := p.session3()
	s.say("40/custom?t=1&u=2,")
	s.want("40/custom,", `42/custom,["auth",{"t":"1","u":"2"}]`)
	// The client has the query in the names of other packets too.
	s.say(`42/custom?t=1&u=2,7["ack","x"]`)
	s.want(`43/custom,7["x"]`)
}

func socket3Refused(_ *testing.T, p *peer) {
	s, _ := p.session3()
	s.say("40/closed,")
	s.want(`44/closed,"closed today"`)
	s.say("40/refused?a=b,")
	s.want(`44/refused,{"code":7,"why":["a","b"]}`)
	s.say(`420["ack",1]`)
	s.want("430[1]")
}

func socket3Unknown(_ *testing.T, p *peer) {
	s, _ := p.session3()
	s.say("40/nobody,")
	s.want(`44/nobody,{"message":"Invalid namespace"}`)
	s.say(`420["ack",1]`)
	s.want("430[1]")
}

const (
	placeholder3 = `451-["message",{"_placeholder":true,"num":0}]`
	back3        = `451-["message-back",{"_placeholder":true,"num":0}]`
)

func socket3Base64(_ *testing.T, p *peer) {
	q := p.open3("&b64=1")
	p.hear3(q, payload3("40", `42["auth",{}]`))
	p.post(q, payload3(placeholder3, "b4AQID"))
	p.hear3(q, payload3(back3, "b4AQID"))
}

func socket3Binary(t *testing.T, p *peer) {
	q := p.open3("")
	p.hear3(q, payload3("40", `42["auth",{}]`))
	if r := p.postBinary(q, "\x00\x04\x05\xff"+placeholder3+"\x01\x04\xff\x04\x01\x02\x03"); r.status != http.StatusOK {
		t.Fatalf("got %d %q", r.status, r.body)
	}
	p.get(q, "\x00\x05\x00\xff"+back3+"\x01\x04\xff\x04\x01\x02\x03")
}

func socket3WSBinary(_ *testing.T, p *peer) {
	s, _ := p.session3()
	s.say(placeholder3)
	s.write(opBinary, []byte{4, 1, 2, 3})
	s.want(back3)
	s.wantBinary([]byte{4, 1, 2, 3})
}

func socket3Leave(_ *testing.T, p *peer) {
	s, _ := p.session3()
	s.say("40/custom,")
	s.want("40/custom,", `42/custom,["auth",{}]`)
	s.say("41/custom,", `420["ack",1]`)
	s.want("430[1]")
	// The server ends "/": the connection stays open.
	s.say(`42["leave-me",false]`)
	s.want("41")
	s.say("2")
	s.want("3")
}
