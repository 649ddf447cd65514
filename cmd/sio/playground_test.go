// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// newPlayground returns the handler of a whole playground.
func newPlayground(t *testing.T) http.Handler {
	t.Helper()
	srv := sio.NewServer(&sio.Config{Logger: slog.New(slog.DiscardHandler)})
	playground(srv.Namespace, nil)
	playground(srv.Of("/playground"), nil)
	chat(srv.Of("/chat"))
	t.Cleanup(func() { _ = srv.Close() })
	return newHandler("/socket.io/", srv, new(echo), nil)
}

// peer is a client that polls.
type peer struct {
	t     *testing.T
	h     http.Handler
	url   string
	id    string // of the socket
	queue []string
}

// dial opens a session, joins a namespace ("" is "/") and returns when it is in.
func dial(t *testing.T, h http.Handler, nsp string) *peer {
	t.Helper()
	p := open(t, h)
	p.send("40" + nsp)
	reply := p.next()
	m := regexp.MustCompile(`^40(/\w+,)?\{"sid":"([\w-]{20})"\}$`).FindStringSubmatch(reply)
	assert.True(t, m != nil && m[1] == nsp, "reply to CONNECT: %s", reply)
	p.id = m[2]
	return p
}

// open opens a session.
func open(t *testing.T, h http.Handler) *peer {
	t.Helper()
	p := &peer{t: t, h: h, url: "/socket.io/?EIO=4&transport=polling"}
	var handshake struct{ SID string }
	assert.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(p.next(), "0")), &handshake))
	p.url += "&sid=" + handshake.SID
	return p
}

func (p *peer) send(packets ...string) {
	p.t.Helper()
	r := httptest.NewRequestWithContext(p.t.Context(), "POST", p.url, strings.NewReader(strings.Join(packets, "\x1e")))
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	assert.Equal(p.t, w.Body.String(), "ok")
}

// next waits for the next packet.
func (p *peer) next() string {
	p.t.Helper()
	for len(p.queue) == 0 {
		w := get(p.t, p.h, "GET", p.url)
		assert.Equal(p.t, w.Code, http.StatusOK)
		p.queue = strings.Split(w.Body.String(), "\x1e")
	}
	packet := p.queue[0]
	p.queue = p.queue[1:]
	return packet
}

// wants checks the next packets, in which SID stands for the socket's id.
func (p *peer) wants(packets ...string) {
	p.t.Helper()
	for _, want := range packets {
		assert.Equal(p.t, p.next(), strings.ReplaceAll(want, "SID", p.id))
	}
}

func TestPlayground(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		send []string
		want []string
	}{
		{"echo", []string{`42["echo","hi",{"n":[1,null]}]`}, []string{`42["echo","hi",{"n":[1,null]}]`}},
		{"echo of nothing", []string{`42["echo"]`}, []string{`42["echo"]`}},
		{"echo of bytes", []string{`451-["echo",1,{"b":{"_placeholder":true,"num":0}}]`, "bAQID"}, []string{`451-["echo",1,{"b":{"_placeholder":true,"num":0}}]`, "bAQID"}},
		{"bin", []string{`451-["bin",{"_placeholder":true,"num":0}]`, "b3q2+7w=="}, []string{`451-["bin",{"_placeholder":true,"num":0}]`, "b3q2+7w=="}},
		{"ack", []string{`420["ack",{"a":1}]`}, []string{`430[{"a":1}]`}},
		{"ack of bytes", []string{`451-7["ack",{"_placeholder":true,"num":0}]`, "bAQID"}, []string{`461-7[{"_placeholder":true,"num":0}]`, "bAQID"}},
		{"broadcast reaches its sender", []string{`42["broadcast","all"]`}, []string{`42["broadcast","all"]`}},
		{"join and leave", []string{`420["join","a"]`, `421["join","b"]`, `422["leave","a"]`}, []string{`430[["SID","a"]]`, `431[["SID","a","b"]]`, `432[["SID","b"]]`}},
		{"room", []string{`42["join","a"]`, `42["room","a","x"]`, `42["room","b","y"]`, `42["echo"]`}, []string{`42["room","x"]`, `42["echo"]`}},
		{"kick", []string{`42["kick"]`}, []string{"41"}},
		{"panic", []string{`42["panic"]`}, []string{"41"}},
		{"wrong arguments", []string{`420["join",7]`, `421["join"]`, `422["room",{}]`, `42["nothing"]`, `42["echo"]`}, []string{`42["echo"]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := dial(t, newPlayground(t), "")
			p.send(c.send...)
			p.wants(c.want...)
		})
	}
}

func TestPlaygroundRejects(t *testing.T) {
	t.Parallel()
	p := open(t, newPlayground(t))
	p.send(`40/playground,{"token":"reject"}`)
	p.wants(`44/playground,{"message":"not authorized","data":{"code":"E_TOKEN","hint":"use any token but this one"}}`)
	p.send(`40/playground,{"token":"let me in"}`)
	assert.True(t, strings.HasPrefix(p.next(), `40/playground,{"sid":`), "not accepted")
}

func TestPlaygroundRooms(t *testing.T) {
	t.Parallel()
	h := newPlayground(t)
	a, b, c := dial(t, h, "/playground,"), dial(t, h, "/playground,"), dial(t, h, "/playground,")
	a.send(`42/playground,0["join","r"]`)
	a.wants(`43/playground,0[["SID","r"]]`)
	b.send(`42/playground,0["join","r"]`)
	b.wants(`43/playground,0[["SID","r"]]`)
	c.send(`42/playground,["room","r","hi"]`)
	a.wants(`42/playground,["room","hi"]`)
	b.wants(`42/playground,["room","hi"]`)
	a.send(`42/playground,["broadcast",1]`)
	for _, p := range []*peer{a, b, c} {
		p.wants(`42/playground,["broadcast",1]`)
	}
	a.send(`42/playground,["panic"]`) // only this socket ends
	a.wants("41/playground,")
	b.send(`42/playground,1["ack","still here"]`)
	b.wants(`43/playground,1["still here"]`)
}

func TestPlaygroundWhoami(t *testing.T) {
	t.Parallel()
	h := newPlayground(t)
	p := dial(t, h, "")
	dial(t, h, "")
	dial(t, h, "/playground,")
	p.send(`425["whoami"]`)
	reply, ok := strings.CutPrefix(p.next(), "435")
	assert.True(t, ok, "not the answer")
	var got []identity
	assert.NoError(t, json.Unmarshal([]byte(reply), &got))
	at, err := time.Parse(time.RFC3339, got[0].ConnectedAt)
	assert.NoError(t, err)
	assert.True(t, time.Since(at) < time.Minute && strings.HasSuffix(got[0].ConnectedAt, "Z"), "connectedAt %s", got[0].ConnectedAt)
	got[0].ConnectedAt = ""
	assert.Equal(t, got, []identity{{ID: p.id, Rooms: []string{p.id}, Transport: "polling", Clients: 2}})
}

func TestChat(t *testing.T) {
	t.Parallel()
	h := newPlayground(t)
	ada, bob := dial(t, h, "/chat,"), dial(t, h, "/chat,")

	ada.send(`42/chat,0["join","tea"]`)
	ada.wants(`43/chat,0[{"error":{"message":"Please choose a name and another room."}}]`)
	ada.send(`42/chat,1["nick"," Ada "]`, `42/chat,2["join","tea"]`)
	ada.wants(`43/chat,1[{"nick":"Ada"}]`, `42/chat,["notice",{"text":"Ada joined"}]`, `42/chat,["users",{"room":"tea","users":["Ada"]}]`, `43/chat,2[{"room":"tea","users":["Ada"]}]`)

	bob.send(`42/chat,0["nick","Ada"]`)
	bob.wants(`43/chat,0[{"error":{"message":"Please choose another name."}}]`)
	bob.send(`42/chat,1["nick","Bob"]`, `42/chat,["message","nobody hears this"]`, `42/chat,2["join","tea"]`)
	bob.wants(`43/chat,1[{"nick":"Bob"}]`, `42/chat,["notice",{"text":"Bob joined"}]`)
	ada.wants(`42/chat,["notice",{"text":"Bob joined"}]`, `42/chat,["users",{"room":"tea","users":["Ada","Bob"]}]`)

	bob.send(`42/chat,["typing",true]`, `42/chat,["message","hello"]`, `42/chat,["message",""]`)
	ada.wants(`42/chat,["typing",{"nick":"Bob","on":true}]`)
	said := ada.next()
	assert.True(t, strings.HasPrefix(said, `42/chat,["message",{"from":"Bob","text":"hello","at":"20`), "message: %s", said)

	bob.send("41/chat,")
	ada.wants(`42/chat,["notice",{"text":"Bob left"}]`, `42/chat,["users",{"room":"tea","users":["Ada"]}]`)
}
