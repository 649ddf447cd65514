// SPDX-License-Identifier: MIT

// Package page holds the page that the examples show in a browser.
package page

import (
	_ "embed"
	"net/http"
	"strings"
)

//go:embed index.html
var index string

// HTML returns the page, for a Socket.IO server at path.
func HTML(path string) string { return strings.ReplaceAll(index, "PATH", path) }

// Handler serves the page.
func Handler(path string) http.HandlerFunc {
	body := HTML(path)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(body))
	}
}
