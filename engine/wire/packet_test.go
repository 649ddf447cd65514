// SPDX-License-Identifier: MIT

package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, data string
		binary     bool
		want       wire.Packet
		err        error
	}{
		{"E5.1 open", `0{}`, false, wire.Packet{Type: wire.Open, Data: []byte(`{}`)}, nil},
		{"E5.1 close", `1`, false, wire.Packet{Type: wire.Close, Data: []byte{}}, nil},
		{"E5.1 probe", `2probe`, false, wire.Packet{Type: wire.Ping, Data: []byte("probe")}, nil},
		{"E5.1 pong", `3`, false, wire.Packet{Type: wire.Pong, Data: []byte{}}, nil},
		{"E5.1 message", `42["a"]`, false, wire.Packet{Type: wire.Message, Data: []byte(`2["a"]`)}, nil},
		{"E5.1 upgrade", `5`, false, wire.Packet{Type: wire.Upgrade, Data: []byte{}}, nil},
		{"E5.1 noop", `6`, false, wire.Packet{Type: wire.Noop, Data: []byte{}}, nil},
		{"E5.1 binary", "\x00\xff", true, wire.Packet{Type: wire.Message, Binary: true, Data: []byte{0, 0xff}}, nil},
		{"E5.1 empty binary", "", true, wire.Packet{Type: wire.Message, Binary: true, Data: []byte{}}, nil},
		{"0.6 empty text", ``, false, wire.Packet{}, wire.ErrEmpty},
		{"E3.12 digit", `7`, false, wire.Packet{}, wire.ErrType},
		{"E3.12 letter", `a`, false, wire.Packet{}, wire.ErrType},
		{"E3.12 below the digits", `/`, false, wire.Packet{}, wire.ErrType},
		{"E3.12 not ASCII", "\xb4", false, wire.Packet{}, wire.ErrType},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.Parse([]byte(test.data), test.binary)
			assert.Equal(t, got, test.want)
			if test.err != nil {
				assert.ErrorIs(t, err, test.err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, string(wire.Append([]byte("x"), got)), "x"+test.data)
		})
	}
}

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	_, err := wire.Parse(nil, false)
	var syntax *wire.SyntaxError
	assert.True(t, errors.As(err, &syntax), "error is %T", err)
	assert.Equal(t, syntax.Error(), "wire: empty packet at byte 0")
}

func TestType(t *testing.T) {
	t.Parallel()
	var names []string
	for typ := range wire.Noop + 2 {
		names = append(names, typ.String())
	}
	assert.Equal(t, strings.Join(names, " "), "open close ping pong message upgrade noop Type(7)")
}

func TestAllocations(t *testing.T) {
	text, body := []byte(`42["a"]`), []byte("42[\"a\"]\x1e2\x1e43[]")
	var sum int
	n := testing.AllocsPerRun(100, func() {
		p, _ := wire.Parse(text, false)
		sum += len(p.Data)
		for p := range wire.ParsePayload(body) {
			sum += len(p.Data)
		}
	})
	assert.Equal(t, n, 0.0)
}

// TestParseBase64: clients without binary data send it as text (E1.5).
func TestParseBase64(t *testing.T) {
	t.Parallel()
	p, err := wire.Parse([]byte("bAQID"), false)
	assert.NoError(t, err)
	assert.Equal(t, p, binary(1, 2, 3))
	assert.Equal(t, string(wire.AppendBase64(nil, p)), "bAQID")
	_, err = wire.Parse([]byte("b!"), false)
	assert.ErrorIs(t, err, wire.ErrBase64)
}
