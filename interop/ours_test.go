// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/interop/testserver"
)

// startOurs runs the servers of package testserver in this process, where the race
// detector sees them.
func startOurs() (fleet, error) {
	fast := engine.Config{
		PingInterval:    300 * time.Millisecond,
		PingTimeout:     200 * time.Millisecond,
		MaxPayloadBytes: 1e6,
	}
	quiet := slog.New(slog.DiscardHandler)
	echo := testserver.NewEcho(fast)
	quick := testserver.New(&sio.Config{Path: "/fast/", ConnectTimeout: time.Second, Engine: fast, Logger: quiet})
	lab := testserver.New(&sio.Config{
		Engine: engine.Config{PingInterval: time.Second, PingTimeout: 10 * time.Second},
		Logger: quiet,
	})
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", echo)
	mux.Handle("/fast/", quick)
	mux.Handle("/socket.io/", lab)

	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return fleet{}, err
	}
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = web.Serve(l)
	}()
	atExit(func() {
		_, _, _ = echo.Close(), quick.Close(), lab.Close()
		_ = web.Close()
		<-done
	})

	base := "http://" + l.Addr().String() + "/"
	return fleet{engine: base + "engine.io/", fast: base + "fast/", lab: base}, nil
}
