// SPDX-License-Identifier: MIT

package packet

import (
	"math"
	"slices"
	"strconv"
)

// decodeAny sets *dst to the value of a text of valid JSON: nil, bool, float64, string,
// []any, map[string]any, or []byte in the place of a placeholder. It leaves *dst alone
// if a number is out of range.
func decodeAny(text []byte, attachments [][]byte, dst *any) error {
	t := tree{text: text, attachments: attachments}
	v := t.value()
	if t.err == nil {
		*dst = v
	}
	return t.err
}

// tree builds a value from a text that is known to be valid, and not too deep for
// recursion.
type tree struct {
	text        []byte
	i           int
	attachments [][]byte
	err         error // the first error
}

// next returns the first byte that is not space, without consuming it.
func (t *tree) next() byte {
	t.i = skipSpace(t.text, t.i)
	return t.text[t.i]
}

func (t *tree) value() any {
	switch t.next() {
	case '{':
		return t.object()
	case '[':
		return t.array()
	case '"':
		return t.str()
	case 't':
		t.i += len("true")
		return true
	case 'f':
		t.i += len("false")
		return false
	case 'n':
		t.i += len("null")
		return nil
	}
	end, _ := skipNumber(t.text, t.i)
	f, err := strconv.ParseFloat(string(t.text[t.i:end]), 64)
	if err != nil && t.err == nil {
		t.err = err
	}
	t.i = end
	return f
}

func (t *tree) str() string {
	end, _ := skipString(t.text, t.i+1)
	quoted := t.text[t.i:end]
	t.i = end
	if text, ok := plain(quoted); ok {
		return string(text)
	}
	return unquote(quoted)
}

func (t *tree) array() any {
	list := []any{}
	for t.i++; t.next() != ']'; {
		list = append(list, t.value())
		if t.next() == ',' {
			t.i++
		}
	}
	t.i++
	return list
}

func (t *tree) object() any {
	members := map[string]any{}
	for t.i++; t.next() != '}'; {
		name := t.str()
		t.next()
		t.i++ // the colon
		members[name] = t.value()
		if t.next() == ',' {
			t.i++
		}
	}
	t.i++
	if len(t.attachments) > 0 && members["_placeholder"] == true {
		// Like parseIndex.
		num, ok := members["num"].(float64)
		if ok && num == math.Trunc(num) && num >= 0 && num < float64(len(t.attachments)) {
			return slices.Clip(t.attachments[int(num)])
		}
	}
	return members
}
