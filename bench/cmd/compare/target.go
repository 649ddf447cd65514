// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"slices"
)

// target is what we want to reach.
type target struct {
	what    string
	wanted  string
	limit   float64
	atLeast bool // instead of at most
	measure func(d *data, rows []row) (value float64, ok bool)
	unit    string
	why     string // it is not measured
}

// verdict is one line of the table.
func (t *target) verdict(d *data, rows []row) (measured, met string) {
	if t.measure == nil {
		return "not measured: " + t.why, "–"
	}
	v, ok := t.measure(d, rows)
	switch {
	case !ok:
		return "not measured", "–"
	case v <= t.limit != t.atLeast || v == t.limit:
		met = "yes"
	default:
		met = "**no**"
	}
	return fmt.Sprintf("%.2f %s", v, t.unit), met
}

func cpu(r *result) float64       { return r.CPUMicros }
func p99(r *result) float64       { return r.Latency.P99 }
func perSecond(r *result) float64 { return r.PerSecond }
func rss(r *result) float64       { return r.RSSPerConnection }

// flat is how much a cost that should not grow may differ: what two runs of the same differ.
const flat = 1.25

// targets returns all of them for a machine.
func targets(m machine) []target {
	var list []target
	against := func(key, what, base string, limit float64, value func(*result) float64) {
		list = append(list, target{
			what: what, wanted: fmt.Sprintf("at most %.2f × %s", limit, base), limit: limit, unit: "×",
			measure: func(d *data, _ []row) (float64, bool) { return d.ratio(key, ours, base, value) },
		})
	}
	against(keyEcho, "echo 32 B, 1 in flight", uws, 0.75, cpu)
	against(keyEcho, "echo 32 B, 1 in flight", gobwas, 1.4, cpu)
	against(keyEcho16, "echo 32 B, 16 in flight", uws, 0.35, cpu)
	against(keyEcho1k, "echo 1 KiB", uws, 0.65, cpu)
	against(keyEcho16k, "echo 16 KiB", uws, 0.35, cpu)
	against(keyAck, "ack, 4 in flight", uws, 0.45, cpu)
	against(keyBinary, "binary echo 1 KiB", uws, 0.45, cpu)
	against(keyCast, "broadcast, 1 in flight (stretch: 0.90)", uws, 1, cpu)
	against(keyCast8, "broadcast, 8 in flight (stretch: 1.00)", uws, 1.1, cpu)
	against(keyRooms, "rooms of 10", uws, 0.75, cpu)
	against(keyConnect, "connect over WebSocket", uws, 0.45, cpu)
	against(keyUpgrade, "connect by polling and upgrade", uws, 0.4, cpu)
	against(keyRate, "p99 latency at 5,000 acks/s", uws, 1, p99)

	twoCores := target{what: "broadcast, 8 in flight, on two cores", wanted: "at least 1.70 × our throughput on one", limit: 1.7, atLeast: true, unit: "×"}
	if m.Cores < 3 {
		twoCores.why = "it takes a third core, for the generator"
	} else {
		twoCores.measure = func(d *data, _ []row) (float64, bool) {
			one, ok1 := d.median(keyCast8, ours, perSecond)
			both, ok2 := d.median(keyTwoCast, ours, perSecond)
			return both / one, ok1 && ok2
		}
	}
	list = append(list, twoCores,
		target{what: "idle memory, joined to a namespace, TCP", wanted: "at most 4 KiB", limit: 4, unit: "KiB",
			measure: func(d *data, _ []row) (float64, bool) { return d.median(keyIdle, ours, rss) }},
		target{what: "idle memory, TLS", wanted: "at most 8 KiB", limit: 8, unit: "KiB",
			measure: func(d *data, _ []row) (float64, bool) { return d.median(keyIdleTLS, ours, rss) }})

	grows := func(what, curve string, from int) {
		list = append(list, target{what: what, wanted: fmt.Sprintf("does not grow (at most %.2f ×)", flat), limit: flat, unit: "×",
			measure: func(d *data, rows []row) (float64, bool) { return growthOf(d, rows, curve, from) }})
	}
	grows("echo, from no idle connections to the most", "grow-idle", 0)
	grows("rooms, from no other rooms to the most", "grow-rooms", 0)
	grows("echo, from 1 namespace to the most", "grow-namespaces", 1)
	grows("delivery of a broadcast, from 100 recipients to the most", "grow-recipients", 100)
	return list
}

// growthOf returns by how much the last point of a curve of ours is above the one at from.
func growthOf(d *data, rows []row, curve string, from int) (float64, bool) {
	first, ok := d.median(fmt.Sprintf("%s-%d", curve, from), ours, cpu)
	for _, r := range slices.Backward(rows) {
		if r.Kind == kindGrowth && r.Key == fmt.Sprintf("%s-%d", curve, r.X) {
			if last, found := d.median(r.Key, ours, cpu); found {
				return last / first, ok
			}
		}
	}
	return 0, false
}
