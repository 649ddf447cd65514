// SPDX-License-Identifier: MIT

package websocket_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/websocket"
)

// TestWindowBits repeats noise at a distance within the window, and just beyond it, where
// the peer cannot look (RFC 7692, section 7.1.2.1).
func TestWindowBits(t *testing.T) {
	t.Parallel()
	for bits := 8; bits <= 15; bits++ {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			t.Parallel()
			packed := func(distance int) (ratio float64) {
				noise := make([]byte, distance)
				random := rand.New(rand.NewPCG(uint64(bits), 2))
				for i := range noise {
					noise[i] = byte(random.Uint32())
				}
				var data []byte
				for range 8 {
					data = append(data, noise...)
				}
				d := websocket.NewDeflater(&websocket.Params{OutBits: bits, Level: 9})
				return float64(len(d.AppendFrame(nil, ws.OpBinary, data))) / float64(len(data))
			}
			assert.True(t, packed(1<<bits-200) < 0.8, "repetitions within the window are not found")
			if beyond := packed(1<<bits + 1); beyond < 0.99 {
				t.Errorf("repetitions beyond the window are used: %.2f", beyond)
			}
		})
	}
}

// TestStrictOffers declines what RFC 7692 does not allow (sections 7.1 and 7.1.2), and
// takes the offer after it.
func TestStrictOffers(t *testing.T) {
	t.Parallel()
	for _, parameters := range []string{
		"client_max_window_bits; client_max_window_bits",
		"client_max_window_bits; client_max_window_bits=10",
		"client_no_context_takeover; client_no_context_takeover",
		"server_max_window_bits=010",
		"server_max_window_bits=7",
		"server_max_window_bits=18446744073709551624", // 8, where it overflows
		"server_max_window_bits=-8",
		"client_max_window_bits=x",
		"server_no_context_takeover=1",
	} {
		t.Run(parameters, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &websocket.Deflate{Level: 1, WindowBits: 15, ContextTakeover: true})
			_, up := s.open("Sec-WebSocket-Extensions", "permessage-deflate; "+parameters)
			assert.True(t, up.Params == nil, "accepted with %+v", up.Params)
			_, up = s.open("Sec-WebSocket-Extensions", "permessage-deflate; "+parameters+", permessage-deflate; server_max_window_bits=9")
			assert.True(t, up.Params != nil && up.Params.OutBits == 9, "the next offer: %+v", up.Params)
		})
	}
}
