// SPDX-License-Identifier: MIT

package envelope

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// Limits of what is read. Attachments are binary values.
var limits = packet.Limits{Attachments: 1000, Depth: 1000}

// maxList limits lists of rooms, which take more memory than in a message.
const maxList = 1 << 17

var (
	errForm  = errors.New("unexpected kind of value")
	errEnd   = errors.New("truncated or malformed")
	errDepth = errors.New("nested too deep")
	errList  = errors.New("too many rooms")
)

// Value is a value in a message, in JSON or in MessagePack: its methods do not tell the
// difference. It is read on demand, and keeps the message. The zero value is absent. Wrong
// kinds and bad input lead to errors, and the memory that is taken is in proportion to the
// length of the message.
type Value struct {
	data   []byte
	packed bool // MessagePack
}

// Sniff returns the value that a message is. JSON begins with a bracket, and no
// MessagePack of an array or map does (A10.3).
func Sniff(message []byte) Value {
	if len(message) > 0 && (message[0] == '{' || message[0] == '[') {
		return Value{message, false}
	}
	return Value{message, true}
}

// JSON returns a value that is known to be JSON.
func JSON(text []byte) Value {
	return Value{bytes.TrimSpace(text), false}
}

// Packed returns a value that is known to be MessagePack.
func Packed(data []byte) Value { return Value{data, true} }

// Absent reports whether there is no value, or null or undefined, which are the same to
// JavaScript's ?? and to us.
func (v Value) Absent() bool {
	return v.Undefined() || v.packed && v.data[0] == 0xc0 || !v.packed && v.data[0] == 'n'
}

// Undefined reports whether there is no value, or JavaScript's undefined. null is a value.
func (v Value) Undefined() bool {
	return len(v.data) == 0 || v.packed && len(v.data) >= 3 && v.data[0] == 0xd4 && v.data[1] == 0
}

// Members calls f for each member of an object, until it returns an error.
func (v Value) Members(f func(name string, v Value) error) error {
	if v.packed {
		return v.packedMembers(f)
	}
	if len(v.data) == 0 || v.data[0] != '{' {
		return errForm
	}
	t := v.data
	for i := space(t, 1); ; {
		if i < len(t) && t[i] == '}' {
			return nil
		}
		end, err := skipJSON(t, i)
		if err != nil || t[i] != '"' {
			return errEnd
		}
		name, ok := unquote(t[i:end])
		if i = space(t, end); !ok || i == len(t) || t[i] != ':' {
			return errEnd
		}
		i = space(t, i+1)
		if end, err = skipJSON(t, i); err != nil {
			return err
		}
		if err := f(name, Value{t[i:end:end], false}); err != nil {
			return err
		}
		if i, err = comma(t, end, '}'); err != nil {
			return err
		}
	}
}

func (v Value) packedMembers(f func(name string, v Value) error) error {
	n, rest, err := msgp.ReadMapHeaderBytes(v.data)
	if err != nil {
		return errForm
	}
	for range n {
		head, after, err := skipPacked(rest)
		if err != nil {
			return err
		}
		name, ok := Value{head, true}.Text()
		head, rest, err = skipPacked(after)
		if err != nil {
			return err
		}
		if !ok {
			continue // none of ours
		}
		if err := f(name, Value{head, true}); err != nil {
			return err
		}
	}
	return nil
}

// Elements calls f for each element of an array, until it returns an error.
func (v Value) Elements(f func(i int, v Value) error) error {
	if v.packed {
		n, rest, err := msgp.ReadArrayHeaderBytes(v.data)
		if err != nil {
			return errForm
		}
		for i := range int(n) {
			var one []byte
			if one, rest, err = skipPacked(rest); err != nil {
				return err
			}
			if err := f(i, Value{one, true}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(v.data) == 0 || v.data[0] != '[' {
		return errForm
	}
	t := v.data
	for i, k := space(t, 1), 0; ; k++ {
		if i < len(t) && t[i] == ']' {
			return nil
		}
		end, err := skipJSON(t, i)
		if err != nil {
			return err
		}
		if err := f(k, Value{t[i:end:end], false}); err != nil {
			return err
		}
		if i, err = comma(t, end, ']'); err != nil {
			return err
		}
	}
}

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool {
	if !v.packed {
		return len(v.data) > 0 && v.data[0] == '{'
	}
	_, _, err := msgp.ReadMapHeaderBytes(v.data)
	return err == nil
}

// IsList reports whether the value is an array.
func (v Value) IsList() bool {
	if !v.packed {
		return len(v.data) > 0 && v.data[0] == '['
	}
	_, _, err := msgp.ReadArrayHeaderBytes(v.data)
	return err == nil
}

// Text returns the content of a string, and of a number its decimal form, because users of
// Node may have numbers for rooms (A10.2).
func (v Value) Text() (string, bool) {
	if len(v.data) == 0 {
		return "", false
	}
	if !v.packed {
		if v.data[0] == '"' {
			return unquote(v.data)
		}
		if _, ok := v.Number(); ok {
			return string(v.data), true
		}
		return "", false
	}
	if s, _, err := msgp.ReadStringZC(v.data); err == nil {
		return string(bytes.ToValidUTF8(s, []byte("\uFFFD"))), true
	}
	f, ok := v.Number()
	if !ok {
		return "", false
	}
	return strconv.FormatFloat(f, 'f', -1, 64), true
}

// Number returns a number.
func (v Value) Number() (float64, bool) {
	if len(v.data) == 0 {
		return 0, false
	}
	if !v.packed {
		if c := v.data[0]; c != '-' && c-'0' > 9 {
			return 0, false
		}
		f, err := strconv.ParseFloat(string(v.data), 64)
		return f, err == nil
	}
	switch c := v.data[0]; {
	case c < 0x80 || c >= 0xcc && c <= 0xcf:
		n, _, err := msgp.ReadUint64Bytes(v.data)
		return float64(n), err == nil
	case c >= 0xe0 || c >= 0xd0 && c <= 0xd3:
		n, _, err := msgp.ReadInt64Bytes(v.data)
		return float64(n), err == nil
	case c == 0xca:
		f, _, err := msgp.ReadFloat32Bytes(v.data)
		return float64(f), err == nil
	case c == 0xcb:
		f, _, err := msgp.ReadFloat64Bytes(v.data)
		return f, err == nil
	}
	return 0, false
}

// Int returns a number that is an integer of up to 53 bits.
func (v Value) Int() (int64, bool) {
	f, ok := v.Number()
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53-1 {
		return 0, false
	}
	return int64(f), true
}

// True reports whether the value is true, or what JavaScript takes for it among numbers.
func (v Value) True() bool {
	if f, ok := v.Number(); ok {
		return f != 0
	}
	if v.packed {
		return len(v.data) > 0 && v.data[0] == 0xc3
	}
	return string(v.data) == "true"
}

// List returns the texts of an array of strings or numbers. An absent value is an empty one.
func (v Value) List() ([]string, error) {
	if v.Absent() {
		return nil, nil
	}
	var list []string
	err := v.Elements(func(i int, v Value) error {
		s, ok := v.Text()
		if !ok {
			return errForm
		}
		if i >= maxList {
			return errList
		}
		list = append(list, s)
		return nil
	})
	return list, err
}

// Arg returns any value as the only argument of Args.
func (v Value) Arg() (packet.Args, error) {
	if v.packed {
		args, _, err := msgpack.ReadArg(v.data, limits)
		return args, err
	}
	list := make([]byte, 0, len(v.data)+2)
	list = append(append(append(list, '['), v.data...), ']')
	args, err := packet.NewArgs(list, nil, limits)
	if err == nil && args.Len() != 1 {
		err = errForm
	}
	return args, err
}

// Args returns an array as Args.
func (v Value) Args() (packet.Args, error) {
	if v.packed {
		args, _, err := msgpack.ReadArgs(v.data, limits)
		return args, err
	}
	return packet.NewArgs(v.data, nil, limits)
}

func unquote(quoted []byte) (string, bool) {
	if len(quoted) < 2 || quoted[0] != '"' {
		return "", false
	}
	if content := quoted[1 : len(quoted)-1]; bytes.IndexByte(content, '\\') < 0 {
		return string(bytes.ToValidUTF8(content, []byte("\uFFFD"))), true
	}
	s, err := jsontext.AppendUnquote(nil, quoted)
	return string(s), err == nil || len(s) > 0
}
