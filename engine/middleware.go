// SPDX-License-Identifier: MIT

package engine

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Use adds middlewares, which every request and every WebSocket handshake passes
// before it is looked at (E6.1): first those that were added first, after Config.CORS.
// Each is asked for its handler once. A middleware may answer a request itself by not
// calling the next handler, and may put values in the context of the request:
// Session.Request().Context() has those of the request that opened the session.
//
// Middlewares that write header fields late, when the status is written, work for
// WebSockets too: they see status 101 (200 over HTTP/2) just before the protocol is
// switched, and the fields they set then are part of the response (E6.2). One that
// writes another status instead refuses the WebSocket.
//
// Requests that are under way are not affected, so that Use belongs before the server
// begins to serve. It may be called at any time.
func (srv *Server) Use(middlewares ...func(http.Handler) http.Handler) {
	if len(middlewares) == 0 {
		return
	}
	tail := &link{srv: srv}
	var h http.Handler = tail
	for i := len(middlewares) - 1; i >= 0; i-- {
		h = middlewares[i](h)
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.tail.next.Store(&h)
	srv.tail = tail
}

// link is what a middleware calls: more middlewares, or the server if there are none.
type link struct {
	srv  *Server
	next atomic.Pointer[http.Handler]
}

// ServeHTTP implements http.Handler.
func (l *link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if next := l.next.Load(); next != nil {
		(*next).ServeHTTP(w, r)
		return
	}
	l.srv.serve(w, r)
}

// switchWriter is the http.ResponseWriter of a WebSocket handshake below all
// middlewares. It knows whether one of them has answered, and keeps them from writing
// to a connection that was taken over. It is used by one goroutine at a time.
type switchWriter struct {
	// inner is that of net/http. It is nil after the request: the context of the session
	// keeps the switchWriter for long, and must not keep more.
	inner    atomic.Pointer[http.ResponseWriter]
	header   http.Header
	awaited  int  // the status that announce has written, or 0
	answered bool // a status was written
	hijacked bool
}

// switchKey is the key of the context's value that is the *switchWriter.
type switchKey struct{}

func newSwitchWriter(w http.ResponseWriter) *switchWriter {
	b := &switchWriter{header: w.Header()}
	b.inner.Store(&w)
	return b
}

// switchContext is the context of a WebSocket handshake below what middlewares add to it.
// A session keeps what they have added, and with it this one, but not the request.
type switchContext struct {
	writer *switchWriter
	parent atomic.Pointer[context.Context]
	ended  atomic.Bool // the request has; parent has its values
}

func newSwitchContext(ctx context.Context, b *switchWriter) *switchContext {
	c := &switchContext{writer: b}
	c.parent.Store(&ctx)
	return c
}

// release ends the context, as net/http does with that of a request, and lets go of all
// but its values.
func (c *switchContext) release() {
	ctx := withoutLayers(*c.parent.Load())
	c.ended.Store(true)
	c.parent.Store(&ctx)
}

var ended = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Deadline implements context.Context.
func (c *switchContext) Deadline() (time.Time, bool) { return (*c.parent.Load()).Deadline() }

// Done implements context.Context.
func (c *switchContext) Done() <-chan struct{} {
	parent := *c.parent.Load() // before ended is read: release sets it first
	if c.ended.Load() {
		return ended
	}
	return parent.Done()
}

// Err implements context.Context.
func (c *switchContext) Err() error {
	parent := *c.parent.Load()
	if c.ended.Load() {
		return context.Canceled
	}
	return parent.Err()
}

// Value implements context.Context.
func (c *switchContext) Value(key any) any {
	if key == (switchKey{}) {
		return c.writer
	}
	return (*c.parent.Load()).Value(key)
}

// release lets the connection go.
func (b *switchWriter) release() { b.inner.Store(nil) }

// announce writes status to w, which middlewares have wrapped around b, so that they
// write their header fields. The status goes no further: whoever switches protocols
// sends it. It reports false if a middleware has answered the request instead.
func (b *switchWriter) announce(w http.ResponseWriter, status int) bool {
	if b.answered {
		return false
	}
	b.awaited = status
	w.WriteHeader(status)
	b.awaited = 0
	return !b.answered
}

// Header implements http.ResponseWriter.
func (b *switchWriter) Header() http.Header { return b.header }

// WriteHeader implements http.ResponseWriter.
func (b *switchWriter) WriteHeader(status int) {
	inner := b.inner.Load()
	if inner == nil || b.hijacked || b.awaited != 0 && status == b.awaited {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		b.answered = true
	}
	(*inner).WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (b *switchWriter) Write(p []byte) (int, error) {
	inner := b.inner.Load()
	if inner == nil || b.hijacked {
		return 0, http.ErrHijacked
	}
	b.answered = true
	return (*inner).Write(p)
}

// Flush implements http.Flusher.
func (b *switchWriter) Flush() { _ = b.FlushError() }

// FlushError is Flush for http.ResponseController. Nothing is flushed while nothing was
// written: that would send status 200.
func (b *switchWriter) FlushError() error {
	inner := b.inner.Load()
	if inner == nil || b.hijacked || !b.answered {
		return nil
	}
	return http.NewResponseController(*inner).Flush()
}

// Hijack implements http.Hijacker.
func (b *switchWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	inner := b.inner.Load()
	if inner == nil || b.hijacked {
		return nil, nil, http.ErrHijacked
	}
	conn, rw, err := http.NewResponseController(*inner).Hijack()
	if err != nil {
		return nil, nil, err
	}
	b.hijacked, b.answered = true, true
	return conn, rw, nil
}

// Unwrap lets http.ResponseController find the rest.
func (b *switchWriter) Unwrap() http.ResponseWriter {
	if inner := b.inner.Load(); inner != nil {
		return *inner
	}
	return nil
}
