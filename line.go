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
	ready   []func() // to be called, in order
	running bool     // somebody calls them
}

// place is a broadcast that waits, or, with run, a function behind one.
type place struct{ run func() }

// maxLine limits the places in line.
const maxLine = 65_536

// take takes a place for a broadcast, or returns nil if the line is too long.
func (l *line) take() *place {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) >= maxLine {
		return nil
	}
	p := new(place)
	l.places = append(l.places, p)
	return p
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
			l.ready = append(l.ready, q.run)
		} else {
			waiting = append(waiting, q)
		}
	}
	l.ready = append(l.ready, f)
	rest := l.places[at+1:]
	for len(waiting) == 0 && len(rest) > 0 && rest[0].run != nil {
		l.ready = append(l.ready, rest[0].run)
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

// do calls f: at once, if nothing is in line, and else later.
func (l *line) do(f func()) {
	l.mu.Lock()
	switch {
	case len(l.places) >= maxLine, len(l.places) == 0 && !l.running:
		l.mu.Unlock()
		f()
		return
	case len(l.places) == 0:
		l.ready = append(l.ready, f) // whoever is calling functions finds it
	default:
		l.places = append(l.places, &place{f})
	}
	l.mu.Unlock()
}

// wait waits until what is in line now is gone, or ctx ends.
func (l *line) wait(ctx context.Context) error {
	done := make(chan struct{})
	l.do(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inLine calls f, behind what waits for the Bus.
func (ns *Namespace) inLine(f func()) {
	if ns != nil { // else it is of the zero Target
		if st := ns.stream(); st != nil {
			st.line.do(f)
			return
		}
	}
	f()
}
