// SPDX-License-Identifier: MIT

package load

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// runConnect opens connections, InFlight at a time, and closes each once it has joined the
// namespace.
func runConnect(ctx context.Context, cfg *Config, d *dialer, server processes) (*Result, error) {
	var mu sync.Mutex // guards the meter
	m := newMeter(cfg, server)
	if err := d.once(ctx, Connect); err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", d.addr, err)
	}
	end := time.Now().Add(cfg.Warmup + cfg.Duration)
	begin := time.AfterFunc(cfg.Warmup, func() {
		mu.Lock()
		defer mu.Unlock()
		m.begin()
		cfg.Progress(cfg.Scenario + ": measuring")
	})
	defer begin.Stop()
	var group sync.WaitGroup
	for range cfg.InFlight {
		group.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) {
				start := time.Now()
				err := d.once(ctx, cfg.Scenario)
				took := time.Since(start)
				mu.Lock()
				switch {
				case err == nil:
					m.done(took)
				case ctx.Err() == nil:
					m.failed(err)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	mu.Lock()
	defer mu.Unlock()
	return m.result(), nil
}

// once opens a connection and closes it.
func (d *dialer) once(ctx context.Context, scenario string) error {
	var conn *net.TCPConn
	var err error
	if scenario == Connect {
		conn, _, err = d.open(ctx)
	} else {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
		defer client.CloseIdleConnections()
		conn, err = d.upgrade(ctx, client)
	}
	if err != nil {
		return err
	}
	_ = conn.SetLinger(0) // or ports run out
	return conn.Close()
}

// settle is how long a server gets to come to rest.
const settle = 2 * time.Second

// runIdle opens connections and looks at the memory of the server.
func runIdle(ctx context.Context, cfg *Config, d *dialer, server processes) (*Result, error) {
	m := newMeter(cfg, server)
	before, _ := server.usage()
	m.begin()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	start := time.Now()
	err := d.openAll(ctx, cfg.Connections, func(conn *net.TCPConn, _ []byte) {
		conns = append(conns, conn)
		m.done(time.Since(start))
		start = time.Now()
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
	}
	r := m.result()
	if len(server) > 0 {
		r.RSSPerConnection = float64(r.RSSKiB-before.rss>>10) / float64(cfg.Connections)
	}
	r.Latency = Latency{}
	return r, nil
}
