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
	"syscall"
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
	name := flag.String("preset", "full", "`full`, or quick")
	rounds := flag.Int("rounds", 0, "take `N` rounds instead of the preset's")
	only := flag.String("rows", "", "run the rows whose keys match a `regexp`, and write no report but to standard output")
	root := flag.String("root", ".", "`directory` of the repository")
	from := flag.String("from", "", "make the report of a `file` that an earlier run has left, and run nothing")
	flag.Parse()

	d := &data{Out: map[string]string{}, Failures: map[string]string{}}
	if *from != "" {
		text, err := os.ReadFile(*from)
		if err == nil {
			err = json.Unmarshal(text, d)
		}
		if err != nil {
			return err
		}
	} else {
		d.Preset = *name
		d.Machine.Files = descriptors()
	}
	p, ok := presets[d.Preset]
	if !ok {
		return fmt.Errorf("no preset %q", d.Preset)
	}
	p = p.fit(d.Machine.Files)
	rows := p.rows()
	if *from == "" {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer cancel()
		pattern, err := regexp.Compile(*only)
		if err != nil {
			return err
		}
		if err := measure(ctx, p, *rounds, *root, filter(rows, pattern), d); err != nil {
			return err
		}
	}
	switch {
	case *only != "":
		text, err := report(d, rows)
		if err == nil {
			_, err = os.Stdout.WriteString(text)
		}
		return err
	case d.Preset == "full":
		return write(filepath.Join(*root, "docs"), d, rows)
	}
	return write(filepath.Join(*root, "bench", "build"), d, rows) // too short to be shown
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
	d.Machine.before()
	if d.Out, err = l.build(ctx, progress); err != nil {
		return err
	}
	l.describe(ctx, &d.Machine)
	if d.Rounds = p.Rounds; rounds > 0 {
		d.Rounds = rounds
	}
	keep := func() error {
		d.Machine.Minutes = time.Since(start).Minutes()
		return store(filepath.Join(l.bin, "results.json"), d)
	}
	b := &bench{lab: l, preset: p, data: d, progress: progress, keep: keep}
	b.one = b.start
	defer b.backends.stop()
	if err := b.run(ctx, rows); err != nil {
		return err
	}
	if len(d.Samples) == 0 {
		return errors.New("nothing was measured")
	}
	return nil
}
