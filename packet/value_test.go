// SPDX-License-Identifier: MIT

package packet_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

type (
	// celsius and point say themselves what their JSON is.
	celsius float64
	point   struct{ x, y int }
	tree    struct {
		Leaf     []byte            `json:"leaf,omitempty"`
		Parts    [][]byte          `json:"parts,omitempty"`
		ByName   map[string][]byte `json:"byName,omitempty"`
		Children []*tree           `json:"children,omitempty"`
	}
	nullable struct {
		Int    *int            `json:"int"`
		List   []int           `json:"list"`
		Map    map[string]int  `json:"map"`
		Any    any             `json:"any"`
		Data   []byte          `json:"data"`
		Absent *string         `json:"absent,omitempty"`
		Time   *time.Time      `json:"time"`
		Raw    json.RawMessage `json:"raw"`
	}
)

func (c celsius) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `"%g C"`, float64(c)), nil }
func (c *celsius) UnmarshalJSON(text []byte) error {
	_, err := fmt.Sscanf(string(text), `"%g C"`, (*float64)(c))
	return err
}

func (p point) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteValue(fmt.Appendf(nil, "[%d,%d]", p.x, p.y))
}

func (p *point) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err == nil {
		_, err = fmt.Sscanf(strings.ReplaceAll(string(raw), " ", ""), "[%d,%d]", &p.x, &p.y)
	}
	return err
}

// TestValuesArrive: what is sent arrives, by each codec, also next to binary data, and with
// options, which take another way.
func TestValuesArrive(t *testing.T) {
	t.Parallel()
	seven := 7
	at := time.Date(2024, 2, 29, 12, 30, 0, 123_000_000, time.UTC)
	for _, test := range []struct {
		name string
		send any
		want any // nil: as sent; dst points to a zero value of its type
	}{
		{"zero", 0, nil},
		{"negative", -42, nil},
		{"greatest safe integer", int64(1<<53 - 1), nil},
		{"greatest int64", int64(math.MaxInt64), nil},
		{"least int64", int64(math.MinInt64), nil},
		{"greatest uint64", uint64(math.MaxUint64), nil},
		{"fraction", 0.1, nil},
		{"small", 5e-324, nil},
		{"great", math.MaxFloat64, nil},
		{"float32", float32(0.1), nil},
		{"integer into float", 3, 3.0},
		{"float into integer", 3.0, 3},
		{"numbers in a list", []any{1, -1.5, 1e21}, []any{1.0, -1.5, 1e21}},
		{"number as text", json.Number("12345678901234567"), nil},
		{"big", *big.NewInt(1 << 62), nil},
		{"null", nil, (*int)(nil)},
		{"null in lists", []*int{nil, &seven}, nil},
		{"null members", nullable{}, nullable{List: []int{}, Map: map[string]int{}, Raw: json.RawMessage("null")}},
		{"members", nullable{Int: &seven, List: []int{1}, Map: map[string]int{"a": 1}, Any: "x", Data: []byte{0}, Time: &at, Raw: json.RawMessage(`{"a":[1]}`)}, nil},
		{"null into zero", packet.Raw(`{"int":null,"list":null,"map":null,"any":null,"data":null}`), nullable{}},
		{"date", at, nil},
		{"date into text", at, "2024-02-29T12:30:00.123Z"},
		{"date in a map", map[string]time.Time{"at": at}, nil},
		{"bytes", []byte{0, 255}, nil},
		{"no bytes", []byte{}, nil},
		{"bytes in structs, lists and maps", tree{
			Leaf: []byte("a"), Parts: [][]byte{[]byte("b"), {}, nil}, ByName: map[string][]byte{"c": []byte("d")},
			Children: []*tree{{Leaf: []byte("e")}, {Children: []*tree{{Parts: [][]byte{[]byte("f")}}}}},
		}, nil},
		{"bytes in any", map[string]any{"a": []any{[]byte("b"), map[string]any{"c": []byte{}}}}, nil},
		{"named bytes", []blob{blob("a")}, nil},
		{"text", "é€😀\u2028\x00\"\\<", nil},
		{"own JSON", celsius(21.5), nil},
		{"own JSON, in a list", []celsius{1, -2}, nil},
		{"own JSON, version 2", point{1, -2}, nil},
		{"own JSON, version 2, in a map", map[string]point{"a": {3, 4}}, nil},
		{"own text", netip.MustParseAddr("::1"), nil},
		{"own text as a key", map[netip.Addr]int{netip.MustParseAddr("10.0.0.1"): 1}, nil},
	} {
		for name, codec := range map[string]packet.Codec{
			"default": packet.JSON{}, "options": packet.NewJSON(all),
			"msgpack": msgpack.Codec{}, "msgpack, options": msgpack.New(all),
		} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				want := test.want
				if want == nil {
					want = test.send
				}
				for _, args := range [][]any{{test.send}, {test.send, []byte("binary")}} {
					r := carry(t, codec, codec, args...)
					dst := reflect.New(reflect.TypeOf(want))
					assert.NoError(t, r.Unmarshal(0, dst.Interface()))
					assert.Equal(t, dst.Elem().Interface(), want)
				}
			})
		}
	}
}

// carry sends arguments from one codec to another.
func carry(t testing.TB, from, to packet.Codec, args ...any) packet.Args {
	t.Helper()
	text, attachments, err := from.Append(nil, &packet.Packet{Type: packet.Event, Event: "e", Args: args})
	assert.NoError(t, err)
	d := to.NewDecoder(packet.Limits{})
	var r packet.Received
	complete := false
	if text != nil {
		r, complete, err = d.Add(text, false)
		assert.NoError(t, err)
	}
	for _, a := range attachments {
		r, complete, err = d.Add(a, true)
		assert.NoError(t, err)
	}
	assert.True(t, complete, "packet is not complete")
	return r.Args
}

// TestOptionsMessagePack: options are those of Go values, whatever is on the wire.
func TestOptionsMessagePack(t *testing.T) {
	t.Parallel()
	codec := msgpack.New(durations)
	args := carry(t, codec, codec, timed{1500 * time.Millisecond, []byte("a")}, []any{[]byte("b"), nil}, 2*time.Second)
	raw, _ := args.Raw(0)
	assert.Equal(t, string(raw), `{"after":1500,"data":`+p0+`}`)
	var (
		first  timed
		second []any
		third  time.Duration
	)
	assert.NoError(t, args.Unmarshal(0, &first))
	assert.NoError(t, args.Unmarshal(1, &second))
	assert.NoError(t, args.Unmarshal(2, &third))
	assert.Equal(t, first, timed{1500 * time.Millisecond, []byte("a")})
	assert.Equal(t, second, []any{[]byte("b"), nil})
	assert.Equal(t, third, 2*time.Second)

	again := carry(t, codec, codec, args) // as it came
	assert.NoError(t, again.Unmarshal(0, &first))
	assert.Equal(t, string(first.Data), "a")
}
