// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"slices"
	"time"
)

// kind says which table a row belongs to.
type kind string

const (
	kindMain    kind = "main"    // one core
	kindTwo     kind = "two"     // two cores
	kindDeflate kind = "deflate" // permessage-deflate
	kindStalled kind = "stalled" // beside clients that do not read
	kindGrowth  kind = "growth"  // curves
)

// row is a scenario with its numbers.
type row struct {
	Key   string // unique
	Kind  kind
	Title string
	Args  []string // of the generator
	Serve []string // of the server
	Curve string   // of growth: rows with the same one make a curve
	X     int      // of growth: what grows
	Per   string   // what an operation is
	Peers []string // who runs it; nil: all
}

// value is which figure of a result a row is about.
func (r *row) value(res *result) float64 {
	switch {
	case res.Scenario == "idle":
		return res.RSSPerConnection
	case r.Key == keyRate || r.Kind == kindStalled:
		return res.Latency.P99
	}
	return res.CPUMicros
}

// unit is that of value.
func (r *row) unit() string {
	switch {
	case r.Args[1] == "idle":
		return "KiB"
	case r.Key == keyRate || r.Kind == kindStalled:
		return "µs p99"
	}
	return "µs"
}

// once reports whether one round is enough, because memory hardly varies.
func (r *row) once() bool { return r.Args[1] == "idle" }

// Keys of rows that targets are about.
const (
	keyEcho    = "echo-32"
	keyEcho16  = "echo-32-16"
	keyEcho1k  = "echo-1k"
	keyEcho16k = "echo-16k"
	keyAck     = "ack-32-4"
	keyBinary  = "binary-1k"
	keyCast    = "broadcast-1"
	keyCast8   = "broadcast-8"
	keyRooms   = "rooms"
	keyConnect = "connect"
	keyUpgrade = "upgrade"
	keyIdle    = "idle"
	keyIdleTLS = "idle-tls"
	keyRate    = "rate"
	keyTwoCast = "two-broadcast-8"
)

// preset is how much is done.
type preset struct {
	Name             string
	Rounds           int
	Warmup, Duration time.Duration
	Idle             []int // connections that do nothing
	Many             int   // rooms, at most, for each of 1,000 sockets; namespaces, at most, divided by 100
}

var presets = map[string]preset{
	"quick": {"quick", 3, 400 * time.Millisecond, 1200 * time.Millisecond, []int{1000, 10_000, 50_000}, 100},
	"full":  {"full", 5, time.Second, 3 * time.Second, []int{1000, 10_000, 25_000, 50_000}, 100},
}

// within leaves out what needs more descriptors than a process may have, and puts as many
// thousands as there may be in their place. Over one pair of addresses there are no more than
// some 28,000 ports either.
func within(idle []int, limit int) (list []int) {
	most := min(limit-1000, 28_000) / 1000 * 1000
	for _, n := range idle {
		if n <= most {
			list = append(list, n)
		}
	}
	if len(list) < len(idle) && most > 0 && !slices.Contains(list, most) {
		list = append(list, most)
	}
	return list
}

// load makes the generator's arguments.
func load(scenario string, connections, payload, inFlight int, more ...string) []string {
	return append([]string{"--scenario", scenario, "--connections", fmt.Sprint(connections),
		"--payload", fmt.Sprint(payload), "--in-flight", fmt.Sprint(inFlight)}, more...)
}

// rows returns what is measured.
func (p preset) rows() []row {
	sockets := []string{ours, uws, nodeWS, zishang, karagenc} // that speak Socket.IO
	rows := []row{
		{Key: keyEcho, Title: "echo, 100 connections, 32 B, 1 in flight", Args: load("echo", 100, 32, 1)},
		{Key: keyEcho16, Title: "echo, 100, 32 B, 16 in flight", Args: load("echo", 100, 32, 16)},
		{Key: keyEcho1k, Title: "echo, 100, 1 KiB, 1", Args: load("echo", 100, 1<<10, 1)},
		{Key: keyEcho16k, Title: "echo, 100, 16 KiB, 1", Args: load("echo", 100, 16<<10, 1)},
		{Key: keyAck, Title: "ack, 100, 32 B, 4", Args: load("ack", 100, 32, 4)},
		{Key: keyBinary, Title: "binary echo, 100, 1 KiB, 1", Args: load("binary", 100, 1<<10, 1)},
		{Key: keyCast, Title: "broadcast to 1,000, 128 B, 1 (per delivery)", Args: load("broadcast", 1000, 128, 1)},
		{Key: keyCast8, Title: "broadcast to 1,000, 128 B, 8 (per delivery)", Args: load("broadcast", 1000, 128, 8)},
		{Key: keyRooms, Title: "rooms of 10, 1,000 connections, 128 B, 1 (per delivery)", Args: load("rooms", 1000, 128, 1)},
		{Key: keyConnect, Title: "connect over WebSocket", Args: load("connect", 100, 32, 8)},
		{Key: keyUpgrade, Title: "connect by polling, then upgrade", Args: load("upgrade", 100, 32, 100), Peers: sockets},
		{Key: keyIdle, Title: "idle, memory of one of 10,000 connections", Args: load("idle", 10_000, 32, 1)},
		{Key: keyIdleTLS, Title: "the same over TLS", Args: load("idle", 10_000, 32, 1), Serve: []string{"--tls"}, Peers: []string{ours}},
		{Key: keyRate, Title: "5,000 acks/s over 100 connections, latency", Args: load("rate", 100, 32, 1)},
	}
	for i := range rows {
		rows[i].Kind = kindMain
	}
	duel := []string{ours, uws}
	rows = append(rows,
		row{Key: "two-echo-32-16", Kind: kindTwo, Title: "echo, 100, 32 B, 16", Args: load("echo", 100, 32, 16), Peers: []string{ours, uws, zishang, gobwas}},
		row{Key: keyTwoCast, Kind: kindTwo, Title: "broadcast to 1,000, 128 B, 8", Args: load("broadcast", 1000, 128, 8), Peers: []string{ours, uws, zishang, gobwas}},
	)
	packed := []string{ours, uws, nodeWS, zishang}
	on := []string{"--deflate"}
	rows = append(rows,
		row{Key: "deflate-echo-1k", Kind: kindDeflate, Title: "echo, 100, 1 KiB, 1", Args: load("echo", 100, 1<<10, 1, on...), Serve: on, Peers: packed},
		row{Key: "deflate-broadcast-1k", Kind: kindDeflate, Title: "broadcast to 1,000, 1 KiB, 1 (per delivery)", Args: load("broadcast", 1000, 1<<10, 1, on...), Serve: on, Peers: packed},
	)
	for _, n := range []int{0, 1000} {
		rows = append(rows, row{Key: fmt.Sprintf("stalled-%d", n), Kind: kindStalled, Title: fmt.Sprintf("beside %s that do not read", thousands(n)),
			Args: load("broadcast", 100, 4<<10, 1, "--stalled", fmt.Sprint(n), "--warmup", "4s", "--duration", "2s"), Peers: sockets})
	}
	curve := func(name, key string, x int, args, serve []string) {
		rows = append(rows, row{Key: fmt.Sprintf("%s-%d", key, x), Kind: kindGrowth, Title: name, Curve: name, X: x, Args: args, Serve: serve, Peers: duel})
	}
	idle := within(p.Idle, descriptors())
	for _, n := range idle {
		curve("memory of an idle connection (KiB), by their number", "grow-memory", n, load("idle", n, 32, 1), nil)
	}
	for _, n := range append([]int{0}, idle...) {
		curve("echo, 32 B (µs), by connections that do nothing", "grow-idle", n, load("echo", 100, 32, 1, "--idle", fmt.Sprint(n)), nil)
	}
	for _, n := range []int{0, 10, p.Many} {
		curve("rooms of 10 (µs per delivery), by other rooms", "grow-rooms", 1000*n, load("rooms", 1000, 128, 1), []string{"--rooms", fmt.Sprint(n)})
	}
	for _, n := range []int{1, 100, 100 * p.Many} {
		curve("echo, 32 B (µs), by namespaces", "grow-namespaces", n,
			load("echo", 100, 32, 1, "--namespace", fmt.Sprintf("/n%d", n-1)), []string{"--namespaces", fmt.Sprint(n)})
	}
	for _, n := range []int{32, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10} {
		curve("echo (µs), by payload in bytes", "grow-payload", n, load("echo", 10, n, 1), nil)
	}
	for _, n := range []int{10, 100, 1000, 5000} {
		curve("broadcast, 128 B, 1 in flight (µs per delivery), by recipients", "grow-recipients", n, load("broadcast", n, 128, 1), nil)
	}
	return rows
}
