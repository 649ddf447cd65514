// SPDX-License-Identifier: MIT

package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what was measured.
type Result struct {
	Scenario    string  `json:"scenario"`
	Connections int     `json:"connections"`
	Payload     int     `json:"payload"`
	InFlight    int     `json:"inFlight"`
	Rate        int     `json:"rate,omitzero"`
	Idle        int     `json:"idle,omitzero"`
	Seconds     float64 `json:"seconds"`
	Operations  int64   `json:"operations"`
	PerSecond   float64 `json:"perSecond"`
	Errors      int64   `json:"errors"`
	FirstError  string  `json:"firstError,omitzero"`

	// Of the server's process; 0 if it is not known.
	CPUMicros        float64 `json:"cpuMicros,omitzero"`        // CPU time of one operation, user and system
	CPUShare         float64 `json:"cpuShare,omitzero"`         // CPU time of a second: 1 is one whole core
	RSSKiB           int64   `json:"rssKiB,omitzero"`           // at the end
	RSSPerConnection float64 `json:"rssPerConnection,omitzero"` // of Idle: KiB that each connection has added

	// Latency of one operation, in microseconds. Broadcast and Rooms: of one delivery. Rate:
	// from the moment at which the operation was due.
	Latency Latency `json:"latency,omitzero"`
}

// Latency is the distribution of a time, in microseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// meter collects what is measured. It is not safe for concurrent use.
type meter struct {
	cfg        *Config
	server     processes
	histogram  *hdrhistogram.Histogram
	begun      time.Time // of the measurement
	before     usage
	operations int64
	errors     int64
	first      error
}

// longest is the greatest latency that is told from others.
const longest = time.Minute

func newMeter(cfg *Config, server processes) *meter {
	return &meter{cfg: cfg, server: server, histogram: hdrhistogram.New(1, int64(longest), 3)}
}

// begin begins the measurement.
func (m *meter) begin() {
	m.histogram.Reset()
	m.operations = 0
	m.begun = time.Now()
	m.before, _ = m.server.usage()
}

// done counts an operation.
func (m *meter) done(took time.Duration) {
	m.operations++
	_ = m.histogram.RecordValue(int64(min(max(took, 1), longest)))
}

// failed counts an error.
func (m *meter) failed(err error) {
	m.errors++
	if m.first == nil {
		m.first = err
	}
}

// result ends the measurement.
func (m *meter) result() *Result {
	after, _ := m.server.usage()
	r := &Result{
		Scenario: m.cfg.Scenario, Connections: m.cfg.Connections, Payload: m.cfg.Payload, InFlight: m.cfg.InFlight,
		Idle: m.cfg.Idle, Operations: m.operations, Errors: m.errors, RSSKiB: after.rss >> 10,
	}
	if m.cfg.Scenario == Rate {
		r.Rate = m.cfg.Rate
	}
	if m.first != nil {
		r.FirstError = m.first.Error()
	}
	if m.begun.IsZero() {
		return r // it was ended before
	}
	r.Seconds = time.Since(m.begun).Seconds()
	r.PerSecond = float64(m.operations) / r.Seconds
	if cpu := after.cpu - m.before.cpu; len(m.server) > 0 {
		r.CPUShare = cpu.Seconds() / r.Seconds
		if m.operations > 0 {
			r.CPUMicros = float64(cpu.Nanoseconds()) / 1000 / float64(m.operations)
		}
	}
	if m.histogram.TotalCount() > 0 {
		at := func(q float64) float64 { return float64(m.histogram.ValueAtQuantile(q)) / 1000 }
		r.Latency = Latency{at(50), at(90), at(99), at(99.9), float64(m.histogram.Max()) / 1000}
	}
	return r
}
