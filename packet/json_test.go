// SPDX-License-Identifier: MIT

package packet_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// Options as a program would have them.
var (
	durations = json.JoinOptions(
		json.WithMarshalers(json.MarshalToFunc(func(enc *jsontext.Encoder, d time.Duration) error {
			return enc.WriteToken(jsontext.Int(d.Milliseconds()))
		})),
		json.WithUnmarshalers(json.UnmarshalFunc(func(text []byte, d *time.Duration) error {
			var ms int64
			err := json.Unmarshal(text, &ms)
			*d = time.Duration(ms) * time.Millisecond
			return err
		})),
	)
	// exact keeps numbers in empty interfaces as they are.
	exact = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *any) error {
		if dec.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		raw, err := dec.ReadValue()
		*v = digits(raw)
		return err
	}))
	// all is asked about every value, and leaves every one alone.
	all = json.JoinOptions(
		json.WithMarshalers(json.MarshalToFunc(func(*jsontext.Encoder, any) error { return errors.ErrUnsupported })),
		json.WithUnmarshalers(json.UnmarshalFromFunc(func(*jsontext.Decoder, any) error { return errors.ErrUnsupported })),
	)
	hexes = json.JoinOptions(
		json.WithMarshalers(json.MarshalFunc(func(b blob) ([]byte, error) { return fmt.Appendf(nil, `"%x"`, []byte(b)), nil })),
		json.WithUnmarshalers(json.UnmarshalFunc(func(text []byte, b *blob) error {
			var plain []byte
			_, err := fmt.Sscanf(string(text), "\"%x\"", &plain)
			*b = plain
			return err
		})),
	)
	words = json.WithMarshalers(json.JoinMarshalers(
		json.MarshalFunc(func(s string) ([]byte, error) { return fmt.Appendf(nil, "%q", strings.ToUpper(s)), nil }),
		json.MarshalFunc(func(b bool) ([]byte, error) {
			return map[bool][]byte{true: []byte(`"yes"`), false: []byte(`"no"`)}[b], nil
		}),
		json.MarshalFunc(func([]byte) ([]byte, error) { return []byte(`"bytes"`), nil }),
	))
)

type digits string

type timed struct {
	After time.Duration `json:"after"`
	Data  []byte        `json:"data"`
}

func TestJSONAppend(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		options     json.Options
		arg         any
		want        string
		attachments [][]byte
	}{
		{"own type", durations, 1500 * time.Millisecond, `1500`, nil},
		{"own type below the top, binary", durations, []any{timed{time.Second, []byte("a")}}, `[{"after":1000,"data":` + p0 + `}]`, [][]byte{[]byte("a")}},
		{"strings and bools", words, []any{"a", true}, `["A","yes"]`, nil},
		{"string at the top", words, "a", `"A"`, nil},
		{"bool at the top", words, false, `"no"`, nil},
		{"binary is no business of theirs", words, []any{[]byte("a")}, `[` + p0 + `]`, [][]byte{[]byte("a")}},
		{"binary at the top", words, []byte("a"), p0, [][]byte{[]byte("a")}},
		{"nil at the top", words, nil, `null`, nil},
		{"Raw at the top", words, packet.Raw(`[ "a" ]`), `[ "a" ]`, nil},
		{"named bytes are", hexes, []blob{{0xab}}, `["ab"]`, nil},
		{"others are not", durations, []any{blob("a"), []blob{blob("b")}}, `["YQ==",["Yg=="]]`, nil},
		{"named bytes in a type", durations, []blob{blob("a")}, `[` + p0 + `]`, [][]byte{[]byte("a")}},
		{"for all types", all, outer{Blob: blob("a"), Map: map[string][]byte{"k": []byte("b")}, Raw: jsontext.Value("1")},
			`{"Inner":null,"List":[],"Map":{"k":` + p0 + `},"Blob":{"_placeholder":true,"num":1},"Fixed":"AAAA","Raw":1}`,
			[][]byte{[]byte("b"), []byte("a")}},
		{"nil slice", json.FormatNilSliceAsNull(true), []any{[]int(nil), []byte(nil)}, `[null,null]`, nil},
		{"nil slice at the top", json.FormatNilSliceAsNull(true), []int(nil), `null`, nil},
		{"nil map", json.FormatNilMapAsNull(true), map[string]int(nil), `null`, nil},
		{"number as a string", json.StringifyNumbers(true), 7, `"7"`, nil},
		{"integral float", json.Deterministic(true), 3.0, `3`, nil},
		{"zero members", json.JoinOptions(durations, json.OmitZeroStructFields(true)), timed{After: time.Second}, `{"after":1000}`, nil},
		{"version 1", jsonv1.DefaultOptionsV1(), timed{1, []byte("a")}, `{"after":1,"data":` + p0 + `}`, [][]byte{[]byte("a")}},
		{"raw strings that are not UTF-8", json.JoinOptions(jsontext.PreserveRawStrings(true)), []jsontext.Value{jsontext.Value("\"\xff\"")}, "[\"\uFFFD\"]", nil},
		{"ordered raw objects", jsontext.ReorderRawObjects(true), []any{jsontext.Value(`{"b":1,"a":2}`), []byte("a")}, `[{"a":2,"b":1},` + p0 + `]`, [][]byte{[]byte("a")}},
		{"for HTML", jsontext.EscapeForHTML(true), []any{"<", []byte("a")}, `["\u003c",` + p0 + `]`, [][]byte{[]byte("a")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			codec := packet.NewJSON(test.options)
			text, attachments, err := codec.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{test.arg}})
			assert.NoError(t, err)
			head := `2["e",`
			if n := len(attachments); n > 0 {
				head = fmt.Sprintf(`5%d-["e",`, n)
			}
			assert.Equal(t, string(text), head+test.want+"]")
			assert.Equal(t, attachments, test.attachments)
			assert.True(t, utf8.Valid(text), "text is not UTF-8")
		})
	}
}

func TestJSONUnmarshal(t *testing.T) {
	t.Parallel()
	zero, one := []byte("zero"), []byte("one")
	folded := json.MatchCaseInsensitiveNames(true)
	for _, test := range []struct {
		name    string
		options json.Options
		arg     string
		binary  bool
		want    any // as in TestUnmarshal
	}{
		{"names in any case", json.JoinOptions(folded, durations), `{"AFTER":1000}`, false, timed{After: time.Second}},
		{"names in any case, binary", json.JoinOptions(folded, durations), `{"After":1000,"DATA":` + p1 + `}`, true, timed{time.Second, one}},
		{"own type", durations, `1500`, false, 1500 * time.Millisecond},
		{"own type, binary", durations, `[{"after":1000,"data":` + p0 + `}]`, true, []timed{{time.Second, zero}}},
		{"named bytes", hexes, `["ab"]`, true, []blob{{0xab}}},
		{"named bytes from binary", durations, `[` + p0 + `]`, true, []blob{blob(zero)}},
		{"string", folded, `"a"`, false, "a"},
		{"bytes", folded, p0, true, zero},
		{"bytes from base64", all, `"enow"`, true, []byte("z\x7a0")},
		{"any", all, ` [ null , true , 1.5 , "a\n" , { "a" : { } } ] `, false, box{[]any{nil, true, 1.5, "a\n", map[string]any{"a": map[string]any{}}}}},
		{"any, binary", all, `{"a":[` + p1 + `,{"x":{}},` + p0 + `]}`, true, box{map[string]any{"a": []any{one, map[string]any{"x": map[string]any{}}, zero}}}},
		{"any that is binary", folded, p0, true, box{zero}},
		{"any without binary", folded, p0, false, box{map[string]any{"_placeholder": true, "num": 0.0}}},
		{"any, not marked", folded, `{"_placeholder":false,"num":0}`, true, box{map[string]any{"_placeholder": false, "num": 0.0}}},
		{"any null", folded, `null`, true, box{nil}},
		{"numbers in any", exact, `[{"n":12345678901234567890},1]`, false, box{[]any{map[string]any{"n": digits("12345678901234567890")}, digits("1")}}},
		{"numbers in any, binary", exact, `[1,[` + p1 + `]]`, true, box{[]any{digits("1"), []any{one}}}},
		{"numbers in a list of any, binary", exact, `[1,` + p1 + `]`, true, []any{digits("1"), one}},
		{"duplicate names", folded, `{"a":{"x":1},"a":{"y":2}}`, false, box{map[string]any{"a": map[string]any{"y": 2.0}}}},
		{"duplicate names, binary", folded, `{"a":{"x":1},"a":{"y":` + p0 + `}}`, true, box{map[string]any{"a": map[string]any{"y": zero}}}},
		{"not UTF-8", folded, "\"a\xff\"", false, "a\uFFFD"},
		{"version 1", jsonv1.DefaultOptionsV1(), `{"After":1,"DATA":` + p0 + `}`, true, timed{1, zero}},
		{"map of any", all, `{"a":` + p0 + `}`, true, map[string]any{"a": zero}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := receiveJSON(t, packet.NewJSON(test.options), test.arg, test.binary)
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

// receiveJSON is receive with a codec.
func receiveJSON(t testing.TB, codec packet.Codec, arg string, binary bool) packet.Args {
	t.Helper()
	text, attachments := `2["e",`+arg+`]`, []string(nil)
	if binary {
		text, attachments = `52-["e",`+arg+`]`, []string{"zero", "one"}
	}
	d := codec.NewDecoder(packet.Limits{})
	r, complete, err := d.Add([]byte(text), false)
	for _, a := range attachments {
		assert.NoError(t, err)
		r, complete, err = d.Add([]byte(a), true)
	}
	assert.NoError(t, err)
	assert.True(t, complete, "packet is not complete")
	return r.Args
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	fails := json.JoinOptions(
		json.WithMarshalers(json.MarshalFunc(func(time.Duration) ([]byte, error) { return nil, failed })),
		json.WithUnmarshalers(json.UnmarshalFunc(func([]byte, *time.Duration) error { return failed })))
	for _, test := range []struct {
		name    string
		options json.Options
		send    any
		arg     string
		dst     any
	}{
		{"unknown member", json.RejectUnknownMembers(true), nil, `{"Data":null,"more":1}`, new(inner)},
		{"function", fails, time.Second, `1`, new(time.Duration)},
		{"function, below the top", fails, timed{}, `{"after":1}`, new(timed)},
		{"function that writes nonsense", json.WithMarshalers(json.MarshalFunc(func(int) ([]byte, error) { return []byte("{"), nil })), 1, "", nil},
		{"function that writes nothing", json.WithMarshalers(json.MarshalToFunc(func(*jsontext.Encoder, int) error { return nil })), 1, "", nil},
		{"duplicate names", jsontext.AllowDuplicateNames(false), jsontext.Value(`{"a":1,"a":1}`), `{"a":1,"a":1}`, new(any)},
		{"not UTF-8", jsontext.AllowInvalidUTF8(false), "\xff", "\"\xff\"", new(string)},
		{"not UTF-8, any", json.DefaultOptionsV2(), []any{"\xff"}, "[\"\xff\"]", new(any)},
		{"forged placeholder", json.WithMarshalers(json.MarshalFunc(func(int) ([]byte, error) { return []byte(p0), nil })), []any{[]byte("a"), 1}, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			codec := packet.NewJSON(test.options)
			var arg *packet.ArgError
			if test.dst != nil {
				for _, binary := range []bool{false, true} {
					err := receiveJSON(t, codec, test.arg, binary).Unmarshal(0, test.dst)
					assert.True(t, errors.As(err, &arg), "binary %t: error is %v", binary, err)
				}
			}
			if test.send == nil {
				return
			}
			for _, p := range []packet.Packet{
				{Type: packet.Event, Event: "e", Args: []any{test.send}},
				{Type: packet.Ack, HasID: true, Args: []any{[]byte("a"), test.send}},
				{Type: packet.Connect, Args: []any{map[string]any{"a": test.send}}},
			} {
				if p.Type == packet.Connect && test.name == "forged placeholder" {
					continue // there are no placeholders
				}
				text, attachments, err := codec.Append([]byte("before"), &p)
				assert.Error(t, err)
				assert.Equal(t, string(text), "before")
				assert.Equal(t, len(attachments), 0)
			}
			text, _, err := codec.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{[]byte{7}}})
			assert.NoError(t, err)
			assert.Equal(t, string(text), `51-["e",`+p0+`]`) // nothing was left behind in a pool
		})
	}
}

// TestJSONHarmless: options for another layout change nothing, for both codecs.
func TestJSONHarmless(t *testing.T) {
	t.Parallel()
	args := []any{
		outer{Inner: &inner{Data: []byte("a"), Any: []byte("b")}, List: [][]byte{{1}}, Raw: jsontext.Value(`{ "a": [ 1 ] }`)},
		map[string]any{"a": []any{[]byte("c"), "d"}}, []int{1, 2}, 3, "e", nil,
	}
	packets := []packet.Packet{
		{Type: packet.Event, Event: "e<", Args: args},
		{Type: packet.Ack, HasID: true, Args: args},
		{Type: packet.Connect, Args: args[1:2]},
		{Type: packet.ConnectError, Args: []any{struct{ Message, Data any }{"no", args[1]}}},
	}
	for name, options := range map[string]json.Options{
		"none":         json.JoinOptions(),
		"multiline":    jsontext.Multiline(true),
		"indent":       jsontext.WithIndent("    "),
		"prefix":       json.JoinOptions(jsontext.WithIndentPrefix("\t"), jsontext.WithIndent(" ")),
		"space":        json.JoinOptions(jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true)),
		"HTML":         json.JoinOptions(jsontext.EscapeForHTML(true), jsontext.EscapeForJS(true)),
		"names":        jsontext.AllowDuplicateNames(false),
		"UTF-8":        jsontext.AllowInvalidUTF8(false),
		"raw":          json.JoinOptions(jsontext.PreserveRawStrings(true), jsontext.CanonicalizeRawInts(true)),
		"functions":    all,
		"reading only": json.JoinOptions(json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(true)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range packets {
				want, attachments, err := packet.Append([]byte("x"), &packets[i])
				assert.NoError(t, err)
				got, same, err := packet.NewJSON(options).Append([]byte("x"), &packets[i])
				assert.NoError(t, err)
				assert.Equal(t, string(got), string(want))
				assert.Equal(t, same, attachments)

				_, attachments, err = msgpack.Codec{}.Append(nil, &packets[i])
				assert.NoError(t, err)
				_, same, err = msgpack.New(options).Append(nil, &packets[i])
				assert.NoError(t, err)
				assert.Equal(t, same, attachments)
			}
			args := receiveJSON(t, packet.NewJSON(options), `{"Data":`+p0+`,"Any":[`+p1+`]}`, true)
			var got inner
			assert.NoError(t, args.Unmarshal(0, &got))
			assert.Equal(t, got, inner{[]byte("zero"), []any{[]byte("one")}})
		})
	}
}

// TestJSONPayload: the options count for Connect too, where binary data is base64.
func TestJSONPayload(t *testing.T) {
	t.Parallel()
	codec := packet.NewJSON(durations, jsontext.Multiline(true))
	text, attachments, err := codec.Append(nil, &packet.Packet{Type: packet.Connect, Args: []any{timed{time.Second, []byte("a")}}})
	assert.NoError(t, err)
	assert.Equal(t, string(text), `0{"after":1000,"data":"YQ=="}`)
	assert.Equal(t, len(attachments), 0)
	r, _, err := codec.NewDecoder(packet.Limits{}).Add(text, false)
	assert.NoError(t, err)
	var got timed
	assert.NoError(t, r.Args.Unmarshal(0, &got))
	assert.Equal(t, got, timed{time.Second, []byte("a")})

	codec = packet.NewJSON(jsontext.PreserveRawStrings(true))
	text, _, err = codec.Append(nil, &packet.Packet{Type: packet.Connect, Args: []any{jsontext.Value("{\"a\":\"\xff\"}")}})
	assert.NoError(t, err)
	assert.Equal(t, string(text), "0{\"a\":\"\uFFFD\"}")

	codec = packet.NewJSON(json.WithMarshalers(json.MarshalFunc(func(any) ([]byte, error) { return []byte(`"all"`), nil }))) // Raw is as it is
	text, _, err = codec.Append(nil, &packet.Packet{Type: packet.ConnectError, Args: []any{packet.Raw(`"no"`)}})
	assert.NoError(t, err)
	assert.Equal(t, string(text), `4"no"`)
}

// TestJSONArgs: what was received is sent on as it came, by whatever codec, and keeps its
// options wherever it is decoded.
func TestJSONArgs(t *testing.T) {
	t.Parallel()
	args := receiveJSON(t, packet.NewJSON(durations, words), `"a",{"data":`+p1+`,"after":1}`, true)
	for name, codec := range map[string]packet.JSON{"own": packet.NewJSON(words), "default": {}} {
		text, attachments, err := codec.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{args}})
		assert.NoError(t, err)
		assert.Equal(t, string(text), `51-["e","a",{"data":`+p0+`,"after":1}]`)
		assert.True(t, len(attachments) == 1 && string(attachments[0]) == "one", "%s: %q", name, attachments)
	}
	var got timed
	assert.NoError(t, args.Slice(1, 2).Unmarshal(0, &got))
	assert.Equal(t, got, timed{time.Millisecond, []byte("one")})
}

// TestNewJSONPanic: a function that panics does so in its caller, and breaks nothing.
func TestNewJSONPanic(t *testing.T) {
	t.Parallel()
	broken := true
	codec := packet.NewJSON(json.JoinOptions(
		json.WithMarshalers(json.MarshalToFunc(func(*jsontext.Encoder, int) error {
			if broken {
				panic("marshal")
			}
			return errors.ErrUnsupported
		})),
		json.WithUnmarshalers(json.UnmarshalFromFunc(func(*jsontext.Decoder, *int) error {
			if broken {
				panic("unmarshal")
			}
			return errors.ErrUnsupported
		}))))
	panics := func(want string, f func()) {
		defer func() { assert.Equal(t, recover(), any(want)) }()
		f()
	}
	p := &packet.Packet{Type: packet.Event, Event: "e", Args: []any{[]byte("a"), 1}}
	args := receiveJSON(t, codec, `[1]`, true)
	var n []int
	for range 3 {
		panics("marshal", func() { _, _, _ = codec.Append(nil, p) })
		panics("unmarshal", func() { _ = args.Unmarshal(0, &n) })
	}
	broken = false
	text, attachments, err := codec.Append(nil, p)
	assert.NoError(t, err)
	assert.Equal(t, string(text), `51-["e",`+p0+`,1]`)
	assert.Equal(t, attachments, [][]byte{[]byte("a")})
	assert.NoError(t, args.Unmarshal(0, &n))
	assert.Equal(t, n, []int{1})
}

// TestJSONConcurrent: codecs with different options do not see each other's, nor do
// goroutines see each other's binary data.
func TestJSONConcurrent(t *testing.T) {
	t.Parallel()
	codecs := []packet.JSON{packet.NewJSON(jsonv1.FormatDurationAsNano(true)), packet.NewJSON(durations), packet.NewJSON(json.OmitZeroStructFields(true), durations)}
	wants := []string{`{"after":0,"data":` + p0 + `}`, `{"after":0,"data":` + p0 + `}`, `{"data":` + p0 + `}`}
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			data := fmt.Append(nil, i)
			codec := codecs[i%3]
			for range 50 {
				text, attachments, err := codec.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{timed{Data: data}}})
				assert.True(t, err == nil, "%v", err)
				assert.Equal(t, string(text), `51-["e",`+wants[i%3]+`]`)
				d := codec.NewDecoder(packet.Limits{})
				_, _, _ = d.Add(text, false)
				r, _, _ := d.Add(attachments[0], true)
				var got timed
				assert.True(t, r.Args.Unmarshal(0, &got) == nil, "cannot be decoded")
				assert.Equal(t, got.Data, data)
			}
		})
	}
	wg.Wait()
}

// TestJSONDeep: what peers send is walked once, however deep it is nested.
func TestJSONDeep(t *testing.T) {
	t.Parallel()
	const depth = 990
	calls := 0
	codec := packet.NewJSON(json.WithUnmarshalers(json.UnmarshalFromFunc(func(*jsontext.Decoder, *any) error {
		calls++
		return errors.ErrUnsupported
	})))
	text := strings.Repeat(`{"num":`, depth) + p0 + strings.Repeat(`}`, depth)
	var v any
	assert.NoError(t, receiveJSON(t, codec, text, true).Unmarshal(0, &v))
	// One call for each object, and those for the members of the placeholder.
	assert.Equal(t, calls, depth+3)
	for range depth {
		v = v.(map[string]any)["num"]
	}
	assert.Equal(t, v, any([]byte("zero")))
}
