// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/sio-go/sio"
)

// shutdownTimeout is how long clients get to hear that the server stops.
const shutdownTimeout = 15 * time.Second

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the playground: a server, and web pages that show what it does",
		Description: "Besides the pages and Socket.IO there is a plain WebSocket at /ws-echo, which sends back what it gets.\n\n" +
			"With --cluster, servers on several machines or ports are one: broadcasts and rooms reach the clients of all.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "addr", Value: "127.0.0.1:3000", Usage: "listen on `HOST:PORT`; port 0 takes a free one"},
			&cli.StringFlag{Name: "path", Value: "/socket.io/", Usage: "serve Socket.IO under `PATH`"},
			&cli.BoolFlag{Name: "quiet", Usage: "log errors only"},
		}, clusterFlags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArgs(cmd); err != nil {
				return err
			}
			root := cmd.Root()
			s := server{addr: cmd.String("addr"), path: cmd.String("path"), cluster: clusterOf(cmd), level: slog.LevelInfo, stdout: root.Writer, stderr: root.ErrWriter}
			if cmd.Bool("quiet") {
				s.level = slog.LevelError
			}
			if err := s.check(); err != nil {
				return &usageError{cmd.FullName(), err}
			}
			if err := s.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", cmd.FullName(), err)
			}
			return nil
		},
	}
}

// server is what "sio serve" runs.
type server struct {
	addr           string
	path           string // with a slash at its end, after check
	cluster        cluster
	level          slog.Level
	stdout, stderr io.Writer
}

var validPath = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*$`)

// check looks at the flags' values before anything is done.
func (s *server) check() error {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return fmt.Errorf("invalid value %q for --addr: want HOST:PORT", s.addr)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("invalid value %q for --addr: unknown port %q", s.addr, port)
	}
	given := s.path
	s.path = strings.TrimSuffix(s.path, "/") + "/" // E1.1
	if !validPath.MatchString(s.path) || path.Join(s.path, "x") != s.path+"x" {
		return fmt.Errorf("invalid value %q for --path: want a path such as /socket.io/", given)
	}
	if pages.owns(s.path) {
		return fmt.Errorf("invalid value %q for --path: the playground's pages are there", given)
	}
	return s.cluster.check()
}

// run serves until ctx ends, and then lets the clients go.
func (s *server) run(ctx context.Context) error {
	logs := slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: s.level})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return listenError(s.addr, err)
	}

	cfg := &sio.Config{Path: s.path, Logger: slog.New(logs)}
	if err := s.cluster.join(ctx, cfg); err != nil {
		_ = listener.Close()
		return fmt.Errorf("joining the cluster: %w", err)
	}
	io := sio.NewServer(cfg)
	var others *members
	if cfg.Bus != nil {
		others = newMembers(io.Namespace, serverName(listener.Addr()))
	}
	playground(io.Namespace, others)
	playground(io.Of("/playground"), others)
	chat(io.Of("/chat"))
	plain := new(echo)
	web := &http.Server{
		Handler:           newHandler(s.path, io, plain, others),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logs, slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	_, _ = fmt.Fprintf(s.stdout, "sio: the playground is at %s (stop it with Ctrl-C)\n", address(listener.Addr()))

	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	plain.close()
	if stopErr := errors.Join(io.Shutdown(ctx), web.Shutdown(ctx)); stopErr != nil {
		slog.New(logs).Warn("some clients were cut off", "err", stopErr)
		_ = web.Close()
	}
	return err
}

// address returns the URL under which a browser on this machine finds the server.
func address(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, fmt.Sprint(tcp.Port)) + "/"
}

// listenError shortens the error of a failed listen to what is new to its reader.
func listenError(addr string, err error) error {
	cause := err
	if op, ok := errors.AsType[*net.OpError](err); ok {
		cause = op.Err
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if ok {
		cause = errno
	}
	hint := ""
	switch {
	case errors.Is(errno, syscall.EADDRINUSE):
		hint = " (is another server running? try --addr 127.0.0.1:0)"
	case errors.Is(errno, syscall.EACCES):
		hint = " (try a port above 1023)"
	case errors.Is(errno, syscall.EADDRNOTAVAIL):
		hint = " (not an address of this machine)"
	}
	return fmt.Errorf("listen %s: %w%s", addr, cause, hint)
}
