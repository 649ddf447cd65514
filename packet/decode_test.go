// SPDX-License-Identifier: MIT

package packet_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

func TestDecoderAccepts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       packet.Received // without Args
		args       []string
	}{
		{"P1.2 connect", `0`, packet.Received{Type: packet.Connect, Namespace: "/"}, nil},
		{"P2.5 root by name", `0/,`, packet.Received{Type: packet.Connect, Namespace: "/"}, nil},
		{"P2.5 namespace to the end", `0/a`, packet.Received{Type: packet.Connect, Namespace: "/a"}, nil},
		{"P2.5 any namespace", "0/a?b=[1]\"\x00,{}", packet.Received{Type: packet.Connect, Namespace: "/a?b=[1]\"\x00"}, []string{"{}"}},
		{"P2.8 space around a payload", "0 { } \r\n\t", packet.Received{Type: packet.Connect, Namespace: "/"}, []string{"{ }"}},
		{"P1.2 disconnect", `1/a,`, packet.Received{Type: packet.Disconnect, Namespace: "/a"}, nil},
		{"P2.10 string", `4"no"`, packet.Received{Type: packet.ConnectError, Namespace: "/"}, []string{`"no"`}},
		{"P2.10 none", `4`, packet.Received{Type: packet.ConnectError, Namespace: "/"}, nil},
		{"P1.10 id 0", `20["a"]`, packet.Received{Type: packet.Event, Namespace: "/", HasID: true, Event: "a"}, nil},
		{"P1.10 greatest id", `318446744073709551615[1]`, packet.Received{Type: packet.Ack, Namespace: "/", ID: 1<<64 - 1, HasID: true}, []string{"1"}},
		{"P2.12 ack without id", `3[]`, packet.Received{Type: packet.Ack, Namespace: "/"}, nil},
		{"P2.11 empty name", `2[""]`, packet.Received{Type: packet.Event, Namespace: "/"}, nil},
		{"P2.11 escaped name", `2["\u00e9\n"]`, packet.Received{Type: packet.Event, Namespace: "/", Event: "\u00e9\n"}, nil},
		{"P2.11 name that is not UTF-8", "2[\"\xff\"]", packet.Received{Type: packet.Event, Namespace: "/", Event: "\uFFFD"}, nil},
		{"P2.23 integer name", `2[1,"a"]`, packet.Received{Type: packet.Event, Namespace: "/", Event: "1"}, []string{`"a"`}},
		{"P2.23 number name", `2[-1.5e3]`, packet.Received{Type: packet.Event, Namespace: "/", Event: "-1.5e3"}, nil},
		{
			"P2.7 elements", `2[ "a" , 1,[ 2 , [ ] ] , {"b" : "c]"} ,null ]`,
			packet.Received{Type: packet.Event, Namespace: "/", Event: "a"},
			[]string{"1", "[ 2 , [ ] ]", `{"b" : "c]"}`, "null"},
		},
		{
			"many elements", `2["a"` + strings.Repeat(",0", 40) + `]`,
			packet.Received{Type: packet.Event, Namespace: "/", Event: "a"},
			strings.Split(strings.Repeat("0", 40), ""),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var d packet.Decoder
			for range 2 { // the second time with cached names
				got, complete, err := d.Add([]byte(test.text), false)
				assert.NoError(t, err)
				assert.True(t, complete, "packet is not complete")
				assert.Equal(t, rawArgs(got.Args), test.args)
				got.Args = packet.Args{}
				assert.Equal(t, got, test.want)
			}
		})
	}
}

func rawArgs(a packet.Args) []string {
	var list []string
	for i := range a.Len() {
		raw, _ := a.Raw(i)
		list = append(list, string(raw))
	}
	return list
}

func TestDecoderRefuses(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct{ name, text, msg string }{
		{"P2.1 empty", ``, "unknown packet type NaN"},
		{"P2.1 letter", `a`, "unknown packet type NaN"},
		{"P2.1 space", ` `, "unknown packet type NaN"},
		{"P2.1 digit", `7`, "unknown packet type 7"},
		{"9.6 999", `999`, "unknown packet type 9"},
		{"P2.2 nothing", `5`, "Illegal attachments"},
		{"P2.2 no dash", `51`, "Illegal attachments"},
		{"P2.2 no number", `5-["a"]`, "Illegal attachments"},
		{"P2.2 letter", `5a-`, "Illegal attachments"},
		{"P2.2 fraction", `51.23-`, "Illegal attachments"},
		{"P2.2 ack", `6[]`, "Illegal attachments"},
		{"P2.3 negative", `5-1-["a"]`, "Illegal attachments"},
		{"P2.3 B12 zero", `50-["a"]`, "Illegal attachments"},
		{"P2.3 B12 zeros", `6000-[]`, "Illegal attachments"},
		{"P2.4 eleven", `511-["a"]`, "too many attachments"},
		{"P2.4 before the payload", `511-x`, "too many attachments"},
		{"P2.4 overflow", `5` + strings.Repeat("9", 400) + `-["a"]`, "too many attachments"},
		{"P2.4 2^64+1", `518446744073709551617-["a"]`, "too many attachments"},
		{"P2.5 comma without namespace", `0,`, "invalid payload"},
		{"P2.6 id overflow", `218446744073709551616["a"]`, "invalid payload"},
		{"P2.6 long id", `2` + strings.Repeat("9", 400) + `["a"]`, "invalid payload"},
		{"P2.7 no JSON", `2["a"`, "invalid payload"},
		{"P2.7 rest", `2["a"]]`, "invalid payload"},
		{"P2.7 rest of an object", `0{}x`, "invalid payload"},
		{"P2.7 space only", `2 `, "invalid payload"},
		{"P2.7 control character", "2[\"a\n\"]", "invalid payload"},
		{"P2.7 too deep", `2["a",` + deep(1000) + `]`, "invalid payload"},
		{"P2.7 far too deep", `2` + strings.Repeat("[", 100_000), "invalid payload"},
		{"P2.8 connect list", `0[]`, "invalid payload"},
		{"P2.8 connect null", `0null`, "invalid payload"},
		{"P2.8 connect string", `0"a"`, "invalid payload"},
		{"P2.9 disconnect", `1{}`, "invalid payload"},
		{"P2.9 disconnect null", `1/a,null`, "invalid payload"},
		{"P2.10 list", `4[]`, "invalid payload"},
		{"P2.10 number", `4 1`, "invalid payload"},
		{"P2.11 object", `2{}`, "invalid payload"},
		{"P2.11 string", `2"a"`, "invalid payload"},
		{"P2.11 no name", `2[]`, "invalid payload"},
		{"P2.11 name null", `2[null]`, "invalid payload"},
		{"P2.11 name object", `2[{}]`, "invalid payload"},
		{"P2.11 name list", `2[["a"]]`, "invalid payload"},
		{"P2.11 name true", `2[true]`, "invalid payload"},
		{"P2.11 name placeholder", `51-[{"_placeholder":true,"num":0}]`, "invalid payload"},
		{"P2.12 object", `30{}`, "invalid payload"},
		{"P2.13 B13 event", `2`, "invalid payload"},
		{"P2.13 B13 event with id", `23`, "invalid payload"},
		{"P2.13 B13 ack", `3`, "invalid payload"},
		{"P2.14 connect", `2["connect"]`, "invalid payload"},
		{"P2.14 connect_error", `2["connect_error"]`, "invalid payload"},
		{"P2.14 disconnect", `2["disconnect",1]`, "invalid payload"},
		{"P2.14 disconnecting", `2["disconnecting"]`, "invalid payload"},
		{"P2.14 newListener", `2["newListener"]`, "invalid payload"},
		{"P2.14 removeListener", `51-["removeListener"]`, "invalid payload"},
		{"P2.14 in disguise", `2["\u0063onnect"]`, "invalid payload"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var d packet.Decoder
			got, complete, err := d.Add([]byte(test.text), false)
			var syntax *packet.SyntaxError
			assert.True(t, errors.As(err, &syntax), "error is %v", err)
			assert.Equal(t, err.Error(), test.msg)
			assert.True(t, syntax.Offset <= len(test.text), "offset %d", syntax.Offset)
			assert.True(t, !complete, "packet is complete")
			assert.Equal(t, got, packet.Received{})
		})
	}
}

func TestDecoderOffset(t *testing.T) {
	t.Parallel()
	for text, offset := range map[string]int{
		`2["a",}`: 6, `51x`: 2, `0[]`: 1, `2[1,{"a" 1}]`: 9, `2["connect"]`: 2, `1/a,null`: 4, `2["a",01]`: 7,
	} {
		_, _, err := new(packet.Decoder).Add([]byte(text), false)
		var syntax *packet.SyntaxError
		assert.True(t, errors.As(err, &syntax), "%s: error is %v", text, err)
		assert.Equal(t, syntax.Offset, offset)
	}
}

func TestDecoderSequence(t *testing.T) {
	t.Parallel()
	const header = `52-["a",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`
	t.Run("P2.15 text while attachments are awaited", func(t *testing.T) {
		t.Parallel()
		var d packet.Decoder
		_, complete, err := d.Add([]byte(header), false)
		assert.NoError(t, err)
		assert.True(t, !complete, "header is complete")
		_, _, err = d.Add([]byte(`2["b"]`), false)
		assert.Error(t, err)
		assert.Equal(t, err.Error(), "got plaintext data when reconstructing a packet")
	})
	t.Run("P2.16 binary without a header", func(t *testing.T) {
		t.Parallel()
		var d packet.Decoder
		_, _, err := d.Add([]byte{1}, true)
		assert.Error(t, err)
		assert.Equal(t, err.Error(), "got binary data when not reconstructing a packet")
	})
	t.Run("P2.20 goes on after Reset", func(t *testing.T) {
		t.Parallel()
		var d packet.Decoder
		_, _, err := d.Add([]byte(header), false)
		assert.NoError(t, err)
		d.Reset()
		p, complete, err := d.Add([]byte(`2["b"]`), false)
		assert.NoError(t, err)
		assert.True(t, complete, "packet is not complete")
		assert.Equal(t, p.Event, "b")
	})
	t.Run("attachments in any order, empty ones too", func(t *testing.T) {
		t.Parallel()
		var d packet.Decoder
		for range 2 {
			p, complete, err := join(&d, header, [][]byte{{1}, nil})
			assert.NoError(t, err)
			assert.True(t, complete, "packet is not complete")
			assert.Equal(t, p.Type, packet.Event)
			var a, b []byte
			assert.NoError(t, p.Args.Unmarshal(0, &a))
			assert.NoError(t, p.Args.Unmarshal(1, &b))
			assert.Equal(t, [][]byte{a, b}, [][]byte{{}, {1}})
			assert.Equal(t, p.Args.Attachments(), [][]byte{{1}, {}})
		}
	})
}

func TestDecoderPlaceholders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, arg string
		ok        bool
	}{
		{"P2.18 string index", `{"_placeholder":true,"num":"0"}`, false},
		{"P2.18 out of bounds", `{"_placeholder":true,"num":1}`, false},
		{"P2.18 negative", `{"_placeholder":true,"num":-1}`, false},
		{"P2.18 fraction", `{"_placeholder":true,"num":0.5}`, false},
		{"P2.18 huge", `{"_placeholder":true,"num":1e999}`, false},
		{"P2.18 missing", `{"_placeholder":true}`, false},
		{"P2.18 deep", `[[{"a":{"num":9,"_placeholder":true}}]]`, false},
		{"P2.18 escaped name", `{"_\u0070laceholder":true,"num":9}`, false},
		{"P2.18 last of duplicates", `{"_placeholder":true,"num":0,"num":9}`, false},
		{"P2.18 space", "{ \"_placeholder\" : true , \"num\" :\t9 }", false},
		{"more placeholders than the limit", "[1" + strings.Repeat(`,{"_placeholder":true,"num":0}`, 11) + "]", false},
		{"as many as the limit", "[1" + strings.Repeat(`,{"_placeholder":true,"num":0}`, 10) + "]", true},
		{"fine", `{"_placeholder":true,"num":0}`, true},
		{"other integers", `[{"_placeholder":true,"num":0.0},{"_placeholder":true,"num":-0},{"_placeholder":true,"num":0e9}]`, true},
		{"not true", `{"_placeholder":false,"num":9}`, true},
		{"a string", `{"_placeholder":"true","num":9}`, true},
		{"last of duplicates", `{"_placeholder":true,"num":9,"_placeholder":1}`, true},
		{"within a placeholder", `{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":9}}`, true},
		{"values", `["_placeholder",true,"num",9,{"a":"_placeholder"}]`, true},
		{"none", `1`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var d packet.Decoder
			_, complete, err := join(&d, `51-["a",`+test.arg+`]`, [][]byte{{1}})
			assert.Equal(t, complete, test.ok)
			if !test.ok {
				assert.Error(t, err)
				assert.Equal(t, err.Error(), "illegal attachments")
			}
			// Without attachments it is data like any other.
			_, complete, err = d.Add([]byte(`2["a",`+test.arg+`]`), false)
			assert.NoError(t, err)
			assert.True(t, complete, "packet is not complete")
		})
	}
}

func TestDecoderLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		limits packet.Limits
		text   string
		ok     bool
	}{
		{"P2.4 at the default", packet.Limits{}, `510-["a"]`, true},
		{"at the limit", packet.Limits{Attachments: 2}, `52-["a"]`, true},
		{"above the limit", packet.Limits{Attachments: 2}, `53-["a"]`, false},
		{"no limit", packet.Limits{Attachments: -1}, `51000000-["a"]`, true},
		{"no limit, but no nonsense", packet.Limits{Attachments: -1}, `599999999999999999999-["a"]`, false},
		{"depth", packet.Limits{Depth: 2}, `2["a",{}]`, true},
		{"too deep object", packet.Limits{Depth: 2}, `2["a",{"b":{}}]`, false},
		{"too deep list", packet.Limits{Depth: 2}, `2["a",[[]]]`, false},
		{"one level", packet.Limits{Depth: 1}, `2["a",1]`, true},
		{"very deep", packet.Limits{Depth: 5000}, `2["a",` + strings.Repeat(`[{"a":`, 2000) + "1" + strings.Repeat("}]", 2000) + `]`, true},
		{"very deep, mismatched", packet.Limits{Depth: 5000}, `2["a",` + strings.Repeat(`[{"a":`, 2000) + "1" + strings.Repeat("]}", 2000) + `]`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := packet.Decoder{Limits: test.limits}
			_, _, err := d.Add([]byte(test.text), false)
			assert.True(t, (err == nil) == test.ok, "error is %v", err)
		})
	}
}

func TestType(t *testing.T) {
	t.Parallel()
	var names []string
	for typ := range packet.BinaryAck + 2 {
		names = append(names, typ.String())
	}
	assert.Equal(t, strings.Join(names, " "), "CONNECT DISCONNECT EVENT ACK CONNECT_ERROR BINARY_EVENT BINARY_ACK Type(7)")
}
