// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// write writes the report below a directory: benchmarks.md and benchmarks/.
func write(dir string, d *data, rows []row) error {
	plots := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(plots, 0o750); err != nil {
		return err
	}
	for name, text := range map[string]string{
		filepath.Join(plots, "ratios.svg"):  plotRatios(d, rows),
		filepath.Join(plots, "growth.svg"):  plotGrowth(d, rows),
		filepath.Join(dir, "benchmarks.md"): report(d, rows),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // for everybody
			return err
		}
	}
	return nil
}

// page is a Markdown document.
type page struct{ strings.Builder }

func (p *page) addf(format string, args ...any) { _, _ = fmt.Fprintf(p, format+"\n", args...) }

func (p *page) cells(cells ...string) { p.addf("| %s |", strings.Join(cells, " | ")) }

func (p *page) head(cells ...string) {
	p.cells(cells...)
	p.addf("|---|%s", strings.Repeat("--:|", len(cells)-1))
}

// report returns benchmarks.md.
func report(d *data, rows []row) string {
	p := new(page)
	p.addf("# Benchmarks\n")
	p.addf("<!-- Written by `make bench`; changes by hand are lost. -->\n")
	p.addf("sio beside other Socket.IO servers, and beside loops over WebSocket libraries that know nothing of Socket.IO: the floor.")
	p.addf("What to compare is the **CPU time of an operation**, user and system, of the server's process. Compare within one")
	p.addf("table only: figures of different runs on different days differ more than servers do.\n")
	about(p, d)
	p.addf("## One core\n")
	p.addf("Microseconds of CPU time for each operation; medians. Fewer is better.\n")
	table(p, d, rows, kindMain, func(r *row, peer string) string {
		v, ok := d.median(r.Key, peer, r.value)
		return number(v, ok, r.unit())
	})
	p.addf("\n![Cost relative to %s](benchmarks/ratios.svg)\n", d.base())
	for _, base := range []string{d.base(), gobwas} {
		p.addf("### Ratios to %s\n", base)
		p.addf("Medians of the ratios within each round.\n")
		table(p, d, rows, kindMain, func(r *row, peer string) string {
			v, ok := d.ratio(r.Key, peer, base, r.value)
			if !ok {
				return "–"
			}
			return fmt.Sprintf("%.2f", v)
		})
		p.addf("")
	}
	p.addf("### Throughput\n")
	p.addf("Operations per second, in thousands, and the 99th percentile of their latency in milliseconds. With a server that is")
	p.addf("always busy both say the same as the CPU time, with more noise, and the generator may be the limit.\n")
	table(p, d, rows, kindMain, func(r *row, peer string) string {
		v, ok := d.median(r.Key, peer, perSecond)
		late, _ := d.median(r.Key, peer, p99)
		if !ok || r.Args[1] == "idle" {
			return "–"
		}
		return fmt.Sprintf("%.3g (%.2g)", v/1000, late/1000)
	})
	verdicts(p, d, rows)
	twoCores(p, d, rows)
	p.addf("\n## permessage-deflate\n")
	p.addf("Every event is compressed, but for broadcasts of Node µWS: it leaves these to uWebSockets.js, which does not. Microseconds of CPU time for each operation, on one core.\n")
	table(p, d, rows, kindDeflate, func(r *row, peer string) string {
		v, ok := d.median(r.Key, peer, r.value)
		return number(v, ok, r.unit())
	})
	p.addf("\n## Clients that do not read\n")
	p.addf("Broadcasts of 4 KiB to 100 clients that read: the 99th percentile of the time until one of them has got it, in microseconds.")
	p.addf("To those that do not read a server writes, too, until the kernel takes no more; sio then queues, and closes those whose outbox is full.\n")
	table(p, d, rows, kindStalled, func(r *row, peer string) string {
		v, ok := d.median(r.Key, peer, r.value)
		return number(v, ok, "µs")
	})
	grown(p, d, rows)
	return p.String()
}

// about says what was measured, where, and how to repeat it.
func about(p *page, d *data) {
	m := d.Machine
	p.addf("| | |\n|---|---|")
	p.cells("date", m.Date+", commit "+m.Commit)
	p.cells("machine", fmt.Sprintf("%s, %d cores, %s, %s", m.CPU, m.Cores, m.System, m.Kernel))
	p.cells("preset", fmt.Sprintf("%s: medians of %d rounds, in which the servers take turns; memory once", d.Preset, d.Rounds))
	if m.Pinned {
		p.cells("cores", "the server has one, the generator another (`taskset`); `GOMAXPROCS=1`")
	}
	for _, peer := range peers {
		text := m.Versions[peer]
		if why := d.Out[peer]; why != "" {
			text += "; **left out**: " + strings.ReplaceAll(firstLine(why), "|", `\|`)
		}
		p.cells(peer, text)
	}
	p.addf("\nTo repeat it: `make bench` (about 25 minutes), or `make bench BENCH=full` (longer runs, more rounds and connections). It needs Go,")
	p.addf("Node, npm, and a machine that does nothing else. The servers are in `bench/`; the generator is `sio bench`, which does the")
	p.addf("same to any Socket.IO server: see `sio bench --help`.\n")
	p.addf("All servers decode the data of an event and encode it again, all of them start fresh for each figure, and none compresses unless")
	p.addf("the table says so. The µWebSockets.js package is built for glibc 2.38; where there is an older one, three symbols of")
	p.addf("its file are renamed (`bench/cmd/oldglibc`).\n")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// table writes a table with a line for each row of a kind and a column for each server
// that has figures.
func table(p *page, d *data, rows []row, k kind, cell func(r *row, peer string) string) {
	var columns []string
	for _, peer := range peers {
		if slices.ContainsFunc(rows, func(r row) bool {
			_, ok := d.median(r.Key, peer, r.value)
			return r.Kind == k && ok
		}) {
			columns = append(columns, peer)
		}
	}
	p.head(append([]string{""}, columns...)...)
	for i := range rows {
		r := &rows[i]
		if _, ok := d.median(r.Key, ours, r.value); r.Kind != k || !ok {
			continue
		}
		cells := []string{r.Title}
		for _, peer := range columns {
			text := cell(r, peer)
			if peer == ours {
				text = "**" + text + "**"
			}
			cells = append(cells, text)
		}
		p.cells(cells...)
	}
}

func number(v float64, ok bool, unit string) string {
	if !ok {
		return "–"
	}
	digits := 0
	switch {
	case v < 3:
		digits = 2
	case v < 100:
		digits = 1
	}
	text := fmt.Sprintf("%.*f", digits, v)
	if unit != "µs" {
		text += " " + unit
	}
	return text
}

// verdicts writes the targets.
func verdicts(p *page, d *data, rows []row) {
	p.addf("\n## Targets\n")
	p.addf("| scenario | wanted | measured | met |\n|---|---|---|---|")
	for _, t := range targets(d.Machine) {
		measured, met := t.verdict(d, rows)
		p.cells(t.what, t.wanted, measured, met)
	}
	p.addf("\nWhy those that are not met are not, and what is left: [performance.md](performance.md#targets-that-are-not-met).")
}

// twoCores writes what a second core brings.
func twoCores(p *page, d *data, rows []row) {
	p.addf("\n## Two cores\n")
	if d.Machine.Cores < 3 {
		p.addf("Operations per second, in thousands. This machine has no core left for the generator: it takes its share of the two.\n")
	} else {
		p.addf("Operations per second, in thousands; the server has two cores.\n")
	}
	table(p, d, rows, kindTwo, func(r *row, peer string) string {
		v, ok := d.median(r.Key, peer, perSecond)
		if !ok {
			return "–"
		}
		return fmt.Sprintf("%.3g", v/1000)
	})
}

// grown writes the curves.
func grown(p *page, d *data, rows []row) {
	p.addf("\n## Growth\n")
	p.addf("What costs more when there is more of something, and what does not.\n")
	p.addf("![Growth](benchmarks/growth.svg)\n")
	for _, name := range curves(rows) {
		list := points(rows, name)
		cells := []string{name}
		for _, r := range list {
			cells = append(cells, thousands(r.X))
		}
		p.head(cells...)
		for _, peer := range []string{ours, uws} {
			cells := []string{peer}
			for i := range list {
				v, ok := d.median(list[i].Key, peer, list[i].value)
				cells = append(cells, number(v, ok, "µs"))
			}
			p.cells(cells...)
		}
		p.addf("")
	}
}
