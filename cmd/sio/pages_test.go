// SPDX-License-Identifier: MIT

package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
)

func get(t *testing.T, h http.Handler, method, url string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := newHandler("/socket.io/", http.NotFoundHandler(), new(echo), nil)
	for _, c := range []struct{ url, contentType, begin string }{
		{"/", "text/html; charset=utf-8", "<!doctype html>"},
		{"/chat", "text/html; charset=utf-8", "<!doctype html>"},
		{"/chat/source", "text/plain; charset=utf-8", "// SPDX"},
		{"/js/main.js", "text/javascript; charset=utf-8", "// SPDX"},
		{"/js/engine.js", "text/javascript; charset=utf-8", "// SPDX"},
		{"/js/socket.js", "text/javascript; charset=utf-8", "// SPDX"},
		{"/css/base.css", "text/css; charset=utf-8", "/* SPDX"},
		{"/playground/config.json", "application/json", `{"path":"/socket.io/","version":"`},
		{"/playground/handshakes.json?trace=x", "application/json", "[]"},
	} {
		t.Run(c.url, func(t *testing.T) {
			t.Parallel()
			w := get(t, h, "GET", c.url)
			assert.Equal(t, w.Code, http.StatusOK)
			assert.Equal(t, w.Header().Get("Content-Type"), c.contentType)
			assert.Equal(t, w.Header().Get("Cache-Control"), "no-cache")
			assert.Equal(t, w.Header().Get("Content-Security-Policy"), policy)
			assert.Equal(t, w.Header().Get("X-Content-Type-Options"), "nosniff")
			assert.True(t, strings.HasPrefix(w.Body.String(), c.begin), "body: %.60s", w.Body)
		})
	}
}

func TestPagesRefused(t *testing.T) {
	t.Parallel()
	h := newHandler("/socket.io/", http.NotFoundHandler(), new(echo), nil)
	for _, c := range []struct {
		name, method, url string
		status            int
	}{
		{"unknown", "GET", "/nothing", http.StatusNotFound},
		{"folder", "GET", "/js/", http.StatusNotFound},
		{"file under its own name", "GET", "/index.html", http.StatusNotFound},
		{"out of the folder", "GET", "/js/%2e%2e/%2e%2e/main.go", http.StatusNotFound},
		{"other source", "GET", "/main.go", http.StatusNotFound},
		{"path without its slash, E1.2", "GET", "/socket.io", http.StatusNotFound},
		{"POST", "POST", "/", http.StatusMethodNotAllowed},
		{"POST of JSON", "POST", "/playground/config.json", http.StatusNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := get(t, h, c.method, c.url)
			for w.Code == http.StatusMovedPermanently || w.Code == http.StatusTemporaryRedirect {
				w = get(t, h, c.method, w.Header().Get("Location"))
			}
			assert.Equal(t, w.Code, c.status)
		})
	}
}

func TestPagesNotModified(t *testing.T) {
	t.Parallel()
	tag := get(t, pages, "GET", "/").Header().Get("ETag")
	assert.Equal(t, get(t, pages, "GET", "/", "If-None-Match", tag).Code, http.StatusNotModified)
	assert.Equal(t, get(t, pages, "GET", "/chat", "If-None-Match", tag).Code, http.StatusOK)
	assert.Equal(t, get(t, pages, "HEAD", "/").Body.Len(), 0)
}

// What the pages say they need is there, has a content type, and is not elsewhere.
func TestPagesAreComplete(t *testing.T) {
	t.Parallel()
	for url, p := range pages {
		assert.True(t, p.contentType != "", "%s has no content type", url)
		if path.Ext(url) == ".js" && url != "/js/theme.js" {
			assert.True(t, strings.Count(string(p.content), "\n") < 300, "%s is too long to be read", url)
		}
		for _, outside := range []string{`src="http`, `href="http`, `from "http`, "url(http", "@import", " style=", " onclick="} {
			assert.True(t, !strings.Contains(string(p.content), outside), "%s contains %s", url, outside)
		}
		for _, begin := range []string{`href="`, `src="`, `from "./`} {
			for _, rest := range strings.Split(string(p.content), begin)[1:] {
				target, _, _ := strings.Cut(rest, `"`)
				if begin == `from "./` {
					target = path.Join(path.Dir(url), target)
				}
				if strings.HasPrefix(target, "/") {
					_, ok := pages[target]
					assert.True(t, ok, "%s wants %s", url, target)
				}
			}
		}
	}
	files, err := fs.Glob(embedded, "web/js/*.js")
	assert.NoError(t, err)
	assert.True(t, len(files) >= 10, "only %d scripts", len(files))
}
