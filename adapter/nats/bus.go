// SPDX-License-Identifier: MIT

package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sio-go/sio/adapter"
)

// Bus is a server's part in a cluster by way of NATS. It is made with NewBus or Open.
type Bus struct {
	conn   *nats.Conn
	cfg    Config
	err    error // why nothing can be joined
	own    bool  // the connection is ours to close
	after  func()
	js     jetstream.JetStream // nil without a log
	router router
	out    outbox

	// payload is the limit of the NATS server; 0: it is not known. The connection is not
	// asked when something is published, as it is locked while it waits for the network.
	payload atomic.Int64

	ctx    context.Context //nolint:containedctx // the life of the goroutines
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	kick   chan struct{} // has watch look at what has changed
	making chan struct{} // taken by who looks for the streams
	// reading has a place for each client that reads what it has missed: each is a consumer
	// of the server.
	reading chan struct{}

	// mu guards the fields below.
	mu      sync.Mutex
	closed  bool
	links   []*link
	streams *streams // see store
}

// maxReading is how many clients read what they have missed at a time.
const maxReading = 16

// NewBus returns a Bus on a connection, which stays the caller's: close it after the server.
// Its options say how it reconnects; nats.MaxReconnects(-1) is what a server needs. It need not
// be connected yet (nats.RetryOnFailedConnect). Buses may share a connection, with each
// other and with the rest of the program. With a wrong Prefix, Join fails.
func NewBus(conn *nats.Conn, cfg *Config) *Bus {
	b := &Bus{conn: conn, cfg: cfg.with(), kick: make(chan struct{}, 1), making: make(chan struct{}, 1), reading: make(chan struct{}, maxReading)}
	b.err = checkPrefix(b.cfg.Prefix)
	if b.cfg.Log != nil && b.err == nil {
		b.js, b.err = jetstream.New(conn)
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.out.init(b.cfg.MaxQueue, b.cfg.MaxQueueBytes)
	b.tasks.Go(b.send)
	b.tasks.Go(b.watch)
	return b
}

// Join implements adapter.Bus. The Link is an adapter.Log with Config.Log, and else an
// adapter.Router.
func (b *Bus) Join(p adapter.Peer) (adapter.Link, error) {
	if b.err != nil {
		return nil, b.err
	}
	k := newLink(b, p)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, adapter.ErrClosed
	}
	b.links = append(b.links, k)
	b.tasks.Go(k.pump)
	if b.js != nil {
		b.tasks.Go(k.follow)
	}
	b.mu.Unlock()
	b.out.control(k.subscribe)
	if b.js != nil {
		return adapter.Combine(k, nil, nil, keeper{k}), nil
	}
	return adapter.Combine(k, nil, k, nil), nil
}

// Close implements adapter.Bus. The connection stays open unless the Bus was made by Open. A
// network that takes nothing holds it up for as long as the connection's FlusherTimeout.
func (b *Bus) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		b.tasks.Wait()
		return nil
	}
	links := slices.Clone(b.links)
	b.mu.Unlock()
	for _, k := range links {
		_ = k.Leave()
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	deadline := time.Now().Add(closeWait)
	rest := b.out.close(closeWait)
	b.lose(rest, adapter.ErrClosed)
	var err error
	if left := time.Until(deadline); left > 0 && b.conn.IsConnected() {
		err = b.conn.FlushTimeout(left)
	}
	b.cancel()
	if b.own {
		b.conn.Close()
	}
	b.tasks.Wait()
	for _, j := range rest { // subscriptions on a connection of others must end
		if j.do != nil {
			j.do()
		}
	}
	if b.after != nil {
		b.after()
	}
	return err
}

// forget drops a link that has left.
func (b *Bus) forget(k *link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.links = slices.DeleteFunc(b.links, func(other *link) bool { return other == k })
}

func (b *Bus) all() []*link {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.links)
}

// wake has watch look at what has changed.
func (b *Bus) wake() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// send sends what is queued.
func (b *Bus) send() {
	for {
		j, ok := b.out.next()
		if !ok {
			return
		}
		if j.do != nil {
			j.do()
			continue
		}
		if err := b.conn.PublishMsg(j.msg); err != nil {
			b.lose([]job{j}, err)
		}
	}
}

// lose reports what was accepted and not sent.
func (b *Bus) lose(list []job, err error) {
	count := make(map[*link]int)
	for _, j := range list {
		if j.msg != nil {
			count[j.link]++
		}
	}
	for k, n := range count {
		k.fail(&adapter.LostError{Count: n, Err: fmt.Errorf("nats: %w", err)})
	}
}

// watch looks after the connection: it tells when subscriptions are complete and when
// they are lost, and finds out if the server does not answer.
func (b *Bus) watch() {
	events := b.conn.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	defer b.conn.RemoveStatusListener(events)
	probe := b.cfg.Probe
	if probe < 0 {
		probe = time.Minute // no more than to look
	}
	tick := time.NewTicker(probe)
	defer tick.Stop()
	sweep := time.NewTicker(time.Second)
	defer sweep.Stop()
	w := watcher{Bus: b, probe: probe}
	for {
		due := false
		select {
		case <-b.ctx.Done():
			return
		case _, ok := <-events:
			if !ok {
				events = nil
			}
		case <-b.kick:
		case <-sweep.C:
			for _, k := range b.all() {
				k.sweep()
			}
		case <-tick.C:
			due = true
		}
		w.look(due)
	}
}

// watcher is what watch knows.
type watcher struct {
	*Bus
	probe    time.Duration
	down     error // that was reported, while there is no connection
	reported error // the last error of the connection that was reported
}

// look checks the connection, by a round trip if it is due or if somebody waits for it.
func (w *watcher) look(due bool) {
	links := w.all()
	if !w.conn.IsConnected() {
		if err := w.cause(); !same(err, w.down) {
			w.down = err
			w.fail(links, err)
		}
		return
	}
	w.down = nil
	w.payload.Store(w.conn.MaxPayload())
	turn := w.conn.Stats().Reconnects + 1
	waiting := slices.ContainsFunc(links, func(k *link) bool { return k.waits(turn) })
	if !waiting && (!due || w.cfg.Probe < 0) {
		return
	}
	if err := w.conn.FlushTimeout(w.probe); err != nil {
		if w.ctx.Err() == nil && errors.Is(err, nats.ErrTimeout) {
			w.fail(links, fmt.Errorf("nats: no answer in %v: %w", w.probe, err))
			_ = w.conn.ForceReconnect()
		}
		return
	}
	err := w.conn.LastError()
	if err != nil && errors.Is(err, nats.ErrPermissionViolation) && (!same(err, w.reported) || waiting) {
		w.reported = err
		w.fail(links, fmt.Errorf("nats: %w", err))
		if strings.Contains(strings.ToLower(err.Error()), `subscription to "`+strings.ToLower(w.cfg.Prefix)+".") {
			return // the server refuses what we need
		}
	}
	if w.conn.Stats().Reconnects+1 != turn {
		w.wake()
		return
	}
	for _, k := range links {
		k.up(turn)
	}
}

func same(a, b error) bool { return b != nil && a.Error() == b.Error() }

// cause is why there is no connection.
func (w *watcher) cause() error {
	if err := w.conn.LastError(); err != nil {
		return fmt.Errorf("nats: not connected: %w", err)
	}
	return fmt.Errorf("nats: not connected to %d servers", len(w.conn.Servers()))
}

func (w *watcher) fail(links []*link, err error) {
	for _, k := range links {
		k.fail(err)
	}
}
