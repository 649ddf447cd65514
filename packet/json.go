// SPDX-License-Identifier: MIT

package packet

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON is the default format with options for package json, version 2, that say what the
// JSON of a Go value is: NewJSON makes one. The zero value has no options, and does what
// Append, Decoder, AppendPayload and NewArgs do. It is safe for concurrent use.
//
// It is a Codec. Peers see no difference, so that they need no codec of their own.
type JSON struct{ dialect *dialect }

var _ Codec = JSON{}

// NewJSON returns the default format with options. They apply to the arguments of events
// and acknowledgements and to the payloads of Connect and ConnectError, both when they
// are sent and when Args decode them: also later, and by whoever has the Args. Options
// that apply to one direction only, such as json.MatchCaseInsensitiveNames, leave the
// other as it is.
//
// Functions of json.WithMarshalers and json.WithUnmarshalers are called at any depth, the
// top included, by many goroutines at a time; of several options the last one counts, so
// that json.JoinMarshalers is for several functions. The exception is binary data: a []byte
// becomes an attachment, and an attachment a []byte, before they are asked. They are
// asked first for []byte types with a name.
// When binary data is decoded into an empty interface, a function for *any sees the
// object that stands for it, and should leave that alone by returning errors.ErrUnsupported.
//
// Options for white space have no effect. jsontext.AllowDuplicateNames(false) and
// jsontext.AllowInvalidUTF8(false), as json.DefaultOptionsV2 has them, make encoding and
// decoding of the value in question fail; the connection goes on. Args that are sent on
// are sent as they came, and Raw as it is.
//
// With options, numbers, strings and empty interfaces take longer than without.
func NewJSON(opts ...json.Options) JSON {
	if len(opts) == 0 {
		return JSON{}
	}
	return JSON{newDialect(json.JoinOptions(opts...))}
}

// Append implements Codec. It is the function Append, with the options.
func (j JSON) Append(dst []byte, p *Packet) (text []byte, attachments [][]byte, err error) {
	return j.dialect.or().append(dst, p)
}

// AppendPayload is the function AppendPayload, with the options.
func (j JSON) AppendPayload(dst []byte, p *Packet) (json []byte, attachments [][]byte, err error) {
	return j.dialect.or().appendPayload(dst, p)
}

// NewDecoder implements Codec. It returns a *Decoder whose Args have the options.
func (j JSON) NewDecoder(l Limits) MessageDecoder {
	return &Decoder{Limits: l, dialect: j.dialect}
}

// NewArgs is the function NewArgs. What it returns has the options.
func (j JSON) NewArgs(list []byte, attachments [][]byte, l Limits) (Args, error) {
	a, err := NewArgs(list, attachments, l)
	if err == nil {
		a.dialect = j.dialect
	}
	return a, err
}

// dialect is what JSON is made of Go values, and the other way round.
type dialect struct {
	custom   bool         // there are a user's options: no value has a short cut
	payload  json.Options // encodes what cannot have attachments
	text     json.Options // decodes what has none
	encoders sync.Pool    // of *encoder
	readers  sync.Pool    // of *reader
}

// standard is the dialect without a user's options. nil means it too.
var standard = newDialect(nil)

func (d *dialect) or() *dialect {
	if d == nil {
		return standard
	}
	return d
}

var (
	// syntax is how lenient JSON is read and written: like JavaScript does it.
	syntax = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	// layout overrides options that would give placeholders another form.
	layout = json.JoinOptions(jsontext.Multiline(false), jsontext.SpaceAfterColon(false),
		jsontext.SpaceAfterComma(false))
)

// newDialect makes a dialect with the options of a user, which may be nil. Our functions
// for []byte come first and those for all types, such as named []byte types, last.
func newDialect(user json.Options) *dialect {
	d := &dialect{}
	options := syntax
	var marshalers *json.Marshalers
	var unmarshalers *json.Unmarshalers
	toAny := (*reader).toAny
	if user != nil {
		d.custom = true
		options = json.JoinOptions(syntax, user, layout)
		marshalers, _ = json.GetOption(user, json.WithMarshalers)
		unmarshalers, _ = json.GetOption(user, json.WithUnmarshalers)
		toAny = (*reader).toCustomAny
	}
	with := func(u ...*json.Unmarshalers) json.Options {
		return json.JoinOptions(options, json.WithUnmarshalers(json.JoinUnmarshalers(u...)))
	}
	d.payload = options
	d.text = with(unmarshalers, json.UnmarshalFromFunc(bind(&reader{}, toAny)))
	d.encoders.New = func() any {
		e := &encoder{custom: d.custom}
		bytes := json.JoinMarshalers(json.MarshalToFunc(e.bytes), marshalers)
		e.options = json.JoinOptions(options, json.WithMarshalers(bytes))
		e.named = json.JoinOptions(options, json.WithMarshalers(json.JoinMarshalers(bytes,
			json.MarshalToFunc(e.namedBytes))))
		return e
	}
	d.readers.New = func() any {
		r := &reader{}
		bytes, anys := json.UnmarshalFromFunc(r.toBytes), json.UnmarshalFromFunc(bind(r, toAny))
		r.options = with(bytes, unmarshalers, anys)
		r.named = with(bytes, unmarshalers, anys, json.UnmarshalFromFunc(r.toNamed))
		return r
	}
	return d
}

// anyReader decodes what goes into an empty interface.
type anyReader = func(r *reader, dec *jsontext.Decoder, dst *any) error

// bind makes a method value of a method.
func bind(r *reader, f anyReader) func(*jsontext.Decoder, *any) error {
	return func(dec *jsontext.Decoder, dst *any) error { return f(r, dec, dst) }
}

// toCustomAny decodes what goes into an empty interface when there are options: package
// json makes the value, at each level, so that all of them apply.
func (r *reader) toCustomAny(dec *jsontext.Decoder, dst *any) error {
	if !replaceable(*dst) {
		return errors.ErrUnsupported
	}
	*dst = nil // package json would look at what is there
	if len(r.attachments) == 0 || dec.PeekKind() != '{' {
		return errors.ErrUnsupported
	}
	var members map[string]any
	if err := json.UnmarshalDecode(dec, &members); err != nil {
		return err
	}
	*dst = members
	if members["_placeholder"] == true {
		// The number has been checked. It is of whatever type the options want.
		num, err := strconv.ParseFloat(fmt.Sprint(members["num"]), 64)
		if err == nil && num == math.Trunc(num) && num >= 0 && num < float64(len(r.attachments)) {
			*dst = slices.Clip(r.attachments[int(num)])
		}
	}
	return nil
}
