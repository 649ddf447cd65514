// SPDX-License-Identifier: MIT

//go:build race

package engine

// poison makes tests fail in which somebody uses a draft that was taken back.
func poison(p []byte) {
	for i := range p {
		p[i] = 0xdb
	}
}
