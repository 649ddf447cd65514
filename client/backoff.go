// SPDX-License-Identifier: MIT

package client

import (
	"math"
	"math/rand/v2"
	"time"
)

// delay is how long to wait before attempt n, counted from 0, to reconnect: it doubles
// each time, is moved by a random part to either side, and is limited (C2.11).
func (c *Config) delay(n int) time.Duration {
	return c.delayAt(n, rand.Float64()) //nolint:gosec // spreads reconnections, no secret
}

// delayAt is delay for a random number r in [0, 1). The first decimal digit of r scaled by
// ten decides the side, as the official client does.
func (c *Config) delayAt(n int, r float64) time.Duration {
	ms := float64(c.ReconnectionDelay.Milliseconds()) * math.Pow(2, float64(min(n, 1000)))
	if f := c.RandomizationFactor; f > 0 && !math.IsInf(ms, 1) {
		deviation := math.Floor(r * f * ms)
		if int(math.Floor(r*10))%2 == 0 {
			ms -= deviation
		} else {
			ms += deviation
		}
	}
	limit := c.ReconnectionDelayMax
	if ms >= float64(limit.Milliseconds()) {
		return limit
	}
	return max(time.Duration(ms), 1) * time.Millisecond
}
