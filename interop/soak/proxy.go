// SPDX-License-Identifier: MIT

package soak

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy passes connections on to servers, and does to some of them what networks do.
type proxy struct {
	listener net.Listener
	addrs    func() []string
	part     atomic.Int64 // of the connections that get a fault, of 1,000
	tasks    sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	seen  map[string]int
	ended bool
}

func newProxy(addrs func() []string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // for as long as the run takes
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, addrs: addrs, conns: make(map[net.Conn]struct{}), seen: make(map[string]int)}
	p.tasks.Go(p.accept)
	return p, nil
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

// faults says which part of the connections gets a fault from now on. 0 ends those that have
// one, too.
func (p *proxy) faults(part float64) {
	p.part.Store(int64(part * 1000))
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.tasks.Wait()
}

func (p *proxy) counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := make(map[string]int, len(p.seen))
	for name, n := range p.seen {
		counts[name] = n
	}
	return counts
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.tasks.Go(func() { p.pass(c.(*net.TCPConn)) })
	}
}

// keep notes a connection until it is dropped.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
	return !p.ended
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	_ = c.Close()
}

// pass passes a connection on.
func (p *proxy) pass(client *net.TCPConn) {
	defer p.drop(client)
	addrs := p.addrs()
	if !p.keep(client) || len(addrs) == 0 {
		return
	}
	c, err := net.DialTimeout("tcp", addrs[rand.IntN(len(addrs))], time.Second) //nolint:gosec,noctx // not a secret; limited
	if err != nil {
		return
	}
	server := c.(*net.TCPConn)
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	f := p.fault()
	defer f.begin(client, server)()
	var ways sync.WaitGroup
	ways.Go(func() { f.copy(server, client) })
	ways.Go(func() { f.copy(client, server) })
	ways.Wait()
}

// fault is what is done to a connection.
type fault struct {
	kind  string
	after time.Duration // when it begins
	lasts time.Duration
	start time.Time
	proxy *proxy
}

// The faults.
const (
	faultNone  = "no fault"
	faultCut   = "closed"
	faultReset = "reset"
	faultHalf  = "closed in one direction"
	faultStall = "stalled"
	faultDelay = "delayed"
	faultSplit = "split"
)

var kinds = []string{faultCut, faultReset, faultHalf, faultStall, faultDelay, faultSplit}

// fault chooses one.
func (p *proxy) fault() *fault {
	f := &fault{kind: faultNone, proxy: p, start: time.Now()}
	if rand.Int64N(1000) < p.part.Load() { //nolint:gosec // not a secret
		f.kind = kinds[rand.IntN(len(kinds))] //nolint:gosec // not a secret
		f.after = time.Duration(rand.ExpFloat64() * float64(8*time.Second))
		f.lasts = rand.N(15 * time.Second) //nolint:gosec // not a secret
	}
	p.mu.Lock()
	p.seen[f.kind]++
	p.mu.Unlock()
	return f
}

// begin arms what ends the connection. The caller calls stop.
func (f *fault) begin(client, server *net.TCPConn) (stop func() bool) {
	var do func()
	switch f.kind {
	case faultCut:
		do = func() { _, _ = client.Close(), server.Close() }
	case faultReset:
		do = func() {
			_, _ = client.SetLinger(0), server.SetLinger(0)
			_, _ = client.Close(), server.Close()
		}
	case faultHalf:
		do = func() { _ = client.CloseWrite() }
		if f.lasts%2 == 0 {
			do = func() { _ = server.CloseWrite() }
		}
	default:
		return func() bool { return false }
	}
	return time.AfterFunc(f.after, func() {
		if f.proxy.part.Load() > 0 {
			do()
		}
	}).Stop
}

// acts reports whether the fault has begun, and has not passed.
func (f *fault) acts() bool {
	age := time.Since(f.start)
	return age > f.after && age < f.after+f.lasts && f.proxy.part.Load() > 0
}

// copy passes one direction on.
func (f *fault) copy(to, from *net.TCPConn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		data := buf[:n]
		for f.kind == faultStall && f.acts() {
			time.Sleep(50 * time.Millisecond)
		}
		if f.kind == faultDelay && f.acts() {
			time.Sleep(rand.N(100 * time.Millisecond)) //nolint:gosec // not a secret
		}
		for f.kind == faultSplit && f.acts() && len(data) > 0 {
			k := min(len(data), 1+rand.IntN(7)) //nolint:gosec // not a secret
			if _, err := to.Write(data[:k]); err != nil {
				break
			}
			data = data[k:]
		}
		if _, werr := to.Write(data); werr != nil {
			_ = from.Close()
			return
		}
		if err == io.EOF { //nolint:errorlint // as io.Reader says
			_ = to.CloseWrite()
			return
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}
