// SPDX-License-Identifier: MIT

package adapter

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Stats say what a server has told other servers, and heard of them, since it was made.
type Stats struct {
	Published uint64 // messages that the bus has taken, answers included
	Received  uint64 // messages of others
	Lost      uint64 // messages that were to be sent and were not
	Malformed uint64 // what came and is no message
	Ignored   uint64 // messages that cannot be obeyed: answers that come too late, events that no server may send
	Failures  uint64 // troubles with the backend
}

// Monitor counts, and writes to the log what goes wrong: of each kind a line in 10 s at
// most. The Nodes of a server share one. All methods are safe for concurrent use.
type Monitor struct {
	log                                                     *slog.Logger
	published, received, lost, malformed, ignored, failures atomic.Uint64
	mu                                                      sync.Mutex
	quiet                                                   map[string]*quiet // by kind; of a fixed set
}

// quiet is when a kind was last logged.
type quiet struct {
	last    time.Time
	skipped int
}

// logEvery is the time between two lines of a kind.
const logEvery = 10 * time.Second

// NewMonitor returns a Monitor. Without a logger it only counts.
func NewMonitor(log *slog.Logger) *Monitor {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Monitor{log: log, quiet: make(map[string]*quiet)}
}

// Stats returns the counts of this moment.
func (m *Monitor) Stats() Stats {
	return Stats{
		Published: m.published.Load(), Received: m.received.Load(), Lost: m.lost.Load(),
		Malformed: m.malformed.Load(), Ignored: m.ignored.Load(), Failures: m.failures.Load(),
	}
}

// Ignore counts a message that cannot be obeyed.
func (m *Monitor) Ignore(msg *Message, err error) {
	m.ignored.Add(1)
	m.warn("cluster: message ignored", "nsp", msg.Namespace, "type", msg.Type.String(), "err", err)
}

// Fail counts an error of a bus: see Receiver.Fail.
func (m *Monitor) Fail(nsp string, err error) {
	lost, isLost := errors.AsType[*LostError](err)
	bad, isBad := errors.AsType[*MalformedError](err)
	switch {
	case isLost:
		m.lost.Add(uint64(max(lost.Count, 0)))
		m.warn("cluster: messages lost", "nsp", nsp, "err", err)
	case isBad:
		m.malformed.Add(1)
		m.warn("cluster: malformed message", "nsp", nsp, "channel", bad.Channel, "err", bad.Err)
	default:
		m.failures.Add(1)
		m.warn("cluster: trouble with the backend", "nsp", nsp, "err", err)
	}
}

// Refuse tells that a client could not return, because of the bus.
func (m *Monitor) Refuse(nsp string, err error) {
	m.warn("cluster: session not restored", "nsp", nsp, "err", err)
}

// Lose counts a message that was not sent, or not kept.
func (m *Monitor) Lose(msg *Message, err error) {
	m.lost.Add(1)
	m.warn("cluster: message not sent", "nsp", msg.Namespace, "type", msg.Type.String(), "err", err)
}

// warn logs with a limit. The kinds are the texts.
func (m *Monitor) warn(text string, args ...any) {
	now := time.Now()
	m.mu.Lock()
	q := m.quiet[text]
	if q == nil {
		q = new(quiet)
		m.quiet[text] = q
	}
	if !q.last.IsZero() && now.Sub(q.last) < logEvery {
		q.skipped++
		m.mu.Unlock()
		return
	}
	skipped := q.skipped
	q.last, q.skipped = now, 0
	m.mu.Unlock()
	if skipped > 0 {
		args = append(args, "skipped", skipped)
	}
	m.log.Warn(text, args...)
}
