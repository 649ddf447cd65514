// SPDX-License-Identifier: MIT

// Package host runs a server of the benchmark: compare starts it, reads where it listens,
// and ends it.
package host

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// Options are what compare may want of a server.
type Options struct {
	Deflate    bool // compress messages from 512 bytes on
	Namespaces int  // that there are besides "/": /n0, /n1, ...
	Rooms      int  // that each socket joins, rooms of its own
}

// Flags returns the options of the command line.
func Flags() Options {
	var o Options
	flag.BoolVar(&o.Deflate, "deflate", false, "use permessage-deflate")
	flag.IntVar(&o.Namespaces, "namespaces", 0, "have `N` more namespaces")
	flag.IntVar(&o.Rooms, "rooms", 0, "put each socket into `N` rooms of its own")
	flag.Parse()
	return o
}

// Run serves on a free port, prints the URL, and returns when standard input ends.
func Run(handler http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: handler} //nolint:gosec // on this machine only
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = web.Close()
	}()
	if _, err := fmt.Fprintf(os.Stdout, "http://%s\n", listener.Addr()); err != nil {
		return err
	}
	return web.Serve(listener)
}
