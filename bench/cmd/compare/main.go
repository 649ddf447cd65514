// SPDX-License-Identifier: MIT

// Compare measures sio beside other servers and writes docs/benchmarks.md. Run it with
// "make bench", which installs what it needs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
)

func main() {
	if err := run(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1) //nolint:forbidigo // a program
	}
}

func run() error {
	name := flag.String("preset", "quick", "`quick` (about 25 minutes) or full")
	rounds := flag.Int("rounds", 0, "take `N` rounds instead of the preset's")
	only := flag.String("rows", "", "run the rows whose keys match a `regexp`, and write no report")
	root := flag.String("root", ".", "`directory` of the repository")
	from := flag.String("from", "", "make the report of a `file` that an earlier run has left, and run nothing")
	flag.Parse()

	d := new(data)
	if *from != "" {
		text, err := os.ReadFile(*from)
		if err == nil {
			err = json.Unmarshal(text, d)
		}
		if err != nil {
			return err
		}
		*name = d.Preset
	}
	p, ok := presets[*name]
	if !ok {
		return fmt.Errorf("no preset %q", *name)
	}
	rows := p.rows()
	if *from == "" {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
		defer cancel()
		pattern, err := regexp.Compile(*only)
		if err != nil {
			return err
		}
		if err := measure(ctx, p, *rounds, *root, filter(rows, pattern), d); err != nil {
			return err
		}
	}
	if *only != "" {
		_, err := os.Stdout.WriteString(report(d, rows))
		return err
	}
	return write(filepath.Join(*root, "docs"), d, rows)
}

func filter(rows []row, pattern *regexp.Regexp) (list []row) {
	for _, r := range rows {
		if pattern.MatchString(r.Key) {
			list = append(list, r)
		}
	}
	return list
}

// measure runs the rows, and keeps the results in bench/build after each round.
func measure(ctx context.Context, p preset, rounds int, root string, rows []row, d *data) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	l := &lab{bench: filepath.Join(root, "bench"), bin: filepath.Join(root, "bench", "build")}
	start := time.Now()
	progress := func(text string) {
		_, _ = fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(start).Seconds(), text)
	}
	out, err := l.build(ctx, progress)
	if err != nil {
		return err
	}
	d.Preset, d.Rounds, d.Out, d.Machine = p.Name, p.Rounds, out, l.machine(ctx)
	if rounds > 0 {
		d.Rounds = rounds
	}
	keep := func() error {
		text, err := json.Marshal(d)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(l.bin, "results.json"), text, 0o600)
	}
	b := &bench{lab: l, preset: p, data: d, progress: progress, keep: keep}
	if err := b.run(ctx, rows); err != nil {
		return err
	}
	if len(d.Samples) == 0 {
		return errors.New("nothing was measured")
	}
	return nil
}
