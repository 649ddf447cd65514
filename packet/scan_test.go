// SPDX-License-Identifier: MIT

package packet_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// texts are seeds and cases: each is judged as package jsontext judges it.
var texts = []string{
	``, ` `, `[]`, `{}`, ` [ ] `, ` { } `, `[1,2]`, `[1,]`, `[,1]`, `[1 2]`, `[1`, `[`, `{`, `]`, `}`, `[}`, `{]`, `[[]`, `[]]`, `[[],{}]`,
	`{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":[{"b":[]}],"c":{}}`, `{"a":1]`, `[1}`,
	`[{"a":1},{"a":2}]`, `{"a":1,"a":2}`,
	`true`, `false`, `null`, `tru`, `truE`, `nul`, `falsey`, `nulll`, `[true,false,null]`, `[t]`, `[truefalse]`,
	`0`, `-0`, `01`, `-01`, `1.`, `.1`, `-`, `-.1`, `+1`, `1.0`, `1e`, `1e+`, `1e-5`, `1E5`, `1.5e+07`, `1e5.5`, `0e0`, `00`, `0x1`, `[-]`, `[1.]`, `[0.0]`, `1 1`,
	`"`, `"a`, `"a"`, `"\"`, `"\\"`, `"\n\t\r\b\f\/\""`, `"\a"`, `"\u"`, `"\u12"`, `"\u12G4"`, `"\uD800"`, `"\ud83d\ude00"`, `"\u1234`, "\"\n\"", "\"\x00\"", "\"\x7f\"",
	"\"\xff\"", "\"\xc3\"", "[\"\xed\xa0\x80\"]", "\xef\xbb\xbf[]", "[\v]", "\u00a0[]", `["a","b" , "c"]`, "[\"\\ud8\xff\"]",
}

func isJSON(text []byte) bool {
	return jsontext.Value(text).IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
}

func TestScan(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		_, ok := packet.Scan([]byte(text), 10000)
		assert.True(t, ok == isJSON([]byte(text)), "%q: valid is %v", text, ok)
	}
}

func TestScanElements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`[]`:                          nil,
		` [ ] `:                       nil,
		` {"a":[1,2]} `:               {`{"a":[1,2]}`},
		`1`:                           {`1`},
		`[[]]`:                        {`[]`},
		`[[],[1,2],{}]`:               {`[]`, `[1,2]`, `{}`},
		"[ [ [ ] , 1 ] ,\n{\"a\":1}]": {`[ [ ] , 1 ]`, `{"a":1}`},
		`["a,b" , "]"]`:               {`"a,b"`, `"]"`},
		`[1.5e3,true,null ]`:          {`1.5e3`, `true`, `null`},
	} {
		elems, ok := packet.Scan([]byte(text), 100)
		assert.True(t, ok, "%q is not valid", text)
		assert.Equal(t, elems, want)
	}
}

func TestScanDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{1, 2, 63, 64, 65, 1023, 1024, 1025, 1088, 1089, 4000} {
		for _, text := range []string{
			strings.Repeat("[", depth) + strings.Repeat("]", depth),
			strings.Repeat(`{"":`, depth) + "0" + strings.Repeat("}", depth),
		} {
			_, ok := packet.Scan([]byte(text), depth)
			assert.True(t, ok, "%d levels are not valid", depth)
			_, ok = packet.Scan([]byte(text), depth-1)
			assert.True(t, !ok, "%d levels are valid with limit %d", depth, depth-1)
		}
	}
}
