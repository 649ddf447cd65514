// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sio-go/sio/examples/internal/client"
	"github.com/sio-go/sio/internal/assert"
)

func TestPolling(t *testing.T) {
	t.Parallel()
	base := serve(t)
	c := client.New(t, login(t, base, "ada"), base, "/socket.io/")
	connected(t, c.Poll())
	c.Send(`42["say","hello"]`)
	assert.Equal(t, c.Next(), `42["said",{"from":"ada","text":"hello"}]`)
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	base := serve(t)
	c := client.New(t, login(t, base, "ada"), base, "/socket.io/")
	connected(t, c.Dial())
	c.Send(`42["say","hello"]`)
	assert.Equal(t, c.Next(), `42["said",{"from":"ada","text":"hello"}]`)
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	base := serve(t)
	c := client.New(t, login(t, base, "ada"), base, "/socket.io/")
	connected(t, c.Poll())
	c.Upgrade()
	c.Send(`42["say","hello"]`)
	assert.Equal(t, c.Next(), `42["said",{"from":"ada","text":"hello"}]`)
}

// Two users in one server are not mixed up.
func TestUsers(t *testing.T) {
	t.Parallel()
	base := serve(t)
	ada := client.New(t, login(t, base, "ada"), base, "/socket.io/")
	bob := client.New(t, login(t, base, "bob"), base, "/socket.io/")
	connected(t, ada.Dial())
	connected(t, bob.Poll())
	ada.Send(`42["say","hello"]`)
	assert.Equal(t, bob.Next(), `42["said",{"from":"ada","text":"hello"}]`)
	bob.Send(`42["say","hi"]`)
	assert.Equal(t, ada.Next(), `42["said",{"from":"ada","text":"hello"}]`)
	assert.Equal(t, ada.Next(), `42["said",{"from":"bob","text":"hi"}]`)
}

func TestStranger(t *testing.T) {
	t.Parallel()
	base := serve(t)
	const refusal = `44{"message":"please log in"}`
	assert.Equal(t, client.New(t, visitor(t), base, "/socket.io/").Poll(), refusal)
	assert.Equal(t, client.New(t, visitor(t), base, "/socket.io/").Dial(), refusal)
	// A cookie that was never given out is none.
	forger := visitor(t)
	u, err := url.Parse(base)
	assert.NoError(t, err)
	forger.Jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: "forged"}})
	assert.Equal(t, client.New(t, forger, base, "/socket.io/").Dial(), refusal)
}

// The middleware sets the cookie when the status is written: also that of a WebSocket.
func TestCookieOfHandshake(t *testing.T) {
	t.Parallel()
	base := serve(t)
	c := client.New(t, login(t, base, "ada"), base, "/socket.io/")
	connected(t, c.Dial())
	assert.True(t, strings.HasPrefix(c.Header.Get("Set-Cookie"), "session="), "no cookie: %v", c.Header)
	c = client.New(t, login(t, base, "ada"), base, "/socket.io/")
	connected(t, c.Poll())
	assert.True(t, strings.HasPrefix(c.Header.Get("Set-Cookie"), "session="), "no cookie: %v", c.Header)
}

// A logout ends the sockets of its session, and so does a login in the same browser.
func TestLogout(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/logout", "/login"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			base := serve(t)
			hc := login(t, base, "ada")
			window, second := client.New(t, hc, base, "/socket.io/"), client.New(t, hc, base, "/socket.io/")
			elsewhere := client.New(t, login(t, base, "ada"), base, "/socket.io/")
			for _, c := range []*client.Client{window, second, elsewhere} {
				connected(t, c.Dial())
			}
			post(t, hc, base+path, url.Values{"user": {"bob"}})
			for _, c := range []*client.Client{window, second} {
				assert.Equal(t, c.Next(), "41")
				c.Closed()
			}
			elsewhere.Send(`42["say","hello"]`)
			assert.Equal(t, elsewhere.Next(), `42["said",{"from":"ada","text":"hello"}]`)
			again := client.New(t, hc, base, "/socket.io/")
			if path == "/logout" {
				assert.Equal(t, again.Dial(), `44{"message":"please log in"}`)
				return
			}
			connected(t, again.Dial())
			again.Send(`42["say","hello"]`)
			assert.Equal(t, again.Next(), `42["said",{"from":"bob","text":"hello"}]`)
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, l) }()
	base := "http://" + l.Addr().String()
	c := client.New(t, login(t, base, "ada"), base, "/socket.io/")
	connected(t, c.Dial())
	cancel()
	c.Closed()
	assert.NoError(t, <-ended)
}

func serve(t *testing.T) string {
	h, srv := handler()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = srv.Close() }) // first, for server waits for polls
	return server.URL
}

// visitor returns an HTTP client with a cookie jar of its own.
func visitor(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	assert.NoError(t, err)
	hc := &http.Client{Jar: jar, Transport: &http.Transport{}}
	t.Cleanup(hc.CloseIdleConnections)
	return hc
}

// login returns the HTTP client of somebody who has logged in.
func login(t *testing.T, base, user string) *http.Client {
	t.Helper()
	hc := visitor(t)
	post(t, hc, base+"/login", url.Values{"user": {user}})
	return hc
}

func post(t *testing.T, hc *http.Client, url string, form url.Values) {
	t.Helper()
	resp, err := hc.PostForm(url, form)
	assert.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, resp.StatusCode, http.StatusOK)
}

// connected fails unless packet says that the socket is connected.
func connected(t *testing.T, packet string) {
	t.Helper()
	if !strings.HasPrefix(packet, `40{"sid":"`) {
		t.Fatalf("got %q, want to be connected", packet)
	}
}
