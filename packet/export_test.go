// SPDX-License-Identifier: MIT

package packet

// Scan reports whether text is one JSON value, nested at most depth deep, and returns its
// elements if it is an array, else the value.
func Scan(text []byte, depth int) (elems []string, ok bool) {
	spans, bad := scan(text, 0, depth, nil)
	if bad >= 0 {
		if bad > len(text) {
			panic("offset beyond the end")
		}
		return nil, false
	}
	for _, e := range spans {
		elems = append(elems, string(text[e.start:e.end]))
	}
	return elems, true
}
