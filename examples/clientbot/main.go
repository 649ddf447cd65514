// SPDX-License-Identifier: MIT

// Command clientbot is a member of the chat of the other examples: it answers whoever says
// "time?". It returns by itself when the connection is lost or the server is restarted.
//
//	go run ./examples/servemux
//	go run ./examples/clientbot -path /app/socket.io/
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sio-go/sio/client"
)

// Chat is what somebody has said.
type Chat struct {
	From string `json:"from"`
	Text string `json:"text"`
}

// The events: a client says something, and all clients hear it.
const (
	Say  client.Event[string] = "say"
	Said client.Event[Chat]   = "said"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:3000", "URL of the server")
	path := flag.String("path", "/socket.io/", "path of Socket.IO on it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *url, *path); err != nil {
		slog.Error("the bot ended", "error", err)
		os.Exit(1)
	}
}

// run is in the chat until ctx ends, or the server throws the bot out.
func run(ctx context.Context, url, path string) error {
	cfg := &client.Config{}
	cfg.Engine.Path = path
	cfg.Hooks.ReconnectAttempt = func(n int) { slog.Info("trying again", "attempt", n) }
	socket, err := client.New(url, cfg)
	if err != nil {
		return err
	}
	defer socket.Close() //nolint:errcheck // never fails

	client.On(socket, Said, func(_ context.Context, s *client.Socket, c Chat) error {
		if c.From == s.ID() || c.Text != "time?" {
			return nil
		}
		return client.Emit(s, Say, "It is "+time.Now().Format(time.TimeOnly))
	})
	socket.OnConnect(func(context.Context) error {
		slog.Info("connected", "id", socket.ID())
		return nil
	})
	// Refused, or thrown out: the client does not return by itself then, and neither do we.
	over := make(chan error, 1)
	socket.OnConnectError(func(err error) {
		slog.Warn("not connected", "error", err)
		if !socket.Active() {
			end(over, err)
		}
	})
	socket.OnDisconnect(func(reason client.Reason, err error) {
		slog.Warn("disconnected", "reason", reason, "error", err)
		if reason.Terminal() {
			end(over, fmt.Errorf("disconnected: %s", reason))
		}
	})

	socket.Open() // and not Connect: the server may be started later
	select {
	case <-ctx.Done():
		return nil
	case err := <-over:
		return err
	}
}

// end says why, unless somebody has already.
func end(over chan<- error, err error) {
	select {
	case over <- err:
	default:
	}
}
