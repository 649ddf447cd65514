// SPDX-License-Identifier: MIT

package wire

import (
	"bytes"
	"encoding/base64"
	"iter"
)

// Separator stands between the packets of a payload. It cannot occur inside of one:
// JSON escapes control characters.
const Separator = 0x1e

// binaryMark stands in the place of the type digit before the base64 of a binary packet.
const binaryMark = 'b'

// AppendPayload appends p to the payload of a long-polling request or response and
// returns the extended buffer (E3.11). If dst is not empty it puts a Separator
// first, so that a payload is built by repeated calls. A binary packet becomes a 'b'
// and padded standard base64.
func AppendPayload(dst []byte, p Packet) []byte {
	if len(dst) > 0 {
		dst = append(dst, Separator)
	}
	if !p.Binary {
		return Append(dst, p)
	}
	return AppendBase64(dst, p)
}

// AppendBase64 appends a binary packet as text: a 'b' and padded standard base64. It is
// what payloads, and WebSockets of clients that take no binary data (E1.5), carry.
func AppendBase64(dst []byte, p Packet) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, binaryMark), p.Data)
}

// ParsePayload returns the packets of the body of a long-polling request or response.
// The iteration ends after the first error, which is a *SyntaxError; the packets
// before it are valid (E3.11). An empty body is an error.
//
// Text data aliases body. Binary packets may use the standard or the URL alphabet of
// base64, with padding or without.
func ParsePayload(body []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for start := 0; ; {
			part := body[start:]
			end := bytes.IndexByte(part, Separator)
			if end >= 0 {
				part = part[:end:end]
			}
			p, err := parsePart(part, start)
			if !yield(p, err) || err != nil || end < 0 {
				return
			}
			start += end + 1
		}
	}
}

// parsePart parses one packet of a payload, which starts at the given offset.
func parsePart(part []byte, offset int) (Packet, error) {
	if len(part) == 0 || part[0] != binaryMark {
		return parseText(part, offset)
	}
	data, ok := decodeBase64(part[1:])
	if !ok {
		return Packet{}, &SyntaxError{Offset: offset, Err: ErrBase64}
	}
	return Packet{Type: Message, Binary: true, Data: data}, nil
}

// decodeBase64 takes what the encoders in the field write: all pad, but not all use
// the same alphabet, and some leave the padding out.
func decodeBase64(text []byte) ([]byte, bool) {
	raw := bytes.TrimRight(text, "=")
	if pad := len(text) - len(raw); pad > 0 && (pad > 2 || len(text)%4 != 0) {
		return nil, false
	}
	encoding := base64.RawStdEncoding
	if bytes.IndexByte(raw, '-') >= 0 || bytes.IndexByte(raw, '_') >= 0 {
		encoding = base64.RawURLEncoding
	}
	data := make([]byte, encoding.DecodedLen(len(raw)))
	n, err := encoding.Decode(data, raw)
	return data[:n:n], err == nil
}
