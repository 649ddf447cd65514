// SPDX-License-Identifier: MIT

package engine

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"
)

// CORS lets pages of other origins use the server (E6.5). It answers preflight
// requests and adds headers to all responses. It refuses nothing: that is for
// Config.CheckOrigin, which, if not set, allows the same origins. The zero value allows
// all origins without credentials.
type CORS struct {
	// Origins are those allowed, such as "https://example.org". One "*" in an origin
	// stands for any text, and "*" alone for all. Case does not matter. Empty and without
	// AllowOrigin: all.
	Origins []string
	// AllowOrigin, if set, decides instead of Origins.
	AllowOrigin func(r *http.Request, origin string) bool
	// Credentials allows cookies and HTTP authentication. Browsers then refuse the answer
	// "*", so that the origin itself is sent. Together with all origins it lets every page
	// act as its visitor.
	//
	// JS differs: E6.8, the official server sends "*" and browsers refuse it.
	Credentials bool
	// Methods are those allowed; the protocol needs GET and POST. Empty means GET, HEAD,
	// PUT, PATCH, POST and DELETE.
	Methods []string
	// AllowedHeaders are the request's header fields that are allowed. Empty: all that
	// the client asks for.
	AllowedHeaders []string
	// ExposedHeaders are the response's header fields that a page may read.
	ExposedHeaders []string
	// MaxAge is how long the answer to a preflight request may be kept, in whole seconds.
	// 0: not told, which browsers take for 5 s; negative: not at all.
	MaxAge time.Duration
}

// handler returns what decides. It is made once for each server.
//
// JS differs: B19, E6.6, E6.7. What is not allowed gets no CORS header at all: an origin, a
// method, a preflight request for header fields. Vary names Origin always, and in the
// answer to a preflight request all that it depends on; that answer names the method that
// was asked for, not all, and no exposed headers. E6.5: net/http sends no Content-Length
// with status 204, as RFC 9110, section 8.6, demands.
func (c *CORS) handler() *cors.Cors {
	opt := cors.Options{
		AllowedOrigins:   c.Origins,
		AllowedMethods:   c.Methods,
		AllowedHeaders:   c.AllowedHeaders,
		ExposedHeaders:   c.ExposedHeaders,
		AllowCredentials: c.Credentials,
		MaxAge:           int(c.MaxAge / time.Second),
	}
	if c.MaxAge < 0 {
		opt.MaxAge = -1
	}
	if len(c.Methods) == 0 {
		opt.AllowedMethods = []string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"}
	}
	if len(c.AllowedHeaders) == 0 {
		opt.AllowedHeaders = []string{"*"}
	}
	switch {
	case c.AllowOrigin != nil:
		opt.AllowOriginVaryRequestFunc = func(r *http.Request, origin string) (bool, []string) {
			return origin != "" && c.AllowOrigin(r, origin), nil
		}
	case c.Credentials && c.all():
		opt.AllowOriginVaryRequestFunc = func(*http.Request, string) (bool, []string) { return true, nil }
	}
	return cors.New(opt)
}

func (c *CORS) all() bool {
	return len(c.Origins) == 0 || slices.Contains(c.Origins, "*")
}

// Handler returns a handler that does for next what Config.CORS does for a Server: for what
// is served beside the protocol, such as the files of a client (S2.6).
func (c *CORS) Handler(next http.Handler) http.Handler { return handleCORS(c.handler())(next) }

// handleCORS returns the middleware that comes first (E6.5).
func handleCORS(c *cors.Cors) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !validHeader(r.Header.Get("Origin")) { // E1.8: not to be repeated
				next.ServeHTTP(w, r)
				return
			}
			c.HandlerFunc(w, r) // answers OPTIONS if it names a method
			switch {
			case r.Method != http.MethodOptions:
				next.ServeHTTP(w, r)
			case r.Header.Get("Access-Control-Request-Method") == "":
				w.WriteHeader(http.StatusNoContent)
			}
		})
	}
}

// sameHost reports whether the origin of a request is the host that it goes to.
func sameHost(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
