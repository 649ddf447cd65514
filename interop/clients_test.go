// SPDX-License-Identifier: MIT

package interop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The ways to connect.
var modes = []string{"polling", "websocket", "upgrade"}

// suites are the programs' two lists of cases.
var suites = []string{"contract", "lab"}

// address returns the URL of the server that a suite is for.
func address(t *testing.T, suite string) string {
	t.Helper()
	base := ""
	switch suite {
	case "contract":
		base = playground(t)
	case "lab":
		base = servers(t).lab
	}
	return strings.TrimSuffix(base, "/")
}

// TestNode runs the official JavaScript client.
func TestNode(t *testing.T) {
	t.Parallel()
	node := tool(t, "node", "node")
	dependency(t, "socket.io-client", filepath.Join("node", "node_modules", "socket.io-client"))
	for _, suite := range suites {
		for _, mode := range modes {
			t.Run(suite+" "+mode, func(t *testing.T) {
				t.Parallel()
				foreign(t, "node", node, "clients.mjs", "--url", address(t, suite), "--suite", suite, "--mode", mode)
			})
		}
	}
}

// TestPython runs python-socketio, with and without asyncio.
func TestPython(t *testing.T) {
	t.Parallel()
	python := python(t)
	for _, suite := range suites {
		for _, kind := range []string{"sync", "async"} {
			for _, mode := range modes {
				t.Run(suite+" "+kind+" "+mode, func(t *testing.T) {
					t.Parallel()
					foreign(t, "python", python, "-B", "clients.py", "--url", address(t, suite), "--suite", suite, "--mode", mode, "--kind", kind)
				})
			}
		}
	}
}

// python returns the interpreter of the virtual environment that `make setup`
// makes.
func python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(".venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	dependency(t, "python-socketio in interop/.venv", path)
	return path
}

// artifacts is where screenshots are kept.
func artifacts(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("artifacts")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
