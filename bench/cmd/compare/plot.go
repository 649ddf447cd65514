// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// colors of the servers on white and on black, which people tell apart who do not see all
// colors.
var colors = map[string][2]string{
	ours: {"#d55e00", "#ff8c3a"}, uws: {"#0072b2", "#58a6ff"}, nodeWS: {"#3ea7dc", "#8fd3ff"}, zishang: {"#009e73", "#2fce9f"},
	karagenc: {"#8a8a00", "#d6d04a"}, gobwas: {"#8b8b8b", "#9e9e9e"}, gws: {"#cc79a7", "#e59ac4"},
}

// class is the style of a server.
func class(peer string) string { return fmt.Sprintf("p%d", slices.Index(peers, peer)) }

// svg is a drawing. Its colors follow what the reader prefers, dark or light.
type svg struct{ strings.Builder }

func newSVG(width, height int, title string) *svg {
	s := new(svg)
	s.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" role="img">`, width, height, width, height)
	s.addf(`<title>%s</title>`, html.EscapeString(title))
	style := func(dark int, back, text, soft, grid string) (css string) {
		css = fmt.Sprintf(".back{fill:%s}.text{fill:%s}.soft{fill:%s}.grid{stroke:%s}.one{stroke:%s}", back, text, soft, grid, soft)
		for _, peer := range peers {
			css += fmt.Sprintf(".%[1]s{fill:%[2]s}.l%[1]s{stroke:%[2]s;fill:none}", class(peer), colors[peer][dark])
		}
		return css
	}
	s.addf(`<style>%s`, style(0, "#ffffff", "#1f2328", "#59636e", "#e3e6ea"))
	s.addf(`@media (prefers-color-scheme: dark){%s}</style>`, style(1, "#0d1117", "#e6edf3", "#9198a1", "#2a3038"))
	s.addf(`<rect class="back" width="%d" height="%d" rx="6"/>`, width, height)
	return s
}

func (s *svg) addf(format string, args ...any) { _, _ = fmt.Fprintf(s, format+"\n", args...) }

func (s *svg) text(x, y float64, anchor, class, text string) {
	s.addf(`<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, class, x, y, anchor, html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	s.addf(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (s *svg) dot(x, y, r float64, peer, title string) {
	s.addf(`<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"><title>%s</title></circle>`, class(peer), x, y, r, html.EscapeString(title))
}

func (s *svg) legend(x, y float64, list []string) {
	for _, peer := range list {
		s.dot(x, y-4, 5, peer, peer)
		s.text(x+10, y, "start", "text", peer)
		x += 34 + 7*float64(len([]rune(peer)))
	}
}

func (s *svg) end() string {
	s.addf(`</svg>`)
	return s.String()
}

// plotRatios draws each row of the tables for one core as a line with a dot for each
// server: its figure divided by that of the base.
func plotRatios(d *data, rows []row) string {
	const left, right, top, step, low, high = 330.0, 30.0, 74.0, 28.0, 0.05, 20.0
	const width = 920.0
	var list []row
	for _, r := range rows {
		if r.Kind == kindCost || r.Kind == kindRate || r.Kind == kindMemory && r.Peers == nil {
			list = append(list, r)
		}
	}
	bottom := top + step*float64(len(list))
	title := "Cost relative to " + d.base() + ": CPU time, latency, memory"
	s := newSVG(int(width), int(bottom)+40, title)
	at := func(v float64) float64 {
		v = math.Log(min(max(v, low), high)/low) / math.Log(high/low)
		return left + v*(width-left-right)
	}
	s.text(20, 26, "start", "text", title+" (logarithmic; further left is better)")
	s.legend(25, 50, slices.DeleteFunc(slices.Clone(peers), func(peer string) bool { return d.Out[peer] != "" }))
	for _, tick := range []float64{0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20} {
		style := "grid"
		if tick == 1 {
			style = "one"
		}
		s.line(at(tick), top-6, at(tick), bottom, style)
		s.text(at(tick), bottom+18, "middle", "soft", fmt.Sprintf("%g×", tick))
	}
	for i, r := range list {
		y := top + step*(float64(i)+0.5)
		label := r.Title
		if r.Kind == kindRate {
			label += ", p99"
		} else if r.Kind == kindMemory {
			label = "memory of " + label
		}
		s.text(left-14, y+4, "end", "text", label)
		s.line(left, y, width-right, y, "grid")
		for _, peer := range slices.Backward(peers) { // ours on top
			ratio := d.ratios(r.Key, peer, d.base(), r.value)
			if len(ratio) == 0 {
				continue
			}
			size := 5.0
			if peer == ours {
				size = 7
			}
			s.dot(at(ratio.median()), y, size, peer, fmt.Sprintf("%s: %.2f×", peer, ratio.median()))
		}
	}
	return s.end()
}

// curves returns the names of the curves, in order.
func curves(rows []row) (names []string) {
	for _, r := range rows {
		if r.Kind == kindGrowth && !slices.Contains(names, r.Curve) {
			names = append(names, r.Curve)
		}
	}
	return names
}

// points returns the rows of a curve.
func points(rows []row, name string) (list []row) {
	for _, r := range rows {
		if r.Kind == kindGrowth && r.Curve == name {
			list = append(list, r)
		}
	}
	return list
}

// plotGrowth draws a panel for each curve.
func plotGrowth(d *data, rows []row) string {
	const panelW, panelH, cols = 460.0, 230.0, 2
	names := curves(rows)
	height := panelH*math.Ceil(float64(len(names))/cols) + 44
	s := newSVG(panelW*cols, int(height), "Growth: "+strings.Join(names, "; "))
	s.legend(25, 26, duel)
	for i, name := range names {
		x0, y0 := panelW*float64(i%cols)+60, 40+panelH*float64(i/cols)+36
		plotCurve(s, d, points(rows, name), x0, y0, panelW-90, panelH-84)
	}
	return s.end()
}

// plotCurve draws a curve of each server. The points stand at equal distances; the other
// axis begins at 0, or is logarithmic if there is much between the lowest and the highest.
func plotCurve(s *svg, d *data, list []row, x0, y0, w, h float64) {
	s.text(x0-40, y0-14, "start", "text", list[0].Curve)
	var all series
	for _, r := range list {
		for _, peer := range duel {
			all = append(all, d.values(r.Key, peer, r.value)...)
		}
	}
	if len(all) == 0 {
		return
	}
	ticks, up := scale(slices.Min(all), slices.Max(all))
	for _, tick := range ticks {
		y := y0 + h - h*up(tick)
		s.line(x0, y, x0+w, y, "grid")
		s.text(x0-6, y+4, "end", "soft", label(tick))
	}
	at := func(i int) float64 { return x0 + w*(float64(i)+0.5)/float64(len(list)) }
	for i, r := range list {
		s.text(at(i), y0+h+17, "middle", "soft", short(r.X))
	}
	for _, peer := range slices.Backward(duel) {
		var path []string
		for i, r := range list {
			if v := d.values(r.Key, peer, r.value); len(v) > 0 {
				y := y0 + h - h*up(v.median())
				path = append(path, fmt.Sprintf("%.1f,%.1f", at(i), y))
				s.dot(at(i), y, 4, peer, fmt.Sprintf("%s, %s: %s", peer, thousands(r.X), number(v.median())))
			}
		}
		s.addf(`<polyline class="l%s" points="%s" stroke-width="2"/>`, class(peer), strings.Join(path, " "))
	}
}

// scale returns an axis for values between low and high: its ticks, and where a value is
// from 0 to 1.
func scale(low, high float64) (ticks []float64, up func(v float64) float64) {
	if low > 0 && high/low > 20 {
		from, to := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
		for e := from; e <= to; e++ {
			ticks = append(ticks, math.Pow(10, e))
		}
		return ticks, func(v float64) float64 { return (math.Log10(max(v, 1e-9)) - from) / (to - from) }
	}
	top := nice(max(high, 1e-9))
	for i := range 5 {
		ticks = append(ticks, top*float64(i)/4)
	}
	return ticks, func(v float64) float64 { return v / top }
}

// label writes a number of the other axis.
func label(v float64) string {
	if v >= 1000 {
		return thousands(int(v))
	}
	return fmt.Sprintf("%.4g", v)
}

// nice returns a round number that is not below v.
func nice(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 4, 5, 8, 10} {
		if m*unit >= v {
			return m * unit
		}
	}
	return v
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a number of an axis: powers of two as bytes are counted.
func short(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d Mi", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d Ki", n>>10)
	}
	return thousands(n)
}
