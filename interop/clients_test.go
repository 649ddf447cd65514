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
		base = servers(t).plain
	}
	return strings.TrimSuffix(base, "/")
}

// TestNode runs each version of the official JavaScript clients: one process for each,
// over all transports.
func TestNode(t *testing.T) {
	t.Parallel()
	lab := address(t, "lab")
	for _, name := range []string{"engine.io-client-3", "engine.io-client"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			foreign(t, "node", node(t, name), "engine.mjs", "--client", name, "--url", lab)
		})
	}
	for _, name := range []string{"socket.io-client-2", "socket.io-client-3", "socket.io-client"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			foreign(t, "node", node(t, name), "clients.mjs", "--client", name, "--lab", lab, "--contract", address(t, "contract"))
		})
	}
}

// node returns the interpreter, if the packages are there.
func node(t *testing.T, packages ...string) string {
	t.Helper()
	path := tool(t, "node", "node")
	for _, name := range packages {
		dependency(t, name, filepath.Join("node", "node_modules", name))
	}
	return path
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

// TestPythonMessagePack runs python-socketio with its serializer "msgpack" (X1.3).
func TestPythonMessagePack(t *testing.T) {
	t.Parallel()
	python := python(t)
	url := address(t, "lab")
	for _, suite := range suites {
		for kind, mode := range map[string]string{"sync": "polling", "async": "upgrade"} {
			t.Run(suite+" "+kind+" "+mode, func(t *testing.T) {
				t.Parallel()
				foreign(t, "python", python, "-B", "clients.py", "--url", url, "--suite", suite, "--mode", mode, "--kind", kind, "--packed")
			})
		}
	}
}

// TestPython3 runs the last python-socketio that speaks revision 3.
func TestPython3(t *testing.T) {
	t.Parallel()
	old, err := filepath.Abs(filepath.Join(".venv", "eio3", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	dependency(t, "python-socketio 4 in interop/.venv/eio3", old)
	foreign(t, "python", old, "-B", "old.py", "--url", address(t, "lab"))
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
