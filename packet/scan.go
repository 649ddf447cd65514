// SPDX-License-Identifier: MIT

package packet

import (
	"encoding/binary"
)

// span is the place of an argument in the text of its packet. 32 bits are enough: the
// Decoder refuses longer messages.
type span struct{ start, end uint32 }

// nesting remembers for each open bracket whether it is an object's. The first 1024
// levels, more than the default limit, need no memory of their own.
type nesting struct {
	room  [16]uint64
	more  []uint64
	depth int
}

// push opens an object or array.
func (n *nesting) push(object bool) {
	word, bit := n.depth>>6, uint64(1)<<(n.depth&63)
	n.depth++
	words := n.room[:]
	if word >= len(n.room) {
		word -= len(n.room)
		if word == len(n.more) {
			n.more = append(n.more, 0)
		}
		words = n.more
	}
	if object {
		words[word] |= bit
	} else {
		words[word] &^= bit
	}
}

// object reports whether the innermost open bracket is an object's.
func (n *nesting) object() bool {
	word, bit := (n.depth-1)>>6, uint64(1)<<((n.depth-1)&63)
	if word < len(n.room) {
		return n.room[word]&bit != 0
	}
	return n.more[word-len(n.room)]&bit != 0
}

// scan checks that text[at:] is one JSON value of RFC 8259, nested at most limit deep,
// with space around it at will. If the value is an array, the places of its elements
// are appended to elems, else the place of the value itself. Strings may hold invalid
// UTF-8: whether text is valid is the transport's business, and what decodes a string
// replaces it.
//
// It returns elems and -1, or the offset at which the text stopped being such a value.
// It is one pass without recursion or memory of its own.
func scan(text []byte, at, limit int, elems []span) ([]span, int) {
	var open nesting
	i := skipSpace(text, at)
	first := i
	list := i < len(text) && text[i] == '['
	start := i // of the current element of the list

value: // a value must start at i
	if i >= len(text) {
		return elems, i
	}
	switch c := text[i]; c {
	case '"':
		var ok bool
		if i, ok = skipString(text, i+1); !ok {
			return elems, i
		}
	case '[':
		if open.depth >= limit {
			return elems, i
		}
		open.push(false)
		if i = skipSpace(text, i+1); i < len(text) && text[i] == ']' {
			if open.depth == 1 {
				i++
				open.depth--
				goto end // an empty list: no element ends here
			}
			open.depth--
			i++
			break
		}
		if open.depth == 1 {
			start = i
		}
		goto value
	case '{':
		if open.depth >= limit {
			return elems, i
		}
		open.push(true)
		if i = skipSpace(text, i+1); i < len(text) && text[i] == '}' {
			open.depth--
			i++
			break
		}
		goto name
	case 't', 'f', 'n':
		word := "true"
		if c == 'f' {
			word = "false"
		} else if c == 'n' {
			word = "null"
		}
		if len(text)-i < len(word) || string(text[i:i+len(word)]) != word {
			return elems, i
		}
		i += len(word)
	default:
		var ok bool
		if i, ok = skipNumber(text, i); !ok {
			return elems, i
		}
	}

after: // a value ended before i
	if open.depth == 0 {
		if !list {
			elems = append(elems, span{uint32(first), uint32(i)})
		}
		goto end
	}
	if open.depth == 1 && list {
		elems = append(elems, span{uint32(start), uint32(i)})
	}
	if i = skipSpace(text, i); i >= len(text) {
		return elems, i
	}
	if object := open.object(); text[i] == ',' {
		i = skipSpace(text, i+1)
		if object {
			goto name
		}
		if open.depth == 1 {
			start = i
		}
		goto value
	} else if object && text[i] != '}' || !object && text[i] != ']' {
		return elems, i
	}
	i++
	if open.depth--; open.depth == 0 && list {
		goto end
	}
	goto after

name: // the name of an object's member must start at i
	if i >= len(text) || text[i] != '"' {
		return elems, i
	}
	{
		var ok bool
		if i, ok = skipString(text, i+1); !ok {
			return elems, i
		}
	}
	if i = skipSpace(text, i); i >= len(text) || text[i] != ':' {
		return elems, i
	}
	i = skipSpace(text, i+1)
	goto value

end: // the whole value ended before i
	if i = skipSpace(text, i); i < len(text) {
		return elems, i
	}
	return elems, -1
}

// skipSpace returns the index of the first byte from i on that is not JSON space.
func skipSpace(text []byte, i int) int {
	for i < len(text) && text[i] <= ' ' && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// special tells which bytes end a run of plain ones in a string: the quote, the
// backslash and the control characters.
var special = func() (table [256]bool) {
	for c := range byte(' ') {
		table[c] = true
	}
	table['"'], table['\\'] = true, true
	return table
}()

// skipString returns the index after the closing quote of the string whose content
// starts at i, or the index of what is wrong with it.
func skipString(text []byte, i int) (int, bool) {
	for {
		i += ordinary(text[i:])
		for i < len(text) && !special[text[i]] {
			i++
		}
		if i >= len(text) {
			return i, false
		}
		switch text[i] {
		case '"':
			return i + 1, true
		case '\\':
			if i+1 >= len(text) {
				return i, false
			}
			switch text[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if len(text)-i < 6 || !isHex(text[i+2]) || !isHex(text[i+3]) || !isHex(text[i+4]) || !isHex(text[i+5]) {
					return i, false
				}
				i += 6
			default:
				return i, false
			}
		default:
			return i, false
		}
	}
}

// ordinary returns how many bytes, in whole words, come before one that is special.
func ordinary(p []byte) int {
	n := 0
	for ; len(p) >= 32; p = p[32:] {
		if marks(binary.LittleEndian.Uint64(p))|marks(binary.LittleEndian.Uint64(p[8:]))|
			marks(binary.LittleEndian.Uint64(p[16:]))|marks(binary.LittleEndian.Uint64(p[24:])) != 0 {
			break
		}
		n += 32
	}
	for ; len(p) >= 8 && marks(binary.LittleEndian.Uint64(p)) == 0; p = p[8:] {
		n += 8
	}
	return n
}

// allOrdinary reports whether no byte is special.
func allOrdinary(p []byte) bool {
	for _, c := range p[ordinary(p):] {
		if special[c] {
			return false
		}
	}
	return true
}

// marks returns 0 if none of the eight bytes of a word is special: a high bit is set in each
// byte that is 0 before the subtraction, or less than a space. A borrow may set one in a
// byte above such a byte too.
func marks(word uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, backslash := word^'"'*ones, word^'\\'*ones
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (word-' '*ones)&^word) & highs
}

// skipNumber returns the index after the number that starts at i, or the index of
// what is wrong with it.
func skipNumber(text []byte, i int) (int, bool) {
	if text[i] == '-' {
		i++
	}
	start := i
	if i = skipDigits(text, i); i == start {
		return i, false
	}
	if text[start] == '0' && i > start+1 {
		return start + 1, false
	}
	if i < len(text) && text[i] == '.' {
		start = i + 1
		if i = skipDigits(text, start); i == start {
			return i, false
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		start = i
		if i = skipDigits(text, start); i == start {
			return i, false
		}
	}
	return i, true
}

// skipDigits returns the index of the first byte from i on that is no digit.
func skipDigits(text []byte, i int) int {
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c-'0' < 10 }

func isHex(c byte) bool { return isDigit(c) || (c|0x20)-'a' < 6 }
