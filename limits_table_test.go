// SPDX-License-Identifier: MIT

package sio_test

import (
	"testing"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// TestLimitsTable compares the limits in the guide with those of Config. Those of
// Config.Engine are the business of package engine, and two are those of the decoder: see
// TestDecoderLimits in package packet.
func TestLimitsTable(t *testing.T) {
	t.Parallel()
	rows := assert.Defaults(t, "docs/guide.md", "Config.", sio.Defaults(), "MaxAttachments", "MaxDepth")
	assert.True(t, rows >= 9, "%d rows", rows)
}
