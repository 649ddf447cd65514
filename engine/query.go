// SPDX-License-Identifier: MIT

package engine

import (
	"net/url"
	"strings"
)

// query is the query of a request, as it came: few of its parameters are ever asked for.
type query string

// last returns the last value of a parameter (E1.4); "" if there is none.
func (q query) last(key string) string {
	value, _ := q.find(key)
	return value
}

// find returns the last value of a parameter, and how often it occurs.
//
// JS differs: E1.4, as in net/url, pairs with bad escapes or semicolons are dropped.
func (q query) find(key string) (last string, count int) {
	for pair := range strings.SplitSeq(string(q), "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != key && !strings.ContainsAny(name, "%+") || pair == "" || strings.Contains(pair, ";") {
			continue
		}
		name, err := url.QueryUnescape(name)
		if err != nil || name != key {
			continue
		}
		if value, err = url.QueryUnescape(value); err == nil {
			last = value
			count++
		}
	}
	return last, count
}
