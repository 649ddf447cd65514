// SPDX-License-Identifier: MIT

package wire_test

import (
	"errors"
	"testing"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
)

func text(t wire.Type, data string) wire.Packet { return wire.Packet{Type: t, Data: []byte(data)} }

func binary(data ...byte) wire.Packet {
	return wire.Packet{Type: wire.Message, Binary: true, Data: append([]byte{}, data...)}
}

// parse collects the packets before an error, the error's offset and the error.
func parse(body string) (packets []wire.Packet, offset int, err error) {
	for p, e := range wire.ParsePayload([]byte(body)) {
		if e != nil {
			var syntax *wire.SyntaxError
			if !errors.As(e, &syntax) {
				panic("error of another type")
			}
			offset, err = syntax.Offset, e
			continue // the iteration must end by itself
		}
		packets = append(packets, p)
	}
	return packets, offset, err
}

func TestPayload(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		want       []wire.Packet
	}{
		{"E3.11 one packet", `4hello`, []wire.Packet{text(wire.Message, "hello")}},
		{
			"E3.11 all types", "0{}\x1e1\x1e2probe\x1e3probe\x1e4a\x1e5\x1e6",
			[]wire.Packet{
				text(wire.Open, "{}"), text(wire.Close, ""), text(wire.Ping, "probe"), text(wire.Pong, "probe"),
				text(wire.Message, "a"), text(wire.Upgrade, ""), text(wire.Noop, ""),
			},
		},
		{"E3.11 text and binary", "4\u20ac\x1ebAQIDBA==\x1e4b", []wire.Packet{text(wire.Message, "\u20ac"), binary(1, 2, 3, 4), text(wire.Message, "b")}},
		{"9.5 zero-length binary", "4a\x1eb", []wire.Packet{text(wire.Message, "a"), binary()}},
		{
			"10 binary ack", "461-0[{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==",
			[]wire.Packet{text(wire.Message, `61-0[{"_placeholder":true,"num":0}]`), binary(1, 2, 3, 4)},
		},
		{"E3.11 standard alphabet", "b+/8=", []wire.Packet{binary(0xfb, 0xff)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			packets, _, err := parse(test.body)
			assert.NoError(t, err)
			assert.Equal(t, packets, test.want)
			var body []byte
			for _, p := range packets {
				body = wire.AppendPayload(body, p)
			}
			assert.Equal(t, string(body), test.body)
		})
	}
}

func TestParsePayloadBase64(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"padded": "b+/8=", "not padded": "b+/8", "URL alphabet": "b-_8=", "URL alphabet, not padded": "b-_8",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packets, _, err := parse(body)
			assert.NoError(t, err)
			assert.Equal(t, packets, []wire.Packet{binary(0xfb, 0xff)})
		})
	}
}

func TestParsePayloadErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		packets    int
		offset     int
		err        error
	}{
		{"0.6 empty body", "", 0, 0, wire.ErrEmpty},
		{"E3.11 empty first", "\x1e4a", 0, 0, wire.ErrEmpty},
		{"E3.11 empty last", "4a\x1e", 1, 3, wire.ErrEmpty},
		{"E3.11 empty between", "4a\x1e\x1e4b", 1, 3, wire.ErrEmpty},
		{"E3.12 unknown type", "4a\x1e4b\x1ex\x1e4c", 2, 6, wire.ErrType},
		{"E3.12 uppercase B", "BAQID", 0, 0, wire.ErrType},
		{"alien characters", "4a\x1eb!!!!", 1, 3, wire.ErrBase64},
		{"one character", "bA", 0, 0, wire.ErrBase64},
		{"padding only", "b=", 0, 0, wire.ErrBase64},
		{"much padding", "bA===", 0, 0, wire.ErrBase64},
		{"too much padding", "bAQID=", 0, 0, wire.ErrBase64},
		{"too little padding", "bAQ=", 0, 0, wire.ErrBase64},
		{"padding within", "bAQ==AQ==", 0, 0, wire.ErrBase64},
		{"both alphabets", "b+_8=", 0, 0, wire.ErrBase64},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			packets, offset, err := parse(test.body)
			assert.ErrorIs(t, err, test.err)
			assert.Equal(t, len(packets), test.packets)
			assert.Equal(t, offset, test.offset)
		})
	}
}

func TestParsePayloadStops(t *testing.T) {
	t.Parallel()
	n := 0
	for range wire.ParsePayload([]byte("4a\x1e4b\x1e4c")) {
		if n++; n == 2 {
			break
		}
	}
	assert.Equal(t, n, 2)
}

// TestParsePayloadAppend tells that an append to one packet's data does not overwrite the
// next packet.
func TestParsePayloadAppend(t *testing.T) {
	t.Parallel()
	var got []string
	for p, err := range wire.ParsePayload([]byte("4a\x1e4b")) {
		assert.NoError(t, err)
		got = append(got, string(p.Data))
		_ = append(p.Data, "xyz"...)
	}
	assert.Equal(t, got, []string{"a", "b"})
}
