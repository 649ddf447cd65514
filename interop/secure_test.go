// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// serverEnv makes the test program be nothing but the servers: it prints their URL
// for HTTPS, and that for HTTP.
const serverEnv = "SIO_INTEROP_SERVER"

// TestSecure runs the current clients over TLS. They speak HTTP/1.1, whatever else
// the server offers.
func TestSecure(t *testing.T) {
	t.Parallel()
	base := strings.TrimSuffix(servers(t).secure, "/")
	pair, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	// The clients' own options about certificates.
	t.Run("options", func(t *testing.T) {
		t.Parallel()
		program := node(t, "engine.io-client", "socket.io-client")
		foreign(t, "node", program, "secure.mjs", "--url", base, "--ca", pair.cert)
	})
	trust := "NODE_EXTRA_CA_CERTS=" + pair.cert
	t.Run("engine.io-client", func(t *testing.T) {
		t.Parallel()
		program := node(t, "engine.io-client")
		foreignIn(t, []string{trust}, "node", program, "engine.mjs", "--client", "engine.io-client", "--url", base)
	})
	t.Run("socket.io-client", func(t *testing.T) {
		t.Parallel()
		program := node(t, "socket.io-client")
		foreignIn(t, []string{trust}, "node", program, "clients.mjs", "--client", "socket.io-client", "--lab", base)
	})
}

// TestBundles runs the clients in Chromium as browsers load them: old ones, which do
// there what they cannot do in Node, and current ones over HTTP/2.
func TestBundles(t *testing.T) {
	t.Parallel()
	program := node(t, "playwright-core", "engine.io-client-3", "engine.io-client", "socket.io-client-2", "socket.io-client-3", "socket.io-client")
	chromium := tool(t, "chromium", "chromium", "chromium-browser", "google-chrome")
	f := servers(t)
	args := []string{"bundles.mjs", "--chromium", chromium, "--plain", f.plain, "--secure", f.secure}
	if control {
		args = append(args, "--control", "true")
	} else {
		args = append(args, "--connect", extendedConnect(t))
	}
	foreign(t, "node", program, args...)
}

// extendedConnect starts the servers in a process of their own, whose net/http takes
// WebSockets over HTTP/2 (RFC 8441), and returns their URL. That is set by the
// environment, before main.
func extendedConnect(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Env = append(os.Environ(), serverEnv+"=1", "GODEBUG=http2xconnect=1")
	out, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	urls, err := printed(out, 1, "the server for extended CONNECT")
	if err != nil {
		t.Fatal(err)
	}
	return urls[0]
}

// serveAll is what a process of extendedConnect does, until its input ends.
func serveAll() int {
	pair, err := certificate()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	h := newHandler()
	for _, pair := range []*keyPair{pair, nil} {
		base, err := listen(h, pair)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(base)
	}
	atExit(h.close)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}
