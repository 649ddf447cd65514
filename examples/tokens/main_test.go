// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// try runs f with the program on a network in memory, in virtual time.
func try(t *testing.T, f func(t *testing.T, a *app, tab func(cfg client.Config, namespace string) *client.Socket, post func(path string, form url.Values) string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen()
		a := newApp(tokens{key: []byte("secret"), life: 5 * time.Minute})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx, l, a) }()
		transport := &http.Transport{DialContext: l.DialContext}
		var open []*client.Socket
		tab := func(cfg client.Config, namespace string) *client.Socket {
			cfg.Engine.Transport, cfg.Engine.Transports = transport, []string{"websocket"}
			m, err := client.NewManager("http://mem.test", &cfg)
			assert.NoError(t, err)
			s := m.Socket(namespace, &cfg.Socket)
			open = append(open, s)
			return s
		}
		post := func(path string, form url.Values) string {
			res, err := (&http.Client{Transport: transport}).PostForm("http://mem.test"+path, form)
			assert.NoError(t, err)
			defer func() { _ = res.Body.Close() }()
			assert.Equal(t, res.StatusCode, http.StatusOK)
			text, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			return string(text)
		}
		f(t, a, tab, post)
		for _, s := range open {
			assert.NoError(t, s.Close())
		}
		transport.CloseIdleConnections()
		stop()
		assert.NoError(t, <-ended)
		synctest.Wait()
	})
}

// with are settings with a token.
func with(token string) (cfg client.Config) {
	cfg.Socket.Auth = map[string]string{"token": token}
	return cfg
}

// A token that expires ends the connection, unless there is a new one in time (S9.3).
func TestTokens(t *testing.T) {
	t.Parallel()
	try(t, func(t *testing.T, a *app, tab func(client.Config, string) *client.Socket, post func(string, url.Values) string) {
		for _, token := range []string{"", "x", "YQ.99999999999999.x", (tokens{key: []byte("other"), life: time.Hour}).make("eve"), (tokens{key: []byte("secret"), life: -1}).make("ada")} {
			refused, ok := errors.AsType[*client.ConnectError](tab(with(token), "/").Connect(t.Context()))
			assert.True(t, ok && refused.Message == "invalid token", "%q: %v", token, refused)
		}
		cfg := client.Config{}
		cfg.Socket.AuthFunc = func(context.Context) (any, error) {
			return map[string]string{"token": post("/token", url.Values{"user": {"ada"}})}, nil
		}
		s := tab(cfg, "/")
		var ends []client.Reason
		s.OnDisconnect(func(reason client.Reason, _ error) { ends = append(ends, reason) })
		assert.NoError(t, s.Connect(t.Context()))
		for range 3 {
			time.Sleep(4 * time.Minute)
			expires, err := client.Ask(t.Context(), s, Renew, a.tokens.make("ada"))
			assert.NoError(t, err)
			assert.True(t, time.Until(expires) > 4*time.Minute, "expires %v", expires)
		}
		synctest.Wait()
		assert.Equal(t, len(ends), 0)
		for _, bad := range []string{"x", a.tokens.make("bob")} {
			_, err := client.Ask(t.Context(), s, Renew, bad)
			reply, ok := errors.AsType[*client.ReplyError](err)
			assert.True(t, ok && reply.Message == "invalid token", "%v", err)
		}
		time.Sleep(6 * time.Minute) // it comes back with a new one
		synctest.Wait()
		assert.Equal(t, ends, []client.Reason{client.ReasonTransportClose})
		assert.True(t, s.Connected(), "not connected")
	})
}

// A user's tabs know of each other, an HTTP handler reaches all of them, and a logout ends
// them all.
func TestTabs(t *testing.T) {
	t.Parallel()
	try(t, func(t *testing.T, a *app, tab func(client.Config, string) *client.Socket, post func(string, url.Values) string) {
		counts, texts := make(chan int, 10), make(chan string, 10)
		open := func(user string) *client.Socket {
			s := tab(with(a.tokens.make(user)), "/")
			client.On(s, Tabs, func(_ context.Context, _ *client.Socket, n int) error { counts <- n; return nil })
			client.On(s, Notified, func(_ context.Context, _ *client.Socket, text string) error { texts <- user + ": " + text; return nil })
			client.On(s, Left, func(_ context.Context, _ *client.Socket, who string) error {
				texts <- who + " has left " + user
				return nil
			})
			assert.NoError(t, s.Connect(t.Context()))
			return s
		}
		first := open("ada")
		assert.Equal(t, <-counts, 1)
		second := open("ada")
		assert.Equal(t, []int{<-counts, <-counts}, []int{2, 2})
		other := open("bob")
		assert.Equal(t, <-counts, 1)
		post("/users/ada/notify", url.Values{"text": {"hello"}})
		assert.Equal(t, []string{<-texts, <-texts}, []string{"ada: hello", "ada: hello"})
		second.Disconnect()
		assert.Equal(t, <-counts, 1)
		assert.Equal(t, len(texts), 0)
		post("/users/ada/logout", nil)
		assert.Equal(t, <-texts, "ada has left bob")
		synctest.Wait()
		assert.True(t, !first.Active() && other.Connected(), "states")
		assert.Equal(t, len(texts)+len(counts), 0)
	})
}

// Namespaces that are made later are protected as well (S9.7).
func TestEveryNamespace(t *testing.T) {
	t.Parallel()
	try(t, func(t *testing.T, a *app, tab func(client.Config, string) *client.Socket, _ func(string, url.Values) string) {
		a.srv.Of("/later")
		for _, namespace := range []string{"/", "/admin", "/later"} {
			assert.Error(t, tab(with(""), namespace).Connect(t.Context()))
			assert.NoError(t, tab(with(a.tokens.make("ada")), namespace).Connect(t.Context()))
		}
	})
}

// The address of a client behind a proxy (S9.5).
func TestClientAddress(t *testing.T) {
	t.Parallel()
	for want, header := range map[string]http.Header{
		"192.0.2.1":    {},
		"198.51.100.7": {"X-Forwarded-For": {"198.51.100.7, 203.0.113.5"}},
	} {
		assert.Equal(t, address(&sio.Handshake{Address: "192.0.2.1", Header: header}), want)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	assert.NoError(t, l.Close())
	assert.Error(t, run(t.Context(), l, newApp(tokens{})))
}
