// SPDX-License-Identifier: MIT

package dial

import (
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/engine/wire"
)

const (
	// maxHandshake is the size of the largest open packet that is accepted, in bytes.
	maxHandshake = 64 << 10
	// maxSID is the length of the longest session id that is accepted.
	maxSID = 4096
	// maxInterval is the largest number of milliseconds: that of timers in JavaScript.
	maxInterval = math.MaxInt32
)

// parseHandshake reads a server's first packet, which has to be an open packet (C4.19).
// Its text is the server's: it is quoted in part only.
func parseHandshake(p wire.Packet) (wire.Handshake, error) {
	var h wire.Handshake
	if p.Type != wire.Open || p.Binary {
		return h, fmt.Errorf("%w: the first packet is of type %s", ErrHandshake, p.Type)
	}
	if len(p.Data) > maxHandshake {
		return h, fmt.Errorf("%w: %d bytes", ErrHandshake, len(p.Data))
	}
	var got struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval float64  `json:"pingInterval"`
		PingTimeout  float64  `json:"pingTimeout"`
		MaxPayload   *float64 `json:"maxPayload"` // old servers have none
	}
	if err := json.Unmarshal(p.Data, &got); err != nil {
		return h, fmt.Errorf("%w: no JSON: %.60q", ErrHandshake, p.Data)
	}
	switch {
	case got.SID == "":
		return h, fmt.Errorf("%w: no sid", ErrHandshake)
	case len(got.SID) > maxSID:
		return h, fmt.Errorf("%w: a sid of %d bytes", ErrHandshake, len(got.SID))
	case got.PingInterval < 1 || got.PingInterval > maxInterval:
		return h, fmt.Errorf("%w: pingInterval %g", ErrHandshake, got.PingInterval)
	case got.PingTimeout < 0 || got.PingTimeout > maxInterval:
		return h, fmt.Errorf("%w: pingTimeout %g", ErrHandshake, got.PingTimeout)
	case got.MaxPayload != nil && *got.MaxPayload < 1:
		return h, fmt.Errorf("%w: maxPayload %g", ErrHandshake, *got.MaxPayload)
	}
	h.SID, h.Upgrades = got.SID, got.Upgrades
	h.PingInterval, h.PingTimeout = int(got.PingInterval), int(got.PingTimeout)
	if got.MaxPayload != nil {
		h.MaxPayload = int64(min(*got.MaxPayload, 1<<53))
	}
	return h, nil
}

// grace is the longest time between two pings (C4.21).
func grace(h wire.Handshake) time.Duration {
	return time.Duration(h.PingInterval+h.PingTimeout) * time.Millisecond
}

// firstPacket parses the first packet of a polling response.
func firstPacket(text []byte) (wire.Handshake, error) {
	p, err := wire.Parse(text, false)
	if err != nil {
		return wire.Handshake{}, fmt.Errorf("%w: %.60q: %w", ErrHandshake, text, err)
	}
	return parseHandshake(p)
}
