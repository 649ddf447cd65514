// SPDX-License-Identifier: MIT

package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
)

func TestVisit(t *testing.T) {
	t.Parallel()
	srv := shop()
	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close() // first, for server waits for polls
	var out strings.Builder
	assert.NoError(t, visit(t.Context(), server.URL, &out))
	assert.Equal(t, out.String(), "receipt 1: 90 cents\nsomebody has bought: 3 x apple\nrefused: we do not sell that\n")
}
