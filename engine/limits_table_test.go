// SPDX-License-Identifier: MIT

package engine_test

import (
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestLimitsTable compares the limits in the guide with those of Config.
func TestLimitsTable(t *testing.T) {
	t.Parallel()
	rows := assert.Defaults(t, "../docs/guide.md", "Config.Engine.", engine.Defaults())
	assert.True(t, rows >= 9, "%d rows", rows)
}
