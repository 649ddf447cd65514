// SPDX-License-Identifier: MIT

package main

import (
	_ "embed"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/go-json-experiment/json"
)

// write writes the report below a directory: benchmarks.md and benchmarks/.
func write(dir string, d *data, rows []row) error {
	below := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(below, 0o750); err != nil {
		return err
	}
	text, err := report(d, rows)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		filepath.Join(below, "ratios.svg"):  plotRatios(d, rows),
		filepath.Join(below, "growth.svg"):  plotGrowth(d, rows),
		filepath.Join(dir, "benchmarks.md"): text,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // for everybody
			return err
		}
	}
	return store(filepath.Join(below, "results.json"), d)
}

// store writes the results, one on each line.
func store(name string, d *data) error {
	text, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return err
	}
	lines := strings.ReplaceAll(string(text), `{"row":`, "\n"+`{"row":`)
	return os.WriteFile(name, []byte(lines+"\n"), 0o644) //nolint:gosec // for everybody
}

//go:embed report.tmpl
var prose string

// report returns benchmarks.md.
func report(d *data, rows []row) (string, error) {
	t, err := template.New("report").Parse(prose)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, &view{data: d, rows: rows})
	return b.String(), err
}

// view is what the template asks for.
type view struct {
	*data
	rows []row
}

// Base is the server that others are compared with: µWS, or if it is left out ours.
func (v *view) Base() string { return v.base() }

func (d *data) base() string {
	if d.Out[uws] == "" {
		return uws
	}
	return ours
}

// Gobwas is the floor.
func (v *view) Gobwas() string { return gobwas }

// grid is a table.
type grid struct{ strings.Builder }

func (g *grid) row(cells ...string) {
	_, _ = fmt.Fprintf(g, "| %s |\n", strings.Join(cells, " | "))
}

// head writes the first row; all columns but the first are numbers.
func (g *grid) head(cells ...string) {
	g.row(cells...)
	_, _ = fmt.Fprintf(g, "|---|%s\n", strings.Repeat("--:|", len(cells)-1))
}

// cell hardly ever breaks a table.
func cell(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120]) + "…"
	}
	return strings.ReplaceAll(s, "|", `\|`)
}

// Facts says what was measured, and where.
func (v *view) Facts() string {
	g, m, p := new(grid), v.Machine, presets[v.Preset]
	g.row("", "")
	_, _ = fmt.Fprintln(g, "|---|---|")
	g.row("date", fmt.Sprintf("%s; it took %.0f minutes", m.Date, m.Minutes))
	g.row("machine", fmt.Sprintf("%s, %d cores, %s, %s", m.CPU, m.Cores, m.System, m.Kernel))
	g.row("load before", m.Load)
	g.row("rounds", fmt.Sprintf("%d, in which the servers take turns; idle memory and the curves of others once", v.Rounds))
	g.row("each figure", fmt.Sprintf("takes %v, after a warm-up of %v, or %v for Node, which compiles while it runs", p.Duration, p.Warmup, p.NodeWarmup))
	if m.Pinned {
		g.row("cores", "the server has one, the generator another (`taskset`); `GOMAXPROCS=1`")
	} else {
		g.row("cores", "not assigned")
	}
	for _, peer := range peers {
		text := m.Versions[peer]
		if why := v.Out[peer]; why != "" {
			text += "; **left out**: " + cell(why)
		}
		g.row(peer, text)
	}
	return g.String()
}

// columns returns the servers that have results of a kind, or have failed.
func (v *view) columns(k kind) (list []string) {
	for _, peer := range peers {
		if slices.ContainsFunc(v.rows, func(r row) bool {
			return r.Kind == k && (len(v.values(r.Key, peer, r.value)) > 0 || v.Failures[failure(r.Key, peer)] != "")
		}) {
			list = append(list, peer)
		}
	}
	return list
}

// table makes a table with a line for each row of a kind and a column for each server.
// text makes a cell, and is called only where there are results.
func (v *view) table(k kind, text func(r *row, peer string) string) string {
	g, columns := new(grid), v.columns(k)
	if len(columns) == 0 {
		return "Nothing was measured.\n"
	}
	g.head(append([]string{""}, columns...)...)
	for i := range v.rows {
		r := &v.rows[i]
		if r.Kind != k {
			continue
		}
		cells := []string{r.Title}
		for _, peer := range columns {
			cells = append(cells, v.cell(r, peer, text))
		}
		g.row(cells...)
	}
	return g.String()
}

func (v *view) cell(r *row, peer string, text func(r *row, peer string) string) string {
	s := "–"
	switch {
	case len(v.values(r.Key, peer, r.value)) > 0:
		s = text(r, peer)
	case v.Failures[failure(r.Key, peer)] != "":
		return "failed"
	}
	if peer == ours && s != "–" {
		return "**" + s + "**"
	}
	return s
}

// Failed says why cells are marked as failed.
func (v *view) Failed() string {
	var b strings.Builder
	for _, r := range v.rows {
		for _, peer := range peers {
			if why := v.Failures[failure(r.Key, peer)]; why != "" {
				_, _ = fmt.Fprintf(&b, "- failed: %s, %s (`%s`): %s\n", peer, r.Title, r.Key, cell(why))
			}
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// number writes a figure with about three digits.
func number(v float64) string {
	switch {
	case v < 3:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(int(math.Round(v)))
}

// varying writes a median and how far rounds are off.
func varying(s series) string {
	if len(s) < 2 {
		return number(s.median())
	}
	return fmt.Sprintf("%s ±%.0f%%", number(s.median()), 100*s.spread())
}
