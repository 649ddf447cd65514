// SPDX-License-Identifier: MIT

package websocket

import (
	"bufio"
	"encoding/base64"
	"errors"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
)

// Upgrade is a connection that was switched to the protocol.
type Upgrade struct {
	// Conn is the connection. Whoever has it closes it.
	Conn net.Conn
	// Early is what the client sent before it had the answer.
	Early []byte
	// Params are those of compression; nil if there is none.
	Params *Params

	closed <-chan struct{} // of an HTTP/2 stream
}

// Wait keeps the stream of an HTTP/2 connection alive, which ends when its handler
// returns, until Conn is closed. Over HTTP/1.1 it returns at once.
func (u *Upgrade) Wait() {
	if u.closed != nil {
		<-u.closed
	}
}

// IsUpgrade reports whether a request opens a WebSocket: by Upgrade over HTTP/1.1, or by
// extended CONNECT over HTTP/2 (RFC 8441).
func IsUpgrade(r *http.Request) bool {
	if isExtended(r) {
		return true
	}
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && hasToken(r.Header["Connection"], "upgrade")
}

// isExtended reports whether a request is an extended CONNECT. net/http takes them if the
// environment has GODEBUG=http2xconnect=1.
func isExtended(r *http.Request) bool {
	return r.ProtoMajor == 2 && r.Method == http.MethodConnect && r.Header.Get(":protocol") == "websocket"
}

func hasToken(values []string, token string) bool {
	for _, value := range values {
		for t := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// The errors of Check. Their texts are for the peer.
var (
	ErrMethod  = errors.New("Method of a WebSocket handshake must be GET")                   //nolint:staticcheck // a sentence for the peer
	ErrKey     = errors.New("Missing or invalid Sec-WebSocket-Key header")                   //nolint:staticcheck // the same
	ErrVersion = errors.New("Missing or invalid Sec-WebSocket-Version header")               //nolint:staticcheck // the same
	ErrHTTP    = errors.New("WebSocket over this version of HTTP needs an extended CONNECT") //nolint:staticcheck // the same
)

// Check checks a request for which IsUpgrade holds against RFC 6455, section 4.2.1, before
// the protocol is switched. It sets what the response to a refused one needs in h.
func Check(h http.Header, r *http.Request) error {
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		h.Set("Sec-WebSocket-Version", "13")
		return ErrVersion
	}
	if isExtended(r) {
		return nil
	}
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return ErrHTTP
	case r.Method != http.MethodGet:
		return ErrMethod
	case err != nil || len(key) != 16:
		return ErrKey
	}
	return nil
}

// Accept switches protocols: with status 101 over HTTP/1.1, with 200 over HTTP/2. The
// fields of header are part of the response. The first sub-protocol that the client
// offers is accepted (E5.7), and of d, unless it is nil, what the client can do. Writing
// the response may take as long as timeout. If it fails, it has answered as far as that
// is possible.
func Accept(w http.ResponseWriter, r *http.Request, header http.Header, d *Deflate, timeout time.Duration) (*Upgrade, error) {
	n := negotiation{deflate: d}
	if isExtended(r) {
		return acceptStream(w, r, header, &n, timeout)
	}
	first := true
	upgrader := ws.HTTPUpgrader{
		Timeout: timeout,
		Header:  withoutHandshake(header),
		Protocol: func(string) bool {
			take := first
			first = false
			return take
		},
		Negotiate: n.option,
	}
	if len(r.Header["Connection"]) > 1 { // of several fields, the upgrader knows the first only
		r = r.WithContext(r.Context())
		r.Header = maps.Clone(r.Header)
		r.Header["Connection"] = []string{"Upgrade"}
	}
	conn, rw, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, err
	}
	return &Upgrade{Conn: conn, Early: buffered(rw.Reader), Params: n.params}, nil
}

// own are the fields that belong to the handshake.
var own = []string{
	"Connection", "Upgrade", "Content-Length", "Transfer-Encoding",
	"Sec-Websocket-Accept", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol",
}

// withoutHandshake returns the header without the fields that the handshake sets.
func withoutHandshake(header http.Header) http.Header {
	for _, name := range own {
		if _, ok := header[name]; ok {
			header = header.Clone()
			break
		}
	}
	for _, name := range own {
		delete(header, name)
	}
	return header
}

// buffered copies what a reader holds, so that the reader can be let go.
func buffered(r *bufio.Reader) []byte {
	p, _ := r.Peek(r.Buffered())
	return append([]byte(nil), p...)
}

// offered returns the first sub-protocol that a request offers, or "".
func offered(r *http.Request) string {
	for _, value := range r.Header["Sec-Websocket-Protocol"] {
		for t := range strings.SplitSeq(value, ",") {
			if t = strings.TrimSpace(t); t != "" {
				return t
			}
		}
	}
	return ""
}

// extensions negotiates what a request offers, and returns the field of the response. It
// fails if what the request says cannot be parsed (RFC 6455, section 9.1).
func (n *negotiation) extensions(r *http.Request) (string, error) {
	var accepted []httphead.Option
	for _, value := range r.Header["Sec-Websocket-Extensions"] {
		options, ok := httphead.ParseOptions([]byte(value), nil)
		if !ok {
			return "", ws.ErrMalformedRequest
		}
		for _, offer := range options {
			if option, _ := n.option(offer); option.Size() > 0 {
				accepted = append(accepted, option)
			}
		}
	}
	var text strings.Builder
	if len(accepted) > 0 {
		_, _ = httphead.WriteOptions(&text, accepted)
	}
	return text.String(), nil
}
