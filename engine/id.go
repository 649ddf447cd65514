// SPDX-License-Identifier: MIT

package engine

import (
	"crypto/rand"
	"encoding/base64"
	"sync/atomic"
)

var idCounter atomic.Uint32

// NewID returns an id of 20 characters of URL-safe base64: 12 random bytes, which
// make it unguessable, and a 24-bit counter, which makes it unique within the
// process. Other programs rely on the length: adapters take a room name of
// 20 characters for a socket's own room. Safe for concurrent use.
func NewID() string {
	var raw [15]byte
	_, _ = rand.Read(raw[:12]) // never fails: see crypto/rand.Read
	n := idCounter.Add(1) - 1
	raw[12], raw[13], raw[14] = byte(n>>16), byte(n>>8), byte(n)
	return base64.RawURLEncoding.EncodeToString(raw[:])
}
