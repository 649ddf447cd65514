// SPDX-License-Identifier: MIT

package envelope

import (
	"encoding/binary"
)

// space returns the index of the next byte that is not space.
func space(t []byte, i int) int {
	for i < len(t) && (t[i] == ' ' || t[i] == '\t' || t[i] == '\r' || t[i] == '\n') {
		i++
	}
	return i
}

// comma returns the index of what follows the comma behind an element, or of the end.
func comma(t []byte, i int, end byte) (int, error) {
	i = space(t, i)
	if i < len(t) && t[i] == end {
		return i, nil
	}
	if i == len(t) || t[i] != ',' {
		return i, errEnd
	}
	if i = space(t, i+1); i == len(t) || t[i] == end {
		return i, errEnd
	}
	return i, nil
}

// skipJSON returns the index after the value at i. It looks at strings and brackets only:
// what is used of the value is checked when it is used.
func skipJSON(t []byte, i int) (int, error) {
	depth := 0
	for ; i < len(t); i++ {
		switch t[i] {
		case '"':
			for i++; i < len(t) && t[i] != '"'; i++ {
				if t[i] == '\\' {
					i++
				}
			}
			if i >= len(t) {
				return i, errEnd
			}
			if depth == 0 {
				return i + 1, nil
			}
		case '{', '[':
			if depth++; depth > limits.Depth+8 {
				return i, errDepth
			}
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, nil
			}
			if depth < 0 {
				return i, errEnd
			}
		case ',', ':':
			if depth == 0 {
				return i, errEnd
			}
		case ' ', '\t', '\r', '\n':
		default:
			if depth > 0 {
				continue
			}
			start := i
			for i < len(t) && isScalar(t[i]) {
				i++
			}
			if i == start {
				return i, errEnd
			}
			return i, nil
		}
	}
	return i, errEnd
}

// isScalar reports whether c may be part of a number, true, false or null.
func isScalar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// skipPacked divides data behind its first value.
func skipPacked(data []byte) (one, rest []byte, err error) {
	i := 0
	for left := uint64(1); left > 0; left-- {
		n, more, ok := headPacked(data[i:])
		if !ok || n > uint64(len(data)-i) {
			return nil, nil, errEnd
		}
		i += int(n)
		// Every value is a byte at least: so left cannot overflow.
		if left += more; left-1 > uint64(len(data)-i) {
			return nil, nil, errEnd
		}
	}
	return data[:i:i], data[i:], nil
}

// headPacked returns how many bytes the first value has, without the values in it, and how
// many these are.
func headPacked(b []byte) (n, more uint64, ok bool) {
	if len(b) == 0 {
		return 0, 0, false
	}
	c := b[0]
	switch {
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
		return 1, 0, true
	case c < 0x90:
		return 1, 2 * uint64(c&0x0f), true
	case c < 0xa0:
		return 1, uint64(c & 0x0f), true
	case c < 0xc0:
		return 1 + uint64(c&0x1f), 0, true
	case c >= 0xca && c <= 0xd3: // numbers
		return 1 + [...]uint64{4, 8, 1, 2, 4, 8, 1, 2, 4, 8}[c-0xca], 0, true
	case c >= 0xd4 && c <= 0xd8: // extensions of a fixed length
		return 2 + 1<<(c-0xd4), 0, true
	case c >= 0xc4 && c <= 0xc9: // binary data, extensions
		size := 1 << ((c - 0xc4) % 3)
		length, ok := number(b[1:], size)
		if c >= 0xc7 {
			length++
		}
		return 1 + uint64(size) + length, 0, ok
	case c >= 0xd9 && c <= 0xdb: // strings
		size := 1 << (c - 0xd9)
		length, ok := number(b[1:], size)
		return 1 + uint64(size) + length, 0, ok
	case c >= 0xdc && c <= 0xdf: // arrays, maps
		size := 2 << ((c - 0xdc) % 2)
		count, ok := number(b[1:], size)
		if c >= 0xde {
			count *= 2
		}
		return 1 + uint64(size), count, ok
	}
	return 0, 0, false // 0xc1
}

// number reads an unsigned integer of so many bytes.
func number(b []byte, size int) (uint64, bool) {
	if len(b) < size {
		return 0, false
	}
	switch size {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), true
	default:
		return uint64(binary.BigEndian.Uint32(b)), true
	}
}
