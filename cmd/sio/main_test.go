// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args string
		want string // on stderr
	}{
		{"unknown command", "sing", `sio: unknown command "sing" (try: sio help)`},
		{"help on an unknown command", "help sing", `sio: unknown command "sing" (try: sio help)`},
		{"unknown global flag", "--loud", "sio: flag provided but not defined: -loud (try: sio --help)"},
		{"unknown flag", "serve --loud", "sio serve: flag provided but not defined: -loud (try: sio serve --help)"},
		{"flag without its value", "serve --addr", "sio serve: flag needs an argument: --addr (try: sio serve --help)"},
		{"not a bool", "serve --quiet=x", `sio serve: invalid value "x" for flag -quiet: parse error (try: sio serve --help)`},
		{"argument", "serve now", `sio serve: unexpected argument "now"`},
		{"argument of version", "version now", `sio version: unexpected argument "now"`},
		{"address without port", "serve --addr localhost", `sio serve: invalid value "localhost" for --addr: want HOST:PORT`},
		{"port too high", "serve --addr :70000", `sio serve: invalid value ":70000" for --addr: unknown port "70000"`},
		{"relative path", "serve --path x", `sio serve: invalid value "x" for --path: want a path such as /socket.io/`},
		{"path with dots", "serve --path /a/../b", `sio serve: invalid value "/a/../b" for --path: want a path such as /socket.io/`},
		{"path with braces", "serve --path /{a}", `sio serve: invalid value "/{a}" for --path: want a path such as /socket.io/`},
		{"path of the pages", "serve --path /js", `sio serve: invalid value "/js" for --path: the playground's pages are there`},
		{"unknown cluster", "serve --cluster amqp://host", `sio serve: invalid value "amqp://host" for --cluster: want redis://HOST:PORT, postgres://HOST:PORT/NAME, nats://HOST:PORT or embedded`},
		{"peers without embedded", "serve --cluster nats://host --cluster-peers a:1", "sio serve: --cluster-listen and --cluster-peers are for --cluster embedded"},
		{"forward without a cluster", "serve --forward http://host", "sio serve: --forward: --cluster is missing"},
		{"forward without a secret", "serve --cluster embedded --forward http://host", "sio serve: --forward: SIO_CLUSTER_SECRET must be set, to 16 bytes or more"},
		{"emit without a cluster", "emit news", `sio emit: Required flag "cluster" not set (try: sio emit --help)`},
		{"emit to an unknown cluster", "emit --cluster amqp://host news", `sio emit: invalid value "amqp://host" for --cluster: want redis://HOST:PORT, postgres://HOST:PORT/NAME, nats://HOST:PORT or embedded`},
		{"emit nothing", "emit --cluster embedded", "sio emit: the event is missing (try: sio emit --help)"},
		{"path of everything", "serve --path /", `sio serve: invalid value "/" for --path: the playground's pages are there`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"sio"}, strings.Fields(c.args)...), &stdout, &stderr)
			assert.Equal(t, code, exitUsage)
			assert.Equal(t, stderr.String(), c.want+"\n")
			assert.Equal(t, stdout.String(), "")
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, args, want string }{
		{"no command", "", "COMMANDS:"},
		{"help", "help", "serve"},
		{"flag", "--help", "serve"},
		{"help on a command", "help serve", "127.0.0.1:3000"},
		{"flag of a command", "serve --help", "/socket.io/"},
		{"version", "version", "sio "},
		{"flag for the version", "--version", version()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"sio"}, strings.Fields(c.args)...), &stdout, &stderr)
			assert.Equal(t, code, exitOK)
			assert.True(t, strings.Contains(stdout.String(), c.want), "stdout lacks %q: %s", c.want, &stdout)
			assert.Equal(t, stderr.String(), "")
		})
	}
}

func TestBusyPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer func() { _ = taken.Close() }()
	addr := taken.Addr().String()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"sio", "serve", "--addr", addr}, &stdout, &stderr)
	assert.Equal(t, code, exitFailure)
	assert.Equal(t, stderr.String(), "sio serve: listen "+addr+": address already in use (is another server running? try --addr 127.0.0.1:0)\n")
	assert.Equal(t, stdout.String(), "")
}

func TestForeignAddress(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	// 192.0.2.0/24 is reserved for documentation.
	code := run(t.Context(), []string{"sio", "serve", "--addr", "192.0.2.1:0"}, io.Discard, &stderr)
	assert.Equal(t, code, exitFailure)
	assert.True(t, strings.HasPrefix(stderr.String(), "sio serve: listen 192.0.2.1:0: "), "stderr: %s", &stderr)
	assert.Equal(t, strings.Count(stderr.String(), "\n"), 1)
}

// A running server says where it is, serves, and ends well when it is told to stop.
func TestServe(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"sio", "serve", "--addr", "127.0.0.1:0", "--path", "/rt", "--quiet"}, stdout, &stderr)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	assert.NoError(t, err)
	url, ok := strings.CutPrefix(line, "sio: the playground is at ")
	assert.True(t, ok, "first line: %q", line)
	url, _, _ = strings.Cut(url, " ")

	for path, want := range map[string]string{
		"":                       "<!doctype html>",
		"playground/config.json": `{"path":"/rt/"`,
		"rt/?transport=pigeon":   `{"code":0,"message":"Transport unknown"}`, // E2.0
	} {
		res, err := http.Get(url + path)
		assert.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		_ = res.Body.Close()
		assert.True(t, strings.HasPrefix(string(body), want), "%s: %.60s", path, body)
	}
	stop()
	assert.Equal(t, <-code, exitOK)
	assert.Equal(t, stderr.String(), "")
}
