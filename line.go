// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"slices"
	"sync"
)

// line keeps what must not overtake broadcasts behind those that wait for the Bus. The
// broadcasts themselves keep the order of the log, which is that in which the Bus tells of
// them. Functions are called one at a time, with nothing locked.
type line struct {
	// mu guards the fields below.
	mu      sync.Mutex
	places  []*place // of broadcasts that wait, with the functions behind them
	bytes   int      // of what places are for
	ready   []func() // to be called, in order
	running bool     // somebody calls them
}

// place is a broadcast that waits, or, with run, a function behind one.
type place struct {
	run  func()
	size int // bytes of a packet
}

// maxLine and maxLineBytes limit the places in line. One packet of any size may wait.
const (
	maxLine      = 65_536
	maxLineBytes = 64 << 20
)

// take takes a place for a broadcast, or returns nil if the line is too long.
func (l *line) take(size int) *place {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full(size) {
		return nil
	}
	p := &place{size: size}
	l.add(p)
	return p
}

// full reports whether the line is too long for a packet. mu is held.
func (l *line) full(size int) bool {
	return len(l.places) >= maxLine || size > 0 && l.bytes > 0 && l.bytes+size > maxLineBytes
}

// add adds a place. mu is held.
func (l *line) add(p *place) {
	l.places = append(l.places, p)
	l.bytes += p.size
}

// call has what waited at a place be called. mu is held.
func (l *line) call(p *place, f func()) {
	l.ready = append(l.ready, f)
	l.bytes -= p.size
}

// pass gives back a place and has f called, after the functions that are in front of it.
//
// Broadcasts in front that still wait are let wait. They were given to the Bus later than
// this one, although their places were taken before: by another goroutine, and at the same
// time. So the functions in front of this one are not behind them, whatever it looks like.
func (l *line) pass(p *place, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.places, p)
	waiting := l.places[:0]
	for _, q := range l.places[:at] {
		if q.run != nil {
			l.call(q, q.run)
		} else {
			waiting = append(waiting, q)
		}
	}
	l.call(p, f)
	rest := l.places[at+1:]
	for len(waiting) == 0 && len(rest) > 0 && rest[0].run != nil {
		l.call(rest[0], rest[0].run)
		rest = rest[1:]
	}
	if len(waiting) == 0 {
		clear(l.places[:len(l.places)-len(rest)])
		l.places = rest
	} else {
		l.places = slices.Delete(l.places, len(waiting), len(l.places)-len(rest))
	}
	l.drain()
}

// arrive has f called at once, but not while another function is. It is for broadcasts of
// others, which have their place in the log.
func (l *line) arrive(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = append(l.ready, f)
	l.drain()
}

// drain calls what is ready. mu is held, but not meanwhile.
func (l *line) drain() {
	if l.running {
		return
	}
	l.running = true
	for len(l.ready) > 0 {
		run := l.ready[0]
		l.ready[0] = nil
		l.ready = l.ready[1:]
		l.mu.Unlock()
		run()
		l.mu.Lock()
	}
	l.ready = nil
	l.running = false
}

// do calls f, which sends a packet of size bytes or none: at once, if nothing is in line or it is
// too long, and else later.
func (l *line) do(size int, f func()) {
	l.mu.Lock()
	switch {
	case l.full(size), len(l.places) == 0 && !l.running:
		l.mu.Unlock()
		f()
		return
	case len(l.places) == 0:
		l.ready = append(l.ready, f) // whoever is calling functions finds it
	default:
		l.add(&place{f, size})
	}
	l.mu.Unlock()
}

// wait waits until what is in line now is gone, or ctx ends.
func (l *line) wait(ctx context.Context) error {
	done := make(chan struct{})
	l.do(0, func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inLine calls f, which sends a packet of size bytes or none, behind what waits for the Bus.
func (ns *Namespace) inLine(size int, f func()) {
	if ns != nil { // else it is of the zero Target
		if st := ns.stream(); st != nil {
			st.line.do(size, f)
			return
		}
	}
	f()
}
