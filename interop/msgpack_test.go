// SPDX-License-Identifier: MIT

package interop_test

import (
	"strings"
	"testing"
)

// TestMessagePack runs the cases of both suites with socket.io-msgpack-parser on both sides (X1.3).
func TestMessagePack(t *testing.T) {
	t.Parallel()
	url := strings.TrimSuffix(servers(t).plain, "/")
	foreign(t, "node", node(t, "socket.io-client", "socket.io-msgpack-parser"), "msgpack.mjs", "--url", url)
}
