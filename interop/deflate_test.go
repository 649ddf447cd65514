// SPDX-License-Identifier: MIT

package interop_test

import (
	"strings"
	"testing"
)

// wsEchoURL returns the URL of a WebSocket that echoes: /ws-echo of `sio serve`.
func wsEchoURL(t *testing.T) string {
	t.Helper()
	return strings.Replace(playground(t), "http", "ws", 1) + "ws-echo"
}

// TestDeflate runs WebSocket clients that compress (RFC 7692).
func TestDeflate(t *testing.T) {
	t.Parallel()
	base := address(t, "lab")
	t.Run("ws", func(t *testing.T) {
		t.Parallel()
		foreign(t, "node", node(t, "ws"), "deflate.mjs", "--url", base, "--echo", wsEchoURL(t))
	})
	t.Run("websockets", func(t *testing.T) {
		t.Parallel()
		foreign(t, "python", python(t), "-B", "deflate.py", "--url", base, "--echo", wsEchoURL(t))
	})
}

// TestEncodings runs HTTP clients that decompress polling responses (E3.14).
func TestEncodings(t *testing.T) {
	t.Parallel()
	args := []string{"encodings.mjs", "--url", address(t, "lab")}
	if control {
		args = append(args, "--control", "true")
	}
	foreign(t, "node", node(t), args...)
}
