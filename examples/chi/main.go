// SPDX-License-Identifier: MIT

// Command chi shows sio on a chi router, behind its logger and recoverer.
//
//	go run ./examples/chi
//	curl -d 'text=hello everybody' http://127.0.0.1:3000/announce
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

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

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
	srv := sio.NewServer(nil)
	sio.On(srv, Say, func(_ context.Context, s *sio.Socket, text string) error {
		return sio.Emit(srv, Said, Chat{From: s.ID(), Text: text})
	})

	r := chi.NewRouter()
	r.Use(middleware.Logger, middleware.Recoverer)
	r.Handle("/socket.io/*", srv)
	// What would disturb Socket.IO is for the other routes: a poll takes longer than the
	// timeout of most applications, and its response is compressed by sio.
	r.Group(func(r chi.Router) {
		r.Use(middleware.Timeout(5*time.Second), middleware.Compress(5))
		r.Get("/", page.Handler("/socket.io/"))
		r.Post("/announce", func(w http.ResponseWriter, r *http.Request) {
			err := sio.Emit(srv, Said, Chat{From: "server", Text: r.FormValue("text")})
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		})
	})
	return r, srv
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
