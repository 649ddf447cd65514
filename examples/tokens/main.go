// SPDX-License-Identifier: MIT

// Command tokens shows authentication without cookies: a client sends a token that
// expires, and a new one in time; a user has several tabs; an HTTP handler writes to a user.
//
//	go run ./examples/tokens
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sio-go/sio"
)

// The events.
const (
	Renew    sio.Request[string, time.Time] = "renew"    // a new token; when it expires
	Tabs     sio.Event[int]                 = "tabs"     // how many tabs the user has open
	Left     sio.Event[string]              = "left"     // whose last tab was closed
	Notified sio.Event[string]              = "notified" // a text for the user
)

// login is what a middleware knows about a socket.
type login struct {
	user   string
	expiry *time.Timer // disconnects the socket when its token expires
}

var loginKey sio.Key[*login]

// app is the server with what belongs to it.
type app struct {
	srv    *sio.Server
	tokens tokens
}

func newApp(t tokens) *app {
	a := &app{tokens: t}
	a.srv = sio.NewServer(&sio.Config{Hooks: []sio.Hook{a}}) // HookNamespace
	a.protect(a.srv.Namespace)
	a.srv.Of("/admin")
	a.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return a.count(s) })
	a.srv.OnDisconnect(func(s *sio.Socket, _ sio.Reason) { _ = a.count(s) })
	sio.Handle(a.srv, Renew, func(_ context.Context, s *sio.Socket, token string) (time.Time, error) {
		l, _ := loginKey.Get(s)
		user, expires, err := a.tokens.check(token)
		if err != nil || user != l.user {
			return time.Time{}, &sio.ReplyError{Message: "invalid token"}
		}
		l.expiry.Reset(time.Until(expires))
		return expires, nil
	})
	return a
}

// HookNamespace has all namespaces protected, those that are made later too (S9.7). "/" is
// there before the hook.
func (a *app) HookNamespace(ns *sio.Namespace) { a.protect(ns) }

// protect refuses who has no valid token. A user's sockets are in a room of theirs.
func (a *app) protect(ns *sio.Namespace) {
	ns.Use(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().Auth.Bind(&auth); err != nil {
			return err
		}
		user, expires, err := a.tokens.check(auth.Token)
		if err != nil {
			slog.Info("refused", "client", address(s.Handshake()), "error", err)
			return &sio.ConnectError{Message: "invalid token"}
		}
		// The client comes back with a new token, if it has one: its connection ends, not only
		// the socket.
		loginKey.Set(s, &login{user, time.AfterFunc(time.Until(expires), func() { s.Session().Close() })})
		return s.Join("user:" + user)
	})
	ns.OnDisconnect(func(s *sio.Socket, _ sio.Reason) {
		if l, ok := loginKey.Get(s); ok {
			l.expiry.Stop()
		}
	})
}

// count tells a user's tabs how many they are, and everybody that there are none any more:
// twice, it may be, if the last two are closed at once.
func (a *app) count(s *sio.Socket) error {
	l, _ := loginKey.Get(s)
	tabs, err := a.srv.In("user:" + l.user).FetchSockets(context.Background())
	if err != nil {
		return err
	}
	if len(tabs) == 0 {
		return sio.Emit(a.srv, Left, l.user)
	}
	return sio.Emit(a.srv.In("user:"+l.user), Tabs, len(tabs))
}

// address is the address of a client behind a proxy that sets X-Forwarded-For (S9.5). Without
// such a proxy the field is whatever the client likes: then use Address alone.
func address(h *sio.Handshake) string {
	if first, _, _ := strings.Cut(h.Header.Get("X-Forwarded-For"), ","); first != "" {
		return strings.TrimSpace(first)
	}
	return h.Address
}

// routes has the other routes: a token for who says his name, and a text for a user.
func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", a.srv)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, a.tokens.make(r.FormValue("user"))) // a real program asks for a password
	})
	mux.HandleFunc("POST /users/{user}/notify", func(w http.ResponseWriter, r *http.Request) {
		if err := sio.Emit(a.srv.In("user:"+r.PathValue("user")), Notified, r.FormValue("text")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /users/{user}/logout", func(_ http.ResponseWriter, r *http.Request) {
		a.srv.In("user:" + r.PathValue("user")).DisconnectSockets(true) // in all tabs
	})
	return mux
}

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", *addr)
	if err == nil {
		slog.Info("listening; POST /token gives a token", "address", l.Addr().String())
		err = run(ctx, l, newApp(tokens{key: []byte(rand.Text()), life: 5 * time.Minute}))
	}
	if err != nil {
		slog.Error("the server ended", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, l net.Listener, a *app) error {
	server := &http.Server{Handler: a.routes(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = a.srv.Shutdown(ctx) // those that did not hear it are cut off
	return server.Shutdown(ctx)
}
