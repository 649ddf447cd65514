// SPDX-License-Identifier: MIT

package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
)

// BenchmarkParsePayload is the body of a POST.
func BenchmarkParsePayload(b *testing.B) {
	for _, n := range []int{1, 16} {
		for _, binary := range []bool{false, true} {
			b.Run(fmt.Sprintf("packets=%d/binary=%t", n, binary), func(b *testing.B) {
				p := wire.Packet{Type: wire.Message, Data: []byte(strings.Repeat("x", 100)), Binary: binary}
				var body []byte
				for range n {
					body = wire.AppendPayload(body, p)
				}
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					got := 0
					for _, err := range wire.ParsePayload(body) {
						if err != nil {
							b.Fatal(err)
						}
						got++
					}
					if got != n {
						b.Fatal(got)
					}
				}
			})
		}
	}
}

// BenchmarkAppendPayload is the response to a GET.
func BenchmarkAppendPayload(b *testing.B) {
	for _, binary := range []bool{false, true} {
		b.Run(fmt.Sprintf("binary=%t", binary), func(b *testing.B) {
			p := wire.Packet{Type: wire.Message, Data: []byte(strings.Repeat("x", 100)), Binary: binary}
			dst := make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				dst = wire.AppendPayload(dst[:0], p)
			}
			assert.True(b, len(dst) > 100, "%d bytes", len(dst))
		})
	}
}
