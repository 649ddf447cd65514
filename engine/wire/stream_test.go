// SPDX-License-Identifier: MIT

package wire_test

import (
	"encoding/hex"
	"testing"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
)

func TestStreamHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		n      int
		binary bool
		want   string
	}{
		{"E7.3 open", 1, false, "01"},
		{"E7.3 upgrade with a sid", 31, false, "1f"},
		{"E7.3 the longest short one", 125, true, "fd"},
		{"E7.3 the shortest of 16 bits", 126, false, "7e007e"},
		{"E7.3 the longest of 16 bits", 65535, true, "feffff"},
		{"E7.3 the shortest of 64 bits", 65536, false, "7f0000000000010000"},
		{"E7.3 empty", 0, true, "80"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := wire.AppendStreamHeader(nil, test.n, test.binary)
			assert.Equal(t, hex.EncodeToString(header), test.want)
			for i := range header {
				size, _, _ := wire.ParseStreamHeader(header[:i])
				assert.Equal(t, size, 0)
			}
			size, n, binary := wire.ParseStreamHeader(append(header, "rest"...))
			assert.Equal(t, size, len(header))
			assert.Equal(t, n, int64(test.n))
			assert.Equal(t, binary, test.binary)
		})
	}
	t.Run("E7.4 a length beyond all limits", func(t *testing.T) {
		t.Parallel()
		_, n, _ := wire.ParseStreamHeader([]byte("\x7f\xff\xff\xff\xff\xff\xff\xff\xff"))
		assert.True(t, n < 0, "length %d", n)
	})
}
