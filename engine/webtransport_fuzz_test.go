// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// FuzzStream sends arbitrary bytes after the open packet, once as they are and once in
// chunks of arbitrary size: the receiver gets the same.
func FuzzStream(f *testing.F) {
	for _, seed := range [][]byte{
		framed("4hello", false),
		bytes.Join([][]byte{framed("4a", false), framed("\x01\x02", true), framed("6", false), framed("4b", false)}, nil),
		framed("4"+string(bytes.Repeat([]byte("x"), 200)), false),
		bytes.Join([][]byte{framed("4a", false), framed("", true), framed("4b", false)}, nil),
		bytes.Join([][]byte{framed("4\xff", false), framed("2", false)}, nil),
		bytes.Join([][]byte{framed("4a", false), framed("1", false), framed("4b", false)}, nil),
		{0x7f, 0, 0, 0, 0, 0, 0, 0, 2, '4', 'a', 0xfe, 0, 1, 7},
		[]byte("\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
		[]byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		f.Add(seed, uint16(1))
		f.Add(seed, uint16(3))
	}
	type outcome struct {
		messages []message
		reason   engine.Reason
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint16) {
		h := serve(t, engine.Config{Transports: allTransports, MaxPayloadBytes: 1000}, nil)
		run := func(step int) (out outcome) {
			c := h.webTransport()
			for rest := append(framed("0", false), data...); len(rest) > 0; {
				n := min(max(step, 1), len(rest))
				if _, err := c.conn.Write(rest[:n]); err != nil {
					break
				}
				rest = rest[n:]
			}
			_ = c.conn.CloseWrite()
			r := h.receiver()
			select {
			case <-r.ended:
			case <-time.After(10 * time.Second):
				t.Fatal("the session does not end")
			}
			for len(r.got) > 0 {
				out.messages = append(out.messages, <-r.got)
			}
			out.reason = r.reason
			return out
		}
		assert.Equal(t, run(int(step)), run(1<<20))
	})
}
