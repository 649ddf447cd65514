// SPDX-License-Identifier: MIT

package websocket_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/websocket"
)

// TestFields sends header fields more than once, which is the same as one list (RFC 9110,
// section 5.3).
func TestFields(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                string
		lines               []string
		protocol, extension string
	}{
		{"Connection", []string{"Connection: keep-alive", "Connection: Upgrade"}, "", ""},
		{"Connection, upgrade first", []string{"Connection: upgrade", "Connection: keep-alive"}, "", ""},
		{"Connection, lists", []string{"Connection: a,b", "Connection: c ,\tUPGRADE , d"}, "", ""},
		{"Sec-WebSocket-Protocol", []string{"Connection: Upgrade", "Sec-WebSocket-Protocol: one", "Sec-WebSocket-Protocol: two"}, "one", ""},
		{"Sec-WebSocket-Extensions", []string{
			"Connection: Upgrade", "Sec-WebSocket-Extensions: x, permessage-deflate; bogus",
			"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"9\"", "Sec-WebSocket-Extensions: permessage-deflate",
		}, "", "permessage-deflate;server_no_context_takeover;client_no_context_takeover;server_max_window_bits=9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &websocket.Deflate{Level: 1, WindowBits: 15})
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.listener.String())
			assert.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+strings.Join(test.lines, "\r\n")+"\r\n\r\n")
			assert.NoError(t, err)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			assert.NoError(t, err)
			if res.StatusCode != http.StatusSwitchingProtocols {
				t.Fatal(res.Status)
			}
			_ = (<-s.accepted).Conn.Close()
			assert.Equal(t, res.Header.Get("Sec-WebSocket-Protocol"), test.protocol)
			assert.Equal(t, strings.ReplaceAll(res.Header.Get("Sec-WebSocket-Extensions"), "; ", ";"), test.extension)
		})
	}
}

// TestPoolsAndBubbles borrows the same compressors outside of and within bubbles: they
// must hold nothing that belongs to one.
func TestPoolsAndBubbles(t *testing.T) {
	roundTrips := func(t *testing.T) {
		for bits := 8; bits <= 15; bits++ {
			p := &websocket.Params{OutBits: bits, Level: 1, OutTakeover: bits == 15, InTakeover: bits == 15}
			d, k := websocket.NewDeflater(p), new(kept)
			r := websocket.Reader{Handler: k, MaxBytes: 1 << 20, MaxFragments: 1, Client: true, Deflate: p}
			text := strings.Repeat("hello ", 100)
			for range 3 {
				assert.True(t, r.Feed(d.AppendFrame(nil, ws.OpText, []byte(text))), "refused: %v", k.err)
			}
			assert.Equal(t, k.messages, []string{text, text, text})
		}
	}
	roundTrips(t)
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				roundTrips(t)
			}()
			roundTrips(t)
			<-done
		})
		roundTrips(t)
	}
}
