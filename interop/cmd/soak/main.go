// SPDX-License-Identifier: MIT

// Command soak disturbs a cluster for a time and tells whether it has kept its promises. See
// package soak.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/sio-go/sio/interop/soak"
)

func main() {
	if os.Getenv(soak.Env) != "" {
		os.Exit(soak.Main())
	}
	cfg := soak.Config{Log: log.Printf}
	flag.DurationVar(&cfg.Duration, "duration", 10*time.Minute, "of the traffic")
	flag.IntVar(&cfg.Servers, "servers", 3, "of which the first one is never restarted")
	flag.IntVar(&cfg.Clients, "clients", 2000, "in Go")
	flag.IntVar(&cfg.Node, "node", 200, "in JavaScript")
	flag.StringVar(&cfg.Script, "script", "interop/node/soak.mjs", "the JavaScript clients")
	flag.Float64Var(&cfg.Faults, "faults", 0.3, "the part of the connections that get a fault")
	flag.DurationVar(&cfg.Restart, "restart", 30*time.Second, "time between two restarts of a server")
	flag.DurationVar(&cfg.Pause, "pause", 4*time.Second, "of a client between two events, on average")
	flag.DurationVar(&cfg.Away, "away", 20*time.Second, "how long clients may be away and recover")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := soak.Run(ctx, cfg)
	if err != nil {
		log.Print(err)
		os.Exit(1) //nolint:gocritic // stop is not missed
	}
	fmt.Println(report.Markdown())
	if report.Broken > 0 {
		os.Exit(1)
	}
}
