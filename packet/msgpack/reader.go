// SPDX-License-Identifier: MIT

package msgpack

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/sio-go/sio/packet"
)

// reader makes JSON of a message.
type reader struct {
	data      []byte
	i         int      // what comes next in data
	json      []byte   // what is made
	blobs     [][]byte // for which json has placeholders
	blobsLeft int      // how many more there may be
	depth     int      // how much deeper arrays and maps may be nested
}

func (r *reader) fail(msg string) error { return &packet.SyntaxError{Offset: r.i, Msg: msg} }

// took notes that a value was read: all but the rest.
func (r *reader) took(rest []byte, err error) error {
	if err != nil {
		return r.fail(msgMalformed)
	}
	r.i = len(r.data) - len(rest)
	return nil
}

// rest returns what has not been read.
func (r *reader) rest() []byte { return r.data[r.i:] }

// mapHeader reads the header of a map with its number of members, if a map is next.
func (r *reader) mapHeader() (n uint32, ok bool) {
	n, rest, err := msgp.ReadMapHeaderBytes(r.rest())
	if err != nil || uint64(n)*2 > uint64(len(rest)) {
		return 0, false
	}
	return n, r.took(rest, nil) == nil
}

// key reads the name of a member of the packet.
func (r *reader) key() ([]byte, error) {
	name, rest, err := msgp.ReadStringZC(r.rest())
	if err == nil {
		return name, r.took(rest, nil)
	}
	mark := len(r.json)
	err = r.name() // not a string: none of ours
	r.json = r.json[:mark]
	return nil, err
}

// member reads the value of a member of the packet.
func (r *reader) member() (m member, err error) {
	m.at = r.i
	if m.form = formOf(r.rest()); m.form == absent {
		r.i += 3
		return m, nil
	}
	start := len(r.json)
	err = r.value()
	m.json = r.json[start:len(r.json):len(r.json)]
	return m, err
}

// formOf returns the form of the value at the beginning of data.
func formOf(data []byte) form {
	if isUndefined(data) {
		return absent
	}
	if len(data) == 0 {
		return other
	}
	switch c := data[0]; {
	case c < 0x80, c >= 0xe0, c >= 0xca && c <= 0xd3:
		return number // also NaN, whose JSON is null
	case c < 0x90, c == 0xde, c == 0xdf:
		return object
	case c < 0xa0, c == 0xdc, c == 0xdd:
		return list
	case c < 0xc0, c >= 0xd9 && c <= 0xdb:
		return text
	}
	return other
}

// isUndefined reports whether undefined is next: an extension of type 0 and one byte
// (X1.5). An ArrayBuffer of one byte has another prefix.
func isUndefined(data []byte) bool { return len(data) >= 3 && data[0] == 0xd4 && data[1] == 0 }

// value reads a value and appends its JSON.
func (r *reader) value() (err error) {
	if r.i == len(r.data) {
		return r.fail(msgMalformed)
	}
	var rest []byte
	switch c := r.data[r.i]; {
	case c < 0x80 || c >= 0xcc && c <= 0xcf:
		var n uint64
		n, rest, err = msgp.ReadUint64Bytes(r.rest())
		r.json = strconv.AppendUint(r.json, n, 10)
	case c >= 0xe0 || c >= 0xd0 && c <= 0xd3:
		var n int64
		n, rest, err = msgp.ReadInt64Bytes(r.rest())
		r.json = strconv.AppendInt(r.json, n, 10)
	case c < 0x90, c == 0xde, c == 0xdf:
		return r.object()
	case c < 0xa0, c == 0xdc, c == 0xdd:
		return r.array()
	case c < 0xc0, c >= 0xd9 && c <= 0xdb:
		return r.str()
	case c == 0xc0:
		r.i++
		r.json = append(r.json, "null"...)
		return nil
	case c == 0xc2, c == 0xc3:
		r.i++
		r.json = strconv.AppendBool(r.json, c == 0xc3)
		return nil
	case c >= 0xc4 && c <= 0xc6:
		var b []byte
		if b, rest, err = msgp.ReadBytesZC(r.rest()); err == nil {
			if err := r.blob(b); err != nil {
				return err
			}
		}
	case c == 0xca:
		var f float32
		f, rest, err = msgp.ReadFloat32Bytes(r.rest())
		r.json = appendFloat(r.json, float64(f))
	case c == 0xcb:
		var f float64
		f, rest, err = msgp.ReadFloat64Bytes(r.rest())
		r.json = appendFloat(r.json, f)
	case c == 0xc1:
		return r.fail(msgMalformed)
	default:
		return r.extension()
	}
	return r.took(rest, err)
}

// str reads a string. What is not UTF-8 becomes U+FFFD.
func (r *reader) str() error {
	s, rest, err := msgp.ReadStringZC(r.rest())
	if err == nil {
		r.json, _ = jsontext.AppendQuote(r.json, s) // the error tells of invalid UTF-8
	}
	return r.took(rest, err)
}

// open reads the header of an array or map, of which each element takes so many bytes at
// least.
func (r *reader) open(n uint32, size uint64, rest []byte, err error) error {
	if err != nil || uint64(n)*size > uint64(len(rest)) {
		return r.fail(msgMalformed)
	}
	if r.depth--; r.depth < 0 {
		return r.fail(msgPayload)
	}
	return r.took(rest, nil)
}

func (r *reader) array() error {
	n, rest, err := msgp.ReadArrayHeaderBytes(r.rest())
	if err := r.open(n, 1, rest, err); err != nil {
		return err
	}
	r.json = append(r.json, '[')
	for i := range n {
		if i > 0 {
			r.json = append(r.json, ',')
		}
		if isUndefined(r.rest()) {
			r.i += 3
			r.json = append(r.json, "null"...)
		} else if err := r.value(); err != nil {
			return err
		}
	}
	r.depth++
	r.json = append(r.json, ']')
	return nil
}

func (r *reader) object() error {
	n, rest, err := msgp.ReadMapHeaderBytes(r.rest())
	if err := r.open(n, 2, rest, err); err != nil {
		return err
	}
	r.json = append(r.json, '{')
	empty := true
	for range n {
		mark := len(r.json)
		if !empty {
			r.json = append(r.json, ',')
		}
		if err := r.name(); err != nil {
			return err
		}
		if isUndefined(r.rest()) {
			r.i += 3
			r.json = r.json[:mark]
			continue
		}
		r.json = append(r.json, ':')
		if err := r.value(); err != nil {
			return err
		}
		empty = false
	}
	r.depth++
	r.json = append(r.json, '}')
	return nil
}

// name reads the key of a map. JavaScript makes a string of what is not one.
//
// JS differs: X1.3, there also of arrays, objects and floats.
func (r *reader) name() error {
	if isUndefined(r.rest()) {
		r.i += 3
		r.json = append(r.json, `"undefined"`...)
		return nil
	}
	if r.i == len(r.data) {
		return r.fail(msgMalformed)
	}
	switch c := r.data[r.i]; {
	case c >= 0xa0 && c < 0xc0, c >= 0xd9 && c <= 0xdb:
		return r.str()
	case c < 0x80, c >= 0xe0, c >= 0xcc && c <= 0xd3, c == 0xc0, c == 0xc2, c == 0xc3:
		r.json = append(r.json, '"')
		err := r.value()
		r.json = append(r.json, '"')
		return err
	}
	return r.fail(msgMalformed)
}

// blob appends the placeholder of binary data.
func (r *reader) blob(data []byte) error {
	if r.blobsLeft--; r.blobsLeft < 0 {
		return r.fail(msgTooMany)
	}
	r.json = append(r.json, marker...)
	r.json = strconv.AppendInt(r.json, int64(len(r.blobs)), 10)
	r.json = append(r.json, '}')
	r.blobs = append(r.blobs, data[:len(data):len(data)])
	return nil
}

// extension reads an extension (X1.6): dates, ArrayBuffers, and others. undefined is the
// caller's business.
func (r *reader) extension() error {
	data := r.rest()
	var head, n int
	switch c := data[0]; c {
	case 0xc7, 0xc8, 0xc9:
		size := 1 << (c - 0xc7) // of the length
		if head = size + 2; len(data) < head {
			return r.fail(msgMalformed)
		}
		for _, b := range data[1 : size+1] {
			n = n<<8 | int(b)
		}
	default: // 0xd4 to 0xd8
		if head, n = 2, 1<<(c-0xd4); len(data) < head {
			return r.fail(msgMalformed)
		}
	}
	if n < 0 || n > len(data)-head {
		return r.fail(msgMalformed)
	}
	kind, content := int8(data[head-1]), data[head:head+n]
	err := r.extended(kind, content, data[0] == 0xd7)
	r.i += head + n
	return err
}

// extended appends the JSON of an extension.
func (r *reader) extended(kind int8, data []byte, fixed8 bool) error {
	switch {
	case kind == 0 && fixed8: // a date of notepack 2
		r.json = appendDate(r.json, int64(binary.BigEndian.Uint64(data)))
		return nil
	case kind == 0:
		return r.blob(data)
	case kind == -1:
		if ms, ok := timestamp(data); ok {
			r.json = appendDate(r.json, ms)
			return nil
		}
	}
	r.json = append(strconv.AppendInt(append(r.json, '['), int64(kind), 10), ',')
	err := r.blob(data)
	r.json = append(r.json, ']')
	return err
}

// maxDate is the last millisecond that a JavaScript date can be.
const maxDate = 8_640_000_000_000_000

// timestamp returns the milliseconds of MessagePack's own timestamp extension, and those of
// an invalid date if it is out of range.
func timestamp(data []byte) (ms int64, ok bool) {
	var sec, nsec uint64
	switch len(data) {
	case 4:
		sec = uint64(binary.BigEndian.Uint32(data))
	case 8:
		v := binary.BigEndian.Uint64(data)
		sec, nsec = v&(1<<34-1), v>>34
	case 12:
		nsec, sec = uint64(binary.BigEndian.Uint32(data)), binary.BigEndian.Uint64(data[4:])
	default:
		return 0, false
	}
	if s := int64(sec); s < -maxDate/1000 || s > maxDate/1000 {
		return math.MaxInt64, true
	}
	return int64(sec)*1000 + int64(nsec/1e6), true
}

// appendDate appends a date as JSON.stringify does.
func appendDate(dst []byte, ms int64) []byte {
	if ms < -maxDate || ms > maxDate {
		return append(dst, "null"...)
	}
	t := time.UnixMilli(ms).UTC()
	dst = append(dst, '"')
	if year := t.Year(); year < 0 || year > 9999 {
		sign := byte('+')
		if year < 0 {
			sign, year = '-', -year
		}
		digits := strconv.Itoa(1_000_000 + year)
		dst = append(append(dst, sign), digits[1:]...)
		return t.AppendFormat(dst, `-01-02T15:04:05.000Z"`)
	}
	return t.AppendFormat(dst, `2006-01-02T15:04:05.000Z"`)
}

// appendFloat appends a number as JSON.stringify does. The exponents have the form of Go.
func appendFloat(dst []byte, f float64) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // also of -0
	case abs < 1e-6 || abs >= 1e21:
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	default:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
}
