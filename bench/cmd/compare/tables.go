// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"slices"
	"strings"
)

func cpu(r *result) float64       { return r.CPUMicros }
func share(r *result) float64     { return r.CPUShare }
func p50(r *result) float64       { return r.Latency.P50 }
func p99(r *result) float64       { return r.Latency.P99 }
func p999(r *result) float64      { return r.Latency.P999 }
func perSecond(r *result) float64 { return r.PerSecond }
func rss(r *result) float64       { return r.RSSPerConnection }
func resident(r *result) float64  { return float64(r.RSSKiB) / 1024 }

// Costs is the main table.
func (v *view) Costs() string {
	return v.table(kindCost, func(r *row, peer string) string { return varying(v.values(r.Key, peer, cpu)) })
}

// Ratios is the main table, each figure divided by that of one server.
func (v *view) Ratios(base string) string {
	return v.table(kindCost, func(r *row, peer string) string {
		list := v.ratios(r.Key, peer, base, cpu)
		if len(list) == 0 {
			return "–"
		}
		return fmt.Sprintf("%.2f", list.median())
	})
}

// Throughput is how many operations there were, and how long they took.
func (v *view) Throughput() string {
	return v.table(kindCost, func(r *row, peer string) string {
		return fmt.Sprintf("%s (%s)", number(v.values(r.Key, peer, perSecond).median()/1000), number(v.values(r.Key, peer, p99).median()/1000))
	})
}

// Rate has a line for each percentile.
func (v *view) Rate() string {
	g, columns := new(grid), v.columns(kindRate)
	if len(columns) == 0 {
		return "Nothing was measured.\n"
	}
	g.head(append([]string{""}, columns...)...)
	for _, line := range []struct {
		name  string
		value func(*result) float64
	}{{"median", p50}, {"p99", p99}, {"p99.9", p999}, {"CPU time of one", cpu}} {
		for i := range v.rows {
			if v.rows[i].Kind != kindRate {
				continue
			}
			cells := []string{line.name}
			for _, peer := range columns {
				cells = append(cells, v.cell(&v.rows[i], peer, func(r *row, peer string) string { return varying(v.values(r.Key, peer, line.value)) }))
			}
			g.row(cells...)
		}
	}
	return g.String()
}

// Memory is that of idle connections.
func (v *view) Memory() string {
	return v.table(kindMemory, func(r *row, peer string) string { return number(v.values(r.Key, peer, rss).median()) + " KiB" })
}

// CoresNote says who has which core when a server has two.
func (v *view) CoresNote() string {
	if v.Machine.Cores < 3 {
		return "This machine has no core left for the generator, which takes its share of the two: a server can use so much more than one as the generator leaves."
	}
	return "The generator has the others."
}

// TwoCores is what a second core brings: lines for one, for two, and for their ratio.
func (v *view) TwoCores() string {
	g, columns := new(grid), v.columns(kindTwo)
	if len(columns) == 0 {
		return "Nothing was measured.\n"
	}
	g.head(append([]string{""}, columns...)...)
	for i := range v.rows {
		r := &v.rows[i]
		if r.Kind != kindTwo {
			continue
		}
		one := strings.TrimPrefix(r.Key, "two-")
		used := func(key string) func(*row, string) string {
			return func(_ *row, peer string) string {
				return fmt.Sprintf("%s (%.2f)", number(v.values(key, peer, perSecond).median()/1000), v.values(key, peer, share).median())
			}
		}
		for _, line := range []struct {
			name string
			text func(r *row, peer string) string
		}{
			{"one core", used(one)},
			{"two cores", used(r.Key)},
			{"ratio", func(r *row, peer string) string {
				return fmt.Sprintf("%.2f", v.values(r.Key, peer, perSecond).median()/v.values(one, peer, perSecond).median())
			}},
		} {
			cells := []string{r.Title + ": " + line.name}
			for _, peer := range columns {
				cells = append(cells, v.cell(r, peer, line.text))
			}
			g.row(cells...)
		}
	}
	return g.String()
}

// Deflate is the table of compression.
func (v *view) Deflate() string {
	return v.table(kindDeflate, func(r *row, peer string) string { return varying(v.values(r.Key, peer, cpu)) })
}

// Stalled is the table of clients that do not read.
func (v *view) Stalled() string {
	return v.table(kindStalled, func(r *row, peer string) string {
		return fmt.Sprintf("%s (%.0f)", number(v.values(r.Key, peer, p99).median()), v.values(r.Key, peer, resident).median())
	})
}

// Cluster has a line for each bus: what a broadcast costs both servers, how long it takes, and
// how many there are in a second.
func (v *view) Cluster() string {
	g := new(grid)
	columns := []string{ours, nodeWS}
	g.row("", "sio", "Node ws", "ratio", "sio: median, p99", "Node ws", "sio: per second", "Node ws")
	_, _ = fmt.Fprintln(g, "|---|--:|--:|--:|--:|--:|--:|--:|")
	measured := false
	for i := range v.rows {
		r := &v.rows[i]
		if r.Kind != kindCluster {
			continue
		}
		cells := []string{r.Title}
		each := func(text func(r *row, peer string) string) {
			for _, peer := range columns {
				cells = append(cells, v.cell(r, peer, text))
			}
		}
		all := func(f func(*result) float64) func(*result) float64 {
			return func(res *result) float64 { return f(res) * (1 + receivers) }
		}
		each(func(r *row, peer string) string { return varying(v.values(r.Key, peer, all(cpu))) })
		ratio := "–"
		if list := v.ratios(r.Key, ours, nodeWS, cpu); len(list) > 0 {
			ratio = fmt.Sprintf("%.2f", list.median())
		}
		cells = append(cells, ratio)
		each(func(r *row, peer string) string {
			return number(v.values(r.Key, peer, p50).median()) + ", " + number(v.values(r.Key, peer, p99).median())
		})
		each(func(r *row, peer string) string {
			return number(v.values(r.Key, peer, perSecond).median() / (1 + receivers))
		})
		g.row(cells...)
		measured = true
	}
	if !measured {
		return "Nothing was measured.\n"
	}
	return g.String()
}

// FilesNote says why there are fewer idle connections than there could be.
func (v *view) FilesNote() string {
	wanted, got := presets[v.Preset].Idles, presets[v.Preset].fit(v.Machine.Files).Idles
	if slices.Equal(wanted, got) {
		return ""
	}
	return fmt.Sprintf(" Of %s idle connections %s fit: a process of this machine may have %s descriptors.",
		thousands(slices.Max(wanted)), thousands(slices.Max(got)), thousands(v.Machine.Files))
}

// Growth has a table for each curve.
func (v *view) Growth() string {
	var b strings.Builder
	for _, name := range curves(v.rows) {
		g, list := new(grid), points(v.rows, name)
		head := []string{name}
		for _, r := range list {
			head = append(head, thousands(r.X))
		}
		g.head(head...)
		for _, peer := range duel {
			cells := []string{peer}
			for i := range list {
				cells = append(cells, v.cell(&list[i], peer, func(r *row, peer string) string { return varying(v.values(r.Key, peer, r.value)) }))
			}
			g.row(cells...)
		}
		b.WriteString(g.String() + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Targets says what is reached.
func (v *view) Targets() string {
	g := new(grid)
	g.row("scenario", "sio", "beside it", "ratio", "range", "target", "met")
	_, _ = fmt.Fprintln(g, "|---|--:|--:|--:|--:|---|---|")
	for _, t := range targets(v.Machine) {
		g.row(t.cells(v)...)
	}
	return g.String()
}
