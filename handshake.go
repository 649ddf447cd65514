// SPDX-License-Identifier: MIT

package sio

import (
	"net"
	"net/http"
	"net/url"
	"time"
)

// Handshake is what is known of how a socket came to be: the HTTP request that
// opened its connection, which all namespaces of the connection share, and what the
// client sent to connect to the namespace.
type Handshake struct {
	Auth        Auth
	Query       url.Values  // of the request, EIO and transport included
	Header      http.Header // of the request
	URL         *url.URL    // of the request
	Host        string      // of the request
	Address     string      // the peer's, without its port
	Time        time.Time   // when the connection began
	Secure      bool        // the request came by TLS
	CrossDomain bool        // the request had an Origin
}

// Auth is the object that a client sends to authenticate ("auth" in JavaScript). It
// is a read-only value and safe for concurrent use.
//
// A client of Socket.IO 2 cannot send one. In its place are the query parameters that
// came with the namespace's name: strings, or arrays of strings for names that occur more
// than once (P4.3). For "/" there is none; its parameters are in Handshake.Query.
type Auth struct{ args Args }

// Bind decodes the object into what dst points to. If the client sent none, dst is
// left as it is.
func (a Auth) Bind(dst any) error {
	if a.args.Len() == 0 {
		return nil
	}
	return a.args.Unmarshal(0, dst)
}

// Raw returns the object's JSON; nil if the client sent none.
func (a Auth) Raw() []byte {
	raw, _ := a.args.Raw(0)
	return raw
}

// credentials returns what the client sent to connect to the namespace.
func (s *Socket) credentials() Auth {
	if s.auth == nil {
		return Auth{}
	}
	return Auth{*s.auth}
}

// Handshake returns how the socket came to be. Each call makes it anew, of the little that
// is kept of the request: keep it if it is needed more than once.
func (s *Socket) Handshake() *Handshake {
	r := s.conn.session.Request()
	h := &Handshake{
		Auth:    s.credentials(),
		Header:  r.Header(),
		URL:     r.URL(),
		Host:    r.Host(),
		Address: r.RemoteAddr(),
		Time:    r.Time(),
		Secure:  r.TLS() != nil,
	}
	h.Query = h.URL.Query()
	h.CrossDomain = h.Header.Get("Origin") != ""
	if host, _, err := net.SplitHostPort(h.Address); err == nil {
		h.Address = host
	}
	return h
}
