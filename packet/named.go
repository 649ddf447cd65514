// SPDX-License-Identifier: MIT

package packet

import (
	"encoding"
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
)

// Package json calls a function for one type, or for all. The second is slow, so it
// is only used for types that contain, at any depth, []byte types with a name.

// withNamedBytes says of types whether they do.
var withNamedBytes sync.Map // reflect.Type to bool

// hasNamedBytes reports whether values of a type contain named []byte types, as far as
// the type tells: not what is in an interface. t may be nil.
func hasNamedBytes(t reflect.Type) bool {
	if t == nil {
		return false
	}
	if has, ok := withNamedBytes.Load(t); ok {
		return has.(bool)
	}
	has := findNamedBytes(t, map[reflect.Type]bool{})
	withNamedBytes.Store(t, has)
	return has
}

func findNamedBytes(t reflect.Type, seen map[reflect.Type]bool) bool {
	if isNamedBytes(t) {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findNamedBytes(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if findNamedBytes(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// methods are the interfaces by which a type says itself what its JSON is.
var methods = [...]reflect.Type{
	reflect.TypeFor[json.Marshaler](),
	reflect.TypeFor[json.MarshalerTo](),
	reflect.TypeFor[json.Unmarshaler](),
	reflect.TypeFor[json.UnmarshalerFrom](),
	reflect.TypeFor[encoding.TextMarshaler](),
	reflect.TypeFor[encoding.TextAppender](),
	reflect.TypeFor[encoding.TextUnmarshaler](),
}

// isNamedBytes reports whether t is a []byte with a name that leaves it to package
// json what its JSON is.
func isNamedBytes(t reflect.Type) bool {
	if t.Kind() != reflect.Slice || t.Name() == "" || t.Elem() != reflect.TypeFor[byte]() {
		return false
	}
	pointer := reflect.PointerTo(t)
	for _, m := range methods {
		if pointer.Implements(m) {
			return false
		}
	}
	return true
}
