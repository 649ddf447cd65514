// SPDX-License-Identifier: MIT

package engine

import "net/http"

// addHeaders adds what is configured to the header of a response of the session.
// opening says that the response opens it (E6.3, E6.4).
func (s *Session) addHeaders(h http.Header, r *http.Request, opening bool) {
	cfg := &s.server.cfg
	if opening {
		if cfg.Cookie != nil {
			if c := cfg.Cookie(r, s.id); c != nil {
				if v := c.String(); v != "" { // it is if the cookie's name is invalid
					h.Add("Set-Cookie", v)
				}
			}
		}
		if cfg.OnInitialHeaders != nil {
			cfg.OnInitialHeaders(h, r)
		}
	}
	if cfg.OnHeaders != nil {
		cfg.OnHeaders(h, r)
	}
}

// DefaultCookie is a Config.Cookie: the session id in a cookie named "io", as the
// official server has it with "cookie: true" (E11.12). A function of your own may
// change what it returns.
func DefaultCookie(_ *http.Request, sid string) *http.Cookie {
	return &http.Cookie{Name: "io", Value: sid, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// headerBytes returns about how long the request's header is: net/http has taken it
// apart, so that the method, the protocol's version and white space are not counted, nor
// are the few fields that it keeps elsewhere, but Host is.
func headerBytes(r *http.Request) int {
	n := len(r.RequestURI)
	if n == 0 && r.URL != nil { // not made by net/http
		n = len(r.URL.Path) + len(r.URL.RawQuery)
	}
	n += len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// validHeader reports whether a header value has no control characters (E1.8).
func validHeader(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
