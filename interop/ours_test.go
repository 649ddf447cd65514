// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/interop/testserver"
	"github.com/sio-go/sio/packet/msgpack"
)

// startOurs runs the servers of package testserver in this process, where the race
// detector sees them: over HTTP, and over HTTPS with HTTP/2.
func startOurs() (fleet, error) {
	h := newHandler()
	plain, err := listen(h, nil)
	if err != nil {
		return fleet{}, err
	}
	pair, err := certificate()
	if err != nil {
		return fleet{}, err
	}
	secure, err := listen(h, pair)
	atExit(h.close)
	return fleet{plain, secure}, err
}

// handler is all servers that node/reference.mjs is too, at the same paths.
type handler struct {
	http.Handler
	close func()
}

func newHandler() handler {
	fast := engine.Config{
		PingInterval:    300 * time.Millisecond,
		PingTimeout:     200 * time.Millisecond,
		MaxPayloadBytes: 1e6,
	}
	fast3 := fast
	fast3.AllowEIO3 = true
	calm := engine.Config{
		PingInterval:    400 * time.Millisecond,
		PingTimeout:     10 * time.Second,
		MaxPayloadBytes: 2e6,
		AllowEIO3:       true,
		AllowJSONP:      true,
	}
	// All messages are compressed, so that small ones show what the window holds.
	deflate, takeover := calm, calm
	deflate.PerMessageDeflate = &engine.PerMessageDeflate{Threshold: -1}
	takeover.PerMessageDeflate = &engine.PerMessageDeflate{Threshold: -1, ContextTakeover: true}
	quiet := slog.New(slog.DiscardHandler)
	quick := testserver.New(&sio.Config{Path: "/fast/", ConnectTimeout: time.Second, Engine: fast, Logger: quiet})
	// Python's client of revision 3 gives up if a pong takes longer than the interval, and a
	// machine under load may stand still for more than a second.
	lab := testserver.New(&sio.Config{
		Engine: engine.Config{PingInterval: 3 * time.Second, PingTimeout: 10 * time.Second, AllowEIO3: true, AllowJSONP: true},
		Logger: quiet,
	})
	packed := testserver.NewContract(&sio.Config{
		Path:   "/msgpack/",
		Engine: engine.Config{PingInterval: time.Second, PingTimeout: 10 * time.Second},
		Codec:  msgpack.Codec{},
		Logger: quiet,
	})
	mux := http.NewServeMux()
	mux.Handle("/msgpack/", packed)
	mux.Handle("/fast/", quick)
	mux.Handle("/socket.io/", lab)
	ends := []func() error{quick.Close, lab.Close, packed.Close}
	for path, cfg := range map[string]engine.Config{
		"/engine.io/": fast,
		"/engine3/":   fast3,
		"/echo/":      calm,
		"/deflate/":   deflate,
		"/takeover/":  takeover,
	} {
		srv := testserver.NewEcho(cfg)
		mux.Handle(path, srv)
		ends = append(ends, srv.Close)
	}
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>interop</title>")
	})
	seen := &requests{next: mux, kinds: make(map[string][]string)}
	mux.Handle("/requests", http.HandlerFunc(seen.tell))
	return handler{seen, func() {
		for _, end := range ends {
			_ = end()
		}
	}}
}

// requests notes how the requests came that carry a parameter "run".
type requests struct {
	next  http.Handler
	mu    sync.Mutex
	kinds map[string][]string // by run: method, protocol, transport; each once
}

func (q *requests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if run := query.Get("run"); run != "" && query.Has("transport") {
		kind := fmt.Sprintf("%s HTTP/%d %s", r.Method, r.ProtoMajor, query.Get("transport"))
		q.mu.Lock()
		if !slices.Contains(q.kinds[run], kind) {
			q.kinds[run] = append(q.kinds[run], kind)
		}
		q.mu.Unlock()
	}
	q.next.ServeHTTP(w, r)
}

// tell answers with what was noted of a run, as a sorted list.
func (q *requests) tell(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	kinds := slices.Sorted(slices.Values(q.kinds[r.URL.Query().Get("run")]))
	q.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(kinds)
}

// listen serves on a free port, over TLS if there is a certificate, and returns the
// base URL.
func listen(h http.Handler, pair *keyPair) (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	web := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if pair == nil {
			_ = web.Serve(l)
		} else {
			_ = web.ServeTLS(l, pair.cert, pair.key)
		}
	}()
	atExit(func() {
		_ = web.Close()
		<-done
	})
	scheme := "http"
	if pair != nil {
		scheme = "https"
	}
	return scheme + "://" + l.Addr().String() + "/", nil
}
