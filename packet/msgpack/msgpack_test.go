// SPDX-License-Identifier: MIT

package msgpack_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// event returns a message with an event "e" and the given values, which are MessagePack.
func event(values ...string) []byte {
	data := []byte("\x83\xa4type\x02\xa3nsp\xa1/\xa4data")
	data = msgp.AppendArrayHeader(data, uint32(len(values)+1))
	return append(append(data, "\xa1e"...), strings.Join(values, "")...)
}

// TestEncode: Go values, and the forms that notepack has for them.
func TestEncode(t *testing.T) {
	t.Parallel()
	type named []byte
	type inner struct {
		A int            `json:"a"`
		B []byte         `json:"b"`
		C map[string]any `json:"c"`
	}
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"nil", nil, "\xc0"},
		{"int", -1, "\xff"},
		{"greatest int64", int64(math.MaxInt64), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"},
		{"least int64", int64(math.MinInt64), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"},
		{"greatest uint64", uint64(math.MaxUint64), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"beyond uint64", packet.Raw("18446744073709551616"), "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"},
		{"beyond float64", packet.Raw("1e999"), "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"},
		{"float that is an integer", 3.0, "\x03"},
		{"exponent that is an integer", packet.Raw("1e3"), "\xcd\x03\xe8"},
		{"negative zero", math.Copysign(0, -1), "\x00"},
		{"float32", float32(0.5), "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"},
		{"string", "é", "\xa2é"},
		{"escaped string", "a\"\n", "\xa3a\"\n"},
		{"lone surrogate", packet.Raw(`"\ud800"`), "\xa3\uFFFD"},
		{"bytes", []byte{1}, "\xc4\x01\x01"},
		{"empty bytes", []byte{}, "\xc4\x00"},
		{"nil bytes", []byte(nil), "\xc0"},
		{"named bytes", named{7}, "\xc4\x01\x07"},
		{"struct", inner{1, []byte{2}, nil}, "\x83\xa1a\x01\xa1b\xc4\x01\x02\xa1c\x80"},
		{"space", packet.Raw(" { \"a\" : [ ] ,\t\"b\":[ 1 , {} ]\r\n} "), "\x82\xa1a\x90\xa1b\x92\x01\x80"},
		{"brackets in strings", packet.Raw(`["[{,\"", "\\"]`), "\x92\xa4[{,\"\xa1\\"},
		{"time", time.Unix(0, 0).UTC(), "\xb41970-01-01T00:00:00Z"},
		{"placeholder without attachments", packet.Raw(`{"_placeholder":true,"num":0}`), "\x82\xac_placeholder\xc3\xa3num\x00"},
		{"almost a placeholder", []any{[]byte{1}, packet.Raw(`{"_placeholder":true,"num":0,"_placeholder":false}`)},
			"\x92\xc4\x01\x01\x83\xac_placeholder\xc3\xa3num\x00\xac_placeholder\xc2"},
		{"32 bit lengths", []any{strings.Repeat("s", 1<<16), make([]byte, 1<<16)},
			"\x92\xdb\x00\x01\x00\x00" + strings.Repeat("s", 1<<16) + "\xc6\x00\x01\x00\x00" + strings.Repeat("\x00", 1<<16)},
		{"32 bit array", make([]bool, 1<<16), "\xdd\x00\x01\x00\x00" + strings.Repeat("\xc2", 1<<16)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data := encode(t, &packet.Packet{Type: packet.Event, Event: "e", Args: []any{c.value}})
			want := "\x83\xa4type\x02\xa4data\x92\xa1e" + c.want + "\xa3nsp\xa1/"
			assert.Equal(t, string(data), want)
		})
	}
}

// TestEncodeErrors: as with the default codec.
func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	looks := packet.Raw(`{"_placeholder":true,"num":0}`)
	binary, err := decode(event("\xc4\x00"))
	assert.NoError(t, err)
	two, err := decode(event("\x01", "\x02"))
	assert.NoError(t, err)
	for _, c := range []struct {
		name string
		p    packet.Packet
	}{
		{"reserved", packet.Packet{Type: packet.Event, Event: "connect"}},
		{"type", packet.Packet{Type: packet.BinaryEvent}},
		{"namespace", packet.Packet{Type: packet.Connect, Namespace: "a"}},
		{"channel", packet.Packet{Type: packet.Event, Event: "e", Args: []any{make(chan int)}}},
		{"NaN", packet.Packet{Type: packet.Event, Event: "e", Args: []any{math.NaN()}}},
		{"id", packet.Packet{Type: packet.Event, Event: "e", ID: 1 << 53, HasID: true}},
		{"ack without id", packet.Packet{Type: packet.Ack}},
		{"disconnect with data", packet.Packet{Type: packet.Disconnect, Args: []any{1}}},
		{"connect with a string", packet.Packet{Type: packet.Connect, Args: []any{"a"}}},
		{"connect with binary", packet.Packet{Type: packet.Connect, Args: []any{[]byte{1}}}},
		{"connect with received binary", packet.Packet{Type: packet.Connect, Args: []any{binary.Args}}},
		{"connect with a channel", packet.Packet{Type: packet.Connect, Args: []any{make(chan int)}}},
		{"connect with two", packet.Packet{Type: packet.Connect, Args: []any{two.Args}}},
		{"connect error with a number", packet.Packet{Type: packet.ConnectError, Args: []any{1}}},
		{"placeholder next to binary", packet.Packet{Type: packet.Event, Event: "e", Args: []any{[]byte{1}, looks}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text, attachments, err := msgpack.Codec{}.Append(nil, &c.p)
			assert.Error(t, err)
			assert.True(t, text == nil && attachments == nil, "%q, %q", text, attachments)
		})
	}
	var reserved *packet.ReservedError
	_, _, err = msgpack.Codec{}.Append(nil, &packet.Packet{Type: packet.Event, Event: "connect"})
	assert.True(t, errors.As(err, &reserved), "%v", err)
}

// TestPayloads: what Connect and ConnectError may carry; null is none.
func TestPayloads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		p    packet.Packet
		want string
	}{
		{"none", packet.Packet{Type: packet.Connect}, "\x82\xa4type\x00\xa3nsp\xa1/"},
		{"nil", packet.Packet{Type: packet.Connect, Args: []any{nil}}, "\x82\xa4type\x00\xa3nsp\xa1/"},
		{"no args", packet.Packet{Type: packet.Connect, Args: []any{packet.Args{}}}, "\x82\xa4type\x00\xa3nsp\xa1/"},
		{"ids do not count", packet.Packet{Type: packet.Connect, ID: 1, HasID: true}, "\x82\xa4type\x00\xa3nsp\xa1/"},
		{"binary", packet.Packet{Type: packet.ConnectError, Namespace: "/a", Args: []any{map[string][]byte{"b": {1}}}},
			"\x83\xa4type\x04\xa4data\x81\xa1b\xc4\x01\x01\xa3nsp\xa2/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, string(encode(t, &c.p)), c.want)
		})
	}
}

// TestDecode: values that JSON does not have (X1.5, X1.6), and all forms of numbers.
func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"uint64", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"},
		{"int64", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"},
		{"int8 that is positive", "\xd0\x05", "5"},
		{"NaN", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "null"},
		{"infinity", "\xca\x7f\x80\x00\x00", "null"},
		{"negative zero", "\xcb\x80\x00\x00\x00\x00\x00\x00\x00", "0"},
		{"small", "\xcb\x3e\x7a\xd7\xf2\x9a\xbc\xaf\x48", "1e-07"},
		{"undefined", "\xd4\x00\x07", "null"},
		{"undefined in an object", "\x83\xa1a\xd4\x00\x00\xa1b\x01\xa1c\xd4\x00\x00", `{"b":1}`},
		{"undefined in an array", "\x92\xd4\x00\x00\xd4\x00\x00", `[null,null]`},
		{"date", "\xd7\x00\x00\x00\x01\x8b\xcf\xe5\x68\x7b", `"2023-11-14T22:13:20.123Z"`},
		{"late date", "\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x00", `"+275760-09-13T00:00:00.000Z"`},
		{"early date", "\xd7\x00\xff\xe1\x4d\xf7\x3d\x24\x00\x00", `"-271821-04-20T00:00:00.000Z"`},
		{"invalid date", "\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x01", `null`},
		{"timestamp out of range", "\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", `null`},
		{"timestamp 96 before 1970", "\xc7\x0c\xff\x00\x0f\x42\x40\xff\xff\xff\xff\xff\xff\xff\xff", `"1969-12-31T23:59:59.001Z"`},
		{"extension -1 of another length", "\xd4\xff\x00", `[-1,{"_placeholder":true,"num":0}]`},
		{"array buffer of one byte", "\xc7\x01\x00\x05", `{"_placeholder":true,"num":0}`},
		{"array buffer of eight bytes", "\xc7\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00", `{"_placeholder":true,"num":0}`},
		{"ext 32", "\xc9\x00\x00\x00\x01\x05\x09", `[5,{"_placeholder":true,"num":0}]`},
		{"key with a quote", "\x81\xa1\"\x01", `{"\"":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := decode(event(c.value))
			assert.NoError(t, err)
			raw, _ := r.Args.Raw(0)
			assert.Equal(t, string(raw), c.want)
		})
	}
}

// TestTruncated: no prefix of a packet is one, and none is worse than an error.
func TestTruncated(t *testing.T) {
	t.Parallel()
	data := event("\x81\xa1a\xc4\x01\x01", "\x91\xd4\x00\x00", "\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"\xc7\x01\x05\x01", "\xcb\x00\x00\x00\x00\x00\x00\x00\x00", "\xca\x00\x00\x00\x00", "\xd9\x01a", "\xd3\x00\x00\x00\x00\x00\x00\x00\x00",
		"\xde\x00\x01\xd4\x00\x00\x01")
	_, err := decode(data)
	assert.NoError(t, err)
	for i := range data {
		_, err := decode(data[:i])
		var syntax *packet.SyntaxError
		assert.True(t, errors.As(err, &syntax), "%d bytes: %v", i, err)
		assert.True(t, syntax.Offset <= i, "%d bytes: offset %d", i, syntax.Offset)
	}
}

// TestLimits: memory is taken only for what the message can hold.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		limits packet.Limits
		data   []byte
		err    string
	}{
		{"depth", packet.Limits{}, event(strings.Repeat("\x91", 999) + "\x01"), ""},
		{"too deep", packet.Limits{}, event(strings.Repeat("\x91", 1000) + "\x01"), "invalid payload"},
		{"maps", packet.Limits{Depth: 3}, event("\x81\xa0\x81\xa0\x01"), ""},
		{"maps too deep", packet.Limits{Depth: 3}, event("\x81\xa0\x81\xa0\x80"), "invalid payload"},
		{"siblings are not depth", packet.Limits{Depth: 3}, event("\x91\x90", "\x91\x90", "\x81\xa0\x80", "\x91\x90"), ""},
		{"other members too deep", packet.Limits{Depth: 1}, []byte("\x83\xa4type\x00\xa3nsp\xa1/\xa1x\x91\x90"), "invalid payload"},
		{"attachments", packet.Limits{}, event("\xdc\x03\xe8" + strings.Repeat("\xc4\x00", 1000)), ""},
		{"too many attachments", packet.Limits{}, event("\xdc\x03\xe9" + strings.Repeat("\xc4\x00", 1001)), "too many attachments"},
		{"too many of one's own", packet.Limits{Attachments: 1}, event("\xc4\x00", "\xc4\x00"), "too many attachments"},
		{"extensions count", packet.Limits{Attachments: 1}, event("\xd4\x05\x00", "\xc7\x00\x00"), "too many attachments"},
		{"no limit of attachments", packet.Limits{Attachments: -1}, event("\xdd\x00\x01\x00\x00" + strings.Repeat("\xc4\x00", 1<<16)), ""},
		{"replaced data does not count", packet.Limits{Attachments: 1}, append([]byte("\x84\xa4data\x92\xa1e\xc4\x00"), event("\xc4\x00")[1:]...), ""},
		{"array without elements", packet.Limits{}, event("\xdd\xff\xff\xff\xff"), "Could not parse"},
		{"map without members", packet.Limits{}, event("\xdf\x7f\xff\xff\xff\x01"), "Could not parse"},
		{"packet without members", packet.Limits{}, []byte("\xdf\xff\xff\xff\xff\x01"), "Could not parse"},
		{"binary without data", packet.Limits{}, event("\xc6\xff\xff\xff\xff"), "Could not parse"},
		{"string without data", packet.Limits{}, event("\xdb\xff\xff\xff\xff"), "Could not parse"},
		{"extension without data", packet.Limits{}, event("\xc9\xff\xff\xff\xff\x00"), "Could not parse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, complete, err := msgpack.Codec{}.NewDecoder(c.limits).Add(c.data, true)
			text := ""
			if err != nil {
				text = err.Error()
			}
			assert.Equal(t, text, c.err)
			assert.Equal(t, complete, c.err == "")
		})
	}
}

// TestDecoder: one decoder for many packets, a text message, and its independence.
func TestDecoder(t *testing.T) {
	t.Parallel()
	d := msgpack.Codec{}.NewDecoder(packet.Limits{})
	_, complete, err := d.Add([]byte(`2["e"]`), false)
	assert.Error(t, err)
	assert.True(t, !complete, "complete")
	d.Reset()
	long := strings.Repeat("n", 300)
	for _, name := range []string{"a", "a", "b\n", long, "a"} {
		for _, nsp := range []string{"/", "/x", "/" + long} {
			data := encode(t, &packet.Packet{Type: packet.Event, Event: name, Namespace: nsp, Args: []any{[]byte("blob")}})
			p, complete, err := d.Add(data, true)
			assert.NoError(t, err)
			assert.True(t, complete, "not complete")
			assert.Equal(t, p.Event, name)
			assert.Equal(t, p.Namespace, nsp)
			assert.Equal(t, p.Args.Attachments(), [][]byte{[]byte("blob")})
			assert.Equal(t, cap(p.Args.Attachments()[0]), 4) // an append does not reach the message
		}
	}
	// Members that are not strings, and those of no interest, with binary in them.
	p, complete, err := d.Add([]byte("\x86\x01\xc4\x01\x01\xa7options\x81\xa1b\xc4\x01\x02\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e\xc4\x01\x03\xc0\xc4\x01\x04"), true)
	assert.NoError(t, err)
	assert.True(t, complete, "not complete")
	assert.Equal(t, p.Args.Attachments(), [][]byte{{3}})
	_, _, err = d.Add([]byte("\x81\xc4\x00\x00"), true)
	assert.Error(t, err)
}

// TestRoundTrip: random values arrive as they were sent.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		args := []any{random(rnd, 4), random(rnd, 4)}
		p := packet.Packet{Type: packet.Event, Event: fmt.Sprint("e", rnd.IntN(9)), Namespace: "/a", Args: args}
		if rnd.IntN(2) == 0 {
			p.ID, p.HasID = rnd.Uint64N(1<<53), true
		}
		r, err := decode(encode(t, &p))
		assert.NoError(t, err)
		assert.Equal(t, r.Event, p.Event)
		assert.Equal(t, r.Namespace, p.Namespace)
		assert.Equal(t, r.ID, p.ID)
		assert.Equal(t, r.HasID, p.HasID)
		for i, want := range args {
			var got any
			assert.NoError(t, r.Args.Unmarshal(i, &got))
			assert.Equal(t, got, want)
		}
	}
}

// random returns a value as package packet decodes it into an any.
func random(rnd *rand.Rand, depth int) any {
	n := 9
	if depth == 0 {
		n = 7
	}
	switch rnd.IntN(n) {
	case 0:
		return nil
	case 1:
		return rnd.IntN(2) == 0
	case 2:
		return float64(rnd.Int64N(1<<54) - 1<<53)
	case 3:
		return math.Ldexp(rnd.NormFloat64(), rnd.IntN(600)-300)
	case 4:
		return float64(rnd.IntN(600) - 300)
	case 5:
		runes := []rune("aé€😀\"\\\n\x00{}[],:/")
		var b strings.Builder
		for range rnd.IntN(40) {
			b.WriteRune(runes[rnd.IntN(len(runes))])
		}
		return b.String()
	case 6:
		return bytes.Repeat([]byte{byte(rnd.IntN(256))}, rnd.IntN(300))
	case 7:
		list := []any{}
		for range rnd.IntN(20) {
			list = append(list, random(rnd, depth-1))
		}
		return list
	}
	members := map[string]any{}
	for i := range rnd.IntN(20) {
		members[fmt.Sprint("k", i)] = random(rnd, depth-1)
	}
	return members
}
