// SPDX-License-Identifier: MIT

package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report is what has come of a run.
type Report struct {
	Config
	Started       time.Time
	Took          time.Duration
	Counts        map[string]int // of events and the like
	Connections   map[string]int // of the proxy, by fault
	Before, After Usage
	Violations    []string // the first ones
	Broken        int      // how many there were
}

func (r *Report) fill(b *book, p *proxy) {
	r.Counts, r.Violations, r.Broken = b.snapshot()
	r.Connections = p.counts()
}

// Markdown returns the report as a part of a page.
func (r *Report) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line("%s UTC, %v of traffic: %d servers, %d Go clients, %d JavaScript clients, a restart about every %v.",
		r.Started.Format("2006-01-02 15:04"), r.Duration, r.Servers, r.Clients, r.Node, r.Restart)
	line("\n| What happened | How often |\n|---|--:|")
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		line("| %s | %s |", name, thousands(r.Counts[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Connections)) {
		line("| connections through the proxy: %s | %s |", name, thousands(r.Connections[name]))
	}
	line("| **promises broken** | **%d** |", r.Broken)
	line("\n| Nobody connected | Before | After |\n|---|--:|--:|")
	for _, row := range []struct {
		name          string
		before, after Memory
	}{
		{"the server that was never restarted", r.Before.Server, r.After.Server},
		{"the process of the Go clients", r.Before.Clients, r.After.Clients},
	} {
		line("| goroutines, %s | %d | %d |", row.name, row.before.Goroutines, row.after.Goroutines)
		line("| heap, %s | %.1f MiB | %.1f MiB |", row.name, mib(row.before.Heap), mib(row.after.Heap))
	}
	for _, v := range r.Violations {
		line("\n- %s", v)
	}
	return b.String()
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
