// SPDX-License-Identifier: MIT

package sio

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sio-go/sio/internal/encoding"
)

// clientFiles are the names of the files of the client (S2.1), without those of their
// source maps.
var clientFiles = [...]string{"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"}

// clientURL is where the files are that Config.Client does not have.
const clientURL = "https://cdn.socket.io/4.8.4/"

// newBundle returns what answers requests for the client, by the path below Config.Path.
func newBundle(cfg *Config) map[string]http.Handler {
	if cfg.NoClient {
		return nil // S2.8
	}
	handlers := make(map[string]http.Handler, 2*len(clientFiles))
	for _, script := range clientFiles {
		for _, name := range []string{script, script + ".map"} {
			h := clientFile(cfg, name)
			if h == nil {
				continue
			}
			h = readOnly(h)
			if cfg.Engine.CORS != nil {
				h = cfg.Engine.CORS.Handler(h) // S2.6
			}
			handlers["/"+name] = h
		}
	}
	if len(handlers) == 0 {
		panic("sio: Config.Client has no file of the client in its root, such as " + clientFiles[0]) //nolint:forbidigo // a programmer's error
	}
	return handlers
}

// clientFile returns what serves one file, or nil if there is no such file.
func clientFile(cfg *Config, name string) http.Handler {
	if cfg.Client == nil {
		return http.RedirectHandler(clientURL+name, http.StatusFound)
	}
	data, err := fs.ReadFile(cfg.Client, name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			cfg.Logger.Error("file of the client is not served", "name", name, "err", err)
		}
		return nil
	}
	sum := sha256.Sum256(data)
	f := &file{data: data, kind: "application/javascript; charset=utf-8", tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`}
	if strings.HasSuffix(name, ".map") {
		f.kind = "application/json; charset=utf-8"
	}
	return f
}

// readOnly refuses other methods than GET and HEAD.
//
// JS differs: S2.7, the official server does not look at the method.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// file is one file of the client.
type file struct {
	data []byte
	kind string // of content
	tag  string // in quotes

	// mu guards the field below.
	mu     sync.Mutex
	packed map[*encoding.Coding][]byte
}

// ServeHTTP implements http.Handler.
//
// JS differs: S2.3, the official server takes its version for the ETag, but Config.Client
// may have anything: here it is a hash of the content. It is a weak one if the
// response is compressed, because two responses whose bytes differ cannot have the
// same strong one (RFC 9110, section 8.8.3).
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, tag := f.data, f.tag
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "public, max-age=0")
	h.Set("Content-Type", f.kind)
	if c := encoding.Accepted(r.Header["Accept-Encoding"]); c != nil {
		h.Set("Content-Encoding", c.Name())
		data, tag = f.compressed(c), "W/"+tag
	}
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data)) // S2.4
}

// compressed returns the file in a content coding, which is made once.
func (f *file) compressed(c *encoding.Coding) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if data := f.packed[c]; data != nil {
		return data
	}
	if f.packed == nil {
		f.packed = make(map[*encoding.Coding][]byte)
	}
	data := bytes.Clone(c.Append(nil, f.data)) // without the room behind
	f.packed[c] = data
	return data
}
