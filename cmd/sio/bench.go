// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/sio-go/sio/cmd/sio/internal/load"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "put load on a Socket.IO server and measure it",
		ArgsUsage: "URL",
		Description: "Scenarios: " + strings.Join(load.Scenarios, ", ") + ".\n\n" + load.Contract + "\n\n" +
			"Compare servers by the CPU time of an operation, which --pid shows, in rounds that alternate;\n" +
			"throughput depends on what else the machine does.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "scenario", Aliases: []string{"s"}, Value: "echo,ack,binary,broadcast,rooms,rate", Usage: "run these `SCENARIOS`, separated by commas"},
			&cli.IntFlag{Name: "connections", Aliases: []string{"c"}, Value: 100, Usage: "open `N` connections"},
			&cli.IntFlag{Name: "payload", Aliases: []string{"p"}, Value: 32, Usage: "send `BYTES` of data with each event"},
			&cli.IntFlag{Name: "in-flight", Aliases: []string{"k"}, Value: 1, Usage: "have `N` operations of each connection under way"},
			&cli.IntFlag{Name: "room-size", Value: 10, Usage: "put `N` connections into each room"},
			&cli.IntFlag{Name: "rate", Value: 5000, Usage: "begin `N` operations a second, in the scenario rate"},
			&cli.IntFlag{Name: "idle", Usage: "open `N` more connections that do nothing"},
			&cli.IntFlag{Name: "stalled", Usage: "open `N` more connections that join and never read"},
			&cli.IntFlag{Name: "casts", Usage: "broadcast 4 KiB `N` times a second besides, in the scenario rate"},
			&cli.BoolFlag{Name: "deflate", Usage: "offer permessage-deflate"},
			&cli.DurationFlag{Name: "duration", Aliases: []string{"d"}, Value: 5 * time.Second, Usage: "measure for `TIME`"},
			&cli.DurationFlag{Name: "warmup", Value: time.Second, Usage: "before that, run for `TIME`"},
			&cli.StringFlag{Name: "path", Value: "/socket.io/", Usage: "Socket.IO is under `PATH`"},
			&cli.StringFlag{Name: "namespace", Value: "/", Usage: "join `NAME`"},
			&cli.StringFlag{Name: "receivers", Usage: "in the scenario broadcast, all but the one who sends connect to `URL`, another server of the cluster"},
			&cli.IntSliceFlag{Name: "pid", Usage: "the server is process `ID` of this machine: show its CPU time and memory; of several, their sum"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object for each scenario"},
		},
		Action: bench,
	}
}

func bench(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Len() != 1 {
		return &usageError{cmd.FullName(), fmt.Errorf("want one URL (try: %s --help)", cmd.FullName())}
	}
	root := cmd.Root()
	cfg := load.Config{
		URL: cmd.Args().First(), Path: cmd.String("path"), Namespace: cmd.String("namespace"),
		Connections: cmd.Int("connections"), Payload: cmd.Int("payload"), InFlight: cmd.Int("in-flight"),
		RoomSize: cmd.Int("room-size"), Rate: cmd.Int("rate"), Idle: cmd.Int("idle"), Stalled: cmd.Int("stalled"), Casts: cmd.Int("casts"), Deflate: cmd.Bool("deflate"),
		Duration: cmd.Duration("duration"), Warmup: cmd.Duration("warmup"), PIDs: cmd.IntSlice("pid"), Receivers: cmd.String("receivers"),
		Progress: progress(root.ErrWriter),
	}
	table := newTable(root.Writer, cmd.Bool("json"))
	for name := range strings.SplitSeq(cmd.String("scenario"), ",") {
		cfg.Scenario = strings.TrimSpace(name)
		result, err := load.Run(ctx, cfg)
		cfg.Progress("")
		switch {
		case errors.Is(err, load.ErrConfig):
			return &usageError{cmd.FullName(), err}
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("%s: %s: %w", cmd.FullName(), cfg.Scenario, err)
		case err == nil:
			table.add(result)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return table.end()
}

// progress shows what is being done on one line, if somebody looks.
func progress(w io.Writer) func(string) {
	silent := func(string) {}
	f, ok := w.(*os.File)
	if !ok {
		return silent
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return silent
	}
	return func(text string) { _, _ = fmt.Fprintf(f, "\r\x1b[K%s", text) }
}

// table prints results, as they come or in columns.
type table struct {
	json *json.Encoder
	tabs *tabwriter.Writer
}

func newTable(w io.Writer, asJSON bool) *table {
	if asJSON {
		return &table{json: json.NewEncoder(w)}
	}
	t := &table{tabs: tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)}
	t.row("scenario", "conns", "bytes", "in flight", "operations", "per second", "CPU us/op", "p50 us", "p99 us", "p99.9 us", "max us", "RSS MiB", "errors")
	return t
}

func (t *table) row(cells ...string) {
	_, _ = fmt.Fprintln(t.tabs, strings.Join(cells, "\t")+"\t")
}

func (t *table) add(r *load.Result) {
	if t.json != nil {
		_ = t.json.Encode(r)
		return
	}
	number := func(v float64, digits int) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprintf("%.*f", digits, v)
	}
	rss := number(float64(r.RSSKiB)/1024, 1)
	if r.RSSPerConnection > 0 {
		rss += fmt.Sprintf(" (%.2f KiB each)", r.RSSPerConnection)
	}
	t.row(r.Scenario, fmt.Sprint(r.Connections), fmt.Sprint(r.Payload), fmt.Sprint(r.InFlight), fmt.Sprint(r.Operations),
		number(r.PerSecond, 0), number(r.CPUMicros, 2), number(r.Latency.P50, 0), number(r.Latency.P99, 0), number(r.Latency.P999, 0),
		number(r.Latency.Max, 0), rss, fmt.Sprint(r.Errors))
	if r.FirstError != "" {
		t.row("", r.FirstError)
	}
}

func (t *table) end() error {
	if t.tabs != nil {
		return t.tabs.Flush()
	}
	return nil
}
