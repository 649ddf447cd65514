// SPDX-License-Identifier: MIT

package packet_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

type (
	blob  []byte
	inner struct {
		Data []byte
		Any  any
	}
	outer struct {
		Inner *inner
		List  [][]byte
		Map   map[string][]byte
		Blob  blob
		Fixed [3]byte
		Raw   jsontext.Value
	}
)

const (
	p0 = `{"_placeholder":true,"num":0}`
	p1 = `{"num":1,"x":0,"_placeholder":true}`
)

// receive returns the arguments of an event. It has two attachments, "zero" and "one",
// if binary is set.
func receive(t testing.TB, args string, binary bool) packet.Args {
	t.Helper()
	text, attachments := `2["e",`+args+`]`, [][]byte(nil)
	if binary {
		text, attachments = `52-["e",`+args+`]`, [][]byte{[]byte("zero"), []byte("one")}
	}
	var d packet.Decoder
	r, complete, err := join(&d, text, attachments)
	assert.NoError(t, err)
	assert.True(t, complete, "packet is not complete")
	return r.Args
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	zero, one := []byte("zero"), []byte("one")
	for _, test := range []struct {
		name, arg string
		binary    bool
		want      any // dst points to a zero value of its type, to any if it is in a box
	}{
		{"string", `"a"`, false, "a"},
		{"string with escapes", `"\u00e9\/\ud83d\ude00"`, false, "\u00e9/\U0001F600"},
		{"string that is not UTF-8", "\"a\xff\"", false, "a\uFFFD"},
		{"string beside binary", `"a"`, true, "a"},
		{"bool", `true`, false, true},
		{"int", `-7`, false, -7},
		{"float", `1.5e3`, true, 1500.0},
		{"null string", `null`, false, ""},
		{"P1.6 bytes", p0, true, zero},
		{"bytes with space", "{ \"num\" : 1 , \"_placeholder\":true }", true, one},
		{"bytes from base64", `"enow"`, true, []byte("z\x7a0")},
		{"bytes from base64, no attachments", `"enow"`, false, []byte("z\x7a0")},
		{"bytes from null", `null`, true, []byte(nil)},
		{"named bytes", p1, true, blob(one)},
		{"named bytes from base64", `"enow"`, true, blob("zz0")},
		{"raw", p0, true, json.RawMessage(p0)},
		{"list", `[` + p1 + `,null,"enow",` + p0 + `]`, true, [][]byte{one, nil, []byte("zz0"), zero}},
		{"map of any", `{"a":` + p0 + `,"b":[` + p1 + `,{}]}`, true, map[string]any{"a": zero, "b": []any{one, map[string]any{}}}},
		{
			"struct", `{"Inner":{"Data":` + p0 + `,"Any":{"x":[` + p1 + `]}},"List":[` + p1 + `],"Map":{"k":` + p0 + `},"Blob":` + p1 + `,"Fixed":"AQID","Raw":` + p0 + `}`, true,
			outer{
				Inner: &inner{zero, map[string]any{"x": []any{one}}}, List: [][]byte{one}, Map: map[string][]byte{"k": zero},
				Blob: blob(one), Fixed: [3]byte{1, 2, 3}, Raw: jsontext.Value(p0),
			},
		},
		{"any", ` [ null , true,false, -1.5e1 , "a","\n", [ ] , { } , { "a" : 1 , "b" : [ [ ] ] } ] `, false, box{
			[]any{nil, true, false, -15.0, "a", "\n", []any{}, map[string]any{}, map[string]any{"a": 1.0, "b": []any{[]any{}}}},
		}},
		{"any null", `null`, false, box{nil}},
		{"any binary", p0, true, box{zero}},
		{"any, not marked", `{"_placeholder":false,"num":0}`, true, box{map[string]any{"_placeholder": false, "num": 0.0}}},
		{"P2.18 any without attachments", p0, false, box{map[string]any{"_placeholder": true, "num": 0.0}}},
		{"duplicate names", `{"a":{"x":1},"a":{"y":2}}`, false, box{map[string]any{"a": map[string]any{"y": 2.0}}}},
		{"duplicate names, below the top", `[{"a":1,"a":[]}]`, false, []any{map[string]any{"a": []any{}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := receive(t, test.arg, test.binary)
			if b, ok := test.want.(box); ok {
				var got any = "before"
				assert.NoError(t, args.Unmarshal(0, &got))
				assert.Equal(t, got, b.any)
				return
			}
			dst := reflect.New(reflect.TypeOf(test.want))
			assert.NoError(t, args.Unmarshal(0, dst.Interface()))
			assert.Equal(t, dst.Elem().Interface(), test.want)
		})
	}
}

type box struct{ any }

func TestUnmarshalErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, arg string
		binary    bool
		dst       any
	}{
		{"string from number", `1`, false, new(string)},
		{"string from placeholder", p0, true, new(string)},
		{"bytes from object", `{}`, true, new([]byte)},
		{"bytes from placeholder without attachments", p0, false, new([]byte)},
		{"bytes from bad base64", `"?"`, true, new([]byte)},
		{"named bytes from object", `{}`, true, new(blob)},
		{"number out of range", `[1e999]`, false, new(any)},
		{"number out of range, below the top", `[1e999,1e999]`, true, new([]any)},
		{"no pointer", `1`, false, 1},
		{"nil", `1`, true, nil},
		{"nil string", `"a"`, false, (*string)(nil)},
		{"nil bytes", p0, true, (*[]byte)(nil)},
		{"nil any", `1`, false, (*any)(nil)},
		{"nil named bytes", `1`, true, (*blob)(nil)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := receive(t, "0,"+test.arg, test.binary).Unmarshal(1, test.dst)
			var arg *packet.ArgError
			assert.True(t, errors.As(err, &arg), "error is %v", err)
			assert.Equal(t, arg.Index, 1)
			assert.True(t, arg.Error() == "packet: argument 1: "+arg.Err.Error(), "error is %v", err)
		})
	}
}

func TestUnmarshalIntoPointerInInterface(t *testing.T) {
	t.Parallel()
	for _, binary := range []bool{false, true} {
		args := receive(t, `1,[2]`, binary)
		var n int
		var dst any = &n
		assert.NoError(t, args.Unmarshal(0, &dst))
		assert.Equal(t, n, 1)
		list := []any{&n, 3}
		assert.NoError(t, args.Unmarshal(1, &list))
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	args := receive(t, `1,`+p0+`,"c"`, true)
	assert.Equal(t, args.Len(), 3)
	assert.Equal(t, args.Attachments(), [][]byte{[]byte("zero"), []byte("one")})
	assert.Equal(t, rawArgs(args.Slice(1, 3)), []string{p0, `"c"`})
	assert.Equal(t, args.Slice(3, 3).Len(), 0)
	for _, i := range []int{-1, 3} {
		assert.ErrorIs(t, args.Unmarshal(i, new(any)), packet.ErrNoArg)
		_, ok := args.Raw(i)
		assert.True(t, !ok, "argument %d exists", i)
	}
	assert.ErrorIs(t, packet.Args{}.Unmarshal(0, new(any)), packet.ErrNoArg)
	defer func() { assert.True(t, recover() != nil, "no panic") }()
	args.Slice(0, 1).Slice(0, 2)
}

// TestUnmarshalAppend tells that an append to a decoded []byte does not write to what
// the transport's buffer holds behind it.
func TestUnmarshalAppend(t *testing.T) {
	t.Parallel()
	buf := []byte("zero....")
	var d packet.Decoder
	r, _, err := join(&d, `51-["e",`+p0+`]`, [][]byte{buf[:4]})
	assert.NoError(t, err)
	for _, dst := range []any{new([]byte), new(any), new(blob)} {
		assert.NoError(t, r.Args.Unmarshal(0, dst))
		data := reflect.ValueOf(dst).Elem()
		if data.Kind() == reflect.Interface {
			data = data.Elem()
		}
		_ = append(data.Bytes(), "more"...)
		assert.Equal(t, string(buf), "zero....")
	}
}
