// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/work"
	"github.com/sio-go/sio/packet"
)

// cluster is a namespace's part in Config.Bus. What others say is applied as if a user of
// Target had said it on this server only.
type cluster struct {
	ns      *Namespace
	node    *adapter.Node
	ctx     context.Context //nolint:containedctx // the life of the namespace, for handlers of OnServerSide
	cancel  context.CancelFunc
	served  work.Queue[func()] // events for OnServerSide
	answers work.Queue[func()] // answers to others, which must not be sent with a lock held
	routes  routes
	streams sync.Once // guards stream
	stream  *stream   // see Namespace.stream
}

// maxServed limits cluster.served.
const maxServed = 1024

func newCluster(ns *Namespace) *cluster {
	c := &cluster{ns: ns}
	timing := ns.server.cfg.BusTiming
	c.node = adapter.NewNode(ns.server.cfg.Bus, adapter.Config{
		Namespace: ns.name, Local: (*local)(c), Monitor: ns.server.bus,
		RequestTimeout: timing.Request, HeartbeatInterval: timing.HeartbeatInterval, HeartbeatTimeout: timing.HeartbeatTimeout,
	})
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.served.Init(&ns.server.tasks)
	c.answers.Init(&ns.server.tasks)
	return c
}

// open makes the namespace take part in the cluster. Nothing is locked.
func (ns *Namespace) open() {
	if ns.cluster != nil {
		_ = ns.cluster.node.Open() // it was reported
	}
}

func (c *cluster) close() {
	c.cancel()
	_ = c.node.Close() // the cluster notices without being told, too
	c.served.Stop()
	c.answers.Stop()
}

// part has forgotten namespaces leave the cluster. Nothing is locked.
func (srv *Server) part() {
	if srv.cfg.Bus == nil {
		return
	}
	srv.mu.Lock()
	list := srv.leaving
	srv.leaving = nil
	srv.mu.Unlock()
	for _, ns := range list {
		ns.cluster.close()
	}
}

// leave takes the server out of the cluster, after handlers of OnServerSide have returned or
// ctx has ended.
func (srv *Server) leave(ctx context.Context) {
	if srv.cfg.Bus == nil {
		return
	}
	srv.end.Do(func() {
		srv.mu.Lock()
		list := srv.leaving
		srv.leaving = nil
		for _, ns := range srv.namespaces {
			list = append(list, ns)
		}
		srv.mu.Unlock()
		for _, ns := range list {
			ns.cluster.cancel()
		}
		srv.tasks.wait(ctx)
		for _, ns := range list {
			ns.cluster.close()
		}
		if srv.idle != nil {
			srv.idle()
		}
		if err := srv.cfg.Bus.Close(); err != nil {
			srv.cfg.Logger.Warn("cluster: closing the bus", "err", err)
		}
	})
}

// ClusterStats returns what the server has told the other servers of its cluster and heard
// of them, and what went wrong. It is zero without Config.Bus.
func (srv *Server) ClusterStats() adapter.Stats {
	if srv.bus == nil {
		return adapter.Stats{}
	}
	return srv.bus.Stats()
}

// ServerCount returns the number of servers in the cluster that have the namespace, this
// one included (A1.7): 1 without Config.Bus. It waits only if the Bus has to ask its backend.
func (ns *Namespace) ServerCount(ctx context.Context) (int, error) {
	if ns.cluster == nil {
		return 1, nil
	}
	return ns.cluster.node.Count(ctx)
}

// ServerID returns the id of this server in the cluster, which is another for each
// namespace: 16 hexadecimal digits, or "" without Config.Bus.
func (ns *Namespace) ServerID() string {
	if ns.cluster == nil {
		return ""
	}
	return ns.cluster.node.UID()
}

// tasks are the goroutines of queues that run functions, one after the other.
type tasks struct {
	// mu guards the fields below.
	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running falls to 0; nil: nobody waits
}

// Run implements work.Runner.
func (*tasks) Run(f func()) { f() }

// Burst implements work.Runner.
func (*tasks) Burst(bool) {}

// Go implements work.Runner.
func (t *tasks) Go(f func()) {
	t.mu.Lock()
	t.running++
	t.mu.Unlock()
	go func() {
		defer t.done()
		f()
	}()
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running--; t.running == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// wait waits until no goroutine runs, or ctx ends.
func (t *tasks) wait(ctx context.Context) {
	t.mu.Lock()
	if t.running == 0 {
		t.mu.Unlock()
		return
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	idle := t.idle
	t.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// shared returns the cluster that an operation concerns, or nil if it is for this server
// only.
func (t Target) shared() *cluster {
	if t.local || t.ns == nil {
		return nil
	}
	return t.ns.cluster
}

// options is the choice as others are told it.
func (t Target) options() adapter.Options {
	o := adapter.Options{Rooms: t.rooms, Except: t.except, Volatile: t.opt.Volatile, Plain: t.plain, Single: t.single}
	if t.self != nil {
		o.Except = append(slices.Clip(o.Except), t.self.id)
	}
	return o
}

// choice is options without what is for packets only.
func (t Target) choice() adapter.Options {
	o := t.options()
	o.Volatile, o.Plain = false, false
	return o
}

// publish encodes an event and sends it to the others, without its last arguments of the
// given number. It returns the message for the sockets here.
//
// What is for the room of a socket's id is published even if that socket is here, because
// others may be in that room. Socket.Emit is not.
func (c *cluster) publish(t Target, p *packet.Packet, own int) (*engine.Message, error) {
	m, args, err := c.ns.encodeShared(p)
	if err != nil {
		return nil, err
	}
	// What cannot be published is counted, and concerns the others only (A2.4).
	_ = c.node.Publish(&adapter.Message{Type: adapter.Broadcast, Args: args.Slice(0, args.Len()-own), Options: t.options()})
	return m, nil
}

// ask has other servers ask their clients. Their answers come to c, and its end.
func (c *cluster) ask(ctx context.Context, o adapter.Options, args packet.Args, to *collector) {
	o.Timeout = noTimeout
	if deadline, ok := ctx.Deadline(); ok {
		o.Timeout = min(max(time.Until(deadline), time.Millisecond), noTimeout)
	}
	ctx, cancel := context.WithCancel(ctx)
	r := c.node.Ask(ctx, &adapter.Message{Type: adapter.Broadcast, Args: args, Options: o, Extended: true})
	var listener sync.WaitGroup
	listener.Go(func() {
		defer r.Cancel()
		for {
			m, err := r.Next(ctx)
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if m == nil {
				to.push(arrival{Answer: Answer{Err: err}, end: true})
				return
			}
			a := Answer{ID: m.Socket, Args: c.ns.server.adopt(m.Args)}
			if m.Gone {
				a.Err = ErrClosed
			}
			to.push(arrival{Answer: a, remote: true})
		}
	})
	to.cancel, to.wait = cancel, listener.Wait
}

// noTimeout is the longest time that Node can wait.
const noTimeout = (1<<31 - 1) * time.Millisecond

// tell publishes what has no answer.
func (c *cluster) tell(m *adapter.Message) { _ = c.node.Publish(m) } // it was counted

// local is the side of a cluster that its Node sees.
type local cluster

// target is the choice of others, of the sockets here.
func (l *local) target(o adapter.Options) Target {
	return Target{ns: l.ns, rooms: o.Rooms, except: o.Except, plain: o.Plain, opt: engine.SendOptions{Volatile: o.Volatile}, local: true}
}

// Apply implements adapter.Local.
//
// JS differs: A2.5, outgoing listeners get the arguments as one Args.
func (l *local) Apply(m *adapter.Message) {
	t := l.target(m.Options)
	if st := l.ns.stream(); st != nil && m.Type == adapter.Broadcast && m.Offset != "" && !m.Options.Volatile {
		st.deliver(m, m.Offset, nil)
		return
	}
	switch m.Type {
	case adapter.Broadcast:
		event, args := split(m.Args)
		if err := t.Emit(event, args); err != nil {
			l.ns.server.bus.Ignore(m, err)
		}
	case adapter.SocketsJoin:
		t.SocketsJoin(m.Rooms...)
	case adapter.SocketsLeave:
		t.SocketsLeave(m.Rooms...)
	case adapter.DisconnectSockets:
		t.DisconnectSockets(m.Close)
	default:
	}
}

// split returns the event and the arguments behind it, of which there is one at least.
func split(args packet.Args) (event string, rest packet.Args) {
	if args.Unmarshal(0, &event) != nil {
		raw, _ := args.Raw(0) // a number (P2.23)
		event = string(raw)
	}
	return event, args.Slice(1, args.Len())
}

// Ask implements adapter.Local.
func (l *local) Ask(m *adapter.Message, count func(n int), answer func(socket string, args packet.Args, gone bool)) {
	event, args := split(m.Args)
	id := l.ns.acks.Add(1) - 1
	message, err := l.ns.encode(packet.Packet{Type: packet.Event, Event: event, Args: []any{args}, ID: id, HasID: true})
	if err != nil {
		l.ns.server.bus.Ignore(m, err)
		count(0)
		return
	}
	t := l.target(m.Options)
	if t.plain {
		message.WithoutCompression()
	}
	p := &proxy{cluster: (*cluster)(l), id: id, tell: answer}
	for _, s := range t.send(message, p.add) {
		s.sent(event, []any{args})
	}
	count(p.begin(m.Options.Timeout))
}

// proxy takes the answers of clients to what another server asks.
type proxy struct {
	cluster *cluster
	id      uint64
	tell    func(socket string, args packet.Args, gone bool)
	asked   []*Socket // not changed any more once the sockets were told
	counted int

	// mu guards the fields below. Socket.mu may be held when it is locked.
	mu    sync.Mutex
	left  int // answers to come; also negative before begin
	timer *time.Timer
	ended bool
}

// add awaits the answer of s.
func (p *proxy) add(s *Socket) bool {
	p.counted++
	if err := s.await(p.id, p); err != nil {
		p.answer(Answer{ID: s.id, Err: err})
		return false
	}
	p.asked = append(p.asked, s)
	return true
}

// begin says that all are asked. It returns how many.
func (p *proxy) begin(timeout time.Duration) int {
	if timeout <= 0 {
		timeout = proxyTimeout
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left += p.counted; p.left == 0 {
		p.finish()
	} else {
		p.timer = time.AfterFunc(timeout, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.finish()
		})
	}
	return p.counted
}

// proxyTimeout is how long answers are waited for if the asker does not say it.
const proxyTimeout = 5 * time.Second

// answer implements waiter. Socket.mu is held.
func (p *proxy) answer(a Answer) {
	p.cluster.later(func() { p.tell(a.ID, a.Args, a.Err != nil) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left--; p.left == 0 {
		p.finish()
	}
}

// finish forgets the sockets that were asked. mu is held.
func (p *proxy) finish() {
	if p.ended {
		return
	}
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.cluster.later(func() {
		for _, s := range p.asked {
			s.forget(p.id)
		}
	})
}

// later runs f soon, with nothing locked.
func (c *cluster) later(f func()) {
	c.answers.Push(f)
	c.answers.Wake()
}

// Serve implements adapter.Local.
func (l *local) Serve(args packet.Args, reply func(packet.Args)) {
	event, args := split(args)
	if event == forwardEvent {
		l.ns.server.told(args)
		return
	}
	args = l.ns.server.adopt(args)
	list := l.ns.serverSideHandlers(event)
	if len(list) == 0 {
		return
	}
	if l.served.Len() >= maxServed {
		l.ns.server.bus.Ignore(&adapter.Message{Type: adapter.ServerSideEmit, Namespace: l.ns.name}, errServed)
		return
	}
	l.served.Push(func() { (*cluster)(l).serve(list, args, reply) })
	l.served.Wake()
}

var errServed = errors.New("sio: too many events wait for handlers of OnServerSide")

// JS differs: A2.10, handlers run one after the other, and the events that wait have a limit.

// serve calls the handlers of an event of another server. The first that has an answer
// answers.
func (c *cluster) serve(list []ServerSideHandler, args packet.Args, reply func(packet.Args)) {
	for _, f := range list {
		var answer any
		err := guard(func() (err error) { answer, err = f(c.ctx, args); return err })
		if err == nil && reply != nil {
			var encoded packet.Args
			if err = guard(func() (err error) { encoded, err = c.ns.server.arguments([]any{answer}); return err }); err == nil {
				reply(encoded)
				reply = nil
			}
		}
		if err != nil {
			c.ns.server.hooks.failedServerSide(c.ns, err)
		}
	}
}
