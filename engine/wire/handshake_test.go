// SPDX-License-Identifier: MIT

package wire_test

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
)

func TestAppendHandshake(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		h    wire.Handshake
		want string
	}{
		{
			"10 polling", wire.Handshake{SID: "dJapfqO8WGuipJ6wAAAA", Upgrades: []string{"websocket"}, PingInterval: 25000, PingTimeout: 20000, MaxPayload: 1000000},
			`{"sid":"dJapfqO8WGuipJ6wAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
		},
		{
			"upgrades are never null", wire.Handshake{SID: `a"b`},
			`{"sid":"a\"b","upgrades":[],"pingInterval":0,"pingTimeout":0,"maxPayload":0}`,
		},
		{
			"two upgrades", wire.Handshake{Upgrades: []string{"websocket", "webtransport"}},
			`{"sid":"","upgrades":["websocket","webtransport"],"pingInterval":0,"pingTimeout":0,"maxPayload":0}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := wire.AppendHandshake([]byte("0"), test.h)
			assert.Equal(t, string(text), "0"+test.want)
			var h wire.Handshake
			assert.NoError(t, json.Unmarshal(text[1:], &h))
			if test.h.Upgrades == nil {
				test.h.Upgrades = []string{}
			}
			assert.Equal(t, h, test.h)
		})
	}
}
