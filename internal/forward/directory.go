// SPDX-License-Identifier: MIT

package forward

import (
	"context"
	"net/url"
	"sync"
	"time"
)

const (
	maxPeers = 4096
	maxAsks  = 1024
	answerIn = 2 * time.Second // how long a server has to say where it is
	askAgain = 5 * time.Second // how long a server that did not is believed to be gone
)

// directory knows where the other servers are. Those that it does not know it asks for.
type directory struct {
	ask func(tag string)

	// mu guards the fields below.
	mu    sync.Mutex
	peers map[string]*peer
	asks  map[string]*question
}

type peer struct {
	base *url.URL
	used time.Time
}

// question is a tag that was asked for.
type question struct {
	answered chan struct{} // closed with the answer
	patience time.Time     // until when an answer is waited for
	again    time.Time     // from when on it may be asked again
}

// find returns where a server is, or nil if nobody says so in time.
func (d *directory) find(ctx context.Context, tag string) *url.URL {
	q, base := d.look(tag)
	if q == nil {
		return base
	}
	ctx, cancel := context.WithDeadline(ctx, q.patience)
	defer cancel()
	select {
	case <-q.answered:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.use(tag)
}

// look returns where a server is, or the question whose answer is to be waited for, or
// neither.
func (d *directory) look(tag string) (*question, *url.URL) {
	now := time.Now()
	d.mu.Lock()
	if base := d.use(tag); base != nil {
		d.mu.Unlock()
		return nil, base
	}
	if q := d.asks[tag]; q != nil && now.Before(q.again) {
		d.mu.Unlock()
		if !now.Before(q.patience) {
			return nil, nil
		}
		return q, nil
	}
	if len(d.asks) >= maxAsks {
		d.forget(now)
	}
	if len(d.asks) >= maxAsks {
		d.mu.Unlock()
		return nil, nil
	}
	q := &question{answered: make(chan struct{}), patience: now.Add(answerIn), again: now.Add(askAgain)}
	d.asks[tag] = q
	d.mu.Unlock()
	d.ask(tag)
	return q, nil
}

// forget drops the questions that may be asked again. mu is held.
func (d *directory) forget(now time.Time) {
	for tag, q := range d.asks {
		if !now.Before(q.again) {
			delete(d.asks, tag)
		}
	}
}

// use returns where a server is, or nil. mu is held.
func (d *directory) use(tag string) *url.URL {
	p := d.peers[tag]
	if p == nil {
		return nil
	}
	p.used = time.Now()
	return p.base
}

// learn notes where a server is.
func (d *directory) learn(tag string, base *url.URL) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.peers) >= maxPeers && d.peers[tag] == nil {
		d.evict()
	}
	d.peers[tag] = &peer{base: base, used: time.Now()}
	if q := d.asks[tag]; q != nil {
		delete(d.asks, tag)
		close(q.answered)
	}
}

// evict drops the server that was not needed for the longest time. mu is held.
func (d *directory) evict() {
	var oldest string
	for tag, p := range d.peers {
		if oldest == "" || p.used.Before(d.peers[oldest].used) {
			oldest = tag
		}
	}
	delete(d.peers, oldest)
}

// lost notes that a server cannot be reached where it was. It is not asked for before a while.
func (d *directory) lost(tag string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.peers[tag] == nil {
		return
	}
	delete(d.peers, tag)
	if len(d.asks) < maxAsks {
		d.asks[tag] = &question{answered: make(chan struct{}), again: time.Now().Add(askAgain)}
	}
}
