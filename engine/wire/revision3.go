// SPDX-License-Identifier: MIT

package wire

import (
	"bytes"
	"encoding/base64"
	"iter"
	"strconv"
	"unicode/utf8"
)

// Revision 3 of the protocol. It differs from revision 4 in how binary packets and
// payloads are written; the types and the text of a packet are the same. See
// "Engine.IO Protocol", revision 3, "Encoding".

// Parse3 returns the packet of one WebSocket message of revision 3. A text message is a
// type digit and data or, for binary data, a 'b', the digit and base64 (E12.2); a
// binary message is a byte with the type and data (E5.1). Text, and the data of binary
// messages, aliases data. The error is a *SyntaxError.
func Parse3(data []byte, binary bool) (Packet, error) {
	return parse3(data, binary, 0)
}

// parse3 parses a packet that starts at the given offset of the input.
func parse3(data []byte, binary bool, offset int) (Packet, error) {
	switch {
	case len(data) == 0:
		return Packet{}, &SyntaxError{Offset: offset, Err: ErrEmpty}
	case binary:
		return binary3(data[0], data[1:], offset)
	case data[0] != binaryMark:
		return parseText(data, offset)
	case len(data) == 1:
		return Packet{}, &SyntaxError{Offset: offset, Err: ErrType}
	}
	raw, ok := decodeBase64(data[2:])
	if !ok {
		return Packet{}, &SyntaxError{Offset: offset, Err: ErrBase64}
	}
	return binary3(data[1]-'0', raw, offset)
}

// binary3 makes a binary packet. Only messages mean something with binary data.
func binary3(t byte, data []byte, offset int) (Packet, error) {
	if Type(t) != Message {
		return Packet{}, &SyntaxError{Offset: offset, Err: ErrType}
	}
	return Packet{Type: Message, Binary: true, Data: data}, nil
}

// Append3 appends p as the content of one WebSocket message of revision 3 and returns
// the extended buffer: a type digit, or a byte if p is binary, and the data.
func Append3(dst []byte, p Packet) []byte {
	if p.Binary {
		return append(append(dst, byte(Message)), p.Data...)
	}
	return Append(dst, p)
}

// Append3Base64 appends a binary packet as the text of revision 3 for clients that take
// no binary data: a 'b', the type digit and base64 (E12.2).
func Append3Base64(dst []byte, p Packet) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, binaryMark, '0'+byte(Message)), p.Data)
}

// AppendPayload3 appends p to a text payload of revision 3 and returns the extended
// buffer: the length in UTF-16 code units, a colon, and the packet (E12.1). A binary
// packet is in base64. A payload is built by repeated calls.
func AppendPayload3(dst []byte, p Packet) []byte {
	n := 2 + base64.StdEncoding.EncodedLen(len(p.Data))
	if !p.Binary {
		n = 1 + utf16Len(p.Data)
	}
	dst = append(strconv.AppendInt(dst, int64(n), 10), ':')
	if p.Binary {
		return Append3Base64(dst, p)
	}
	return Append(dst, p)
}

// utf16Len returns the number of UTF-16 code units of a UTF-8 text (§0, no. 4). A byte
// that is no UTF-8 counts as U+FFFD.
func utf16Len(text []byte) int {
	n := 0
	for i := 0; i < len(text); n++ {
		size, units := runeAt(text, i)
		i += size
		n += units - 1
	}
	return n
}

// runeAt returns how many bytes the character at i has, and how many UTF-16 code units.
func runeAt(text []byte, i int) (size, units int) {
	if text[i] < utf8.RuneSelf {
		return 1, 1
	}
	_, size = utf8.DecodeRune(text[i:])
	if size == 4 {
		return size, 2
	}
	return size, 1
}

// The first byte of a packet in a binary payload, and what ends its length.
const (
	textFlag   = 0
	binaryFlag = 1
	lengthEnd  = 0xff
)

// AppendBinaryPayload3 appends p to a binary payload of revision 3 and returns the
// extended buffer: a flag, the length in bytes as decimal digits, each a byte from 0
// to 9, 0xff, and the packet (E12.3). A payload is built by repeated calls.
func AppendBinaryPayload3(dst []byte, p Packet) []byte {
	flag := byte(textFlag)
	if p.Binary {
		flag = binaryFlag
	}
	dst = append(dst, flag)
	start := len(dst)
	dst = strconv.AppendInt(dst, int64(len(p.Data)+1), 10)
	for i := start; i < len(dst); i++ {
		dst[i] -= '0'
	}
	return Append3(append(dst, lengthEnd), p)
}

// maxDigits limits the digits of a length: more than any payload has.
const maxDigits = 9

// ParsePayload3 returns the packets of the body of a long-polling request or response
// of revision 3, which is text (E12.1), or binary if its content type says so (E12.3).
// The iteration ends after the first error, which is a *SyntaxError; the packets before
// it are valid. An empty body is an error; an empty packet in a text payload is passed
// over. Data aliases body unless it comes in base64.
func ParsePayload3(body []byte, binary bool) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if len(body) == 0 {
			yield(Packet{}, &SyntaxError{Err: ErrEmpty})
			return
		}
		for start := 0; start < len(body); {
			var from, to int
			isBinary := false
			if binary {
				from, to, isBinary = nextBinary3(body, start)
			} else {
				from, to = nextText3(body, start)
			}
			if to < 0 {
				yield(Packet{}, &SyntaxError{Offset: start, Err: ErrLength})
				return
			}
			if from == to && !binary {
				start = to
				continue
			}
			p, err := parse3(body[from:to:to], isBinary, start)
			if !yield(p, err) || err != nil {
				return
			}
			start = to
		}
	}
}

// nextText3 returns where the packet whose length begins at start lies, or -1 for to.
func nextText3(body []byte, start int) (from, to int) {
	digits := bytes.IndexByte(body[start:min(len(body), start+maxDigits+1)], ':')
	if digits <= 0 {
		return 0, -1
	}
	units := 0
	for _, c := range body[start : start+digits] {
		if c < '0' || c > '9' {
			return 0, -1
		}
		units = units*10 + int(c-'0')
	}
	from = start + digits + 1
	to = from
	for units > 0 && to < len(body) {
		size, n := runeAt(body, to)
		to += size
		units -= n
	}
	if units != 0 { // too short, or the length ends inside of a character
		return 0, -1
	}
	return from, to
}

// nextBinary3 is nextText3 for a binary payload.
func nextBinary3(body []byte, start int) (from, to int, isBinary bool) {
	flag := body[start]
	digits := bytes.IndexByte(body[start+1:min(len(body), start+maxDigits+2)], lengthEnd)
	if flag > binaryFlag || digits <= 0 {
		return 0, -1, false
	}
	n := 0
	for _, c := range body[start+1 : start+1+digits] {
		if c > 9 {
			return 0, -1, false
		}
		n = n*10 + int(c)
	}
	from = start + 1 + digits + 1
	if n > len(body)-from {
		return 0, -1, false
	}
	return from, from + n, flag == binaryFlag
}
