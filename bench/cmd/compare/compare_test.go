// SPDX-License-Identifier: MIT

package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
)

// samples makes data in which a server costs so much in each round.
func samples(costs map[string][]float64) *data {
	d := &data{Preset: "quick", Rounds: 3, Out: map[string]string{karagenc: "it | does not\nstart"}}
	for _, r := range presets["quick"].rows() {
		for peer, list := range costs {
			for round, cost := range list {
				res := result{Scenario: r.Args[1], Operations: 1, PerSecond: 1e6 / cost, CPUMicros: cost, RSSPerConnection: cost}
				res.Latency.P99 = cost
				d.Samples = append(d.Samples, sample{r.Key, peer, round, res})
			}
		}
	}
	return d
}

// A noisy round, slow for both, must not move the ratio.
func TestRatio(t *testing.T) {
	t.Parallel()
	d := samples(map[string][]float64{ours: {1, 50, 1}, uws: {2, 100, 4}})
	v, ok := d.ratio(keyEcho, ours, uws, cpu)
	assert.Equal(t, ok, true)
	assert.Equal(t, v, 0.5)
	v, _ = d.median(keyEcho, uws, cpu)
	assert.Equal(t, v, 4.0)
	_, ok = d.ratio(keyEcho, ours, gws, cpu)
	assert.Equal(t, ok, false)
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	rows := presets["quick"].rows()
	for _, tt := range []struct {
		name  string
		d     *data
		cores int
		want  []string // how often there is yes, no and neither
	}{
		{"cheap", samples(map[string][]float64{ours: {1, 1}, uws: {10, 10}, gobwas: {10, 10}}), 4, []string{"19", "1", "0"}},
		{"dear", samples(map[string][]float64{ours: {50, 50}, uws: {10, 10}, gobwas: {10, 10}}), 2, []string{"4", "15", "1"}},
		{"alone", samples(map[string][]float64{ours: {1, 1}}), 2, []string{"6", "0", "14"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			count := map[string]int{}
			for _, target := range targets(machine{Cores: tt.cores}) {
				_, met := target.verdict(tt.d, rows)
				count[met]++
			}
			got := []string{thousands(count["yes"]), thousands(count["**no**"]), thousands(count["–"])}
			assert.Equal(t, strings.Join(got, " "), strings.Join(tt.want, " "))
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	d, rows := samples(map[string][]float64{ours: {1.5}, uws: {12}}), presets["full"].rows()
	text := report(d, rows)
	for _, want := range []string{
		"| echo, 100, 16 KiB, 1 | **1.50** | 12.0 |",
		"| karagenc | ; **left out**: it \\| does not |",
		"| idle, memory of one of 10,000 connections | **1.50 KiB** | 12.0 KiB |",
		"| sio | 1.50 | 1.50 | 1.50 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	for name, drawing := range map[string]string{"ratios": plotRatios(d, rows), "growth": plotGrowth(d, rows), "empty": plotGrowth(new(data), rows)} {
		decoder := xml.NewDecoder(strings.NewReader(drawing))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, drawing)
			}
		}
		assert.Equal(t, strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf"), false)
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	for name, p := range presets {
		var keys []string
		for _, r := range p.rows() {
			keys = append(keys, r.Key)
		}
		slices.Sort(keys)
		assert.Equal(t, len(slices.Compact(slices.Clone(keys))), len(keys))
		for _, key := range []string{keyEcho, keyIdle, keyRate, keyTwoCast} {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: no row %s", name, key)
			}
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	assert.Equal(t, fmt.Sprint(within([]int{1000, 10_000, 50_000}, 20_000)), "[1000 10000 19000]")
	assert.Equal(t, fmt.Sprint(within([]int{1000, 10_000}, 20_000)), "[1000 10000]")
	assert.Equal(t, fmt.Sprint(within([]int{1000, 10_000}, 1024)), "[]")
}
