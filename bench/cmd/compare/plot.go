// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// colors of the servers, which people tell apart who do not see all colors.
var colors = map[string]string{
	ours: "#d55e00", uws: "#0072b2", nodeWS: "#56b4e9", zishang: "#009e73", karagenc: "#8a8a00", gobwas: "#999999", gws: "#cc79a7",
}

// svg is a drawing.
type svg struct{ strings.Builder }

func newSVG(width, height int) *svg {
	s := new(svg)
	s.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`, width, height, width, height)
	s.addf(`<rect width="%d" height="%d" fill="#ffffff"/>`, width, height)
	return s
}

func (s *svg) addf(format string, args ...any) { _, _ = fmt.Fprintf(s, format+"\n", args...) }

func (s *svg) text(x, y float64, anchor, color, text string) {
	s.addf(`<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`, x, y, anchor, color, html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, color string, width float64) {
	s.addf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`, x1, y1, x2, y2, color, width)
}

func (s *svg) dot(x, y, r float64, color, title string) {
	s.addf(`<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"><title>%s</title></circle>`, x, y, r, color, html.EscapeString(title))
}

func (s *svg) legend(x, y float64, list []string) {
	for _, peer := range list {
		s.dot(x, y-4, 5, colors[peer], peer)
		s.text(x+9, y, "start", "#222222", peer)
		x += 30 + 7.2*float64(len(peer))
	}
}

// base is the server that others are compared with: µWS, or if it is left out ours.
func (d *data) base() string {
	if d.Out[uws] == "" {
		return uws
	}
	return ours
}

// plotRatios draws each row of the main table as a line with a dot for each server, its
// value divided by that of the base.
func plotRatios(d *data, rows []row) string {
	const left, right, top, step, low, high = 390.0, 30.0, 64.0, 30.0, 0.1, 30.0
	const width = 980.0
	var list []row
	for _, r := range rows {
		if r.Kind == kindMain {
			list = append(list, r)
		}
	}
	bottom := top + step*float64(len(list))
	s := newSVG(int(width), int(bottom)+40)
	at := func(v float64) float64 {
		v = math.Log(min(max(v, low), high)/low) / math.Log(high/low)
		return left + v*(width-left-right)
	}
	s.text(20, 20, "start", "#222222", "Cost relative to "+d.base()+" (logarithmic; left is better): CPU time of an operation, memory, latency")
	s.legend(25, 44, slices.DeleteFunc(slices.Clone(peers), func(peer string) bool { return d.Out[peer] != "" }))
	for _, tick := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20} {
		color := "#dddddd"
		if tick == 1 {
			color = "#0072b2"
		}
		s.line(at(tick), top-6, at(tick), bottom, color, 1)
		s.text(at(tick), bottom+18, "middle", "#555555", fmt.Sprintf("%g×", tick))
	}
	for i, r := range list {
		y := top + step*(float64(i)+0.5)
		s.text(left-16, y+4, "end", "#222222", r.Title)
		s.line(left, y, width-right, y, "#eeeeee", 1)
		for _, peer := range slices.Backward(peers) { // ours on top
			if v, ok := d.ratio(r.Key, peer, d.base(), r.value); ok {
				size := 5.0
				if peer == ours {
					size = 7
				}
				s.dot(at(v), y, size, colors[peer], fmt.Sprintf("%s: %.2f×", peer, v))
			}
		}
	}
	s.addf(`</svg>`)
	return s.String()
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

// plotGrowth draws a panel for each curve.
func plotGrowth(d *data, rows []row) string {
	const panelW, panelH, cols = 480.0, 230.0, 2
	names := curves(rows)
	height := panelH*math.Ceil(float64(len(names))/cols) + 40
	s := newSVG(panelW*cols, int(height))
	duel := []string{ours, uws}
	s.legend(25, 24, duel)
	for i, name := range names {
		x0, y0 := panelW*float64(i%cols)+60, 40+panelH*float64(i/cols)+30
		plotCurve(s, d, points(rows, name), name, duel, x0, y0, panelW-100, panelH-80)
	}
	s.addf(`</svg>`)
	return s.String()
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

func plotCurve(s *svg, d *data, list []row, name string, duel []string, x0, y0, w, h float64) {
	s.text(x0-40, y0-12, "start", "#222222", name)
	top := 1e-9
	for _, r := range list {
		for _, peer := range duel {
			v, _ := d.median(r.Key, peer, r.value)
			top = max(top, v)
		}
	}
	top = nice(top)
	for i := range 5 {
		y := y0 + h - h*float64(i)/4
		s.line(x0, y, x0+w, y, "#e5e5e5", 1)
		s.text(x0-6, y+4, "end", "#555555", fmt.Sprintf("%.4g", top*float64(i)/4))
	}
	at := func(i int) float64 { return x0 + w*(float64(i)+0.5)/float64(len(list)) }
	for i, r := range list {
		s.text(at(i), y0+h+16, "middle", "#555555", thousands(r.X))
	}
	for _, peer := range slices.Backward(duel) {
		var path strings.Builder
		for i, r := range list {
			if v, ok := d.median(r.Key, peer, r.value); ok {
				y := y0 + h - h*v/top
				_, _ = fmt.Fprintf(&path, "%.1f,%.1f ", at(i), y)
				s.dot(at(i), y, 4, colors[peer], fmt.Sprintf("%s: %.3g", peer, v))
			}
		}
		s.addf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.TrimSpace(path.String()), colors[peer])
	}
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
