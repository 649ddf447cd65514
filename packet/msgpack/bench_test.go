// SPDX-License-Identifier: MIT

package msgpack_test

import (
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

const message = "a text of thirty-two bytes......"

var cases = []struct {
	name           string
	args           []any
	encode, decode float64 // allocations, at most
}{
	{"string", []any{message}, 2, 2},
	{"object", []any{packet.Raw(`{"name":"Ada","age":36,"tags":["a","b"]}`)}, 2, 2},
	{"binary", []any{[]byte(message)}, 4, 3},
}

// TestAllocations: what is encoded needs the message and the list of messages, and for
// binary data its copy and list; what is decoded needs its JSON and the list of its
// arguments, and the list of its binary data.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range cases {
		p := &packet.Packet{Type: packet.Event, Event: "echo", Args: c.args}
		dst := make([]byte, 0, 1024)
		n := testing.AllocsPerRun(1000, func() { _, _, _ = msgpack.Codec{}.Append(dst, p) })
		assert.True(t, n <= c.encode, "%s: Append: %v allocations", c.name, n)

		data := encode(t, p)
		d := msgpack.Codec{}.NewDecoder(packet.Limits{})
		n = testing.AllocsPerRun(1000, func() { _, _, _ = d.Add(data, true) })
		assert.True(t, n <= c.decode, "%s: Add: %v allocations", c.name, n)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range cases {
		p := &packet.Packet{Type: packet.Event, Event: "echo", Args: c.args}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 128)
			for b.Loop() {
				if _, _, err := (msgpack.Codec{}).Append(dst, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range cases {
		data := encode(b, &packet.Packet{Type: packet.Event, Event: "echo", Args: c.args})
		d := msgpack.Codec{}.NewDecoder(packet.Limits{})
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.Add(data, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
