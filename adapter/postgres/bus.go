// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sio-go/sio/adapter"
)

// Bus is an adapter.Bus on PostgreSQL. One connection of its own listens for all namespaces, one
// of the pool's at a time sends, and another one reads attachments or the log.
type Bus struct {
	cfg  Config
	pool *pgxpool.Pool
	own  bool // the pool is closed too
	sql  statements
	out  outbox
	in   chan item // of the listener, for the dispatcher

	ctx     context.Context //nolint:containedctx // of the goroutines
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	settle  chan struct{} // entries of the log have failed
	changed chan struct{} // channels have changed
	again   chan struct{} // the listener is to connect again
	turn    atomic.Uint64 // number of the connection of the listener
	once    sync.Once

	mu     sync.Mutex
	links  map[string]map[*link]struct{} // by channel
	closed bool
}

// NewBus returns a Bus. The pool must be that of a user who may connect, and read and write the
// tables; it is not closed with the Bus. The connection that listens is made with the
// pool's settings, besides it. NewBus does not wait for PostgreSQL. The error says that the settings are wrong.
func NewBus(pool *pgxpool.Pool, cfg *Config) (*Bus, error) {
	c, err := cfg.with()
	if err != nil {
		return nil, err
	}
	b := &Bus{
		cfg: c, pool: pool, sql: c.statements(), in: make(chan item, inLimit),
		settle: make(chan struct{}, 1), changed: make(chan struct{}, 1), again: make(chan struct{}, 1),
		links: make(map[string]map[*link]struct{}),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.out.init(&c)
	b.tasks.Go(b.send)
	b.tasks.Go(b.listen)
	b.tasks.Go(b.dispatch)
	b.tasks.Go(b.clean)
	return b, nil
}

// Join implements adapter.Bus. Namespaces with NUL or malformed UTF-8 cannot be joined.
func (b *Bus) Join(p adapter.Peer) (adapter.Link, error) {
	if !text(p.Namespace) {
		return nil, fmt.Errorf("postgres: no channel can be named after the namespace %q", p.Namespace)
	}
	k := &link{bus: b, peer: p, channel: channel(b.cfg.Prefix, p.Namespace)}
	k.pending.link = k
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, adapter.ErrClosed
	}
	if b.links[k.channel] == nil {
		b.links[k.channel] = make(map[*link]struct{})
	}
	b.links[k.channel][k] = struct{}{}
	notify(b.changed)
	if b.cfg.Log != nil {
		return adapter.Combine(k, nil, nil, keeper{k}), nil
	}
	return k, nil
}

// Close implements adapter.Bus.
func (b *Bus) Close() error {
	b.once.Do(func() {
		b.mu.Lock()
		b.closed = true
		var all []*link
		for _, set := range b.links {
			for k := range set {
				all = append(all, k)
			}
		}
		b.mu.Unlock()
		b.out.close(closeWait, b.cancel)
		for _, k := range all {
			_ = k.Leave()
		}
		b.cancel()
		b.tasks.Wait()
		if b.own {
			b.pool.Close()
		}
	})
	return nil
}

// channels returns the channels that are to be listened to.
func (b *Bus) channels() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string]bool, len(b.links))
	for name := range b.links {
		all[name] = true
	}
	return all
}

// on returns the links of a channel.
func (b *Bus) on(channel string) []*link {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*link, 0, len(b.links[channel]))
	for k := range b.links[channel] {
		list = append(list, k)
	}
	return list
}

// all returns all links.
func (b *Bus) all() []*link {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*link
	for _, set := range b.links {
		for k := range set {
			list = append(list, k)
		}
	}
	return list
}

// fail tells all links.
func (b *Bus) fail(err error) {
	if b.ctx.Err() != nil {
		return
	}
	for _, k := range b.all() {
		k.fail(err)
	}
}

// link is a namespace that was joined.
type link struct {
	bus     *Bus
	peer    adapter.Peer
	channel string
	left    atomic.Bool
	up      uint64 // connection of the listener that Up was called for; the dispatcher's
	pending pending
}

// Publish implements adapter.Link.
func (k *link) Publish(m *adapter.Message) error {
	if k.left.Load() {
		return adapter.ErrClosed
	}
	p, err := k.bus.cfg.pack(m, 0)
	if err != nil {
		return err
	}
	return k.bus.out.push(job{link: k, packed: p})
}

// Reply implements adapter.Link: everybody gets the answer (A6.9).
func (k *link) Reply(_ string, m *adapter.Message) error { return k.Publish(m) }

// Leave implements adapter.Link.
func (k *link) Leave() error {
	if k.left.Swap(true) {
		return nil
	}
	b := k.bus
	b.mu.Lock()
	delete(b.links[k.channel], k)
	if len(b.links[k.channel]) == 0 {
		delete(b.links, k.channel)
	}
	b.mu.Unlock()
	notify(b.changed)
	k.pending.end(adapter.ErrClosed)
	return nil
}

func (k *link) fail(err error) {
	if !k.left.Load() {
		k.peer.Receiver.Fail(err)
	}
}

func (k *link) malformed(err error) {
	k.fail(&adapter.MalformedError{Channel: k.channel, Err: err})
}

// notify wakes who waits at a channel of length 1.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pause waits. It returns false if ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var errLate = errors.New("postgres: not sent before the end")
