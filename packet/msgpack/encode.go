// SPDX-License-Identifier: MIT

package msgpack

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"
)

// maxSize is the greatest size of what is encoded, so that no length in it is more than
// MessagePack can tell.
const maxSize = math.MaxInt32

var errTooLong = errors.New("msgpack: packet of 2 GiB or more")

// maxSafe is the greatest integer that JavaScript represents exactly.
const maxSafe = 1<<53 - 1

// marker is how a placeholder of packet.AppendPayload begins. It ends with a number and
// a bracket.
const marker = `{"_placeholder":true,"num":`

// appendJSON appends the MessagePack of JSON text that packet.AppendPayload has made.
//
// MessagePack has the number of elements before the elements and nothing after them, so
// that it takes two passes, and neither needs to know what is open in what.
func appendJSON(dst, text []byte, blobs [][]byte) []byte {
	var room [32]uint32
	sizes := count(text, room[:0])
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\t', '\r', '\n', ',', ':', ']', '}':
			i++
		case '{':
			size := sizes[0]
			sizes = sizes[1:]
			if len(blobs) > 0 && bytes.HasPrefix(text[i:], []byte(marker)) {
				// AppendPayload tells that it stands for the next attachment, unless more
				// members follow, of which one takes the mark back.
				end := i + len(marker)
				for text[end]-'0' < 10 {
					end++
				}
				if text[end] == '}' {
					dst = msgp.AppendBytes(dst, blobs[0])
					blobs = blobs[1:]
					i = end + 1
					continue
				}
			}
			dst = msgp.AppendMapHeader(dst, size)
			i++
		case '[':
			dst = msgp.AppendArrayHeader(dst, sizes[0])
			sizes = sizes[1:]
			i++
		case '"':
			end := skipString(text, i)
			dst = appendQuoted(dst, text[i:end])
			i = end
		case 't':
			dst = msgp.AppendBool(dst, true)
			i += len("true")
		case 'f':
			dst = msgp.AppendBool(dst, false)
			i += len("false")
		case 'n':
			dst = msgp.AppendNil(dst)
			i += len("null")
		default:
			end := i + 1
			for end < len(text) && isNumber(text[end]) {
				end++
			}
			dst = appendNumber(dst, text[i:end])
			i = end
		}
	}
	return dst
}

// count appends the number of elements of each array and the number of members of each
// object, in the order in which they begin.
func count(text []byte, sizes []uint32) []uint32 {
	var room [32]int
	open := room[:0]
	empty := false // the innermost open bracket has nothing in it yet
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case ']', '}':
			open = open[:len(open)-1]
			empty = false
			continue
		case ',':
			sizes[open[len(open)-1]]++
			continue
		}
		if empty {
			sizes[open[len(open)-1]] = 1
			empty = false
		}
		switch c {
		case '[', '{':
			open = append(open, len(sizes))
			sizes = append(sizes, 0)
			empty = true
		case '"':
			i = skipString(text, i) - 1
		}
	}
	return sizes
}

// skipString returns the index after the string that starts at i.
func skipString(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func isNumber(c byte) bool {
	return c-'0' < 10 || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}

// appendQuoted appends a quoted string of JSON.
func appendQuoted(dst, quoted []byte) []byte {
	content := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(content, '\\') < 0 {
		return msgp.AppendStringFromBytes(dst, content)
	}
	var room [128]byte
	content, _ = jsontext.AppendUnquote(room[:0], quoted) // an error means U+FFFD for a lone surrogate
	return msgp.AppendStringFromBytes(dst, content)
}

// appendNumber appends a number as notepack does: integers in the shortest form, -0 as 0,
// others as floats. Integers of 64 bits stay exact, though JavaScript cannot have them.
func appendNumber(dst, text []byte) []byte {
	s := string(text)
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return msgp.AppendUint64(dst, u)
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return appendInt(dst, n)
	}
	f, _ := strconv.ParseFloat(s, 64) // too great: infinity, as in JavaScript
	if f == math.Trunc(f) && math.Abs(f) <= maxSafe {
		return appendInt(dst, int64(f))
	}
	return msgp.AppendFloat64(dst, f)
}

// appendInt appends an integer. Of those that are not negative, notepack takes the
// unsigned forms.
func appendInt(dst []byte, n int64) []byte {
	if n >= 0 {
		return msgp.AppendUint64(dst, uint64(n))
	}
	return msgp.AppendInt64(dst, n)
}
