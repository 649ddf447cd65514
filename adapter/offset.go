// SPDX-License-Identifier: MIT

package adapter

import (
	"cmp"
	"strings"
)

// CompareOffsets compares two positions in a Log: decimal numbers, joined by dashes. It
// returns -1, 0 or 1. A missing number is less than any other.
func CompareOffsets(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, "-")
		y, b, _ = strings.Cut(b, "-")
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
			return c
		}
	}
	return 0
}
