// SPDX-License-Identifier: MIT

// Command tls shows sio behind TLS. A browser polls over HTTP/2, and opens a connection
// of its own with HTTP/1.1 for the WebSocket. Without -cert and -key the certificate is
// made at the start, and the browser warns of it.
//
//	go run ./examples/tls
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

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

// handler returns the routes, and the server among them. They are those of any server:
// TLS and HTTP/2 are matters of http.Server.
func handler() (http.Handler, *sio.Server) {
	srv := sio.NewServer(nil)
	sio.On(srv, Say, func(_ context.Context, s *sio.Socket, text string) error {
		return sio.Emit(srv, Said, Chat{From: s.ID(), Text: text})
	})

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("GET /{$}", page.Handler("/socket.io/"))
	return mux, srv
}

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	cert := flag.String("cert", "", "file of the certificate (PEM); none: a new one")
	key := flag.String("key", "", "file of the certificate's key (PEM)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, *addr, *cert, *key); err != nil {
		slog.Error("the server ended", "error", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, addr, certFile, keyFile string) error {
	cert, err := certificate(certFile, keyFile)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	slog.Info("open https://" + l.Addr().String() + "/")
	return run(ctx, l, cert)
}

// run serves until ctx ends, and then says goodbye.
func run(ctx context.Context, l net.Listener, cert tls.Certificate) error {
	h, srv := handler()
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(l, "", "") }() // offers HTTP/2 by itself
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
	return server.Shutdown(rest) // with HTTP/2 it takes a second
}
