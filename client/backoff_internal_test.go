// SPDX-License-Identifier: MIT

package client

import (
	"testing"
	"time"

	"github.com/sio-go/sio/internal/assert"
)

func TestDelay_C2_11(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	plain := (&Config{RandomizationFactor: -1}).withDefaults()
	for n, want := range []time.Duration{1000 * ms, 2000 * ms, 4000 * ms, 5000 * ms, 5000 * ms} {
		assert.Equal(t, plain.delayAt(n, 0.7), want)
	}
	assert.Equal(t, plain.delayAt(1_000_000, 0.7), 5000*ms)
	cfg := (*Config)(nil).withDefaults()
	for _, c := range []struct {
		n    int
		r    float64
		want time.Duration
	}{
		{0, 0, 1000 * ms},
		{0, 0.25, 875 * ms},     // digit 2: shorter by 0.25 x 0.5
		{0, 0.35, 1175 * ms},    // digit 3: longer
		{1, 0.8999, 1101 * ms},  // digit 8: shorter by floor(899.9)
		{2, 0.9999, 5000 * ms},  // limited after the random part
		{0, 0.99999, 1499 * ms}, // floor(499.995)
	} {
		assert.Equal(t, cfg.delayAt(c.n, c.r), c.want)
	}
	small := (&Config{ReconnectionDelay: 1, RandomizationFactor: -1}).withDefaults()
	assert.Equal(t, small.delayAt(0, 0.5), ms) // never a busy loop
	for range 1000 {
		d := cfg.delay(0)
		assert.True(t, d >= 500*ms && d <= 1500*ms, "%v", d)
	}
}
