// SPDX-License-Identifier: MIT

// Gobwas is a floor: a loop over github.com/gobwas/ws with one goroutine and one read
// buffer for each connection, and one write for each frame.
package main

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/bench/floor"
	"github.com/sio-go/sio/bench/host"
)

var hub floor.Hub[net.Conn]

func main() {
	host.Flags()
	_ = host.Run(http.HandlerFunc(serve)) // standard input has ended
}

func serve(w http.ResponseWriter, r *http.Request) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return
	}
	go loop(conn) // so that the request can be let go
}

func loop(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	hub.Add(conn)
	defer hub.Remove(conn)
	write := func(op ws.OpCode, data []byte) { _, _ = conn.Write(frame(op, data)) }
	send := func(text []byte) { write(ws.OpText, text) }
	fan := func(text []byte, to func(func(net.Conn))) {
		whole := frame(ws.OpText, text)
		to(func(c net.Conn) { _, _ = c.Write(whole) })
	}
	send([]byte(floor.Open))
	in := bufio.NewReaderSize(conn, 4<<10)
	var buf []byte
	for {
		h, err := ws.ReadHeader(in)
		if err != nil || h.OpCode == ws.OpClose || h.Length > 1<<20 {
			return
		}
		if int64(cap(buf)) < h.Length {
			buf = make([]byte, h.Length)
		}
		buf = buf[:h.Length]
		if _, err := io.ReadFull(in, buf); err != nil {
			return
		}
		ws.Cipher(buf, h.Mask, 0)
		switch h.OpCode {
		case ws.OpText:
			hub.Handle(conn, buf, send, fan)
		case ws.OpBinary:
			write(ws.OpBinary, buf)
		default:
		}
	}
}

// frame returns a whole frame.
func frame(op ws.OpCode, data []byte) []byte {
	out := make([]byte, 0, len(data)+10)
	switch n := len(data); {
	case n < 126:
		out = append(out, 0x80|byte(op), byte(n))
	case n < 1<<16:
		out = append(out, 0x80|byte(op), 126, byte(n>>8), byte(n))
	default:
		out = append(out, 0x80|byte(op), 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, data...)
}
