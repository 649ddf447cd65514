// SPDX-License-Identifier: MIT

package dial_test

import (
	"strings"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// TestRoundTrip_C4_1_C4_19 exchanges messages over each transport.
func TestRoundTrip_C4_1_C4_19(t *testing.T) {
	for name, transports := range map[string][]string{"polling": pollingOnly, "websocket": webSocketOnly, "upgrade": nil} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				r := n.dial(dial.Config{Transports: transports})
				p := <-n.peers
				assert.Equal(t, r.session.ID(), p.session.ID())
				assert.Equal(t, r.session.Handshake().MaxPayload, int64(1_000_000))
				large := strings.Repeat("0123456789", 20_000)
				messages := []string{"hello", "", "€ 😀 ü", "b:", "b:\x00\xff\x1e", large, "b:" + large}
				for _, m := range messages {
					if data, ok := strings.CutPrefix(m, "b:"); ok {
						assert.NoError(t, r.session.Send(nil, [][]byte{[]byte(data)}, dial.SendOptions{}))
					} else {
						r.send(m)
					}
				}
				r.want(messages...)
				r.send("unit", "one", "two")
				r.want("unit", "b:one", "b:two")
				if name == "upgrade" {
					assert.Equal(t, <-r.upgraded, engine.WebSocket)
				}
				want := engine.WebSocket
				if name == "polling" {
					want = engine.Polling
				}
				assert.Equal(t, r.session.Transport(), want)
				r.send("last")
				r.want("last")
				assert.Equal(t, p.session.Transport(), want)
				r.session.Close()
				r.wantClosed(engine.ReasonForcedClose, "")
				<-p.ended
				assert.Equal(t, p.reason, engine.ReasonTransportClose)
				assert.ErrorIs(t, r.session.Send([]byte("x"), nil, dial.SendOptions{}), engine.ErrClosed)
			})
		})
	}
}
