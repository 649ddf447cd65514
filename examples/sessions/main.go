// SPDX-License-Identifier: MIT

// Command sessions shows a session cookie that HTTP handlers and sockets share: who logs
// in by a form is known to the sockets, and who has not is refused.
//
//	go run ./examples/sessions
package main

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/examples/internal/page"
)

// Chat is what somebody has said.
type Chat struct {
	From string `json:"from"`
	Text string `json:"text"`
}

// The events: a client says something, and all clients hear it.
const (
	Say  sio.Event[string] = "say"
	Said sio.Event[Chat]   = "said"
)

// handler returns the routes, and the server among them.
func handler() (http.Handler, *sio.Server) {
	sessions := scs.New() // in memory
	sessions.Cookie.HttpOnly = true
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	sessions.Cookie.Secure = false // true, where there is TLS
	// A session ends an hour after the last request. So each request gets the cookie again,
	// and so does each WebSocket handshake.
	sessions.IdleTimeout = time.Hour

	mux := http.NewServeMux()
	srv := chat(sessions)
	mux.Handle("/socket.io/", srv)
	mux.Handle("/", sessions.LoadAndSave(routes(sessions, srv)))
	return mux, srv
}

// chat returns the Socket.IO server.
func chat(sessions *scs.SessionManager) *sio.Server {
	srv := sio.NewServer(nil)
	// This one loads the session of each HTTP request and of each WebSocket handshake. Not
	// to be confused with srv.Use, which is about sockets:
	srv.Engine().Use(sessions.LoadAndSave)

	// The context of a socket has the values of the request that opened the connection,
	// the session as it was then among them. What is changed in it now is not saved.
	srv.Use(func(ctx context.Context, s *sio.Socket) error {
		if sessions.GetString(ctx, "user") == "" {
			return &sio.ConnectError{Message: "please log in"}
		}
		return s.Join(room(sessions.Token(ctx)))
	})

	sio.On(srv, Say, func(ctx context.Context, _ *sio.Socket, text string) error {
		return sio.Emit(srv, Said, Chat{From: sessions.GetString(ctx, "user"), Text: text})
	})
	return srv
}

// room is where the sockets of a session are. A token is a secret, and so is this name.
func room(token string) string { return "session:" + token }

// routes are the HTTP handlers, which find the session in the request's context.
func routes(sessions *scs.SessionManager, srv *sio.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if sessions.GetString(r.Context(), "user") == "" {
			_, _ = w.Write([]byte(`<form method="post" action="/login"><input name="user"> <button>Log in</button></form>`))
			return
		}
		_, _ = w.Write([]byte(page.HTML("/socket.io/") +
			`<form method="post" action="/logout"><button>Log out</button></form>`))
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		user := r.FormValue("user") // a real program asks for a password as well
		if user == "" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		srv.In(room(sessions.Token(r.Context()))).DisconnectSockets(true) // of somebody else, in the same browser
		// Another token, so that one that somebody has planted is worth nothing.
		if err := sessions.RenewToken(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		sessions.Put(r.Context(), "user", user)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		token := sessions.Token(r.Context())
		if err := sessions.Destroy(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		srv.In(room(token)).DisconnectSockets(true) // in all windows of this browser
		http.Redirect(w, r, "/", http.StatusSeeOther)
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
		slog.Info("open http://" + l.Addr().String() + "/")
		err = run(ctx, l)
	}
	if err != nil {
		slog.Error("the server ended", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then says goodbye.
func run(ctx context.Context, l net.Listener) error {
	h, srv := handler()
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// sio goes first: http.Server waits for the polls, and does not know the WebSockets.
	// Clients that poll are told when they ask next. One that never does takes all the time.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		slog.Warn("some clients were not told", "error", err)
	}
	rest, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(rest)
}
