// SPDX-License-Identifier: MIT

// Package soak keeps a cluster busy for a time, disturbs it, and looks at whether it keeps its
// promises: nothing that was acknowledged is lost, nothing comes twice, the order of each
// socket holds, whoever recovers gets all that it has missed, and nothing is left behind.
//
// The servers are processes of their own, connected by NATS with a log. Some are restarted
// again and again, politely or not. Between them and the clients, of this module and
// JavaScript ones, is a Proxy that cuts, stalls, delays and splits.
package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Config says how much, and for how long. The zero value of a field means no such thing,
// where nothing else is said.
type Config struct {
	Duration time.Duration // of the traffic
	Servers  int           // two or more; the first one is never restarted
	Clients  int           // Go clients
	Node     int           // JavaScript clients
	Script   string        // the path of soak.mjs
	Faults   float64       // the part of the connections that get a fault
	Restart  time.Duration // between two restarts
	Pause    time.Duration // of a client between two things that it does, on average
	Away     time.Duration // how long clients may be away: Recovery.MaxDisconnection
	Env      []string      // for the processes: what makes this program call Main
	Log      func(format string, args ...any)
}

// run is a run.
type run struct {
	Config
	book    *book
	proxy   *proxy
	nats    *process
	servers []*process
	mu      sync.Mutex // guards servers
}

// Run does it all. The error says that it could not be done; what went wrong on the way is in
// the Report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	r := &run{Config: cfg, book: newBook(cfg.Log), servers: make([]*process, cfg.Servers)}
	started := time.Now()
	defer r.stop()
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	report := &Report{Config: cfg, Started: started.UTC()}
	if err := r.warm(ctx, report); err != nil {
		return nil, err
	}
	r.disturbed(ctx)
	if err := r.compare(ctx, report); err != nil {
		return nil, err
	}
	report.Took = time.Since(started)
	report.fill(r.book, r.proxy)
	return report, ctx.Err()
}

// start starts NATS, the servers and the proxy.
func (r *run) start(ctx context.Context) (err error) {
	if r.nats, err = r.spawn(ctx, role{Role: roleNATS}); err != nil {
		return err
	}
	for i := range r.servers {
		if r.servers[i], err = r.spawn(ctx, r.server("127.0.0.1:0")); err != nil {
			return err
		}
	}
	r.proxy, err = newProxy(r.addrs)
	return err
}

func (r *run) server(addr string) role {
	return role{Role: roleServer, Addr: addr, NATS: r.nats.addr, Away: r.Away}
}

// addrs are the servers that are there.
func (r *run) addrs() (addrs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.servers {
		if p != nil {
			addrs = append(addrs, p.addr)
		}
	}
	return addrs
}

// stop ends what is left.
func (r *run) stop() {
	if r.proxy != nil {
		r.proxy.close()
	}
	for _, p := range append(r.servers, r.nats) {
		if p != nil {
			p.kill()
		}
	}
}

// warm lets everybody come and go once, so that what is made once does not count, and
// measures.
func (r *run) warm(ctx context.Context, report *Report) error {
	calm := r.Config
	calm.Duration = min(r.Duration/10, 20*time.Second)
	r.traffic(ctx, calm)
	return r.measure(ctx, &report.Before)
}

// disturbed is what all is about.
func (r *run) disturbed(ctx context.Context) {
	r.Log("traffic for %v", r.Duration)
	r.book.counting.Store(true)
	r.proxy.faults(r.Faults)
	limited, cancel := context.WithTimeout(ctx, r.Duration)
	defer cancel()
	var tasks sync.WaitGroup
	tasks.Go(func() { r.restart(limited) })
	r.traffic(ctx, r.Config)
	tasks.Wait()
}

// traffic runs the clients. In the end nothing is disturbed, and each must find a server.
func (r *run) traffic(ctx context.Context, cfg Config) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	var clients sync.WaitGroup
	clients.Go(func() { r.node(ctx, cfg) })
	for i := range cfg.Clients {
		clients.Go(func() { newMember(r, i).live(ctx) })
	}
	<-ctx.Done()
	r.proxy.faults(0)
	r.Log("the traffic ends")
	clients.Wait()
}

// restart restarts one server after the other, but not the first one, until ctx ends.
func (r *run) restart(ctx context.Context) {
	if r.Restart <= 0 || len(r.servers) < 2 {
		return
	}
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.Restart/2 + rand.N(r.Restart)):
		}
		i := 1 + n%(len(r.servers)-1)
		r.mu.Lock()
		p := r.servers[i]
		r.servers[i] = nil // no new connections
		r.mu.Unlock()
		if n/(len(r.servers)-1)%2 == 0 {
			r.book.count("servers stopped by a signal", 1)
			p.end()
		} else {
			r.book.count("servers killed", 1)
			p.kill()
		}
		next, err := r.spawn(context.WithoutCancel(ctx), r.server(p.addr))
		if err != nil {
			r.book.violate("a server does not start again: %v", err)
			return
		}
		r.mu.Lock()
		r.servers[i] = next
		r.mu.Unlock()
	}
}

// Usage is what the first server, and the process of the clients, need while nobody is there.
type Usage struct {
	Server, Clients Memory
}

// Memory is that of a process.
type Memory struct {
	Goroutines int
	Heap       uint64 // in bytes, after a collection
	Sessions   int    // of a server
}

var errSessions = errors.New("sessions are left")

// measure waits until no session is left, and nothing is kept for those who may return.
func (r *run) measure(ctx context.Context, u *Usage) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2*r.Away + time.Second):
	}
	var stats Stats
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var err error
		if stats, err = r.servers[0].stats(ctx); err != nil {
			return fmt.Errorf("the first server: %w", err)
		}
		if stats.Sessions == 0 && time.Now().After(end.Add(-59*time.Second)) {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w: %d", errSessions, stats.Sessions)
		}
	}
	u.Server, u.Clients = stats.Memory, memory()
	return nil
}

// compare measures again.
func (r *run) compare(ctx context.Context, report *Report) error {
	if err := r.measure(ctx, &report.After); err != nil {
		return err
	}
	check := func(what string, before, after Memory) {
		if after.Goroutines > before.Goroutines+goroutines {
			r.book.violate("%s: %d goroutines, and %d in the end", what, before.Goroutines, after.Goroutines)
		}
		if after.Heap > before.Heap+before.Heap/2+heap {
			r.book.violate("%s: a heap of %d bytes, and %d in the end", what, before.Heap, after.Heap)
		}
	}
	check("server", report.Before.Server, report.After.Server)
	check("clients", report.Before.Clients, report.After.Clients)
	for i, p := range r.servers {
		if _, err := p.stats(ctx); err != nil {
			r.book.violate("server %d does not answer in the end: %v", i, err)
		}
		p.end()
	}
	return nil
}

// What may be left: pools, idle workers, and what the runtime does.
const (
	goroutines = 20
	heap       = 8 << 20
)

func memory() Memory {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Memory{Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc}
}
