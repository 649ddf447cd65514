// SPDX-License-Identifier: MIT

package packet_test

import (
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// TestDecoderIDs_P2_6: only digits are an id. The official parser takes a space for one
// too, and would answer the first of these packets with the id 0.
func TestDecoderIDs_P2_6(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		id         uint64
		has, ok    bool
	}{
		{"a space is no id", `2 ["a"]`, 0, false, true},
		{"a space after an id", `21 ["a"]`, 1, true, true},
		{"a space before an id", `2 1["a"]`, 0, false, false},
		{"a space within an id", `21 2["a"]`, 0, false, false},
		{"leading zeros", `2007["a"]`, 7, true, true},
		{"many leading zeros", `2000000000000000000000000000007["a"]`, 7, true, true},
		{"behind a namespace", `2/a,12["a"]`, 12, true, true},
		{"a namespace of digits", `2/1,12["a"]`, 12, true, true},
		{"exponent", `21e3["a"]`, 0, false, false},
		{"hexadecimal", `20x1["a"]`, 0, false, false},
		{"sign", `2+1["a"]`, 0, false, false},
		{"negative", `2-1["a"]`, 0, false, false},
		{"fraction", `21.0["a"]`, 0, false, false},
		{"other digits", `2٣["a"]`, 0, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, complete, err := new(packet.Decoder).Add([]byte(test.text), false)
			assert.Equal(t, complete, test.ok)
			if !test.ok {
				assert.Error(t, err)
				assert.Equal(t, err.Error(), "invalid payload")
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, p.ID, test.id)
			assert.Equal(t, p.HasID, test.has)
			assert.Equal(t, p.Event, "a")
		})
	}
}
