// SPDX-License-Identifier: MIT

package webtransport

import (
	"errors"
	"net"
	"net/http"

	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/sio-go/sio/engine"
)

// Handler returns a handler that gives the WebTransport sessions of wt to srv, and leaves
// all other requests to next: the Engine.IO or Socket.IO server itself. So polling works
// over HTTP/3 too. It is to be reached by requests of wt.H3, and wt must serve them itself
// (wt.Serve, wt.ListenAndServe and others): wt.H3 alone knows no WebTransport.
//
// Each session has one stream, the first bidirectional one that the client opens. Origins
// are for engine.Config.CheckOrigin and CORS to check: wt.CheckOrigin sees the requests
// without their Origin.
//
// To shut down, end srv first, and then wt, which closes connections without regard to what
// is under way. When srv ends a session, the client has a second to read what it was sent
// before, and to close the session by itself; srv.Shutdown and srv.Close wait for that.
func Handler(srv *engine.Server, wt *webtransport.Server, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isSession(r) {
			next.ServeHTTP(w, r)
			return
		}
		g := &guard{ResponseWriter: w}
		srv.ServeWebTransport(g, r, func(r *http.Request) (net.Conn, error) { return accept(wt, g, r) })
	})
}

// isSession reports whether a request begins a WebTransport session. Early drafts of
// draft-ietf-webtrans-http3 have one name for the protocol, later ones another.
func isSession(r *http.Request) bool {
	return r.Method == http.MethodConnect && (r.Proto == "webtransport" || r.Proto == "webtransport-h3")
}

// accept answers a request and waits for the client's stream, as long as the context of
// the request lasts.
func accept(wt *webtransport.Server, g *guard, r *http.Request) (net.Conn, error) {
	if r.Header.Get("Origin") != "" { // the engine has checked it
		r = r.WithContext(r.Context())
		r.Header = r.Header.Clone()
		r.Header.Del("Origin")
	}
	w := innermost(g)
	if w == nil {
		g.WriteHeader(http.StatusInternalServerError)
		return nil, errWriter
	}
	session, err := wt.Upgrade(w, r)
	if err != nil {
		g.WriteHeader(http.StatusBadRequest)
		return nil, err
	}
	g.upgraded = true
	stream, err := session.AcceptStream(r.Context())
	if err != nil {
		_ = session.CloseWithError(0, "")
		return nil, err
	}
	return &conn{Stream: stream, session: session}, nil
}

var errWriter = errors.New("webtransport: the http.ResponseWriter is not, and does not wrap, that of an HTTP/3 server")

// innermost returns the writer of the HTTP/3 server, which handlers on the way may have
// wrapped, or nil.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		if _, ok := w.(http3.HTTPStreamer); ok {
			return w
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapper.Unwrap()
	}
}

// guard keeps middlewares of the engine from writing to a stream that has become a
// session.
type guard struct {
	http.ResponseWriter
	upgraded bool
}

// WriteHeader implements http.ResponseWriter.
func (g *guard) WriteHeader(status int) {
	if !g.upgraded {
		g.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (g *guard) Write(p []byte) (int, error) {
	if g.upgraded {
		return 0, http.ErrHijacked
	}
	return g.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the rest.
func (g *guard) Unwrap() http.ResponseWriter { return g.ResponseWriter }
