// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/alarm"
	"github.com/sio-go/sio/internal/forward"
	"github.com/sio-go/sio/internal/work"
)

// Server is a Socket.IO server: an http.Handler to be mounted where Config.Path
// leads. It embeds the namespace "/", whose methods are its own. It must be made
// with NewServer. All methods are safe for concurrent use. It runs no goroutine
// unless a client is connected, and needs Close or Shutdown to end the connections.
type Server struct {
	*Namespace // "/"

	cfg     Config
	engine  *engine.Server
	bundle  map[string]http.Handler // by the path below Config.Path
	hooks   hooks
	bus     *adapter.Monitor // nil without Config.Bus
	tasks   tasks            // of the cluster: handlers of OnServerSide
	replies tasks            // answers to other servers
	end     sync.Once        // of the cluster
	// forward hands requests to other servers; nil without Config.Forward.
	forward *forward.Forwarder
	idle    func() // closes the connections of forward that nobody uses; nil: they are not ours

	timeouts *alarm.Clock[*conn]   // of Config.ConnectTimeout
	expiries *alarm.Clock[*Socket] // of Socket.SetExpiry

	// live counts what Shutdown waits for: 1 for the server itself until it is closed,
	// 1 for each connection, 1 for each socket until its last handler has returned.
	live    atomic.Int64
	drained chan struct{} // closed when live falls to 0
	pool    work.Pool     // of the sockets' goroutines
	closing atomic.Bool   // set with closed; read where no lock is wanted

	// mu guards the fields below.
	mu         sync.RWMutex
	namespaces map[string]*Namespace
	parents    []*ParentNamespace // never appended to in place
	dynamic    int                // namespaces made because a client asked for them
	leaving    []*Namespace       // forgotten, but still in the cluster
	left       bool               // the cluster: nothing joins it any more
	closed     bool
}

// NewServer returns a server with the given settings; nil means the defaults. It
// panics if a Hook implements none of the hook interfaces, if Config.Engine.OnSession
// is set, or if Config.Client has no file of the client.
func NewServer(cfg *Config) *Server {
	srv := &Server{
		cfg:        cfg.withDefaults(),
		drained:    make(chan struct{}),
		timeouts:   alarm.NewClock((*conn).timedOut),
		expiries:   alarm.NewClock((*Socket).ring),
		namespaces: make(map[string]*Namespace),
	}
	srv.live.Store(1)
	srv.hooks.log = srv.cfg.Logger
	for _, h := range srv.cfg.Hooks {
		srv.hooks.add(h)
	}
	if srv.cfg.Engine.OnSession != nil {
		panic("sio: Config.Engine.OnSession is set") //nolint:forbidigo // a programmer's error
	}
	srv.cfg.Engine.OnSession = srv.accept
	if srv.cfg.Forward != nil {
		srv.forward = newForwarder(srv, srv.cfg.Forward)
		srv.cfg.Engine.GenerateID = srv.tagged(srv.cfg.Engine.GenerateID)
	}
	srv.hooks.watch(&srv.cfg.Engine)
	srv.engine = engine.NewServer(&srv.cfg.Engine)
	srv.bundle = newBundle(&srv.cfg)
	if srv.cfg.Bus != nil {
		srv.bus = adapter.NewMonitor(srv.cfg.Logger)
	}
	srv.Namespace = srv.Of("/")
	return srv
}

// ServeHTTP handles a request of a client. Requests whose path is not one of Config.Path
// get status 404 (E1.2).
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !srv.cfg.matches(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	if h := srv.bundle[r.URL.Path[len(srv.cfg.Path):]]; h != nil {
		h.ServeHTTP(w, r)
		return
	}
	if srv.forward != nil {
		var done bool
		if r, done = srv.forward.Serve(w, r); done {
			return
		}
	}
	srv.engine.ServeHTTP(w, r)
}

// Of returns the namespace with the given name and makes it if need be: as a child of
// the first OfRegexp that matches, if there is one (S4.5). Clients can only connect to
// namespaces that have been made, or that a ParentNamespace accepts. A missing leading
// slash is added, so "" is "/".
func (srv *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	srv.mu.Lock()
	ns := srv.namespaces[name]
	made := ns == nil
	if made {
		ns = srv.make(name)
		srv.namespaces[name] = ns
		if srv.closed && ns.history != nil {
			ns.history.stop()
		}
	}
	ns.kept = true
	srv.mu.Unlock()
	ns.open()
	if made && name != "/" {
		srv.hooks.newNamespace(ns)
	}
	return ns
}

// make makes a namespace. mu is held.
func (srv *Server) make(name string) *Namespace {
	for _, p := range srv.parents {
		if p.regexp != nil && p.regexp.MatchString(name) {
			return p.adopt(name)
		}
	}
	return newNamespace(srv, name)
}

// lookup returns the namespace with exactly this name, or nil. dynamic says that there
// may be one if a ParentNamespace accepts it.
func (srv *Server) lookup(name string) (ns *Namespace, dynamic bool) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if ns = srv.namespaces[name]; ns != nil {
		ns.users++
	}
	return ns, len(srv.parents) > 0
}

// Engine returns the server of the layer below, which knows the connections.
//
// It also takes the HTTP middlewares, because Use of this type is that of the namespace
// "/" and decides on sockets: Engine().Use adds one for all HTTP requests that the
// server handles. What a middleware puts into the context of the request that opens a
// connection is found in Socket.Context and in the ctx of middlewares and handlers.
func (srv *Server) Engine() *engine.Server { return srv.engine }

// accept is engine.Config.OnSession.
func (srv *Server) accept(session *engine.Session) engine.Receiver {
	srv.mu.RLock()
	closed := srv.closed
	if !closed {
		srv.live.Add(1) // under mu: not after stop has taken the server's own count back
	}
	srv.mu.RUnlock()
	if closed {
		return nil
	}
	c := newConn(srv, session)
	if c.legacy() {
		c.welcome()
	}
	return c
}

// release takes back one count of live.
func (srv *Server) release() {
	if srv.live.Add(-1) == 0 {
		close(srv.drained)
	}
}

// Close refuses new clients, disconnects all sockets with ReasonShutdown, and closes
// all connections at once; what is queued is lost. Clients are not told more than
// that the connection has ended, so that they reconnect (S1.14). Close does not wait
// for handlers. It may be called again.
func (srv *Server) Close() error {
	defer srv.pool.Close()
	srv.stop()
	err := srv.engine.Close()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	srv.leave(now)
	return err
}

// Shutdown refuses new connections with status 503, disconnects all sockets with
// ReasonShutdown and closes their connections after sending what is queued, in batches
// spread over Config.Engine.ShutdownSpread: those whose turn has not come go on as if
// nothing was. Then it waits until handlers have returned, and leaves the cluster. If ctx
// ends first it closes what is left like Close and returns ctx's error. A handler must not
// call it, for it would wait for itself.
func (srv *Server) Shutdown(ctx context.Context) error {
	defer srv.pool.Close()
	err := srv.engine.Shutdown(ctx)
	srv.stop()
	defer srv.leave(ctx)
	if err != nil {
		return err
	}
	select {
	case <-srv.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop refuses new connections and forgets what is kept for clients that may return.
func (srv *Server) stop() {
	srv.mu.Lock()
	first := !srv.closed
	srv.closed = true
	srv.closing.Store(true)
	list := make([]*Namespace, 0, len(srv.namespaces))
	for _, ns := range srv.namespaces {
		list = append(list, ns)
	}
	srv.mu.Unlock()
	for _, ns := range list {
		if ns.history != nil {
			ns.history.stop()
		}
	}
	if first {
		srv.release()
	}
}
