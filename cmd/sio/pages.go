// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed web chat.go
var embedded embed.FS

// pages are the files that the playground serves, by their URL paths.
var pages = loadPages(embedded)

// contentTypes are given here because those of package mime depend on the machine.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".go":   "text/plain; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// policy lets the pages load nothing from elsewhere, and run no script but their own.
const policy = "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type page struct {
	content     []byte
	contentType string
	tag         string // for If-None-Match
}

type pageSet map[string]page

func loadPages(files fs.FS) pageSet {
	set := make(pageSet)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		url := strings.TrimPrefix(name, "web")
		switch name {
		case "web/index.html":
			url = "/"
		case "web/chat.html":
			url = "/chat"
		case "chat.go":
			url = "/chat/source"
		}
		sum := sha256.Sum256(content)
		set[url] = page{content, contentTypes[path.Ext(name)], `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		panic(err) //nolint:forbidigo // what is embedded can be read
	}
	return set
}

// owns reports whether a path, which ends with a slash, is in the way of the pages.
func (set pageSet) owns(prefix string) bool {
	if strings.HasPrefix(prefix, "/playground/") || prefix == "/" || prefix == "/ws-echo/" {
		return true
	}
	for url := range set {
		if strings.HasPrefix(url+"/", prefix) {
			return true
		}
	}
	return false
}

func (set pageSet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, ok := set[r.URL.Path]
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", p.contentType)
	w.Header().Set("ETag", p.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.content))
}

// newHandler returns the handler of everything: Socket.IO under prefix, the pages, and
// the plain WebSocket.
func newHandler(prefix string, server, echo http.Handler, others *members) http.Handler {
	traces := newTraces(server)
	other := http.NewServeMux()
	other.Handle("/", pages)
	other.Handle("/ws-echo", echo)
	other.HandleFunc("GET /playground/config.json", func(w http.ResponseWriter, r *http.Request) {
		var cluster *membership
		if others != nil {
			m := others.of(r.Context())
			cluster = &m
		}
		sendJSON(w, struct {
			Path    string      `json:"path"`
			Version string      `json:"version"`
			Cluster *membership `json:"cluster,omitempty"`
		}{prefix, version(), cluster})
	})
	other.HandleFunc("GET /playground/handshakes.json", func(w http.ResponseWriter, r *http.Request) {
		sendJSON(w, traces.of(r.URL.Query().Get("trace")))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, prefix) { // E1.2: no cleaning, no redirect
			traces.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		other.ServeHTTP(w, r)
	})
}

func sendJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
