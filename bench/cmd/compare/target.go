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
	atLeast bool   // instead of at most
	unit    string // of ours and base; the limit is of the ratio unless base is nil
	ours    func(v *view) series
	base    func(v *view) (name string, of series) // what ours is divided by; nil: nothing
	ratios  func(v *view) series                   // nil: the ratio of the medians
	why     string                                 // it cannot be met here
}

// cells makes a line of the table.
func (t *target) cells(v *view) []string {
	mine := t.ours(v)
	if len(mine) == 0 {
		return []string{t.what, "–", "–", "–", "–", t.wanted, "not measured"}
	}
	own, beside, ratio, span := number(mine.median())+" "+t.unit, "–", "–", "–"
	measured := mine.median()
	if t.base != nil {
		name, other := t.base(v)
		if len(other) == 0 {
			return []string{t.what, own, "–", "–", "–", t.wanted, "not measured"}
		}
		list := series{mine.median() / other.median()}
		if t.ratios != nil {
			list = t.ratios(v)
		}
		measured = list.median()
		beside, ratio = number(other.median())+" "+t.unit+" "+name, fmt.Sprintf("%.2f", measured)
		if len(list) > 1 {
			span = fmt.Sprintf("%.2f – %.2f", slices.Min(list), slices.Max(list))
		}
	}
	return []string{t.what, own, beside, ratio, span, t.wanted, t.verdict(measured)}
}

func (t *target) verdict(measured float64) string {
	switch {
	case measured == t.limit, measured < t.limit != t.atLeast:
		return "met"
	case t.why != "":
		return "not met: " + t.why
	}
	return "**not met**"
}

// flat is how much a cost that should not grow may differ: what two runs of the same differ.
const flat = 1.25

// targets returns all of them for a machine.
func targets(m machine) []target {
	var list []target
	against := func(key, what, base string, limit float64, value func(*result) float64) {
		list = append(list, target{
			what: what, wanted: fmt.Sprintf("≤ %.2f × %s", limit, base), limit: limit, unit: "µs",
			ours:   func(v *view) series { return v.values(key, ours, value) },
			base:   func(v *view) (string, series) { return base, v.values(key, base, value) },
			ratios: func(v *view) series { return v.ratios(key, ours, base, value) },
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
	against(keyRate, "p99 at 5,000 acks/s", uws, 1, p99)

	both := target{
		what: "broadcast, 8 in flight, on two cores", wanted: "≥ 1.70 × on one", limit: 1.7, atLeast: true, unit: "per s",
		ours: func(v *view) series { return v.values(keyTwoCast, ours, perSecond) },
		base: func(v *view) (string, series) { return "on one", v.values(keyCast8, ours, perSecond) },
	}
	if m.Cores < 3 {
		both.why = "the generator shares the two cores"
	}
	memory := func(key, what string, limit float64) target {
		return target{
			what: what, wanted: fmt.Sprintf("≤ %.0f KiB", limit), limit: limit, unit: "KiB",
			ours: func(v *view) series { return v.values(key, ours, rss) },
		}
	}
	list = append(list, both,
		memory(keyIdle, "idle memory, joined to a namespace, TCP", 4),
		memory(keyIdleTLS, "idle memory, joined to a namespace, TLS", 8))

	return append(list,
		growing("grow-idle", "echo, with most idle connections", 0),
		growing("grow-rooms", "rooms of 10, with most other rooms", 0),
		growing("grow-namespaces", "echo, with most namespaces", 1),
		growing("grow-recipients", "delivery of a broadcast to most recipients", 100))
}

// growing is the target that the last point of a curve is not above the one at from.
func growing(curve, what string, from int) target {
	return target{
		what: what, wanted: fmt.Sprintf("does not grow (≤ %.2f ×)", flat), limit: flat, unit: "µs",
		ours: func(v *view) series {
			for _, r := range slices.Backward(v.rows) {
				if r.Kind == kindGrowth && r.Title == curve {
					return v.values(r.Key, ours, cpu)
				}
			}
			return nil
		},
		base: func(v *view) (string, series) {
			return "with " + thousands(from), v.values(fmt.Sprintf("%s-%d", curve, from), ours, cpu)
		},
	}
}
