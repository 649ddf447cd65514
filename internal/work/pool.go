// SPDX-License-Identifier: MIT

package work

import (
	"sync"
	"time"
)

const (
	// poolIdle is the number of goroutines that a Pool keeps for later at most.
	poolIdle = 256
	// poolSweep is how long, and at most twice as long, a goroutine waits in vain.
	poolSweep = time.Second
)

// Pool runs functions on goroutines that it uses again for a while. A new goroutine has a
// small stack: to make it grow, copy by copy, costs more than most handlers do.
//
// The zero value is ready. All methods are safe for concurrent use.
type Pool struct {
	mu     sync.Mutex
	idle   []*spare // the last one that came is the first to go: its stack is in the cache
	unused int      // of idle, how many have been there since the last sweep
	timer  *time.Timer
	closed bool
}

// spare is a goroutine that waits for a function.
type spare struct{ next chan func() }

// Go runs f on a goroutine. It does not wait.
func (p *Pool) Go(f func()) {
	p.mu.Lock()
	n := len(p.idle)
	if n == 0 {
		p.mu.Unlock()
		go p.run(f)
		return
	}
	g := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	p.unused = min(p.unused, n-1)
	p.mu.Unlock()
	g.next <- f
}

func (p *Pool) run(f func()) {
	var pad [poolPad]byte
	p.loop(f, pad[:])
}

// poolPad keeps the stack of a goroutine that waits: the garbage collector halves those of
// which less than a quarter is in use, and the next function would have it grow again.
const poolPad = 2304

//go:noinline
func (p *Pool) loop(f func(), _ []byte) {
	f()
	g := &spare{make(chan func(), 1)}
	for p.park(g) {
		f, ok := <-g.next
		if !ok {
			return
		}
		f()
	}
}

// park keeps a goroutine for later. It reports false if there are enough.
func (p *Pool) park(g *spare) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= poolIdle {
		return false
	}
	p.idle = append(p.idle, g)
	if p.timer == nil {
		p.timer = time.AfterFunc(poolSweep, p.sweep)
	}
	return true
}

// sweep ends the goroutines that nobody has needed since the last one.
func (p *Pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked(p.unused)
	p.unused = len(p.idle)
	if p.unused > 0 {
		p.timer.Reset(poolSweep)
	} else {
		p.timer = nil
	}
}

func (p *Pool) endLocked(n int) {
	for _, g := range p.idle[:n] {
		close(g.next)
	}
	rest := copy(p.idle, p.idle[n:])
	clear(p.idle[rest:])
	p.idle = p.idle[:rest]
}

// Close ends the goroutines that wait. Functions that run are not waited for, and later
// ones have goroutines of their own.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.endLocked(len(p.idle))
	p.unused = 0
	if p.timer != nil {
		p.timer.Stop()
	}
}
