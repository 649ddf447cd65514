// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// BenchmarkPolling posts one message and gets its echo, on one connection.
func BenchmarkPolling(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		for _, accept := range []string{"identity", "gzip", "deflate", "zstd"} {
			if size == 100 && accept != "identity" {
				continue
			}
			b.Run(fmt.Sprintf("%d/%s", size, accept), func(b *testing.B) { benchPolling(b, size, accept) })
		}
	}
}

func benchPolling(b *testing.B, size int, accept string) {
	h := serveTCP(b, engine.Config{OnSession: func(s *engine.Session) engine.Receiver {
		return &plain{s, true}
	}}, nil)
	opened := h.do(b.Context(), "GET", polled, nil)
	assert.NoError(b, opened.err)
	_, sid, _ := strings.Cut(opened.body, `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	conn, err := h.dial(b.Context())
	assert.NoError(b, err)
	defer conn.Close()
	head := " /engine.io/?" + polled + "&sid=" + sid + " HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: " + accept + "\r\n"
	text := `4{"name":"value"}` + strings.Repeat(`,{"name":"value"}`, size/17)
	post := []byte(fmt.Sprintf("POST%sContent-Length: %d\r\n\r\n%s", head, len(text), text))
	get := []byte("GET" + head + "\r\n")
	r := bufio.NewReaderSize(conn, 32<<10)
	exchange := func(request []byte) {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
			if _, value, ok := strings.Cut(string(line), "Content-Length: "); ok {
				_, _ = fmt.Sscan(value, &length)
			}
		}
		if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		exchange(post)
		exchange(get)
	}
}
