// SPDX-License-Identifier: MIT

package soak

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
)

// book is where everything is written down.
type book struct {
	log      func(format string, args ...any)
	counting atomic.Bool // not while all is warmed up

	mu         sync.Mutex
	counts     map[string]int
	violations []string // the first ones
	broken     int      // how many there were
}

func newBook(log func(string, ...any)) *book {
	return &book{log: log, counts: make(map[string]int)}
}

func (b *book) count(what string, n int) {
	if !b.counting.Load() {
		return
	}
	b.mu.Lock()
	b.counts[what] += n
	b.mu.Unlock()
}

// maxViolations is how many are told.
const maxViolations = 50

// violate writes down that a promise was broken.
func (b *book) violate(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	b.mu.Lock()
	b.broken++
	told := b.broken <= maxViolations
	if told {
		b.violations = append(b.violations, line)
	}
	b.mu.Unlock()
	if told {
		b.log("VIOLATION: %s", line)
	}
}

func (b *book) snapshot() (map[string]int, []string, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.counts), append([]string(nil), b.violations...), b.broken
}
