// SPDX-License-Identifier: MIT

package main

import "slices"

// of returns the values of a row and a server by round.
func (d *data) of(key, peer string, value func(*result) float64) map[int]float64 {
	values := map[int]float64{}
	for i := range d.Samples {
		if s := &d.Samples[i]; s.Row == key && s.Peer == peer {
			values[s.Round] = value(&s.Result)
		}
	}
	return values
}

// median returns the median of all rounds.
func (d *data) median(key, peer string, value func(*result) float64) (float64, bool) {
	var all []float64
	for _, v := range d.of(key, peer, value) {
		all = append(all, v)
	}
	return median(all)
}

// ratio returns the median of the ratios of two servers in each round: what disturbs the
// machine for longer than one run disturbs both.
func (d *data) ratio(key, peer, base string, value func(*result) float64) (float64, bool) {
	divisors := d.of(key, base, value)
	var all []float64
	for round, v := range d.of(key, peer, value) {
		if b := divisors[round]; b > 0 {
			all = append(all, v/b)
		}
	}
	return median(all)
}

// median returns the middle one, or the mean of the two in the middle.
func median(values []float64) (float64, bool) {
	n := len(values)
	if n == 0 {
		return 0, false
	}
	slices.Sort(values)
	return (values[(n-1)/2] + values[n/2]) / 2, true
}
