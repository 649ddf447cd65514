// SPDX-License-Identifier: MIT

package websocket

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// What a server's answer to a handshake can lack. See RFC 6455, section 4.1.
var (
	ErrUpgrade    = errors.New("websocket: the answer's Upgrade or Connection field is wrong")
	ErrAccept     = errors.New("websocket: the answer's Sec-WebSocket-Accept field is wrong")
	ErrExtensions = errors.New("websocket: the answer has an extension that was not offered")
	ErrProtocols  = errors.New("websocket: the answer has a sub-protocol that was not offered")
)

// Offer is the client's side of one handshake.
type Offer struct {
	Protocols []string // sub-protocols, best first
	Deflate   *Deflate // what to offer; WindowBits and ContextTakeover are not used. nil: nothing

	key string
}

// Set sets the header fields of a request.
func (o *Offer) Set(h http.Header) {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // it never fails
	o.key = base64.StdEncoding.EncodeToString(nonce)
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Version", "13")
	h.Set("Sec-WebSocket-Key", o.key)
	h.Del("Sec-WebSocket-Protocol")
	if len(o.Protocols) > 0 {
		h.Set("Sec-WebSocket-Protocol", strings.Join(o.Protocols, ", "))
	}
	h.Del("Sec-WebSocket-Extensions")
	if o.Deflate != nil { // each message by itself, so that a connection holds no windows
		h.Set("Sec-WebSocket-Extensions", "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits")
	}
}

// Check checks the answer of status 101 to a request with the fields of Set, and returns
// the parameters of compression; nil if there is none.
func (o *Offer) Check(h http.Header) (*Params, error) {
	if !strings.EqualFold(h.Get("Upgrade"), "websocket") || !hasToken(h["Connection"], "upgrade") {
		return nil, ErrUpgrade
	}
	if h.Get("Sec-WebSocket-Accept") != acceptKey(o.key) {
		return nil, ErrAccept
	}
	if p := h.Values("Sec-WebSocket-Protocol"); len(p) > 1 || len(p) == 1 && !slices.Contains(o.Protocols, p[0]) {
		return nil, ErrProtocols
	}
	var options []httphead.Option
	for _, value := range h.Values("Sec-WebSocket-Extensions") {
		var ok bool
		if options, ok = httphead.ParseOptions([]byte(value), options); !ok {
			return nil, ErrExtensions
		}
	}
	switch {
	case len(options) == 0:
		return nil, nil
	case len(options) > 1 || o.Deflate == nil:
		return nil, ErrExtensions
	}
	return o.params(options[0])
}

// params reads the server's answer to the offer of compression (RFC 7692, section 7.1).
func (o *Offer) params(answer httphead.Option) (*Params, error) {
	var got wsflate.Parameters
	if string(answer.Name) != wsflate.ExtensionName || !strict(answer) || got.Parse(answer) != nil {
		return nil, ErrExtensions
	}
	p := &Params{InTakeover: !got.ServerNoContextTakeover, OutBits: maxBits, Threshold: o.Deflate.Threshold, Level: o.Deflate.Level}
	if got.ClientMaxWindowBits >= 8 {
		p.OutBits = min(int(got.ClientMaxWindowBits), maxBits)
	}
	return p, nil
}

// guid is that of RFC 6455, section 1.3.
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// acceptKey returns the answer to a key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// AppendMasked appends a final frame as a client sends it, header and payload, masked
// with fresh random bytes (RFC 6455, section 5.3). The payload comes in parts.
func AppendMasked(dst []byte, op ws.OpCode, compressed bool, payload ...[]byte) []byte {
	size := 0
	for _, part := range payload {
		size += len(part)
	}
	start := len(dst)
	dst = AppendHeader(dst, op, size, compressed)
	dst[start+1] |= 0x80
	var mask [4]byte
	binary.LittleEndian.PutUint32(mask[:], mathrand.Uint32()) // ChaCha8 with a seed of the system
	dst = append(dst, mask[:]...)
	start = len(dst)
	for _, part := range payload {
		dst = append(dst, part...)
	}
	ws.Cipher(dst[start:], mask, 0)
	return dst
}

// AppendMasked is AppendFrame for a client.
func (d *Deflater) AppendMasked(dst []byte, op ws.OpCode, payload []byte) []byte {
	packed, compressed := d.pack(payload)
	return AppendMasked(dst, op, compressed, packed)
}
