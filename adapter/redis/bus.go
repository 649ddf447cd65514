// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
)

// Bus is an adapter.Bus on Redis. It is made by NewBus, Dial or Open, and must be closed.
type Bus struct {
	cfg    Config
	conn   *connector
	form   format
	out    outbox
	subs   *subscriber
	reads  readers
	ctx    context.Context //nolint:containedctx // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	links  map[*link]struct{}
}

// format is what the modes differ in. Its methods may be called concurrently.
type format interface {
	// topics returns what a link subscribes to.
	topics(nsp, uid string) []topic
	// encode returns the command that sends a message, to all or to one, and the key that
	// it goes to in Redis Cluster.
	encode(m *adapter.Message, to string) (args []string, key string, err error)
	// receive hands on what has come.
	receive(k *link, t topic, channel string, data []byte)
	// count returns the channel whose subscribers are the nodes.
	count(nsp string) topic
}

// NewBus returns a Bus on a client, which must not be closed before the Bus, and is not closed
// by it. The client must use RESP3, which is the default. It must not send reads to replicas
// if the mode is Streams.
func NewBus(client rueidis.Client, cfg *Config) *Bus { return newBus(given(client), cfg) }

// Dial returns a Bus with a client of its own. It does not wait: if Redis is not there yet, or
// the credentials are wrong, it tries again until it is closed, and its server counts and logs it.
func Dial(option rueidis.ClientOption, cfg *Config) *Bus { return newBus(dialled(option), cfg) }

func newBus(conn *connector, cfg *Config) *Bus {
	b := &Bus{cfg: cfg.with(), conn: conn, links: make(map[*link]struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.form = formatOf(&b.cfg)
	b.out.init(&b.cfg)
	b.subs = newSubscriber(b)
	b.reads.bus = b
	b.tasks.Go(func() { conn.run(b.ctx, b.fail) })
	b.tasks.Go(func() { b.out.run(b.ctx, conn) })
	b.tasks.Go(func() { b.subs.run(b.ctx) })
	return b
}

func formatOf(cfg *Config) format {
	switch cfg.Mode {
	case Sharded:
		return sharded{cfg}
	case Streams:
		return streams{cfg}
	default:
		return newClassic(cfg)
	}
}

// Join implements adapter.Bus.
func (b *Bus) Join(p adapter.Peer) (adapter.Link, error) {
	k := &link{bus: b, peer: p}
	k.topics = b.form.topics(p.Namespace, p.UID)
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, adapter.ErrClosed
	}
	b.links[k] = struct{}{}
	b.mu.Unlock()
	var router adapter.Router
	var log adapter.Log
	switch {
	case b.cfg.Mode == Classic:
		k.rooms.on = make(map[string]struct{})
		router = &k.rooms
	case b.cfg.Mode == Sharded && b.cfg.Subscription != Static:
		router = shardRouter{k}
	case b.cfg.Mode == Streams:
		k.stream = b.reads.join(k)
		log = keeper{k}
	}
	b.subs.join(k)
	return adapter.Combine(k, k, router, log), nil
}

// Close implements adapter.Bus.
func (b *Bus) Close() error {
	b.mu.Lock()
	was := b.closed
	b.closed = true
	links := make([]*link, 0, len(b.links))
	for k := range b.links {
		links = append(links, k)
	}
	b.mu.Unlock()
	if was {
		return nil
	}
	b.out.close(closeWait, b.cancel)
	for _, k := range links {
		_ = k.Leave()
	}
	b.tasks.Wait()
	b.conn.close()
	return nil
}

// fail tells all links.
func (b *Bus) fail(err error) {
	b.mu.Lock()
	links := make([]*link, 0, len(b.links))
	for k := range b.links {
		links = append(links, k)
	}
	b.mu.Unlock()
	for _, k := range links {
		k.fail(err)
	}
}

// link is a server's part in a namespace.
type link struct {
	bus    *Bus
	peer   adapter.Peer
	topics []topic
	rooms  roomSet // Classic
	stream *reader // Streams
	left   atomic.Bool

	mu         sync.Mutex // guards the fields below
	subscribed bool
	reading    bool // Streams
}

// set notes that a part of the subscription is there, or not any more. It reports true if
// all has become complete by that.
func (k *link) set(part *bool, on bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	whole := func() bool { return k.subscribed && (k.stream == nil || k.reading) }
	was := whole()
	*part = on
	return whole() && !was
}

// Publish implements adapter.Link.
func (k *link) Publish(m *adapter.Message) error { return k.send(m, "") }

// Reply implements adapter.Link.
func (k *link) Reply(to string, m *adapter.Message) error { return k.send(m, to) }

func (k *link) send(m *adapter.Message, to string) error {
	if k.left.Load() {
		return adapter.ErrClosed
	}
	args, key, err := k.encode(m, to)
	if err != nil || args == nil {
		return err
	}
	return k.bus.out.push(job{link: k, args: args, key: key})
}

func (k *link) encode(m *adapter.Message, to string) (args []string, key string, err error) {
	args, key, err = k.bus.form.encode(m, to)
	if err == nil {
		err = tooLong(args, k.bus.cfg.MaxMessage)
	}
	return args, key, err
}

func tooLong(args []string, limit int) error {
	if len(args) > 0 && len(args[len(args)-1]) > limit {
		return fmt.Errorf("%w: %d bytes", errTooLong, len(args[len(args)-1]))
	}
	return nil
}

var errTooLong = errors.New("redis: message longer than Config.MaxMessage")

// Leave implements adapter.Link.
func (k *link) Leave() error {
	if k.left.Swap(true) {
		return nil
	}
	k.bus.subs.leave(k)
	if k.stream != nil {
		k.bus.reads.leave(k)
	}
	k.bus.mu.Lock()
	delete(k.bus.links, k)
	k.bus.mu.Unlock()
	return nil
}

// Count implements adapter.Counter (A3.19, A4.2, A5.10).
func (k *link) Count(ctx context.Context) (int, error) {
	client, err := k.bus.conn.get(ctx)
	if err != nil {
		return 0, err
	}
	t := k.bus.form.count(k.peer.Namespace)
	if t.kind == shardChannel {
		return numsub(ctx, client, command(client, t.name, "PUBSUB", "SHARDNUMSUB", t.name))
	}
	if client.Mode() != rueidis.ClientModeCluster {
		return numsub(ctx, client, command(client, t.name, "PUBSUB", "NUMSUB", t.name))
	}
	return numsubs(ctx, client.Nodes(), t.name)
}

// numsubs adds up the subscribers at the nodes of Redis Cluster. A node that cannot be reached by a
// new connection either has none. One that is only slow must not be taken for such: a request would
// end before all have answered.
func numsubs(ctx context.Context, nodes map[string]rueidis.Client, name string) (int, error) {
	type answer struct {
		n   int
		err error
	}
	answers := make(chan answer, len(nodes))
	for _, node := range nodes {
		go func() {
			n, err := numsub(ctx, node, command(node, name, "PUBSUB", "NUMSUB", name))
			if err != nil && ctx.Err() == nil {
				n, err = numsub(ctx, node, command(node, name, "PUBSUB", "NUMSUB", name))
			}
			answers <- answer{n, err}
		}()
	}
	total, reached, lost, failed := 0, 0, errReply, error(nil)
	for range nodes {
		a := <-answers
		total += a.n
		dial, ok := errors.AsType[*net.OpError](a.err)
		switch {
		case a.err == nil:
			reached++
		case ok && dial.Op == "dial":
			lost = a.err
		default:
			failed = a.err
		}
	}
	if failed == nil && reached == 0 {
		failed = lost
	}
	return total, failed
}

func numsub(ctx context.Context, client rueidis.Client, cmd rueidis.Completed) (int, error) {
	list, err := client.Do(ctx, cmd).ToArray()
	if err != nil {
		return 0, err
	}
	if len(list) < 2 {
		return 0, errReply
	}
	n, err := list[1].AsInt64()
	return int(n), err
}

var errReply = errors.New("redis: unexpected reply")

func (k *link) fail(err error) {
	if !k.left.Load() {
		k.peer.Receiver.Fail(err)
	}
}

func (k *link) bad(channel string, err error) {
	k.fail(&adapter.MalformedError{Channel: channel, Err: err})
}

func (k *link) receive(m *adapter.Message) {
	if !k.left.Load() {
		k.peer.Receiver.Receive(m)
	}
}
