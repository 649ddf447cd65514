// SPDX-License-Identifier: MIT

package engine

import (
	"bytes"
	"iter"
	"net/http"
	"unicode/utf8"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/encoding"
)

// encode makes the body of a response of a batch: packets, payload, then the JSONP
// call and the content coding if there is one.
func (t *polling) encode(b *responseBody, batch []*Message, r *http.Request) (contentType, coding string) {
	s := t.session
	contentType = "text/plain; charset=UTF-8"
	if t.appendPayload(b, batch) {
		contentType = "application/octet-stream"
	}
	if t.callback != "" {
		b.swap(appendScript(b.spare, t.callback, b.text))
	}
	if len(b.text) < s.server.cfg.HTTPCompressionThreshold || allPlain(batch) {
		return contentType, ""
	}
	c := encoding.Accepted(r.Header["Accept-Encoding"])
	if c == nil {
		return contentType, ""
	}
	b.swap(c.Append(b.spare, b.text))
	return contentType, c.Name()
}

// appendPayload makes b the payload of a batch. It reports whether that is the binary
// format: for a client of revision 3 that takes it, and only if there is something
// binary (E12.3).
//
// JS differs: B11, binary data goes in base64 to JSONP clients of revision 3, too.
func (t *polling) appendPayload(b *responseBody, batch []*Message) (binary bool) {
	s := t.session
	if s.revision != 3 {
		for _, m := range batch {
			b.text = m.appendPayload(b.text)
		}
		return false
	}
	appendPacket := wire.AppendPayload3
	if !s.base64 && t.callback == "" && hasBinary(batch) {
		appendPacket, binary = wire.AppendBinaryPayload3, true
	}
	for _, m := range batch {
		for p := range m.packets {
			b.text = appendPacket(b.text, p)
		}
	}
	return binary
}

// parse returns the packets in the body of a POST. Bytes that are not UTF-8 become
// U+FFFD (E3.3). A JSONP request without a payload has none.
func (t *polling) parse(body []byte, binary bool) iter.Seq2[wire.Packet, error] {
	if t.callback != "" {
		payload, ok := formPayload(body)
		if !ok {
			return func(func(wire.Packet, error) bool) {}
		}
		body = payload
	}
	if !binary && !utf8.Valid(body) {
		// JS differs: E3.3, one for a run of bytes instead of one for each.
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
	if t.session.revision == 3 {
		return wire.ParsePayload3(body, binary)
	}
	return wire.ParsePayload(body)
}

// packets yields the packets of m as they are, whatever the transport.
func (m *Message) packets(yield func(wire.Packet) bool) {
	if m.frame {
		return
	}
	if m.buf != nil {
		text := m.packet()
		if !yield(wire.Packet{Type: wire.Type(text[0] - '0'), Data: text[1:]}) {
			return
		}
	}
	for _, a := range m.attachments {
		if !yield(wire.Packet{Type: wire.Message, Binary: true, Data: a.data}) {
			return
		}
	}
}

func hasBinary(batch []*Message) bool {
	for _, m := range batch {
		if len(m.attachments) > 0 {
			return true
		}
	}
	return false
}

func allPlain(batch []*Message) bool {
	for _, m := range batch {
		if !m.plain {
			return false
		}
	}
	return true
}
