// SPDX-License-Identifier: MIT

package wire_test

import (
	"errors"
	"testing"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
)

func TestParse3(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, data string
		binary     bool
		want       wire.Packet
		err        error
	}{
		{"E5.1 text", `4hello`, false, text(wire.Message, "hello"), nil},
		{"E12.6 probe", `2probe`, false, text(wire.Ping, "probe"), nil},
		{"E5.1 binary", "\x04\x01\x02", true, binary(1, 2), nil},
		{"E5.1 empty binary", "\x04", true, binary(), nil},
		{"E12.2 base64", "b4AQID", false, binary(1, 2, 3), nil},
		{"E12.2 empty base64", "b4", false, binary(), nil},
		{"E12.2 URL alphabet", "b4-_8", false, binary(0xfb, 0xff), nil},
		{"0.6 empty text", ``, false, wire.Packet{}, wire.ErrEmpty},
		{"no type", ``, true, wire.Packet{}, wire.ErrEmpty},
		{"E3.12 unknown type", `7`, false, wire.Packet{}, wire.ErrType},
		{"unknown binary type", "\x07a", true, wire.Packet{}, wire.ErrType},
		{"a digit instead of a type", "4a", true, wire.Packet{}, wire.ErrType},
		{"a binary ping", "\x02", true, wire.Packet{}, wire.ErrType},
		{"base64 without a type", "b", false, wire.Packet{}, wire.ErrType},
		{"base64 of another type", "b2AQID", false, wire.Packet{}, wire.ErrType},
		{"base64 of no type", "bAQID", false, wire.Packet{}, wire.ErrType},
		{"bad base64", "b4!", false, wire.Packet{}, wire.ErrBase64},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.Parse3([]byte(test.data), test.binary)
			if test.err != nil {
				assert.ErrorIs(t, err, test.err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, got, test.want)
			if test.binary || test.data[0] != 'b' {
				assert.Equal(t, string(wire.Append3([]byte("x"), got)), "x"+test.data)
			}
		})
	}
	assert.Equal(t, string(wire.Append3Base64([]byte("x"), binary(1, 2, 3))), "xb4AQID")
}

// parse3 is parse for revision 3.
func parse3(body string, isBinary bool) (packets []wire.Packet, offset int, err error) {
	for p, e := range wire.ParsePayload3([]byte(body), isBinary) {
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

func TestPayload3(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		binary     bool
		want       []wire.Packet
	}{
		{"9.2 one packet", "6:4hello", false, []wire.Packet{text(wire.Message, "hello")}},
		{"9.2 several", "6:4test16:4test26:4test3", false, []wire.Packet{text(wire.Message, "test1"), text(wire.Message, "test2"), text(wire.Message, "test3")}},
		{"9.2 text and binary", "6:4hello10:b4AQIDBA==", false, []wire.Packet{text(wire.Message, "hello"), binary(1, 2, 3, 4)}},
		{"9.2 close and noop", "1:11:6", false, []wire.Packet{text(wire.Close, ""), text(wire.Noop, "")}},
		{"0.4 UTF-16 lengths", "15:42[\"echo\",\"\u20ac\u00e9\"]", false, []wire.Packet{text(wire.Message, "2[\"echo\",\"\u20ac\u00e9\"]")}},
		{"0.4 a surrogate pair", "3:4\U0001f6001:2", false, []wire.Packet{text(wire.Message, "\U0001f600"), text(wire.Ping, "")}},
		{"10 first message", "2:4040:451-[\"hi\",{\"_placeholder\":true,\"num\":0}]6:b4AQID", false, []wire.Packet{text(wire.Message, "0"), text(wire.Message, `51-["hi",{"_placeholder":true,"num":0}]`), binary(1, 2, 3)}},
		{"9.2 binary", "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", true, []wire.Packet{text(wire.Message, "hello"), binary(1, 2, 3, 4)}},
		{"10 binary", "\x00\x02\xff40\x01\x04\xff\x04\x01\x02\x03", true, []wire.Packet{text(wire.Message, "0"), binary(1, 2, 3)}},
		{"E12.3 lengths are in bytes", "\x00\x04\xff4\u20ac\x00\x01\x00\xff4123456789", true, []wire.Packet{text(wire.Message, "\u20ac"), text(wire.Message, "123456789")}},
		{"E12.3 no data", "\x01\x01\xff\x04", true, []wire.Packet{binary()}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			packets, _, err := parse3(test.body, test.binary)
			assert.NoError(t, err)
			assert.Equal(t, packets, test.want)
			write := wire.AppendPayload3
			if test.binary {
				write = wire.AppendBinaryPayload3
			}
			var body []byte
			for _, p := range packets {
				body = write(body, p)
			}
			assert.Equal(t, string(body), test.body)
		})
	}
	packets, _, err := parse3("0:1:20:", false)
	assert.NoError(t, err)
	assert.Equal(t, packets, []wire.Packet{text(wire.Ping, "")})
}

func TestParsePayload3Errors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, body string
		binary     bool
		packets    int
		offset     int
		err        error
	}{
		{"0.6 empty", "", false, 0, 0, wire.ErrEmpty},
		{"0.6 empty binary", "", true, 0, 0, wire.ErrEmpty},
		{"E12.1 no length", "4hello", false, 0, 0, wire.ErrLength},
		{"E12.1 not a number", "a:4hello", false, 0, 0, wire.ErrLength},
		{"E12.1 a sign", "+6:4hello", false, 0, 0, wire.ErrLength},
		{"E12.1 no digits", ":4hello", false, 0, 0, wire.ErrLength},
		{"E12.1 too short", "6:4hell", false, 0, 0, wire.ErrLength},
		{"E12.1 trailing digits", "1:21", false, 1, 3, wire.ErrLength},
		{"E12.1 only a length", "6:", false, 0, 0, wire.ErrLength},
		{"E12.1 a huge length", "99999999999999999999:4", false, 0, 0, wire.ErrLength},
		{"0.4 half a character", "2:4\U0001f600", false, 0, 0, wire.ErrLength},
		{"E3.12 unknown type", "2:4a2:x1", false, 1, 4, wire.ErrType},
		{"E12.2 bad base64", "4:b4!!", false, 0, 0, wire.ErrBase64},
		{"E12.3 no flag", "4hello", true, 0, 0, wire.ErrLength},
		{"E12.3 flag alone", "\x00", true, 0, 0, wire.ErrLength},
		{"E12.3 no length", "\x00\xff4", true, 0, 0, wire.ErrLength},
		{"E12.3 an ASCII digit", "\x001\xff4", true, 0, 0, wire.ErrLength},
		{"E12.3 no end of length", "\x00\x01", true, 0, 0, wire.ErrLength},
		{"E12.3 too short", "\x00\x03\xff4a", true, 0, 0, wire.ErrLength},
		{"E12.4 too many digits", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff4", true, 0, 0, wire.ErrLength},
		{"E12.3 an empty packet", "\x00\x02\xff4a\x00\x00\xff", true, 1, 5, wire.ErrEmpty},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			packets, offset, err := parse3(test.body, test.binary)
			assert.ErrorIs(t, err, test.err)
			assert.Equal(t, len(packets), test.packets)
			assert.Equal(t, offset, test.offset)
		})
	}
}

func TestParsePayload3Stops(t *testing.T) {
	t.Parallel()
	n := 0
	for range wire.ParsePayload3([]byte("1:21:21:2"), false) {
		if n++; n == 2 {
			break
		}
	}
	assert.Equal(t, n, 2)
}
