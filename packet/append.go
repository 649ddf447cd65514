// SPDX-License-Identifier: MIT

package packet

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxID is the greatest integer that JavaScript represents exactly.
const maxID = 1<<53 - 1

// Raw is an argument to be sent that is JSON already. It is checked, and sent as it is;
// nil is null. A placeholder in it is an object like any other.
type Raw []byte

// MarshalJSON implements json.Marshaler, so that Raw may be part of other values.
func (r Raw) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	return r, nil
}

// Append appends the text of p to dst. It returns the extended buffer and the
// attachments, in the order in which they must follow the text. On an error it returns
// dst as it was. It is safe for concurrent use.
//
// Arguments are encoded by package json, version 2: a nil slice is [], a nil map {}, and
// what JSON cannot represent, such as NaN or a channel, is an error. A []byte at any
// depth, also of a named type without JSON methods, becomes an attachment if it is not
// nil, and null otherwise; in the payload of Connect and ConnectError, which cannot
// have attachments, it becomes base64 (P1.4). Invalid UTF-8 becomes U+FFFD.
// The exception is a named []byte type within an interface value below the top: it
// becomes base64.
//
// Nothing is kept of p: attachments are copied, so that the caller may reuse its slices
// at once. Only the attachments of an element of type Args, which are read-only, are shared.
//
// The error is a *ReservedError for a reserved event name and an *ArgError for an argument
// that cannot be encoded. Receivers limit the number of attachments, by default to 10;
// Append does not.
func Append(dst []byte, p *Packet) (text []byte, attachments [][]byte, err error) {
	return standard.append(dst, p)
}

func (d *dialect) append(dst []byte, p *Packet) (text []byte, attachments [][]byte, err error) {
	if err := check(p); err != nil {
		return dst, nil, err
	}
	start := len(dst)
	text = append(dst, '0'+byte(p.Type))
	if p.Namespace != "" && p.Namespace != "/" {
		text = append(append(text, p.Namespace...), ',')
	}
	switch p.Type {
	case Disconnect:
		return text, nil, nil
	case Connect, ConnectError:
		if text, err = d.appendPlain(text, p); err != nil {
			return dst, nil, err
		}
		return text, nil, nil
	case Event, Ack, BinaryEvent, BinaryAck:
	}
	if p.HasID {
		text = strconv.AppendUint(text, p.ID, 10)
	}
	e := d.encoders.Get().(*encoder)
	payload := len(text)
	text, err = e.appendList(text, p)
	attachments, e.attachments = e.attachments, nil
	d.encoders.Put(e)
	if err != nil {
		return dst, nil, err
	}
	if n := len(attachments); n > 0 {
		if !numbered(text[payload:], n) {
			return dst, nil, errPlaceholder
		}
		var room [24]byte
		count := append(strconv.AppendInt(room[:0], int64(n), 10), '-')
		text = slices.Insert(text, start+1, count...)
		text[start] += byte(BinaryEvent - Event)
	}
	return text, attachments, nil
}

// errPlaceholder keeps an object that somebody made to look like a placeholder, perhaps
// a peer whose data is sent on, from taking an attachment, or from making each receiver
// of a broadcast close its connection.
var errPlaceholder = errors.New("packet: object looks like a placeholder of binary data")

// numbered reports whether the placeholders of a payload are those that appendPlaceholder
// wrote for n attachments, and no others.
func numbered(payload []byte, n int) bool {
	var room [defaultAttachments]placeholder
	var text [64]byte
	found := placeholders(payload, n, room[:0])
	for i, ph := range found {
		if string(payload[ph.start:ph.end]) != string(appendPlaceholder(text[:0], i)) {
			return false
		}
	}
	return len(found) == n
}

// check checks all of p but its arguments.
func check(p *Packet) error {
	switch p.Type {
	case Event:
		if IsReserved(p.Event) {
			return &ReservedError{Event: p.Event}
		}
		if p.HasID && p.ID > maxID {
			return errID
		}
	case Ack:
		if !p.HasID {
			return errNoID
		}
	case Connect, ConnectError, Disconnect:
		if len(p.Args) > 1 || p.Type == Disconnect && len(p.Args) > 0 {
			return errPayload
		}
	default:
		return errType
	}
	if p.Namespace != "" && (p.Namespace[0] != '/' || strings.IndexByte(p.Namespace, ',') >= 0) {
		return errNamespace
	}
	return nil
}

// appendPlain appends the payload of a Connect or ConnectError without attachments. null
// counts as none.
func (d *dialect) appendPlain(dst []byte, p *Packet) ([]byte, error) {
	if len(p.Args) == 0 {
		return dst, nil
	}
	start := len(dst)
	if args, ok := p.Args[0].(Args); ok {
		if args.Len() > 1 {
			return dst, errPayload
		}
		if raw, ok := args.Raw(0); ok {
			dst = appendRaw(dst, raw)
		}
		if len(args.attachments) > 0 {
			return dst, errAttachments
		}
	} else {
		options := d.payload
		if isData(p.Args[0]) {
			options = syntax
		}
		buf := bytes.NewBuffer(dst)
		if err := json.MarshalWrite(buf, p.Args[0], options); err != nil {
			return dst, &ArgError{Err: err}
		}
		dst = buf.Bytes()
		if d.custom {
			dst = repair(dst, start)
		}
	}
	if string(dst[start:]) == "null" {
		dst = dst[:start]
	}
	if len(dst) > start && !fits(p.Type, dst[start]) {
		return dst, errPayload
	}
	return dst, nil
}

// encoder encodes the arguments of one packet and collects their binary values. Its
// options for package json are bound to it; to build them takes longer than to encode
// a packet, therefore encoders are pooled. At rest an encoder holds nothing of a packet.
type encoder struct {
	attachments [][]byte
	buf         bytes.Buffer
	placeholder []byte
	options     json.Options
	named       json.Options // the same, for types that contain named []byte types
	custom      bool         // there are a user's options
}

// bytes encodes a []byte within an argument.
func (e *encoder) bytes(enc *jsontext.Encoder, data []byte) error {
	if data == nil {
		return enc.WriteToken(jsontext.Null)
	}
	e.placeholder = appendPlaceholder(e.placeholder[:0], e.attach(slices.Clone(data)))
	return enc.WriteValue(e.placeholder)
}

// namedBytes encodes a []byte of a named type.
func (e *encoder) namedBytes(enc *jsontext.Encoder, ptr any) error {
	v := reflect.ValueOf(ptr).Elem()
	if !isNamedBytes(v.Type()) {
		return errors.ErrUnsupported
	}
	return e.bytes(enc, v.Bytes())
}

// attach adds an attachment, which it keeps, and returns its number.
func (e *encoder) attach(data []byte) int {
	e.attachments = append(e.attachments, data)
	return len(e.attachments) - 1
}

// appendList appends the payload of an Event or Ack.
func (e *encoder) appendList(dst []byte, p *Packet) ([]byte, error) {
	dst = append(dst, '[')
	if p.Type == Event {
		dst = append(appendString(dst, p.Event), ',')
	}
	for i, v := range p.Args {
		if args, ok := v.(Args); ok {
			dst = e.appendArgs(dst, args)
			continue
		}
		var err error
		if dst, err = e.appendValue(dst, v); err != nil {
			return dst, &ArgError{Index: i, Err: err}
		}
		dst = append(dst, ',')
	}
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = ']'
		return dst, nil
	}
	return append(dst, ']'), nil
}

// appendArgs appends received arguments, each with a comma after it, and gives their
// attachments new numbers.
func (e *encoder) appendArgs(dst []byte, args Args) []byte {
	for _, elem := range args.elems {
		raw := args.text[elem.start:elem.end]
		if n := len(args.attachments); n > 0 {
			var room [defaultAttachments]placeholder
			copied := 0
			for _, ph := range placeholders(raw, n, room[:0]) {
				dst = appendRaw(dst, raw[copied:ph.start])
				dst = appendPlaceholder(dst, e.attach(args.attachments[ph.num]))
				copied = ph.end
			}
			raw = raw[copied:]
		}
		dst = append(appendRaw(dst, raw), ',')
	}
	return dst
}

// appendRaw appends JSON. It may come from a transport that does not check for UTF-8,
// and must not go to one where receivers do, and close the connection.
func appendRaw(dst, raw []byte) []byte {
	if utf8.Valid(raw) {
		return append(dst, raw...)
	}
	return append(dst, bytes.ToValidUTF8(raw, []byte("\uFFFD"))...)
}

// appendValue appends the JSON of v, with placeholders for its binary values.
func (e *encoder) appendValue(dst []byte, v any) ([]byte, error) {
	if e.custom && !isData(v) {
		return e.marshal(dst, v)
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendString(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= maxID && (v != 0 || !math.Signbit(v)) {
			return strconv.AppendInt(dst, int64(v), 10), nil
		}
	case []byte:
		if v == nil {
			return append(dst, "null"...), nil
		}
		return appendPlaceholder(dst, e.attach(slices.Clone(v))), nil
	case Raw:
		if v == nil {
			return append(dst, "null"...), nil
		}
		var room [16]span
		if _, bad := scan(v, 0, defaultDepth, room[:0]); bad >= 0 {
			return dst, &SyntaxError{Offset: bad, Msg: msgPayload}
		}
		return appendRaw(dst, v), nil
	}
	return e.marshal(dst, v)
}

// isData reports whether options do not matter to a value.
func isData(v any) bool {
	switch v.(type) {
	case []byte, Raw:
		return true
	}
	return false
}

// marshal leaves a value to package json.
func (e *encoder) marshal(dst []byte, v any) ([]byte, error) {
	options := e.options
	if hasNamedBytes(reflect.TypeOf(v)) {
		options = e.named
	}
	e.buf = *bytes.NewBuffer(dst) // package json appends to a bytes.Buffer directly
	err := json.MarshalWrite(&e.buf, v, options)
	text := e.buf.Bytes()
	e.buf = bytes.Buffer{}
	if err != nil {
		return dst, err
	}
	if e.custom {
		text = repair(text, len(dst))
	}
	return text, nil
}

// repair replaces what is not UTF-8 in text[start:], which options may leave there.
func repair(text []byte, start int) []byte {
	if utf8.Valid(text[start:]) {
		return text
	}
	return append(text[:start], bytes.ToValidUTF8(text[start:], []byte("\uFFFD"))...)
}

// appendString appends s in quotes. What is not UTF-8 becomes U+FFFD; that is all its
// error would tell.
func appendString(dst []byte, s string) []byte {
	start := len(dst)
	dst = append(append(dst, '"'), s...)
	if text := dst[start+1:]; allOrdinary(text) && utf8.Valid(text) { // as most are
		return append(dst, '"')
	}
	dst, _ = jsontext.AppendQuote(dst[:start], s)
	return dst
}
