// SPDX-License-Identifier: MIT

package packet

import (
	"bytes"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// placeholder is the place of a placeholder in a text, and the attachment it stands
// for: -1 if it stands for none (P2.18).
type placeholder struct{ start, end, num int }

// frame is an object of which placeholders has not seen the end.
type frame struct {
	start  int
	outer  int // placeholders found before the object
	num    int // what its member num says so far; -1 if that is no index
	marked bool
}

// placeholders appends to found the placeholders in a text of valid JSON, in order: the
// objects in which the member "_placeholder" is true. There are n attachments. Of
// members with the same name the last one counts, other members do not matter, and
// what is inside of a placeholder is no placeholder: so does the official parser see it.
func placeholders(text []byte, n int, found []placeholder) []placeholder {
	var room [8]frame
	open := room[:0]
	for i := 0; i < len(text); {
		switch text[i] {
		case '{':
			open = append(open, frame{start: i, outer: len(found), num: -1})
			i++
		case '}':
			i++
			f := open[len(open)-1]
			open = open[:len(open)-1]
			if f.marked {
				found = append(found[:f.outer], placeholder{f.start, i, f.num})
			}
		case '"':
			start := i
			i, _ = skipString(text, i+1)
			end := i
			if i = skipSpace(text, i); i == len(text) || text[i] != ':' {
				continue // a value
			}
			i = skipSpace(text, i+1)
			f := &open[len(open)-1]
			if name := text[start:end]; is(name, "_placeholder") {
				f.marked = text[i] == 't'
			} else if is(name, "num") {
				f.num = parseIndex(text, i, n)
			}
		default:
			i++
		}
	}
	return found
}

// is reports whether a quoted string means the given word, which has no special
// characters.
func is(quoted []byte, word string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == word
	}
	var room [64]byte
	text, _ := jsontext.AppendUnquote(room[:0], quoted)
	return string(text) == word
}

// parseIndex returns the number at text[i:], or -1 if there is no number, or not one of
// the integers 0 to n-1. As in JavaScript, 1.0 and 1e0 are integers.
func parseIndex(text []byte, i, n int) int {
	if text[i] != '-' && !isDigit(text[i]) {
		return -1
	}
	end, _ := skipNumber(text, i)
	f, err := strconv.ParseFloat(string(text[i:end]), 64)
	if err != nil || f != math.Trunc(f) || f < 0 || f >= float64(n) {
		return -1
	}
	return int(f)
}

// parsePlaceholder returns the index of the attachment for which the whole of a text of
// valid JSON stands, if it is a placeholder.
func parsePlaceholder(text []byte, n int) (num int, ok bool) {
	if n == 0 || len(text) == 0 || text[0] != '{' {
		return -1, false
	}
	var room [4]placeholder
	found := placeholders(text, n, room[:0])
	if len(found) != 1 || found[0].start != 0 || found[0].num < 0 {
		return -1, false
	}
	return found[0].num, true
}

// appendPlaceholder appends the placeholder of an attachment (P1.6).
func appendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	return append(strconv.AppendInt(dst, int64(num), 10), '}')
}
