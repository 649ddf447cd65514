// SPDX-License-Identifier: MIT

// Command clienttyped shows a server and a client in Go that share the declarations of
// their events.
//
//	go run ./examples/clienttyped
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sio-go/sio/client"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		slog.Error("cannot listen", "error", err)
		os.Exit(1)
	}
	srv := shop()
	server := &http.Server{Handler: srv, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // until Close
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	err = visit(ctx, "http://"+l.Addr().String(), os.Stdout)
	cancel()
	_ = srv.Close()
	_ = server.Close()
	if err != nil {
		slog.Error("the visit failed", "error", err)
		os.Exit(1)
	}
}

// visit is a customer.
func visit(ctx context.Context, url string, out io.Writer) error {
	socket, err := client.New(url, nil)
	if err != nil {
		return err
	}
	defer socket.Close() //nolint:errcheck // never fails
	sold := make(chan Order, 16)
	client.On(socket, Sold, func(_ context.Context, _ *client.Socket, o Order) error {
		sold <- o
		return nil
	})
	if err := socket.Connect(ctx); err != nil {
		return err
	}

	receipt, err := client.Ask(ctx, socket, Buy, Order{Item: "apple", Count: 3})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "receipt %d: %d cents\n", receipt.Number, receipt.Cents)
	select {
	case o := <-sold:
		_, _ = fmt.Fprintf(out, "somebody has bought: %d x %s\n", o.Count, o.Item)
	case <-ctx.Done():
		return ctx.Err()
	}

	_, err = client.Ask(ctx, socket, Buy, Order{Item: "moon", Count: 1})
	if refused, ok := errors.AsType[*client.ReplyError](err); ok {
		_, _ = fmt.Fprintln(out, "refused:", refused.Message)
		return nil
	}
	return err
}
