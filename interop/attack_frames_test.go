// SPDX-License-Identifier: MIT

package interop_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
)

// frameAttacks are those by WebSocket frames.
func frameAttacks() []attack {
	return []attack{
		{
			name: "compression bomb", does: "a compressed message of 900 KB that holds 900 MB, with `PerMessageDeflate`",
			gets: "close code 1009 at `MaxPayloadBytes`",
			foes: 10, held: 128 << 10, made: 16 << 20, ends: "Max payload size exceeded",
			configure: func(cfg *sio.Config, _ *http.Server) { cfg.Engine.PerMessageDeflate = &engine.PerMessageDeflate{} },
			run: func(a *foe) error {
				if err := a.join("Sec-WebSocket-Extensions: permessage-deflate"); err != nil {
					return err
				}
				if err := a.write(1, bomb()); err != nil {
					return err
				}
				return a.end(1009)
			},
		},
		{
			name: "fragment flood", does: "one message in 20,000 frames, of one byte each or empty",
			gets: "close code 1009 beyond 16,384 frames",
			foes: 10, held: 128 << 10, made: 4 << 20, ends: "too many fragments",
			run: func(a *foe) error {
				for _, data := range []string{"x", ""} {
					if err := a.join(); err != nil {
						return err
					}
					if err := a.write(1, frame(opText, []byte("4"))); err != nil {
						return err
					}
					_ = a.write(20_000, bytes.Repeat(frame(0, []byte(data)), 20_000)) // it may be thrown out in the middle
					if err := a.end(1009, 1006); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			name: "false lengths", does: "frames that announce 1,000,001 bytes, 2^62 bytes and 2^63 bytes",
			gets: "close code 1009 or 1002, before any memory is taken",
			foes: 20, held: 128 << 10, made: 1 << 20, ends: "transport error",
			run: func(a *foe) error {
				for _, n := range []uint64{1_000_001, 1 << 62, 1 << 63} {
					if err := a.join(); err != nil {
						return err
					}
					if err := a.write(1, head(final|opBinary, n)); err != nil {
						return err
					}
					if err := a.end(1009, 1002); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			name: "broken frames", does: "reserved bits and opcodes, no mask, long and fragmented control frames, a frame in the middle of another message, invalid UTF-8",
			gets: "close code 1002 or 1007",
			foes: 4, held: 128 << 10, made: 4 << 20, ends: "transport error",
			run: func(a *foe) error {
				for _, bad := range [][]byte{
					frame(0xC0|opText, []byte("4")), frame(0xA0|opText, nil), frame(0x90|opText, nil), // reserved bits
					frame(final|3, nil), frame(final|11, nil), // reserved opcodes
					{final | opText, 1, '4'}, // no mask
					frame(final|opPing, make([]byte, 126)), frame(opPing, nil),
					frame(final, []byte("x")), // continues nothing
					append(frame(opText, []byte("4")), frame(final|opText, nil)...),
					frame(final|opText, []byte("4\xff")), frame(opText, []byte("4\xc3\x28")),
				} {
					if err := a.join(); err != nil {
						return err
					}
					if err := a.write(1, bad); err != nil {
						return err
					}
					if err := a.end(1002, 1007); err != nil {
						return fmt.Errorf("% .20x: %w", bad, err)
					}
				}
				return nil
			},
		},
		{
			name: "ping flood", does: "WebSocket pings of 125 bytes, up to 100 MB of them, and does not read the pongs",
			gets: "what waits stays below `OutboxBytes`; reason `slow consumer`",
			foes: 2, held: 1 << 20, made: 64 << 20, ends: "slow consumer",
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				many := bytes.Repeat(frame(final|opPing, make([]byte, 125)), 500)
				for range 1600 {
					if a.write(500, many) != nil {
						return nil // thrown out
					}
				}
				return nil // checkEnds waits
			},
		},
		{
			name: "heartbeat flood", does: "50,000 pongs that nobody asked for, then a ping that is for servers only",
			gets: "pongs are ignored, the ping ends the session",
			foes: 4, held: 128 << 10, made: 8 << 20, ends: "invalid heartbeat direction",
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				if err := a.write(50_000, bytes.Repeat(texts("3"), 50_000)); err != nil {
					return err
				}
				if err := a.exchange(`420["echo","still"]`, `430["still"]`); err != nil {
					return err
				}
				if err := a.write(1, texts("2")); err != nil {
					return err
				}
				return a.end()
			},
		},
		{
			name: "borrowed bytes", does: "pings of every length behind messages of others, and a close frame with a reason",
			gets: "pongs with its own bytes, and a close frame with the code alone",
			foes: 4, held: 128 << 10, made: 8 << 20, ends: "transport close",
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				for n := range 126 {
					text := strings.Repeat(string(rune('a'+a.n)), n)
					if err := a.exchange(`420["echo","`+text+text+`"]`, `430["`+text+text+`"]`); err != nil {
						return err
					}
					if err := a.write(1, frame(final|opPing, []byte(text))); err != nil {
						return err
					}
					if op, data, err := a.read(); err != nil || op != 10 || string(data) != text {
						return fmt.Errorf("ping %q: got %d %q, %w", text, op, data, err)
					}
				}
				if err := a.write(1, frame(final|opClose, []byte("\x03\xe8bye"))); err != nil {
					return err
				}
				op, data, err := a.read()
				if err != nil || op != opClose || string(data) != "\x03\xe8" {
					return fmt.Errorf("close: got %d %q, %w", op, data, err)
				}
				return nil
			},
		},
		{
			name: "request smuggling", does: "upgrades that are refused or not, with another request behind or within them, and lengths that contradict each other",
			gets: "one answer at most for each, and the end of the connection; the request behind is never answered",
			foes: 2, held: 128 << 10, made: 4 << 20, ends: "transport error", polls: true,
			run: smuggle,
		},
	}
}

// bomb is a compressed frame. Its pieces do not refer to each other.
var bomb = sync.OnceValue(func() []byte {
	var piece bytes.Buffer
	w, err := flate.NewWriter(&piece, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(bytes.Repeat([]byte("4"), 1<<20))
	_ = w.Flush()
	data := bytes.Repeat(piece.Bytes(), 950_000/piece.Len())
	return frame(final|0x40|opText, bytes.TrimSuffix(data, []byte{0, 0, 0xff, 0xff}))
})

// smuggle sends requests that a proxy in front may understand otherwise than this server:
// as one request, or as a connection that has become a WebSocket.
func smuggle(a *foe) error {
	query, err := a.poll()
	if err != nil {
		return err
	}
	secret := "GET /secret HTTP/1.1\r\nHost: a\r\n\r\n"
	with := func(old, field string) []string {
		list := slices.Clone(switching)
		for i := range list {
			if strings.HasPrefix(list[i], old) {
				list[i] = field
			}
		}
		return list
	}
	for _, c := range []struct{ name, request string }{
		{"wrong version", a.request("GET", "websocket", "", with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 777")...) + secret},
		{"no key", a.request("GET", "websocket", "", with("Sec-WebSocket-Key", "X-A: b")...) + secret},
		{"unknown session", a.request("GET", "websocket&sid=AAAAAAAAAAAAAAAAAAAA", "", switching...) + secret},
		{"unknown transport", a.request("GET", "nope", "", switching...) + secret},
		{"wrong method", a.request("POST", "websocket", "", switching...) + secret},
		{"another protocol", a.request("GET", "websocket", "", with("Upgrade", "Upgrade: h2c")...) + secret},
		{"behind a handshake", a.request("GET", "websocket", "", switching...) + secret},
		{"behind a probe", a.request("GET", strings.Replace(query, "polling", "websocket", 1), "", switching...) + secret},
		{"as the body of a handshake", a.request("GET", "websocket", secret, append(slices.Clone(switching), fmt.Sprintf("Content-Length: %d", len(secret)))...)},
		{"as chunks of a handshake", a.request("GET", "websocket", "0\r\n\r\n"+secret, append(slices.Clone(switching), "Transfer-Encoding: chunked")...)},
		{"two lengths", a.request("POST", query, "4"+secret, "Content-Length: 1", "Content-Length: 35")},
		{"odd chunks", a.request("POST", query, "0\r\n\r\n"+secret, "Transfer-Encoding: xchunked")},
		{"odd field", a.request("POST", query, "0\r\n\r\n"+secret, "Transfer-Encoding : chunked")},
	} {
		if err := a.dial(); err != nil {
			return err
		}
		if err := a.write(1, []byte(c.request)); err != nil {
			return err
		}
		var all bytes.Buffer
		_ = a.conn.SetReadDeadline(time.Now().Add(mercy))
		_, err := all.ReadFrom(a.in)
		if _, gone := errors.AsType[closed](lost(err)); err != nil && !gone {
			return fmt.Errorf("%s: the connection stays open behind %q", c.name, all.String())
		}
		if n := strings.Count(all.String(), "HTTP/1.1 "); n > 1 || strings.Contains(all.String(), "secret") {
			return fmt.Errorf("%s: %d answers: %q", c.name, n, all.String())
		}
	}
	return nil
}
