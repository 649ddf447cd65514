// SPDX-License-Identifier: MIT

package client

import (
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// Of what comes before CONNECT the names of events count, too.
func TestEarlyBytes_C3_20(t *testing.T) {
	t.Parallel()
	s, err := New("http://mem.test", nil)
	assert.NoError(t, err)
	p := &packet.Received{Event: strings.Repeat("x", 1<<20)}
	for range 64 {
		assert.NoError(t, s.receive(p))
	}
	assert.ErrorIs(t, s.receive(p), errEarly)
	assert.NoError(t, s.Close())
}
