// SPDX-License-Identifier: MIT

package engine

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonpCallback returns how a JSONP response begins if the query of a handshake asks for
// JSONP, or "" (E4.1). Nothing but digits of the query gets into the script (E4.2).
func jsonpCallback(q query) string {
	j, n := q.find("j")
	if n != 1 {
		return ""
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, j)
	return "___eio[" + digits + "]("
}

// appendScript appends a JSONP response: a call with the payload as a string (E4.2).
// The payload must not overlap dst.
func appendScript(dst []byte, callback string, payload []byte) []byte {
	dst = append(dst, callback...)
	start := len(dst)
	dst, _ = jsontext.AppendQuote(dst, payload) // replaces what is not UTF-8
	if bytes.Contains(dst[start:], lineSeparators) {
		// JSON is no subset of older JavaScript: these two end a line there.
		quoted := bytes.ReplaceAll(dst[start:], []byte("\u2028"), []byte(`\u2028`))
		dst = append(dst[:start], bytes.ReplaceAll(quoted, []byte("\u2029"), []byte(`\u2029`))...)
	}
	return append(dst, ");"...)
}

// lineSeparators is what U+2028 and U+2029 begin with in UTF-8.
var lineSeparators = []byte("\u2028")[:2]

// formPayload returns the payload in the body of a JSONP request: the field d of a
// form (E4.3). It overwrites body. It reports false if there is no such field, or more
// than one, which the official server ignores too.
func formPayload(body []byte) (payload []byte, ok bool) {
	for pair := range bytes.SplitSeq(body, []byte("&")) {
		name, value, _ := bytes.Cut(pair, []byte("="))
		if string(unescapeForm(name)) != "d" {
			continue
		}
		if ok {
			return nil, false
		}
		payload, ok = value, true
	}
	return unescapeLines(unescapeForm(payload)), ok
}

// unescapeForm undoes application/x-www-form-urlencoded in place. A percent sign that
// begins no escape stays, as with the official server.
func unescapeForm(p []byte) []byte {
	out := p[:0]
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(p) && hexDigit(p[i+1]) >= 0 && hexDigit(p[i+2]) >= 0:
			c = byte(hexDigit(p[i+1])<<4 | hexDigit(p[i+2]))
			i += 2
		}
		out = append(out, c)
	}
	return out
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// unescapeLines undoes in place what the client does to newlines, because a form would
// turn them into CR LF: a newline comes as \n, and \n itself as \\n (E4.3).
func unescapeLines(p []byte) []byte {
	out := p[:0]
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch rest := p[i:]; {
		case bytes.HasPrefix(rest, []byte(`\\n`)):
			out = append(out, c)
			c = 'n'
			i += 2
		case bytes.HasPrefix(rest, []byte(`\n`)):
			c = '\n'
			i++
		}
		out = append(out, c)
	}
	return out
}
