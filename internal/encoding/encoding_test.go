// SPDX-License-Identifier: MIT

package encoding_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/encoding"
)

// decode undoes a content coding with another implementation where there is one.
func decode(t *testing.T, name string, data []byte) string {
	t.Helper()
	var r io.Reader
	var err error
	switch name {
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(data))
	case "zstd":
		r, err = zstd.NewReader(bytes.NewReader(data))
	default:
		t.Fatalf("unknown coding %q", name)
	}
	assert.NoError(t, err)
	text, err := io.ReadAll(r)
	assert.NoError(t, err)
	return string(text)
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fields []string
		want   string // "" for none
	}{
		{nil, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"br"}, ""},
		{[]string{"deflate, gzip"}, "gzip"},
		{[]string{"gzip", "zstd"}, "zstd"},
		{[]string{"zstd;q=0.5, gzip;q=0.8"}, "gzip"},
		{[]string{"gzip;q=0, deflate"}, "deflate"},
		{[]string{"*"}, "gzip"},
		{[]string{"*;q=0, zstd"}, "zstd"},
		{[]string{"identity, gzip;q=0.5"}, ""},
		{[]string{"GZIP ; q=1.0"}, "gzip"},
		{[]string{"gzip;q=x"}, ""},
		{[]string{"gzip;q=2"}, ""},
	} {
		c := encoding.Accepted(test.fields)
		name := ""
		if c != nil {
			name = c.Name()
		}
		assert.True(t, name == test.want, "%q: %q, want %q", test.fields, name, test.want)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("the same again, ", 10_000)
	for _, name := range []string{"zstd", "gzip", "deflate"} {
		c := encoding.Accepted([]string{name})
		for _, text := range []string{"", "a", long} {
			data := c.Append([]byte("before"), []byte(text))
			assert.Equal(t, string(data[:6]), "before")
			assert.True(t, decode(t, name, data[6:]) == text, "%s changed %.20q", name, text)
			if text == long {
				assert.True(t, len(data) < len(long)/10, "%d bytes", len(data))
			}
		}
	}
}
