// SPDX-License-Identifier: MIT

package websocket

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // what the protocol asks for
	"encoding/base64"
	"errors"
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
	var room [24]byte // a longer key is none
	key, err := base64.StdEncoding.AppendDecode(room[:0], []byte(r.Header.Get("Sec-WebSocket-Key")))
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
	return AcceptWith(w, r, header, d, timeout, nil)
}

// AcceptWith is Accept with frames, not compressed, that leave together with the response.
func AcceptWith(w http.ResponseWriter, r *http.Request, header http.Header, d *Deflate, timeout time.Duration, first []byte) (*Upgrade, error) {
	n := negotiation{deflate: d}
	if isExtended(r) {
		return acceptStream(w, r, header, &n, timeout, first)
	}
	extensions, err := n.extensions(r)
	protocol, ok := selected(r)
	if !ok {
		err = ws.ErrMalformedRequest
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, err
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{}) // those of http.Server are for requests
	_ = conn.SetWriteDeadline(time.Now().Add(timeout))
	p := append(rw.AvailableBuffer(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	p = append(appendAccept(p, r.Header.Get("Sec-WebSocket-Key")), "\r\n"...)
	if protocol != "" {
		p = append(append(append(p, "Sec-WebSocket-Protocol: "...), protocol...), "\r\n"...)
	}
	if extensions != "" {
		p = append(append(append(p, "Sec-WebSocket-Extensions: "...), extensions...), "\r\n"...)
	}
	_, _ = rw.Write(p) // an error stays until Flush
	if len(header) > 0 {
		_ = withoutHandshake(header).Write(rw)
	}
	_, _ = rw.WriteString("\r\n")
	_, _ = rw.Write(first)
	if err := rw.Flush(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetWriteDeadline(time.Time{})
	return &Upgrade{Conn: conn, Early: buffered(rw.Reader), Params: n.params}, nil
}

// appendAccept appends the answer to a key. See RFC 6455, section 4.2.2.
func appendAccept(p []byte, key string) []byte {
	var room [64]byte
	sum := sha1.Sum(append(append(room[:0], key...), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...)) //nolint:gosec // what the protocol asks for
	return base64.StdEncoding.AppendEncode(p, sum[:])
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
	if r.Buffered() == 0 {
		return nil
	}
	p, _ := r.Peek(r.Buffered())
	return bytes.Clone(p)
}

// selected returns what offered does, and false if the offer cannot be parsed.
func selected(r *http.Request) (protocol string, ok bool) {
	for _, value := range r.Header["Sec-Websocket-Protocol"] {
		if !httphead.ScanTokens([]byte(value), func([]byte) bool { return true }) {
			return "", false
		}
	}
	return offered(r), true
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
			if option := n.option(offer); option.Size() > 0 {
				accepted = append(accepted, option)
			}
		}
	}
	if len(accepted) == 0 {
		return "", nil
	}
	var text strings.Builder
	_, _ = httphead.WriteOptions(&text, accepted)
	return text.String(), nil
}
