// SPDX-License-Identifier: MIT

package adapter

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
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
	sent    atomic.Int64 // when all peers were last told something, in ns since started

	once    sync.Once // guards what follows until it is done
	link    Link
	counter Counter // nil: heartbeats
	router  Router  // nil: all get everything
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
			n.cfg.Monitor.Fail(n.cfg.Namespace, err)
			return
		}
		n.link = link
		n.counter, _ = link.(Counter)
		n.router, _ = link.(Router)
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
	return n.router
}

// Append is that of the bus's Log, which there must be. The Node sets UID and Namespace, and
// counts and logs an error.
func (n *Node) Append(log Log, m *Message, done func(offset string)) {
	m.UID, m.Namespace = n.uid, n.cfg.Namespace
	log.Append(m, func(offset string, err error) {
		_ = n.count(m, n.told(m, err))
		done(offset)
	})
}

// told notes that a message was published, and is a sign of life (A2.13): not if a Router
// hands it to some of the peers only. It returns err.
func (n *Node) told(m *Message, err error) error {
	if err == nil && (n.router == nil || m.Type != Broadcast || m.Request != "" || len(m.Options.Rooms) != 1) {
		n.sent.Store(int64(time.Since(n.started)))
	}
	return err
}

// Publish sends a message to all other nodes. The Node sets UID and Namespace. An error
// says that it was not sent, and is counted and logged.
func (n *Node) Publish(m *Message) error {
	err := n.Open()
	if err == nil {
		m.UID, m.Namespace = n.uid, n.cfg.Namespace
		err = n.told(m, n.link.Publish(m))
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
