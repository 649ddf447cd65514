// SPDX-License-Identifier: MIT

package engine

import "sync"

// responseBody is where the body of a response is made: each step reads what the one
// before it wrote, and writes to the other buffer.
type responseBody struct{ text, spare []byte }

// keptBody is the largest buffer that is kept for the next response.
const keptBody = 64 << 10

var responseBodies = sync.Pool{New: func() any { return new(responseBody) }}

// swap makes what was written to the spare buffer the text.
func (b *responseBody) swap(written []byte) { b.text, b.spare = written, b.text[:0] }

// release gives b back. Nobody may use the text any more.
func (b *responseBody) release() {
	if cap(b.text) > keptBody {
		b.text = nil
	}
	if cap(b.spare) > keptBody {
		b.spare = nil
	}
	b.text, b.spare = b.text[:0], b.spare[:0]
	responseBodies.Put(b)
}
