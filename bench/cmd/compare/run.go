// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// result is what "sio bench --json" prints; see package load of cmd/sio.
type result struct {
	Scenario         string  `json:"scenario"`
	Seconds          float64 `json:"seconds"`
	Operations       int64   `json:"operations"`
	PerSecond        float64 `json:"perSecond"`
	Errors           int64   `json:"errors"`
	FirstError       string  `json:"firstError,omitzero"`
	CPUMicros        float64 `json:"cpuMicros,omitzero"`
	CPUShare         float64 `json:"cpuShare,omitzero"`
	RSSKiB           int64   `json:"rssKiB,omitzero"`
	RSSPerConnection float64 `json:"rssPerConnection,omitzero"`
	Latency          struct {
		P50  float64 `json:"p50"`
		P90  float64 `json:"p90"`
		P99  float64 `json:"p99"`
		P999 float64 `json:"p999"`
		Max  float64 `json:"max"`
	} `json:"latency,omitzero"`
}

// sample is one result.
type sample struct {
	Row    string `json:"row"`
	Peer   string `json:"peer"`
	Round  int    `json:"round"`
	Result result `json:"result"`
}

// data is all that a report is made of.
type data struct {
	Preset   string            `json:"preset"`
	Rounds   int               `json:"rounds"`
	Machine  machine           `json:"machine"`
	Out      map[string]string `json:"out"`      // why servers are left out
	Failures map[string]string `json:"failures"` // why there is no result, by row and server
	Samples  []sample          `json:"samples"`
}

// failure is the key of Failures.
func failure(key, peer string) string { return key + ": " + peer }

// bench runs the rows, the servers of each one after the other, so that what else the
// machine does meets all of them. A server that fails is left out of that row, no more.
type bench struct {
	lab      *lab
	preset   preset
	data     *data
	progress func(string)
	keep     func() error // stores data
	backends backends
	one      func(ctx context.Context, r *row, peer string) (*result, error)
}

func (b *bench) run(ctx context.Context, rows []row) error {
	b.probe(ctx)
	for round := range b.data.Rounds {
		order := slices.Clone(peers)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for i := range rows {
			r := &rows[i]
			for _, peer := range order {
				if !r.runs(peer, round) || b.data.Out[peer] != "" || b.data.Failures[failure(r.Key, peer)] != "" {
					continue
				}
				b.progress(fmt.Sprintf("round %d of %d: %s (%s): %s", round+1, b.data.Rounds, r.Key, r.Title, peer))
				res, err := b.twice(ctx, r, peer)
				switch {
				case ctx.Err() != nil:
					return ctx.Err()
				case err != nil:
					b.data.Failures[failure(r.Key, peer)] = err.Error()
					b.progress(fmt.Sprintf("%s: %s failed: %v", r.Key, peer, err))
				default:
					b.data.Samples = append(b.data.Samples, sample{r.Key, peer, round, *res})
				}
			}
		}
		if err := b.keep(); err != nil {
			return err
		}
	}
	return nil
}

// probe leaves out the servers that the generator cannot talk to.
func (b *bench) probe(ctx context.Context) {
	short := row{Key: "probe", Kind: kindCost, Args: load("echo", 20, 32, 1)}
	for _, peer := range peers {
		if b.data.Out[peer] != "" {
			continue
		}
		if _, err := b.twice(ctx, &short, peer); err != nil && ctx.Err() == nil {
			b.data.Out[peer] = err.Error()
		}
	}
	for peer, why := range b.data.Out {
		b.progress(fmt.Sprintf("%s is left out: %s", peer, why))
	}
}

// twice runs a row again if it fails, because something else may have been the cause, but
// not if that would take long.
func (b *bench) twice(ctx context.Context, r *row, peer string) (*result, error) {
	res, err := b.one(ctx, r, peer)
	if err != nil && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
		res, err = b.one(ctx, r, peer)
	}
	return res, err
}

// joining is how long two servers have to find each other.
const joining = 1500 * time.Millisecond

// patience is how long a run may take longer than it should: to start the server and to
// open the connections.
const patience = 45 * time.Second

// start runs a row against a server that is started for it.
func (b *bench) start(ctx context.Context, r *row, peer string) (*result, error) {
	warmup := b.preset.warmup(r, peer)
	ctx, cancel := context.WithTimeout(ctx, warmup+b.preset.Duration+patience)
	defer cancel()
	on := layoutFor(1)
	if r.Kind == kindTwo {
		on = layoutFor(2)
	}
	serve, count := r.Serve, 1
	if r.Bus != "" {
		address, err := b.backend(ctx, r.Bus)
		if err != nil {
			return nil, err
		}
		serve, count = append(slices.Clone(serve), "--bus", address), 2
	}
	var servers []*server
	for range count {
		s, err := b.lab.start(ctx, peer, on, serve)
		if err != nil {
			return nil, err
		}
		defer s.stop()
		servers = append(servers, s)
	}
	args := append([]string{filepath.Join(b.lab.bin, "sio"), "bench", servers[0].url, "--json",
		"--warmup", warmup.String(), "--duration", b.preset.Duration.String()}, r.Args...)
	for _, s := range servers {
		args = append(args, "--pid", fmt.Sprint(s.cmd.Process.Pid))
	}
	if count == 2 {
		args = append(args, "--receivers", servers[1].url)
		select { // until they have found each other
		case <-time.After(joining):
		case <-ctx.Done():
		}
	}
	args = pinned(on.generator, args)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // ours
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", max(1, runtime.NumCPU()-on.cores)))
	var out, text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &text
	if err := cmd.Run(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(text.String()), "\n")
		if ctx.Err() != nil {
			return nil, fmt.Errorf("it takes longer than %v: %w", patience, ctx.Err())
		}
		return nil, errors.New(strings.TrimPrefix(line, "sio bench: "+r.Args[1]+": "))
	}
	return parse(out.Bytes())
}

// parse reads what the generator says.
func parse(text []byte) (*result, error) {
	res := new(result)
	if err := json.Unmarshal(text, res); err != nil {
		return nil, fmt.Errorf("what the generator says: %w", err)
	}
	if res.Operations == 0 || res.Errors > res.Operations/100 {
		return nil, fmt.Errorf("%d operations, %d errors: %s", res.Operations, res.Errors, res.FirstError)
	}
	return res, nil
}
