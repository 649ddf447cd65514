// SPDX-License-Identifier: MIT

package packet_test

import (
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

const message = "a text of thirty-two bytes......"

// TestAllocations keeps the budget of the two hot paths: what a decoded packet needs
// is the list of its arguments, and what is appended needs nothing.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var d packet.Decoder
	text := []byte(`2["echo","` + message + `"]`)
	decode := testing.AllocsPerRun(1000, func() { _, _, _ = d.Add(text, false) })
	assert.True(t, decode <= 1, "Decoder.Add: %v allocations", decode)

	dst := make([]byte, 0, 1024)
	p := &packet.Packet{Type: packet.Event, Event: "echo", Args: []any{message}}
	encode := testing.AllocsPerRun(1000, func() { _, _, _ = packet.Append(dst, p) })
	assert.True(t, encode <= 0, "Append: %v allocations", encode)

	r, _, err := d.Add(text, false)
	assert.NoError(t, err)
	var s string
	unmarshal := testing.AllocsPerRun(1000, func() { _ = r.Args.Unmarshal(0, &s) })
	assert.True(t, unmarshal <= 1, "Unmarshal: %v allocations", unmarshal)
}

type person struct {
	Name string   `json:"name"`
	Age  int      `json:"age"`
	Tags []string `json:"tags"`
}

var cases = []struct {
	name string
	p    packet.Packet
	dst  func() any
}{
	{"string", packet.Packet{Type: packet.Event, Event: "echo", Args: []any{message}}, func() any { return new(string) }},
	{"struct", packet.Packet{Type: packet.Event, Event: "echo", Args: []any{person{"Ada", 36, []string{"a", "b"}}}}, func() any { return new(person) }},
	{"any", packet.Packet{Type: packet.Event, Event: "echo", Args: []any{map[string]any{"name": "Ada", "age": 36, "tags": []any{"a", "b"}}}}, func() any { return new(any) }},
	{"binary", packet.Packet{Type: packet.Event, Event: "echo", Args: []any{[]byte(message)}}, func() any { return new([]byte) }},
	{"binary in struct", packet.Packet{Type: packet.Event, Event: "echo", Args: []any{inner{Data: []byte(message)}}}, func() any { return new(inner) }},
}

func BenchmarkDecodeEvent(b *testing.B) {
	for _, c := range cases {
		text, attachments, err := packet.Append(nil, &c.p)
		assert.NoError(b, err)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var d packet.Decoder
			for b.Loop() {
				_, _, err = d.Add(text, false)
				for _, a := range attachments {
					_, _, err = d.Add(a, true)
				}
			}
			assert.NoError(b, err)
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for _, c := range cases {
		text, attachments, err := packet.Append(nil, &c.p)
		assert.NoError(b, err)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var d packet.Decoder
			r, _, err := join(&d, string(text), attachments)
			for b.Loop() {
				err = r.Args.Unmarshal(0, c.dst())
			}
			assert.NoError(b, err)
		})
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 1024)
			var err error
			for b.Loop() {
				_, _, err = packet.Append(dst, &c.p)
			}
			assert.NoError(b, err)
		})
	}
}
