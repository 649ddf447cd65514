// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// What is kept of handshakes is bounded: these many, and of each so much.
const (
	maxTraces    = 128
	maxExchanges = 4
	maxHeaders   = 48
	maxText      = 512 // bytes of a header's value or a URL
)

var traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// traces hands requests to the server and remembers the headers of those that open a
// session or a WebSocket and carry the query parameter "trace", a random id: a page
// cannot see these headers, and the wire inspector asks for them. Safe for concurrent
// use.
type traces struct {
	next http.Handler

	mu   sync.Mutex
	byID map[string][]exchange
	ids  []string // oldest first
}

// exchange is one HTTP request and its response.
type exchange struct {
	Method          string      `json:"method"`
	URL             string      `json:"url"`
	Proto           string      `json:"proto"`
	RequestHeaders  [][2]string `json:"requestHeaders"`
	Status          int         `json:"status"`
	StatusText      string      `json:"statusText"`
	ResponseHeaders [][2]string `json:"responseHeaders"`
}

func newTraces(next http.Handler) *traces {
	return &traces{next: next, byID: make(map[string][]exchange)}
}

func (t *traces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id := q.Get("trace")
	if !traceID.MatchString(id) || (q.Has("sid") && q.Get("transport") == "polling") {
		t.next.ServeHTTP(w, r)
		return
	}
	x := exchange{Method: r.Method, URL: cut(r.URL.RequestURI()), Proto: r.Proto, RequestHeaders: headers(r.Header, [2]string{"Host", r.Host})}
	t.next.ServeHTTP(&witness{ResponseWriter: w, seen: func(status int, h http.Header) {
		x.Status, x.StatusText, x.ResponseHeaders = status, http.StatusText(status), headers(h)
		t.add(id, x)
	}}, r)
}

func (t *traces) add(id string, x exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list, known := t.byID[id]
	if len(list) == maxExchanges {
		return
	}
	if !known {
		t.ids = append(t.ids, id)
	}
	t.byID[id] = append(list, x)
	if len(t.ids) > maxTraces {
		delete(t.byID, t.ids[0])
		t.ids = slices.Delete(t.ids, 0, 1)
	}
}

// of returns the exchanges with an id; an empty list if there are none.
func (t *traces) of(id string) []exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]exchange{}, t.byID[id]...)
}

// headers returns a copy of h, sorted by name, without its secrets.
func headers(h http.Header, list ...[2]string) [][2]string {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		shown := strings.Replace(name, "Websocket", "WebSocket", 1) // as RFC 6455 has it
		for _, value := range h[name] {
			switch name {
			case "Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie":
				value = "(hidden)"
			}
			if len(list) < maxHeaders {
				list = append(list, [2]string{cut(shown), cut(value)})
			}
		}
	}
	return list
}

func cut(text string) string {
	if len(text) > maxText {
		return text[:maxText] + "..."
	}
	return text
}

// witness looks at the headers of a response, and at nothing else.
type witness struct {
	http.ResponseWriter
	seen func(status int, h http.Header) // called once
	done bool
}

func (w *witness) WriteHeader(status int) {
	w.report(status, w.Header())
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(p []byte) (int, error) {
	w.report(http.StatusOK, w.Header())
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker. The connection is the real one; only what is
// written through the buffer, which is the response, is looked at.
func (w *witness) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		rw.Writer = bufio.NewWriter(&responseReader{to: conn, seen: w.report})
	}
	return conn, rw, err
}

func (w *witness) report(status int, h http.Header) {
	if !w.done {
		w.done = true
		w.seen(status, h)
	}
}

// responseReader passes on what is written to it, and reads the response in the first
// piece, which is all of it if it is not larger than the buffer.
type responseReader struct {
	to   io.Writer
	seen func(status int, h http.Header)
	done bool
}

func (r *responseReader) Write(p []byte) (int, error) {
	if !r.done {
		r.done = true
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(p)), nil)
		if err == nil {
			_ = res.Body.Close()
			// Parsing took these out.
			res.Header.Set("Connection", "Upgrade")
			r.seen(res.StatusCode, res.Header)
		}
	}
	return r.to.Write(p)
}
