// SPDX-License-Identifier: MIT

package interop_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestBrowser drives the pages of `sio serve`, and the official client's bundle, in
// headless Chromium. Its screenshots are in artifacts/.
func TestBrowser(t *testing.T) {
	t.Parallel()
	node := tool(t, "node", "node")
	dependency(t, "playwright-core", filepath.Join("node", "node_modules", "playwright-core"))
	chromium := tool(t, "chromium", "chromium", "chromium-browser", "google-chrome")
	args := []string{"browser.mjs", "--url", strings.TrimSuffix(playground(t), "/"), "--chromium", chromium, "--artifacts", artifacts(t)}
	if control {
		args = append(args, "--pages", "false") // the official server has no such pages
	}
	foreign(t, "node", node, args...)
}
