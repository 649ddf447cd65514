// SPDX-License-Identifier: MIT

package packet_test

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

func TestAppendArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		arg         any
		want        string
		attachments [][]byte
	}{
		{"nil", nil, `null`, nil},
		{"string", "a\"\\\n<\u2028\x00\u00e9", "\"a\\\"\\\\\\n<\u2028\\u0000\u00e9\"", nil},
		{"string that is not UTF-8", "a\xff", "\"a\uFFFD\"", nil},
		{"bool", true, `true`, nil},
		{"int", -1, `-1`, nil},
		{"int8", int8(-8), `-8`, nil},
		{"int32", int32(-32), `-32`, nil},
		{"int64", int64(math.MinInt64), `-9223372036854775808`, nil},
		{"uint", uint(1), `1`, nil},
		{"uint32", uint32(32), `32`, nil},
		{"uint64", uint64(math.MaxUint64), `18446744073709551615`, nil},
		{"float", 1.5, `1.5`, nil},
		{"integral float", 3.0, `3`, nil},
		{"great float", 1e300, `1e+300`, nil},
		{"minus zero", math.Copysign(0, -1), `-0`, nil},
		{"P1.6 bytes", []byte{1, 2}, p0, [][]byte{{1, 2}}},
		{"empty bytes", []byte{}, p0, [][]byte{{}}},
		{"nil bytes", []byte(nil), `null`, nil},
		{"named bytes", blob("a"), p0, [][]byte{[]byte("a")}},
		{"nil named bytes", blob(nil), `null`, nil},
		{"pointer to bytes", &[]byte{1}, p0, [][]byte{{1}}},
		{"array of bytes", [3]byte{1, 2, 3}, `"AQID"`, nil},
		{"raw message", json.RawMessage(`{"a":1}`), `{"a":1}`, nil},
		{"bytes with a text method", net.IPv4(1, 2, 3, 4), `"1.2.3.4"`, nil},
		{"nil slice", []int(nil), `[]`, nil},
		{"nil map", map[string]int(nil), `{}`, nil},
		{"Raw", packet.Raw(`{"a" : [1]}`), `{"a" : [1]}`, nil},
		{"Raw that is not UTF-8", packet.Raw("\"\xff\""), "\"\uFFFD\"", nil},
		{"nil Raw", packet.Raw(nil), `null`, nil},
		{"Raw below the top", []packet.Raw{packet.Raw(`1`), nil}, `[1,null]`, nil},
		{"raw message that is not UTF-8", []jsontext.Value{jsontext.Value("\"\xff\"")}, "[\"\uFFFD\"]", nil},
		{"any", []any{nil, []byte("a"), []any{[]byte("b")}}, `[null,` + p0 + `,[{"_placeholder":true,"num":1}]]`, [][]byte{[]byte("a"), []byte("b")}},
		{
			"P1.6 struct", outer{Inner: &inner{Data: []byte("a"), Any: []byte("b")}, Map: map[string][]byte{"k": nil}, Blob: blob("c"), Raw: jsontext.Value("1")},
			`{"Inner":{"Data":` + p0 + `,"Any":{"_placeholder":true,"num":1}},"List":[],"Map":{"k":null},"Blob":{"_placeholder":true,"num":2},"Fixed":"AAAA","Raw":1}`,
			[][]byte{[]byte("a"), []byte("b"), []byte("c")},
		},
		{
			"omitted members", struct {
				A []byte `json:",omitempty"`
				B []byte `json:",omitzero"`
				C []byte `json:",omitempty"`
			}{C: []byte{}},
			`{"C":` + p0 + `}`, [][]byte{{}},
		},
		{"P2.18 looks like a placeholder, but there is no binary", packet.Raw(p1), p1, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, attachments, err := packet.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{test.arg}})
			assert.NoError(t, err)
			head := `2["e",`
			if n := len(attachments); n > 0 {
				head = "5" + string(rune('0'+n)) + `-["e",`
			}
			assert.Equal(t, string(text), head+test.want+"]")
			assert.Equal(t, attachments, test.attachments)
			assert.True(t, utf8.Valid(text), "text is not UTF-8")
		})
	}
}

func TestAppendHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		p    packet.Packet
		want string
	}{
		{"P1.2 connect", packet.Packet{Type: packet.Connect}, `0`},
		{"P1.2 connect with nil", packet.Packet{Type: packet.Connect, Args: []any{nil}}, `0`},
		{"P1.2 connect to a namespace", packet.Packet{Type: packet.Connect, Namespace: "/a", Args: []any{map[string]any{"t": 1}}}, `0/a,{"t":1}`},
		{"P1.4 connect with binary", packet.Packet{Type: packet.Connect, Args: []any{map[string]any{"t": []byte{1, 2, 3}}}}, `0{"t":"AQID"}`},
		{"connect error", packet.Packet{Type: packet.ConnectError, Namespace: "/a", Args: []any{"no"}}, `4/a,"no"`},
		{"connect error without payload", packet.Packet{Type: packet.ConnectError}, `4`},
		{"P1.11 disconnect", packet.Packet{Type: packet.Disconnect, Namespace: "/admin"}, `1/admin,`},
		{"disconnect from the root", packet.Packet{Type: packet.Disconnect, Namespace: "/", HasID: true, ID: 1}, `1`},
		{"event", packet.Packet{Type: packet.Event, Namespace: "/", Event: "foo"}, `2["foo"]`},
		{"P1.10 id 0", packet.Packet{Type: packet.Event, HasID: true, Event: "foo"}, `20["foo"]`},
		{"greatest id", packet.Packet{Type: packet.Event, HasID: true, ID: 1<<53 - 1, Event: ""}, `29007199254740991[""]`},
		{"id that is not there", packet.Packet{Type: packet.Event, ID: 1, Event: "foo"}, `2["foo"]`},
		{"ack", packet.Packet{Type: packet.Ack, HasID: true, Namespace: "/a"}, `3/a,0[]`},
		{"ack of a foreign id", packet.Packet{Type: packet.Ack, HasID: true, ID: 1<<64 - 1, Args: []any{1, "a"}}, `318446744073709551615[1,"a"]`},
		{"many attachments", packet.Packet{Type: packet.Ack, HasID: true, Args: []any{make([][]byte, 3), strings.Split("abc", "")}}, `30[[null,null,null],["a","b","c"]]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, attachments, err := packet.Append([]byte("x"), &test.p)
			assert.NoError(t, err)
			assert.Equal(t, string(text), "x"+test.want)
			assert.Equal(t, attachments, nil)
		})
	}
}

func TestAppendErrors(t *testing.T) {
	t.Parallel()
	cycle := map[string]any{}
	cycle["a"] = cycle
	event := func(args ...any) packet.Packet {
		return packet.Packet{Type: packet.Event, Event: "e", Args: args}
	}
	for _, test := range []struct {
		name string
		p    packet.Packet
	}{
		{"P1.1 binary event", packet.Packet{Type: packet.BinaryEvent, Event: "e"}},
		{"P1.1 binary ack", packet.Packet{Type: packet.BinaryAck, HasID: true}},
		{"unknown type", packet.Packet{Type: 7}},
		{"namespace with a comma", packet.Packet{Type: packet.Connect, Namespace: "/a,b"}},
		{"namespace without a slash", packet.Packet{Type: packet.Event, Event: "e", Namespace: "a"}},
		{"id beyond 2^53", packet.Packet{Type: packet.Event, Event: "e", HasID: true, ID: 1 << 53}},
		{"ack without id", packet.Packet{Type: packet.Ack}},
		{"P2.8 connect with a list", packet.Packet{Type: packet.Connect, Args: []any{[]int{}}}},
		{"P2.8 connect with a string", packet.Packet{Type: packet.Connect, Args: []any{"a"}}},
		{"P2.8 connect with two", packet.Packet{Type: packet.Connect, Args: []any{nil, nil}}},
		{"connect with a channel", packet.Packet{Type: packet.Connect, Args: []any{make(chan int)}}},
		{"connect with Args of two", packet.Packet{Type: packet.Connect, Args: []any{receive(t, "1,2", false)}}},
		{"connect with Args with attachments", packet.Packet{Type: packet.Connect, Args: []any{receive(t, p0, true)}}},
		{"P2.9 disconnect with a payload", packet.Packet{Type: packet.Disconnect, Args: []any{nil}}},
		{"P2.10 connect error with a number", packet.Packet{Type: packet.ConnectError, Args: []any{1}}},
		{"channel", event(make(chan int))},
		{"function", event("a", func() {})},
		{"NaN", event(math.NaN())},
		{"infinity below the top", event([]float64{math.Inf(1)})},
		{"P1.9 cycle", event(cycle)},
		{"after binary", event([]byte{1}, make(chan int))},
		{"Raw that is no JSON", event(packet.Raw(`{`))},
		{"Raw that is no JSON below the top", event([]any{packet.Raw(`{`)})},
		{"empty Raw", event(packet.Raw{})},
		{"method that fails", event(failing{})},
		{"Args below the top", event([]any{receive(t, "1", false)})},
		{"forged placeholder", event([]byte{1}, receive(t, p0, false))},
		{"forged placeholder before", event(receive(t, p1, false), []byte{1})},
		{"placeholder within a forged one", event(map[string]any{"_placeholder": true, "num": 0, "x": []byte{1}})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, room := range []int{0, 1000} {
				dst := append(make([]byte, 0, room+6), "before"...)
				text, attachments, err := packet.Append(dst, &test.p)
				assert.Error(t, err)
				assert.Equal(t, string(text), "before")
				assert.Equal(t, cap(text), cap(dst))
				assert.Equal(t, attachments, nil)
			}
			// What failed left nothing behind in a pool.
			text, attachments, err := packet.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{[]byte{7}}})
			assert.NoError(t, err)
			assert.Equal(t, string(text), `51-["e",`+p0+`]`)
			assert.Equal(t, attachments, [][]byte{{7}})
		})
	}
}

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("failed") }

func TestAppendErrorTypes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		_, _, err := packet.Append(nil, &packet.Packet{Type: packet.Event, Event: name})
		var reserved *packet.ReservedError
		assert.True(t, errors.As(err, &reserved), "%s: error is %v", name, err)
		assert.Equal(t, reserved.Event, name)
		assert.True(t, strings.Contains(reserved.Error(), name), "error is %v", err)
		assert.True(t, packet.IsReserved(name), "%s is not reserved", name)
	}
	assert.True(t, !packet.IsReserved("error"), "error is reserved")

	_, _, err := packet.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{1, make(chan int)}})
	var arg *packet.ArgError
	assert.True(t, errors.As(err, &arg), "error is %v", err)
	assert.Equal(t, arg.Index, 1)
}

// TestAppendCopies tells that the caller may reuse its slices at once (P1.7).
func TestAppendCopies(t *testing.T) {
	t.Parallel()
	a, b := []byte("a"), []byte("b")
	_, attachments, err := packet.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{a, [][]byte{b}}})
	assert.NoError(t, err)
	a[0], b[0] = 'x', 'x'
	assert.Equal(t, attachments, [][]byte{[]byte("a"), []byte("b")})
}

func TestAppendArgs(t *testing.T) {
	t.Parallel()
	binary := receive(t, `{"x":[`+p1+`,2]},"s",[`+p0+`,`+p1+`]`, true)
	plain := receive(t, "1,\"\xff\"", false)
	one, zero := []byte("one"), []byte("zero")
	for _, test := range []struct {
		name        string
		args        []any
		want        string
		attachments [][]byte
	}{
		{"all", []any{binary}, `53-["e",{"x":[#0,2]},"s",[#1,#2]]`, [][]byte{one, zero, one}},
		{"some", []any{binary.Slice(0, 2)}, `51-["e",{"x":[#0,2]},"s"]`, [][]byte{one}},
		{"without binary", []any{binary.Slice(1, 2)}, `2["e","s"]`, nil},
		{"none", []any{packet.Args{}, binary.Slice(0, 0)}, `2["e"]`, nil},
		{"among others", []any{[]byte("new"), binary.Slice(2, 3), 1, plain}, "53-[\"e\",#0,[#1,#2],1,1,\"\uFFFD\"]", [][]byte{[]byte("new"), zero, one}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, attachments, err := packet.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: test.args})
			assert.NoError(t, err)
			want := test.want
			for _, n := range []string{"0", "1", "2"} {
				want = strings.ReplaceAll(want, "#"+n, `{"_placeholder":true,"num":`+n+`}`)
			}
			assert.Equal(t, string(text), want)
			assert.Equal(t, attachments, test.attachments)
		})
	}
	text, _, err := packet.Append(nil, &packet.Packet{Type: packet.Connect, Args: []any{receive(t, "{}", false)}})
	assert.NoError(t, err)
	assert.Equal(t, string(text), "0{}")
}
