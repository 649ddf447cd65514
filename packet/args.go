// SPDX-License-Identifier: MIT

package packet

import (
	"errors"
	"reflect"
	"slices"
	"unsafe"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Args are the arguments of a received packet: raw JSON, checked for its syntax and
// decoded on demand, and the attachments it refers to. The zero value has none.
//
// Args may be put into Packet.Args as they are, to send on what was received without
// decoding it: they expand to all their arguments.
//
// Args are read-only and safe for concurrent use. They keep the message they came with.
type Args struct {
	text        []byte // of the whole packet
	elems       []span
	attachments [][]byte
	dialect     *dialect // nil: standard
}

// Len returns the number of arguments.
func (a Args) Len() int { return len(a.elems) }

// Slice returns the arguments i to j-1. It panics unless 0 <= i <= j <= a.Len().
func (a Args) Slice(i, j int) Args {
	a.elems = slices.Clip(a.elems)[i:j:j] // clipped, so that j cannot reach beyond the length
	return a
}

// Raw returns the JSON text of the i-th argument, with placeholders where there is
// binary data, and false if there is no such argument. It must not be changed.
func (a Args) Raw(i int) (json []byte, ok bool) {
	if i < 0 || i >= len(a.elems) {
		return nil, false
	}
	e := a.elems[i]
	return a.text[e.start:e.end:e.end], true
}

// Attachments returns the attachments of the packet, also those that another argument
// refers to. They must not be changed.
func (a Args) Attachments() [][]byte { return a.attachments }

// Unmarshal decodes the i-th argument into the value that dst points to. The error is an
// *ArgError; it matches ErrNoArg if there is no such argument.
//
// It follows package json, version 2, with these differences: a []byte at any depth,
// also of a named type without JSON methods, takes the attachment for which a placeholder
// stands, and does not copy it: change it only if no one else decodes the same Args.
// (Given a JSON string it takes base64, given null it becomes nil.) An empty interface
// takes attachments at any depth too, as []byte. Of object members with the same
// name the last one counts, and invalid UTF-8 becomes U+FFFD.
//
// The exception is a named []byte type within an interface value that dst holds already:
// it takes base64 only.
func (a Args) Unmarshal(i int, dst any) error {
	raw, ok := a.Raw(i)
	if !ok {
		return &ArgError{Index: i, Err: ErrNoArg}
	}
	if err := a.unmarshal(raw, dst); err != nil {
		return &ArgError{Index: i, Err: err}
	}
	return nil
}

func (a Args) unmarshal(raw []byte, dst any) error {
	d := a.dialect.or()
	if d.custom {
		return a.decode(d, raw, dst)
	}
	switch dst := dst.(type) {
	case *string:
		if dst != nil && raw[0] == '"' {
			if text, ok := plain(raw); ok {
				*dst = a.string(text)
				return nil
			}
		}
	case *[]byte:
		if num, ok := parsePlaceholder(raw, len(a.attachments)); ok && dst != nil {
			*dst = slices.Clip(a.attachments[num])
			return nil
		}
	case *any:
		if dst != nil && replaceable(*dst) {
			return decodeAny(raw, a.attachments, dst)
		}
	}
	return a.decode(d, raw, dst)
}

// sharedString is the length from which a string may share the memory of its message.
const sharedString = 1 << 10

// string returns a part of the text as a string. One that is long, and most of the message,
// shares its memory, which nobody changes.
func (a Args) string(part []byte) string {
	if len(part) >= sharedString && len(part) >= len(a.text)/2 {
		return unsafe.String(&part[0], len(part))
	}
	return string(part)
}

// decode leaves an argument to package json.
func (a Args) decode(d *dialect, raw []byte, dst any) error {
	if len(a.attachments) == 0 {
		return json.Unmarshal(raw, dst, d.text)
	}
	r := d.readers.Get().(*reader)
	r.attachments = a.attachments
	options := r.options
	if hasNamedBytes(reflect.TypeOf(dst)) {
		options = r.named
	}
	err := json.Unmarshal(raw, dst, options)
	r.attachments = nil
	d.readers.Put(r)
	return err
}

// reader holds options for package json that are bound to the attachments of the
// Args that are being decoded. To build them takes longer than to decode an argument,
// therefore they are pooled.
type reader struct {
	attachments [][]byte
	options     json.Options
	named       json.Options // the same, for types that contain named []byte types
}

var errNotBinary = errors.New("object is not binary data")

// toAny decodes what goes into an empty interface.
func (r *reader) toAny(dec *jsontext.Decoder, dst *any) error {
	if !replaceable(*dst) {
		return errors.ErrUnsupported
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return decodeAny(raw, r.attachments, dst)
}

// replaceable reports whether an interface that is to be decoded into gets a new value.
// A pointer in it says where to decode to instead.
func replaceable(v any) bool {
	return v == nil || reflect.TypeOf(v).Kind() != reflect.Pointer
}

// toBytes decodes what goes into a []byte.
func (r *reader) toBytes(dec *jsontext.Decoder, dst *[]byte) error {
	data, err := r.read(dec)
	if err == nil {
		*dst = data
	}
	return err
}

// toNamed decodes what goes into a []byte of a named type.
func (r *reader) toNamed(dec *jsontext.Decoder, dst any) error {
	v := reflect.ValueOf(dst).Elem()
	if !isNamedBytes(v.Type()) {
		return errors.ErrUnsupported
	}
	data, err := r.read(dec)
	if err == nil {
		v.SetBytes(data)
	}
	return err
}

// read returns the attachment for which the next value stands. It leaves all but
// objects to package json.
func (r *reader) read(dec *jsontext.Decoder) ([]byte, error) {
	if dec.PeekKind() != '{' {
		return nil, errors.ErrUnsupported
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	num, ok := parsePlaceholder(raw, len(r.attachments))
	if !ok {
		return nil, errNotBinary
	}
	return slices.Clip(r.attachments[num]), nil
}
