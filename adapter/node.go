// SPDX-License-Identifier: MIT

package adapter

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio/packet"
)

// Node is a server's part in one namespace of a cluster, above a Bus: it answers what
// others ask, has what they say applied to the local sockets, and knows whom to wait for.
// Each Node has a UID of its own. It must be made with NewNode. All methods are safe for
// concurrent use. It has no goroutine, but timers unless the bus can count.
type Node struct {
	bus     Bus
	cfg     Config
	uid     string
	started time.Time
	sent    atomic.Int64 // when something was last published, in ns since started

	once    sync.Once // guards what follows until it is done
	link    Link
	counter Counter // nil: heartbeats
	err     error   // of Join

	// mu guards the fields below. Request.mu may be locked while it is held.
	mu       sync.Mutex
	closed   bool
	requests map[string]*Request
	peers    map[string]time.Time // when they were last heard; nil with a Counter
	beat     *time.Timer
	sweep    *time.Timer
}

// Config has the settings of a Node. 0 means the default.
type Config struct {
	Namespace string
	Local     Local
	Monitor   *Monitor
	// RequestTimeout is how long nodes have to answer; 5 s.
	RequestTimeout time.Duration
	// HeartbeatInterval is the longest time between two messages; 5 s.
	HeartbeatInterval time.Duration
	// HeartbeatTimeout is how long a node may be silent and is still counted; 10 s.
	HeartbeatTimeout time.Duration
}

// Local is what a Node applies messages of others to: the sockets and handlers of this
// server. The methods are called by the bus, one at a time for each peer, and do not
// wait. None is called with a lock held.
type Local interface {
	// Apply handles a Broadcast without a Request, SocketsJoin, SocketsLeave and DisconnectSockets.
	Apply(m *Message)
	// Ask handles a Broadcast with a Request. It calls count once, and answer once for each
	// client; the order does not matter, and so does the goroutine. gone says that the
	// socket has ended.
	Ask(m *Message, count func(n int), answer func(socket string, args packet.Args, gone bool))
	// Fetch returns the sockets chosen.
	Fetch(o Options) []Socket
	// Serve handles a ServerSideEmit. reply sends the answer, once, of one argument or
	// none; it is nil if none is wanted.
	Serve(args packet.Args, reply func(packet.Args))
}

const (
	sweepEvery = time.Second // A2.14
	// JS differs: A2.14, there is no limit.
	maxPeers = 4096 // beyond are ignored: somebody makes them up
)

// NewNode returns a Node. It joins at the first use, or with Open. Nothing is locked then
// that the Bus or Local may need.
func NewNode(bus Bus, cfg Config) *Node {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&cfg.RequestTimeout, 5*time.Second)
	def(&cfg.HeartbeatInterval, 5*time.Second)
	def(&cfg.HeartbeatTimeout, 10*time.Second)
	if cfg.Monitor == nil {
		cfg.Monitor = NewMonitor(nil)
	}
	return &Node{bus: bus, cfg: cfg, uid: newID(), started: time.Now(), requests: make(map[string]*Request)}
}

// newID returns 16 hexadecimal digits (A10.9, A2.2).
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// UID returns the id of the Node.
func (n *Node) UID() string { return n.uid }

// Open joins the namespace, unless that was done. It does not wait for the backend.
func (n *Node) Open() error {
	n.once.Do(func() {
		n.mu.Lock()
		closed := n.closed
		n.mu.Unlock()
		if closed {
			n.err = ErrClosed
			return
		}
		// The Receiver may be called from here on; what it needs of these fields waits
		// for the end of once.
		link, err := n.bus.Join(Peer{Namespace: n.cfg.Namespace, UID: n.uid, Receiver: (*receiver)(n)})
		if err != nil {
			n.err = err
			n.cfg.Monitor.fail(n.cfg.Namespace, err)
			return
		}
		n.link = link
		n.counter, _ = link.(Counter)
	})
	return n.err
}

// Log returns the bus's Log, or nil if it has none.
func (n *Node) Log() Log {
	if n.Open() != nil {
		return nil
	}
	log, _ := n.link.(Log)
	return log
}

// Router returns the bus's Router, or nil if it has none.
func (n *Node) Router() Router {
	if n.Open() != nil {
		return nil
	}
	r, _ := n.link.(Router)
	return r
}

// Append is that of the bus's Log, which there must be. The Node sets UID and Namespace, and
// counts and logs an error.
func (n *Node) Append(log Log, m *Message, done func(offset string)) {
	log.Append(n.stamp(m), func(offset string, err error) {
		_ = n.count(m, err)
		done(offset)
	})
}

// stamp sets the sender of a message, and notes that something is published.
func (n *Node) stamp(m *Message) *Message {
	m.UID, m.Namespace = n.uid, n.cfg.Namespace
	n.sent.Store(int64(time.Since(n.started)))
	return m
}

// Publish sends a message to all other nodes. The Node sets UID and Namespace. An error
// says that it was not sent, and is counted and logged.
func (n *Node) Publish(m *Message) error {
	err := n.Open()
	if err == nil {
		err = n.link.Publish(n.stamp(m))
	}
	return n.count(m, err)
}

// reply sends an answer.
func (n *Node) reply(to string, m *Message) {
	m.UID, m.Namespace = n.uid, n.cfg.Namespace
	err := n.Open()
	if err == nil {
		err = n.link.Reply(to, m)
	}
	_ = n.count(m, err)
}

func (n *Node) count(m *Message, err error) error {
	switch {
	case err == nil:
		n.cfg.Monitor.published.Add(1)
	case !errors.Is(err, ErrClosed): // that is what a server is at its end
		n.cfg.Monitor.Lose(m, err)
	}
	return err
}

// Peers returns the UIDs of the other nodes that heartbeats tell of, sorted; nil if the bus
// counts them itself.
func (n *Node) Peers() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for uid := range n.peers {
		list = append(list, uid)
	}
	slices.Sort(list)
	return list
}

// Close tells the others, leaves, and ends what waits for answers with ErrClosed.
func (n *Node) Close() error {
	n.mu.Lock()
	was := n.closed
	n.closed = true
	list := n.requests
	n.requests = nil
	for _, t := range []*time.Timer{n.beat, n.sweep} {
		if t != nil {
			t.Stop()
		}
	}
	n.mu.Unlock()
	for _, r := range list {
		r.end(ErrClosed)
	}
	if err := n.Open(); was || err != nil {
		return nil // there is nothing to leave
	}
	if n.counter == nil {
		_ = n.Publish(&Message{Type: Close})
	}
	return n.link.Leave()
}

// receiver is the side of a Node that the bus sees.
type receiver Node

// Receive implements Receiver.
func (r *receiver) Receive(m *Message) {
	n := (*Node)(r)
	if m.UID == n.uid || m.Namespace != n.cfg.Namespace || n.Open() != nil { // A2.1
		return
	}
	n.cfg.Monitor.received.Add(1)
	if !n.hear(m) {
		return
	}
	if (m.Type == Broadcast || m.Type == ServerSideEmit) && m.Args.Len() == 0 {
		r.Fail(&MalformedError{Channel: m.Namespace, Err: errEvent})
		return
	}
	switch m.Type {
	case InitialHeartbeat:
		if n.counter == nil {
			_ = n.Publish(&Message{Type: Heartbeat})
		}
	case Heartbeat, Close:
	case Broadcast:
		if m.Request == "" || m.UID == EmitterUID {
			n.cfg.Local.Apply(m)
		} else {
			n.ask(m)
		}
	case SocketsJoin, SocketsLeave, DisconnectSockets:
		n.cfg.Local.Apply(m)
	case FetchSockets:
		n.reply(m.UID, &Message{Type: FetchSocketsResponse, Request: m.Request, Sockets: n.cfg.Local.Fetch(m.Options)})
	case ServerSideEmit:
		n.serve(m)
	case FetchSocketsResponse, ServerSideEmitResponse, BroadcastClientCount, BroadcastAck:
		n.answered(m)
	default:
		n.cfg.Monitor.fail(n.cfg.Namespace, &MalformedError{Channel: m.Namespace, Err: errType})
	}
}

// Up implements Receiver.
func (r *receiver) Up() {
	n := (*Node)(r)
	if n.Open() != nil || n.counter != nil {
		return
	}
	n.mu.Lock()
	if n.peers == nil {
		n.peers = make(map[string]time.Time)
	}
	if n.beat == nil && !n.closed {
		n.beat = time.AfterFunc(n.cfg.HeartbeatInterval, n.tick)
	}
	closed := n.closed
	n.mu.Unlock()
	if !closed {
		_ = n.Publish(&Message{Type: InitialHeartbeat}) // A2.13
	}
}

// Fail implements Receiver.
func (r *receiver) Fail(err error) { r.cfg.Monitor.fail(r.cfg.Namespace, err) }

// ask has the local clients answer a broadcast.
//
// JS differs: A2.6, an asker of this module is told whose answer it is, and who has gone.
func (n *Node) ask(m *Message) {
	n.cfg.Local.Ask(m, func(count int) {
		n.reply(m.UID, &Message{Type: BroadcastClientCount, Request: m.Request, Count: count})
	}, func(socket string, args packet.Args, gone bool) {
		answer := &Message{Type: BroadcastAck, Request: m.Request, Args: first(args)}
		if m.Extended {
			answer.Socket, answer.Gone = socket, gone
		} else if gone {
			return // A2.6: the official adapters wait until their timeout
		}
		n.reply(m.UID, answer)
	})
}

// serve has the handlers of an event of another server called.
func (n *Node) serve(m *Message) {
	if m.Request == "" || m.UID == EmitterUID {
		n.cfg.Local.Serve(m.Args, nil)
		return
	}
	n.cfg.Local.Serve(m.Args, func(args packet.Args) { // A2.10
		n.reply(m.UID, &Message{Type: ServerSideEmitResponse, Request: m.Request, Args: first(args)})
	})
}

// first returns the first argument, if there is one: that is all that travels (A10.7).
func first(args packet.Args) packet.Args { return args.Slice(0, min(1, args.Len())) }

// hear notes that a peer is there, or has left (A2.14). It reports false if nothing is to
// be done about the message.
func (n *Node) hear(m *Message) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	if n.counter != nil || m.UID == EmitterUID {
		return true
	}
	if m.Type == Close {
		n.lose(m.UID)
		return true
	}
	if n.peers == nil {
		n.peers = make(map[string]time.Time)
	}
	if _, known := n.peers[m.UID]; !known && len(n.peers) >= maxPeers {
		return true
	}
	n.peers[m.UID] = time.Now()
	if n.sweep == nil {
		n.sweep = time.AfterFunc(sweepEvery, n.clean)
	}
	return true
}

// lose forgets a peer. mu is held.
func (n *Node) lose(uid string) {
	if _, ok := n.peers[uid]; !ok {
		return
	}
	delete(n.peers, uid)
	for _, r := range n.requests {
		r.left(uid) // A2.15
	}
}

// clean forgets the peers that are silent.
func (n *Node) clean() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sweep = nil
	if n.closed {
		return
	}
	now := time.Now()
	for uid, last := range n.peers {
		if now.Sub(last) > n.cfg.HeartbeatTimeout {
			n.lose(uid)
		}
	}
	if len(n.peers) > 0 {
		n.sweep = time.AfterFunc(sweepEvery, n.clean)
	}
}

// tick sends a heartbeat if nothing else was published for long enough (A2.13).
func (n *Node) tick() {
	rest := n.cfg.HeartbeatInterval - (time.Since(n.started) - time.Duration(n.sent.Load()))
	if rest <= 0 {
		_ = n.Publish(&Message{Type: Heartbeat})
		rest = n.cfg.HeartbeatInterval
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.beat.Reset(rest)
	}
}
