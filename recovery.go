// SPDX-License-Identifier: MIT

package sio

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
)

// Recovery turns on connection state recovery: a client whose connection broke gets its
// socket back when it returns, with its id, rooms, values and the events that it has missed
// (S8). The zero value is ready to use. The state is in the memory of this server, unless
// Config.Bus keeps it: then clients may return to any server, MaxSessions does not count, and
// MaxPackets and MaxBytes limit what is in memory besides, so that the Bus is asked only for
// what is older.
//
// JS differs: S8.13, with a Bus that keeps nothing clients return to the server that they
// came from; what other servers send is stored there too.
//
// For that, every event gets one more argument, which clients take for the position in the
// stream (S8.2); events with an acknowledgement and volatile ones do not, and are not sent
// again. Events are stored as long as MaxDisconnection and the limits allow, and the
// broadcasts of one namespace are queued one after the other.
//
// The limits are for each namespace, those that clients make included: with a
// ParentNamespace, Config.MaxDynamicNamespaces counts too.
//
// A client proves that it may return by a secret, which its socket's first CONNECT has
// given it, and by nothing else (S8.16). Handshake.Auth of a client that has returned
// holds it, as "pid": do not show that to others.
type Recovery struct {
	// MaxDisconnection is how long a client may be away. 0 and negative mean 2 minutes. The
	// last event that the client has got must not be older either (S8.6).
	MaxDisconnection time.Duration
	// RunMiddlewares makes returning clients pass the middlewares of the namespace, too.
	RunMiddlewares bool
	// MaxPackets limits the events that are stored. A client that has missed more is a new
	// one. 0 means 10,000; negative: no limit.
	MaxPackets int
	// MaxBytes limits them by their size in bytes. 0 means 16 MiB; negative: no limit.
	MaxBytes int
	// MaxSessions limits the clients that are waited for; the one that left first is
	// forgotten first. 0 means 10,000; negative: no limit.
	MaxSessions int
}

func (r *Recovery) withDefaults() *Recovery {
	if r == nil {
		return nil
	}
	c := *r
	if c.MaxDisconnection <= 0 {
		c.MaxDisconnection = 2 * time.Minute
	}
	setLimit(&c.MaxPackets, 10_000)
	setLimit(&c.MaxBytes, 16<<20)
	setLimit(&c.MaxSessions, 10_000)
	return &c
}

// history is what a namespace remembers for clients that may return.
type history struct {
	cfg    *Recovery
	prefix string        // of offsets: those of another process are unknown
	count  atomic.Uint64 // of offsets

	// mu guards the fields below. It is held while a packet is stored and queued, so that
	// every client gets the packets in the order in which they are stored.
	mu       sync.Mutex
	packets  []stored // in order
	first    uint64   // how many have been dropped before packets[0]
	index    map[string]uint64
	bytes    int
	sessions map[string]*session
	order    []*session // in the order in which they were added
	sweeper  *time.Timer
	stopped  bool
}

// stored is a packet that may have to be sent again.
type stored struct {
	offset  string
	message *engine.Message
	rooms   []string // none: all
	except  []string
	time    time.Time
}

// session is a socket that may return.
type session struct {
	id, pid string
	rooms   []string // its own included
	values  map[any]any
	time    time.Time
	expiry  time.Time // of Socket.SetExpiry
}

func newHistory(cfg *Recovery) *history {
	return &history{cfg: cfg, prefix: engine.NewID()[:6] + ".", index: make(map[string]uint64), sessions: make(map[string]*session)}
}

// offset returns the position argument of a new packet.
func (h *history) offset() string { return h.prefix + strconv.FormatUint(h.count.Add(1), 36) }

// add stores a packet and has it queued, with the order of packets kept.
func (h *history) add(p stored, queue func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keep(p)
	queue()
}

// keep stores a packet. mu is held.
func (h *history) keep(p stored) {
	p.time = time.Now()
	h.index[p.offset] = h.first + uint64(len(h.packets))
	h.packets = append(h.packets, p)
	h.bytes += p.message.Len()
	h.trim(p.time)
	h.arm()
}

// forget forgets all packets. mu is held.
func (h *history) forget() {
	h.first += uint64(len(h.packets))
	h.packets, h.bytes = nil, 0
	clear(h.index)
}

// trim forgets what is too old or too much.
func (h *history) trim(now time.Time) {
	n := 0
	for _, p := range h.packets {
		if len(h.packets)-n <= h.cfg.MaxPackets && h.bytes <= h.cfg.MaxBytes && now.Sub(p.time) < h.cfg.MaxDisconnection {
			break
		}
		delete(h.index, p.offset)
		h.bytes -= p.message.Len()
		n++
	}
	h.first += uint64(n)
	clear(h.packets[:n])
	h.packets = h.packets[n:]
	n = 0
	for _, s := range h.order {
		if len(h.order)-n <= h.cfg.MaxSessions && now.Sub(s.time) < h.cfg.MaxDisconnection {
			break
		}
		if h.sessions[s.pid] == s {
			delete(h.sessions, s.pid)
		}
		n++
	}
	clear(h.order[:n])
	h.order = h.order[n:]
}

// arm sees to it that nothing is kept for ever on a server that has become silent.
func (h *history) arm() {
	if h.sweeper == nil && !h.stopped && (len(h.packets) > 0 || len(h.order) > 0) {
		h.sweeper = time.AfterFunc(h.cfg.MaxDisconnection, h.sweep)
	}
}

func (h *history) sweep() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweeper = nil
	h.trim(time.Now())
	h.arm()
}

// stop ends the timer.
func (h *history) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	if h.sweeper != nil {
		h.sweeper.Stop()
		h.sweeper = nil
	}
}

// save remembers a socket that is about to leave its rooms (S8.4).
func (h *history) save(s *Socket) {
	s.mu.Lock()
	values := maps.Clone(s.values)
	s.mu.Unlock()
	now := time.Now()
	one := &session{id: s.id, pid: s.comeback.pid, rooms: s.Rooms(), values: values, time: now, expiry: s.Expiry()}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[one.pid] = one
	h.order = append(h.order, one)
	h.trim(now)
	h.arm()
}

// take returns the session of a client that returns, or nil if it is unknown, or if
// events that it has missed are not there any more (S8.6). A session returns once.
//
// JS differs: S8.11, B: the official server lets a session return any number of times.
func (h *history) take(pid, offset string, limits outboxLimits) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trim(time.Now())
	s := h.sessions[pid]
	if _, ok := h.index[offset]; s == nil || !ok {
		return nil
	}
	delete(h.sessions, pid)
	h.order = without(h.order, s)
	if !s.expiry.IsZero() && !time.Now().Before(s.expiry) {
		return nil // the middlewares decide on what the client has to show now
	}
	// What was missed must fit into the outbox.
	packets, bytes := 0, 0
	h.missed(offset, s.rooms, func(m *engine.Message) {
		packets++
		bytes += m.Len()
	})
	if packets > limits.packets || bytes > limits.bytes {
		return nil
	}
	return s
}

// outboxLimits are those of engine.Config; 0: the default, negative: none.
type outboxLimits struct{ packets, bytes int }

func (srv *Server) outboxLimits() outboxLimits {
	l := outboxLimits{srv.cfg.Engine.OutboxPackets, srv.cfg.Engine.OutboxBytes}
	setLimit(&l.packets, 65_536)
	setLimit(&l.bytes, 4<<20)
	l.bytes /= 2 // of what else is sent meanwhile
	return l
}

// putBack undoes take: the client has not got its socket.
func (h *history) putBack(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[s.pid] = s
	h.order = append(h.order, s)
	h.trim(time.Now())
	h.arm()
}

// missed calls send for each packet behind offset that is for a session.
func (h *history) missed(offset string, rooms []string, send func(*engine.Message)) {
	// A session may be in many rooms, and mu is held: each room of a packet is looked up.
	in := make(map[string]struct{}, len(rooms))
	for _, room := range rooms {
		in[room] = struct{}{}
	}
	isIn := func(room string) bool { _, ok := in[room]; return ok }
	for _, p := range h.since(offset) {
		if (len(p.rooms) == 0 || slices.ContainsFunc(p.rooms, isIn)) && !slices.ContainsFunc(p.except, isIn) {
			send(p.message)
		}
	}
}

// since returns the packets behind an offset: none if that is not known. mu is held.
func (h *history) since(offset string) []stored {
	at, ok := h.index[offset]
	if !ok {
		return nil
	}
	return h.packets[at-h.first+1:]
}

// recoverable reports whether a client that left for this reason may return (S6).
func (r Reason) recoverable() bool {
	return r != ReasonServerDisconnect && r != ReasonClientDisconnect && r != ReasonParseError &&
		r != ReasonExpired && r != ReasonFlood
}

// comeback is how a client gets back to its socket. But for the last two it is not changed after restore.
type comeback struct {
	pid    string   // names the session to the client
	offset string   // of the last packet that a returning client has got
	from   *session // of a returning client; nil for a new one

	kept  *adapter.Session // from, if the Bus has kept it, unless it cannot be restored; only the socket's goroutine uses it
	after string           // broadcasts of the Bus's log up to here are not for this socket; guarded by stream.mu
}

// save remembers a socket whose client may return.
func (s *Socket) save() {
	switch st := s.ns.stream(); {
	case st == nil:
		s.ns.history.save(s)
	case s.Expiry().IsZero(): // a Bus cannot say until when the client is let in
		st.save(s)
	}
}

// putBack undoes restore: the client has not got its socket.
func (s *Socket) putBack() {
	st := s.ns.stream()
	switch {
	case st == nil:
		s.ns.history.putBack(s.comeback.from)
	case s.comeback.kept != nil:
		st.put(s.comeback.kept)
	}
}

// restore gives the socket the state of the session that the client asks for, if there
// is one (S8.5). It comes before the middlewares.
func (s *Socket) restore() {
	h := s.ns.history
	if h == nil || s.conn.legacy() {
		return
	}
	s.comeback = &comeback{pid: engine.NewID()}
	var want struct {
		PID    any `json:"pid"`
		Offset any `json:"offset"`
	}
	if s.credentials().Bind(&want) != nil {
		return
	}
	pid, _ := want.PID.(string)
	offset, _ := want.Offset.(string)
	if st := s.ns.stream(); st != nil {
		if pid != "" && offset != "" {
			st.take(s, pid, offset)
		}
		return
	}
	one := h.take(pid, offset, s.ns.server.outboxLimits())
	if one == nil {
		return
	}
	s.id = one.id
	*s.comeback = comeback{pid: one.pid, offset: offset, from: one}
	s.mu.Lock()
	s.values = one.values
	s.mu.Unlock()
	if !one.expiry.IsZero() {
		s.SetExpiry(one.expiry)
	}
	s.leftOwn.Store(!slices.Contains(one.rooms, s.id))
	for _, room := range one.rooms {
		if room != s.id {
			_ = s.Join(room) // it was in no more than the limit allows
		}
	}
}

// Recovered reports whether the client has returned to this socket after its connection
// broke: see Config.Recovery. It holds from before the middlewares.
func (s *Socket) Recovered() bool { return s.comeback != nil && s.comeback.from != nil }
