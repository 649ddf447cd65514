// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// kind says which table a row belongs to.
type kind string

const (
	kindCost    kind = "cost"    // CPU time, one core
	kindRate    kind = "rate"    // latency at a fixed rate
	kindMemory  kind = "memory"  // of idle connections
	kindTwo     kind = "two"     // two cores
	kindDeflate kind = "deflate" // permessage-deflate
	kindStalled kind = "stalled" // beside clients that do not read
	kindGrowth  kind = "growth"  // curves
	kindCluster kind = "cluster" // two servers
)

// row is a scenario with its numbers.
type row struct {
	Key   string // unique
	Kind  kind
	Title string
	Args  []string // of the generator
	Serve []string // of the server
	Peers []string // who runs it; nil: all
	Bus   string   // of a cluster: what connects two servers
	Curve string   // of growth: rows with the same one make a curve
	X     int      // of growth: what grows
}

// value is which figure of a result a row is about.
func (r *row) value(res *result) float64 {
	switch {
	case r.Args[1] == "idle":
		return res.RSSPerConnection
	case r.Kind == kindRate, r.Kind == kindStalled:
		return res.Latency.P99
	}
	return res.CPUMicros
}

// runs reports whether a server runs a row in a round. One round is enough for memory,
// which hardly varies, and for the curves of others.
func (r *row) runs(peer string, round int) bool {
	switch {
	case r.Peers != nil && !slices.Contains(r.Peers, peer):
		return false
	case round == 0:
		return true
	case r.Kind == kindGrowth:
		return peer == ours && r.Args[1] != "idle"
	}
	return r.Kind != kindMemory
}

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
	Name       string
	Rounds     int
	Duration   time.Duration
	Warmup     time.Duration // of programs that are compiled before they run
	NodeWarmup time.Duration // of those that are compiled while they do
	Idle       int           // connections whose memory is measured
	Idles      []int         // of the curves: connections that do nothing
	Rooms      []int         // other rooms, for each of 1,000 sockets
	Namespaces []int
	Payloads   []int
	Recipients []int
}

// stalling is how long it takes at most until a server cannot write any more to clients
// that do not read.
const stalling = 3 * time.Second

// warmup is how long a server runs before it is measured.
func (p preset) warmup(r *row, peer string) time.Duration {
	switch {
	case r.Kind == kindStalled && !strings.HasSuffix(r.Key, "-0"):
		return stalling
	case r.Kind == kindCluster:
		return p.NodeWarmup
	case peer == uws || peer == nodeWS:
		return p.NodeWarmup
	}
	return p.Warmup
}

// presets are full, which takes less than 25 minutes, and quick, which takes less than 5
// and is to see that all of it works.
var presets = map[string]preset{
	"full": {
		"full", 3, time.Second, 500 * time.Millisecond, 1500 * time.Millisecond, 10_000,
		[]int{1000, 10_000, 50_000}, []int{0, 1, 10, 100}, []int{1, 10, 100, 1000, 10_000},
		[]int{32, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}, []int{10, 100, 1000, 5000},
	},
	"quick": {
		"quick", 1, 300 * time.Millisecond, 100 * time.Millisecond, time.Second, 2000,
		[]int{1000, 5000}, []int{0, 10}, []int{1, 1000}, []int{32, 16 << 10, 1 << 20}, []int{100, 1000},
	},
}

// spare is how many descriptors a process needs besides those of connections.
const spare = 500

// fit returns p with no more connections than a process may have descriptors.
func (p preset) fit(files int) preset {
	most := (files - spare) / 1000 * 1000
	if most < 1000 {
		return p // it is going to fail, and to say why
	}
	p.Idle = min(p.Idle, most)
	p.Idles = slices.Clone(p.Idles)
	for i := range p.Idles {
		p.Idles[i] = min(p.Idles[i], most)
	}
	p.Idles = slices.Compact(p.Idles)
	return p
}

// load makes the generator's arguments.
func load(scenario string, connections, payload, inFlight int, more ...string) []string {
	return append([]string{"--scenario", scenario, "--connections", fmt.Sprint(connections),
		"--payload", fmt.Sprint(payload), "--in-flight", fmt.Sprint(inFlight)}, more...)
}

// speakers are the servers that speak Socket.IO.
var speakers = []string{ours, uws, nodeWS, zishang, karagenc}

// duel is whom the curves are about.
var duel = []string{ours, uws}

// rows returns what is measured.
func (p preset) rows() []row {
	rows := []row{
		{Key: keyEcho, Kind: kindCost, Title: "echo, 100 connections, 32 B, 1 in flight", Args: load("echo", 100, 32, 1)},
		{Key: keyEcho16, Kind: kindCost, Title: "echo, 100, 32 B, 16 in flight", Args: load("echo", 100, 32, 16)},
		{Key: keyEcho1k, Kind: kindCost, Title: "echo, 100, 1 KiB, 1", Args: load("echo", 100, 1<<10, 1)},
		{Key: keyEcho16k, Kind: kindCost, Title: "echo, 100, 16 KiB, 1", Args: load("echo", 100, 16<<10, 1)},
		{Key: keyAck, Kind: kindCost, Title: "ack, 100, 32 B, 4", Args: load("ack", 100, 32, 4)},
		{Key: keyBinary, Kind: kindCost, Title: "binary echo, 100, 1 KiB, 1", Args: load("binary", 100, 1<<10, 1)},
		{Key: keyCast, Kind: kindCost, Title: "broadcast to 1,000, 128 B, 1 (per delivery)", Args: load("broadcast", 1000, 128, 1)},
		{Key: keyCast8, Kind: kindCost, Title: "broadcast to 1,000, 128 B, 8 (per delivery)", Args: load("broadcast", 1000, 128, 8)},
		{Key: keyRooms, Kind: kindCost, Title: "rooms of 10, 1,000, 128 B, 1 (per delivery)", Args: load("rooms", 1000, 128, 1)},
		{Key: keyConnect, Kind: kindCost, Title: "connect over WebSocket (per connection)", Args: load("connect", 100, 32, 8)},
		{Key: keyUpgrade, Kind: kindCost, Title: "connect by polling, then upgrade", Args: load("upgrade", 100, 32, 200), Peers: speakers},
		{Key: keyRate, Kind: kindRate, Title: "5,000 acks/s over 100 connections", Args: load("rate", 100, 32, 1)},
		{Key: keyIdle, Kind: kindMemory, Title: "one of " + thousands(p.Idle) + " idle connections", Args: load("idle", p.Idle, 32, 1)},
		{Key: keyIdleTLS, Kind: kindMemory, Title: "the same over TLS", Args: load("idle", p.Idle, 32, 1), Serve: []string{"--tls"}, Peers: []string{ours}},
	}
	both := []string{ours, uws, zishang, gobwas}
	rows = append(rows,
		row{Key: "two-echo-32-16", Kind: kindTwo, Title: "echo, 100, 32 B, 16", Args: load("echo", 100, 32, 16), Peers: both},
		row{Key: keyTwoCast, Kind: kindTwo, Title: "broadcast to 1,000, 128 B, 8", Args: load("broadcast", 1000, 128, 8), Peers: both},
	)
	packed := []string{ours, uws, nodeWS, zishang}
	on := []string{"--deflate"}
	rows = append(rows,
		row{Key: "deflate-echo-1k", Kind: kindDeflate, Title: "echo, 100, 1 KiB, 1", Args: load("echo", 100, 1<<10, 1, on...), Serve: on, Peers: packed},
		row{Key: "deflate-broadcast-1k", Kind: kindDeflate, Title: "broadcast to 1,000, 1 KiB, 1 (per delivery)", Args: load("broadcast", 1000, 1<<10, 1, on...), Serve: on, Peers: packed},
	)
	for _, n := range []int{0, 1000} {
		rows = append(rows, row{Key: fmt.Sprintf("stalled-acks-%d", n), Kind: kindStalled, Title: fmt.Sprintf("acks, %s stalled", thousands(n)),
			Args: load("rate", 100, 32, 1, "--rate", "2000", "--casts", "20", "--stalled", fmt.Sprint(n)), Peers: speakers})
	}
	for _, n := range []int{0, 1000} {
		rows = append(rows, row{Key: fmt.Sprintf("stalled-casts-%d", n), Kind: kindStalled, Title: fmt.Sprintf("broadcasts, %s stalled", thousands(n)),
			Args: load("broadcast", 100, 4<<10, 1, "--stalled", fmt.Sprint(n)), Peers: speakers})
	}
	for _, bus := range buses {
		for _, n := range []int{1, 16} {
			rows = append(rows, row{Key: fmt.Sprintf("cluster-%s-%d", bus.key, n), Kind: kindCluster, Title: fmt.Sprintf("%s, %d in flight", bus.title, n),
				Args: load("broadcast", 1+receivers, 128, n), Bus: bus.key, Peers: bus.peers})
		}
	}
	return append(rows, p.growth()...)
}

// receivers is how many clients at the second server get what one at the first has sent.
const receivers = 10

// buses are what connects servers, and for whom.
var buses = []struct {
	key, title string
	peers      []string
}{
	{"redis", "Redis, classic", []string{ours, nodeWS}},
	{"sharded", "Redis, sharded", []string{ours, nodeWS}},
	{"streams", "Redis Streams", []string{ours, nodeWS}},
	{"postgres", "PostgreSQL", []string{ours, nodeWS}},
	{"nats", "NATS", []string{ours}},
}

// growth returns the rows of the curves.
func (p preset) growth() (rows []row) {
	curve := func(name, key string, list []int, args func(n int) (args, serve []string)) {
		for _, n := range list {
			r := row{Key: fmt.Sprintf("%s-%d", key, n), Kind: kindGrowth, Title: key, Curve: name, X: n, Peers: duel}
			r.Args, r.Serve = args(n)
			rows = append(rows, r)
		}
	}
	curve("memory of an idle connection (KiB), by their number", "grow-memory", p.Idles, func(n int) ([]string, []string) {
		return load("idle", n, 32, 1), nil
	})
	curve("echo, 32 B (µs), by connections that do nothing", "grow-idle", append([]int{0}, p.Idles...), func(n int) ([]string, []string) {
		return load("echo", 100, 32, 1, "--idle", fmt.Sprint(n)), nil
	})
	var rooms []int
	for _, n := range p.Rooms {
		rooms = append(rooms, 1000*n)
	}
	curve("event for a room of 10 (µs per delivery), by other rooms", "grow-rooms", rooms, func(n int) ([]string, []string) {
		return load("rooms", 1000, 128, 1), []string{"--rooms", fmt.Sprint(n / 1000)}
	})
	curve("echo, 32 B (µs), by namespaces", "grow-namespaces", p.Namespaces, func(n int) ([]string, []string) {
		return load("echo", 100, 32, 1, "--namespace", fmt.Sprintf("/n%d", n-1)), []string{"--namespaces", fmt.Sprint(n)}
	})
	curve("broadcast, 128 B (µs per delivery), by recipients", "grow-recipients", p.Recipients, func(n int) ([]string, []string) {
		return load("broadcast", n, 128, 1), nil
	})
	curve("echo (µs), by bytes of payload", "grow-payload", p.Payloads, func(n int) ([]string, []string) {
		return load("echo", 10, n, 1), nil
	})
	return rows
}
