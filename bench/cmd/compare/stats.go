// SPDX-License-Identifier: MIT

package main

import "slices"

// series is a figure in all rounds.
type series []float64

// median returns the middle one, or the mean of the two in the middle; 0 of nothing.
func (s series) median() float64 {
	n := len(s)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// spread returns by how much of the median the lowest and the highest differ from it, at
// most.
func (s series) spread() float64 {
	m := s.median()
	if m == 0 {
		return 0
	}
	return max(slices.Max(s)-m, m-slices.Min(s)) / m
}

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

// values returns the figures of a row and a server.
func (d *data) values(key, peer string, value func(*result) float64) (list series) {
	for _, v := range d.of(key, peer, value) {
		list = append(list, v)
	}
	return list
}

// ratios returns the ratio of two servers in each round: what disturbs the machine for
// longer than one run disturbs both.
func (d *data) ratios(key, peer, base string, value func(*result) float64) (list series) {
	divisors := d.of(key, base, value)
	for round, v := range d.of(key, peer, value) {
		if b := divisors[round]; b > 0 {
			list = append(list, v/b)
		}
	}
	return list
}
