// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"errors"
	"io"
	"maps"
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

// newCluster makes a namespace's part. Server.mu is held.
func newCluster(ns *Namespace) *cluster {
	c := &cluster{ns: ns}
	c.routes.more.L = &c.routes.mu
	timing := ns.server.cfg.BusTiming
	c.node = adapter.NewNode(ns.server.cfg.Bus, adapter.Config{
		Namespace: ns.name, Local: (*local)(c), Monitor: ns.server.bus,
		RequestTimeout: timing.Request, HeartbeatInterval: timing.HeartbeatInterval, HeartbeatTimeout: timing.HeartbeatTimeout,
	})
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.served.Init(&ns.server.tasks)
	c.answers.Init(&ns.server.replies)
	if ns.server.left {
		c.close() // before it has joined
	}
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
// ctx has ended. Who does not want to wait need not wait for another who does.
func (srv *Server) leave(ctx context.Context) {
	if srv.cfg.Bus == nil {
		return
	}
	srv.mu.Lock()
	srv.left = true
	list := slices.AppendSeq(slices.Clone(srv.leaving), maps.Values(srv.namespaces))
	srv.mu.Unlock()
	for _, ns := range list {
		ns.cluster.cancel()
	}
	srv.tasks.wait(ctx)
	// The sockets have ended: others are told that their answers will not come. That calls
	// the Bus only, which does not wait.
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	srv.replies.wait(last)
	cancel()
	srv.end.Do(func() {
		for _, ns := range list {
			ns.cluster.close()
		}
		if srv.forward != nil {
			srv.forward.Close()
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
