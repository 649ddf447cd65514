// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/internal/assert"
)

// samples makes data in which a server costs so much in each round.
func samples(costs map[string][]float64) *data {
	d := &data{Preset: "quick", Rounds: 3, Out: map[string]string{karagenc: "it | does not\nstart"}, Failures: map[string]string{}}
	d.Machine = machine{Cores: 2, Files: 1 << 20, Versions: map[string]string{}}
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
	assert.Equal(t, d.ratios(keyEcho, ours, uws, cpu).median(), 0.5)
	assert.Equal(t, d.values(keyEcho, uws, cpu).median(), 4.0)
	assert.Equal(t, d.values(keyEcho, uws, cpu).spread(), 24.0)
	assert.Equal(t, len(d.ratios(keyEcho, ours, gws, cpu)), 0)
	assert.Equal(t, series(nil).median()+series(nil).spread()+series{0}.spread(), 0.0)
	assert.Equal(t, series{1, 2, 4, 9}.median(), 3.0)
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		d             *data
		cores         int
		met, not, gap int
	}{
		{"cheap", samples(map[string][]float64{ours: {1, 1}, uws: {10, 10}, gobwas: {10, 10}}), 4, 19, 1, 0},
		{"dear", samples(map[string][]float64{ours: {50, 50}, uws: {10, 10}, gobwas: {10, 10}}), 2, 4, 16, 0},
		{"alone", samples(map[string][]float64{ours: {1, 1}}), 2, 6, 1, 13},
		{"nothing", samples(nil), 2, 0, 0, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.d.Machine.Cores = tt.cores
			v := &view{tt.d, presets["quick"].rows()}
			var met, not, gap int
			for _, target := range targets(tt.d.Machine) {
				cells := target.cells(v)
				assert.Equal(t, len(cells), 7)
				switch text := cells[6]; {
				case text == "met":
					met++
				case strings.Contains(text, "not met"):
					not++
				case text == "not measured":
					gap++
				}
			}
			assert.Equal(t, []int{met, not, gap}, []int{tt.met, tt.not, tt.gap})
			assert.Equal(t, strings.Contains(v.Targets(), "not met: the generator shares"), tt.cores == 2 && met > 0)
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	d, rows := samples(map[string][]float64{ours: {1.5}, uws: {12, 15, 18}}), presets["quick"].rows()
	d.Failures[failure(keyRooms, nodeWS)] = "no | answer\nat all"
	text, err := report(d, rows)
	assert.NoError(t, err)
	for _, want := range []string{
		"| echo, 100, 16 KiB, 1 | **1.50** | 15.0 ±20% |",
		"| karagenc | ; **left out**: it \\| does not |",
		"| one of 2,000 idle connections | **1.50 KiB** | 15.0 KiB |",
		"| rooms of 10, 1,000, 128 B, 1 (per delivery) | **1.50** | 15.0 ±20% | failed |",
		"- failed: Node ws, rooms of 10, 1,000, 128 B, 1 (per delivery) (`rooms`): no \\| answer\n",
		"| echo 16 KiB | 1.50 µs | 15.0 µs Node µWS | 0.12 | – | ≤ 0.35 × Node µWS | met |",
		"| sio | **1.50** | **1.50** |",
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
	if text, err = report(new(data), nil); err != nil || !strings.Contains(text, "Nothing was measured") {
		t.Errorf("%v\n%s", err, text)
	}
}

// What is stored makes the same report again.
func TestStore(t *testing.T) {
	t.Parallel()
	d, dir := samples(map[string][]float64{ours: {1.5}, uws: {12, 15, 18}}), t.TempDir()
	assert.NoError(t, write(dir, d, presets["quick"].rows()))
	text, err := os.ReadFile(filepath.Join(dir, "benchmarks", "results.json"))
	assert.NoError(t, err)
	again := new(data)
	assert.NoError(t, json.Unmarshal(text, again))
	assert.Equal(t, again, d)
	assert.Equal(t, strings.Count(string(text), "\n"), len(d.Samples)+1)
}

func TestScale(t *testing.T) {
	t.Parallel()
	ticks, up := scale(3, 7)
	assert.Equal(t, ticks, []float64{0, 2, 4, 6, 8})
	assert.Equal(t, up(2), 0.25)
	ticks, up = scale(5, 400)
	assert.Equal(t, ticks, []float64{1, 10, 100, 1000})
	assert.Equal(t, up(1000), 1.0)
	assert.Equal(t, short(4096)+" "+short(1<<20)+" "+short(10_000), "4 Ki 1 Mi 10,000")
}

func TestRows(t *testing.T) {
	t.Parallel()
	for name, p := range presets {
		var keys []string
		for _, r := range p.rows() {
			keys = append(keys, r.Key)
			if r.Kind == kindTwo && !slices.Contains(keys, strings.TrimPrefix(r.Key, "two-")) {
				t.Errorf("%s: %s is not measured on one core", name, r.Key)
			}
		}
		slices.Sort(keys)
		assert.Equal(t, len(slices.Compact(slices.Clone(keys))), len(keys))
		for _, key := range []string{keyEcho, keyIdle, keyRate, keyTwoCast, "grow-recipients-100"} {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: no row %s", name, key)
			}
		}
	}
}

// Where a process may have few descriptors there are fewer connections.
func TestFit(t *testing.T) {
	t.Parallel()
	full := presets["full"]
	assert.Equal(t, full.fit(1<<20), full)
	assert.Equal(t, full.fit(20_000).Idles, []int{1000, 10_000, 19_000})
	assert.Equal(t, full.fit(4096).Idles, []int{1000, 3000})
	assert.Equal(t, full.fit(4096).Idle, 3000)
	assert.Equal(t, full.fit(1024), full)
	v := &view{data: &data{Preset: "full", Machine: machine{Files: 20_000}}}
	assert.Equal(t, v.FilesNote(), " Of 50,000 idle connections 19,000 fit: a process of this machine may have 20,000 descriptors.")
}

// A server that fails is left out of that row, and all else is measured.
func TestRobust(t *testing.T) {
	t.Parallel()
	calls := map[string]int{}
	d := &data{Rounds: 2, Out: map[string]string{zishang: "missing"}, Failures: map[string]string{}}
	kept := 0
	b := &bench{data: d, progress: func(string) {}, keep: func() error { kept++; return nil }}
	b.one = func(_ context.Context, r *row, peer string) (*result, error) {
		calls[failure(r.Key, peer)]++
		switch failure(r.Key, peer) {
		case failure("probe", gws):
			return nil, errors.New("no answer")
		case failure(keyConnect, karagenc):
			return nil, context.DeadlineExceeded
		case failure(keyEcho, nodeWS):
			return nil, errors.New("refused")
		}
		return &result{Operations: 1}, nil
	}
	rows := filter(presets["quick"].rows(), regexp.MustCompile("^(echo-32|connect|idle)$"))
	assert.NoError(t, b.run(t.Context(), rows))
	assert.Equal(t, d.Out, map[string]string{zishang: "missing", gws: "no answer"})
	assert.Equal(t, d.Failures, map[string]string{failure(keyConnect, karagenc): "context deadline exceeded", failure(keyEcho, nodeWS): "refused"})
	assert.Equal(t, calls[failure(keyConnect, karagenc)], 1)
	assert.Equal(t, calls[failure(keyEcho, nodeWS)], 2)
	assert.Equal(t, calls[failure(keyEcho, ours)], 2)
	assert.Equal(t, calls[failure(keyIdle, ours)], 1)
	assert.Equal(t, calls[failure(keyEcho, zishang)], 0)
	assert.Equal(t, kept, 2)
	assert.Equal(t, len(d.Samples), 2*(4+4)+5)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"operations":100,"cpuMicros":2.5}`:                     "",
		`{"operations":0}`:                                       "0 operations, 0 errors",
		`{"operations":10,"errors":5,"firstError":"it is gone"}`: "it is gone",
		`nothing`: "what the generator says",
	} {
		_, err := parse([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLayout(t *testing.T) {
	t.Parallel()
	assert.Equal(t, pinned("", []string{"a"}), []string{"a"})
	assert.Equal(t, pinned("0,1", []string{"a"}), []string{"taskset", "-c", "0,1", "a"})
	assert.Equal(t, layoutFor(2).cores, 2)
}
