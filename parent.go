// SPDX-License-Identifier: MIT

package sio

import (
	"context"
	"regexp"
	"slices"
	"sync"
)

// ParentNamespace stands for all namespaces whose names it accepts. Such a namespace, its
// child, is made when the first client asks for it (S4.3), and has the handlers of the
// parent, those added later included. Emitting to a parent reaches the sockets of all
// children. Server.OfRegexp and Server.OfFunc return it. All methods are safe for
// concurrent use.
type ParentNamespace struct {
	server *Server
	match  func(ctx context.Context, name string, auth Auth) (bool, error)
	regexp *regexp.Regexp // nil for OfFunc

	// mu guards the fields below, and makes sure that a child misses no handler.
	mu       sync.Mutex
	handlers handlers
	children []*Namespace
}

// OfRegexp makes clients connect to namespaces whose name the expression matches. It is
// not anchored: use ^ and $. Those that exist, and those of earlier calls of OfRegexp and
// OfFunc, come first (S4.2).
func (srv *Server) OfRegexp(re *regexp.Regexp) *ParentNamespace {
	return srv.addParent(&ParentNamespace{server: srv, regexp: re, match: func(_ context.Context, name string, _ Auth) (bool, error) {
		return re.MatchString(name), nil
	}})
}

// OfFunc makes clients connect to namespaces for which allow returns true; an error is
// logged and means false (S4.1). allow may wait; ctx is that of the socket, and has the
// values of the HTTP request's. See OfRegexp for the order.
func (srv *Server) OfFunc(allow func(ctx context.Context, name string, auth Auth) (bool, error)) *ParentNamespace {
	notNil(allow == nil)
	return srv.addParent(&ParentNamespace{server: srv, match: allow})
}

func (srv *Server) addParent(p *ParentNamespace) *ParentNamespace {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.parents = append(slices.Clip(srv.parents), p)
	return p
}

// resolve returns the namespace that a client asks for, counted as used, or nil.
func (srv *Server) resolve(ctx context.Context, name string, auth Auth) *Namespace {
	srv.mu.Lock()
	ns, parents := srv.namespaces[name], srv.parents
	if ns != nil {
		ns.users++
	}
	srv.mu.Unlock()
	for i := 0; ns == nil && i < len(parents); i++ {
		p := parents[i]
		var ok bool
		err := guard(func() (err error) { ok, err = p.match(ctx, name, auth); return err })
		if err != nil {
			srv.cfg.Logger.Warn("namespace refused", "nsp", name, "err", err)
			continue
		}
		if ok {
			ns = srv.child(p, name)
		}
	}
	return ns
}

// child returns the child with the given name, which somebody else may have made
// meanwhile (S4.4), counted as used.
func (srv *Server) child(p *ParentNamespace, name string) *Namespace {
	srv.mu.Lock()
	ns := srv.namespaces[name]
	made := ns == nil
	if made && srv.closed { // nobody would stop it
		srv.mu.Unlock()
		return nil
	}
	if made && srv.dynamic >= srv.cfg.MaxDynamicNamespaces {
		srv.evict()
	}
	if made && srv.dynamic >= srv.cfg.MaxDynamicNamespaces {
		srv.mu.Unlock()
		srv.cfg.Logger.Warn("namespace refused: there are too many", "nsp", name)
		return nil
	}
	if made {
		ns = p.adopt(name)
		srv.namespaces[name] = ns
		srv.dynamic++
	}
	ns.users++
	srv.mu.Unlock()
	srv.part()
	ns.open()
	if made {
		srv.hooks.newNamespace(ns)
	}
	return ns
}

// maxDynamicName is the longest name of a namespace that a client can have made, in bytes.
const maxDynamicName = 1024

// evict forgets a child that nobody uses, if there is one. Server.mu is held.
func (srv *Server) evict() {
	for _, ns := range srv.namespaces {
		if ns.parent != nil && !ns.kept && ns.users == 0 {
			srv.forget(ns)
			return
		}
	}
}

// forget takes a child out of the server. Server.mu is held.
func (srv *Server) forget(ns *Namespace) {
	delete(srv.namespaces, ns.name)
	srv.dynamic--
	if ns.cluster != nil {
		srv.leaving = append(srv.leaving, ns)
	}
	if ns.history != nil {
		ns.history.stop()
	}
	p := ns.parent
	p.mu.Lock()
	defer p.mu.Unlock()
	p.children = without(p.children, ns)
}

// adopt makes a child. Server.mu is held.
func (p *ParentNamespace) adopt(name string) *Namespace {
	ns := newNamespace(p.server, name)
	ns.parent = p
	p.mu.Lock()
	defer p.mu.Unlock()
	ns.handlers.copyFrom(&p.handlers)
	ns.watched.Store(len(p.handlers.load().outgoing) > 0)
	p.children = append(slices.Clip(p.children), ns)
	return ns
}

// unused takes back what resolve has counted, and forgets a child that nobody uses any
// more if Config.CleanupEmptyNamespaces is set (S4.9).
//
// JS differs: sockets that are still in middlewares count as users.
func (srv *Server) unused(ns *Namespace) {
	defer srv.part()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if ns.users--; ns.users > 0 || ns.parent == nil || ns.kept || !srv.cfg.CleanupEmptyNamespaces {
		return
	}
	srv.forget(ns)
}

// each changes the handlers of the parent and of all its children.
func (p *ParentNamespace) each(f func(h *handlers)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.handlers)
	for _, ns := range p.children {
		f(&ns.handlers)
	}
}

// Namespaces returns the children of this moment.
func (p *ParentNamespace) Namespaces() []*Namespace {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.children)
}

// Use adds a middleware to all children. See Namespace.Use.
func (p *ParentNamespace) Use(f func(ctx context.Context, s *Socket) error) {
	notNil(f == nil)
	p.each(func(h *handlers) { h.change(func(t *table) { t.uses = add(t.uses, f) }) })
}

// OnConnect adds a handler to all children. See Namespace.OnConnect.
func (p *ParentNamespace) OnConnect(f func(ctx context.Context, s *Socket) error) {
	notNil(f == nil)
	p.each(func(h *handlers) { h.change(func(t *table) { t.connect = add(t.connect, f) }) })
}

// OnDisconnecting adds a handler to all children. See Namespace.OnDisconnecting.
func (p *ParentNamespace) OnDisconnecting(f func(s *Socket, reason Reason)) {
	notNil(f == nil)
	p.each(func(h *handlers) { h.change(func(t *table) { t.disconnecting = add(t.disconnecting, f) }) })
}

// OnDisconnect adds a handler to all children. See Namespace.OnDisconnect.
func (p *ParentNamespace) OnDisconnect(f func(s *Socket, reason Reason)) {
	notNil(f == nil)
	p.each(func(h *handlers) { h.change(func(t *table) { t.disconnect = add(t.disconnect, f) }) })
}

// On adds a handler for an event to all children, and returns a function that removes it.
// See Namespace.On.
func (p *ParentNamespace) On(event string, h Handler) (off func()) {
	l := newListener(event, h, false)
	p.each(func(h *handlers) { h.addEvent(event, l) })
	return func() {
		l.used.Store(true)
		p.each(func(h *handlers) { h.remove(event, l) })
	}
}

// Off removes all handlers for the event from the parent and all children, those that a
// child has by itself included.
func (p *ParentNamespace) Off(event string) {
	p.each(func(h *handlers) { h.setEvent(event, func([]*listener) []*listener { return nil }) })
}

// OnAny adds a handler for all events to all children. See Namespace.OnAny.
func (p *ParentNamespace) OnAny(f Handler) (off func()) {
	notNil(f == nil)
	l := &listener{f: f}
	p.each(func(h *handlers) { h.change(func(t *table) { t.incoming = add(t.incoming, l) }) })
	return func() {
		p.each(func(h *handlers) { h.change(func(t *table) { t.incoming = without(t.incoming, l) }) })
	}
}

// OnAnyOutgoing adds a function to all children. See Namespace.OnAnyOutgoing.
func (p *ParentNamespace) OnAnyOutgoing(f func(s *Socket, event string, args []any)) (off func()) {
	notNil(f == nil)
	o := &outgoing{f}
	p.each(func(h *handlers) { h.change(func(t *table) { t.outgoing = add(t.outgoing, o) }) })
	for _, ns := range p.Namespaces() {
		ns.watched.Store(true)
	}
	return func() {
		p.each(func(h *handlers) { h.change(func(t *table) { t.outgoing = without(t.outgoing, o) }) })
	}
}

// UseEvents adds a middleware for events to all children; f is called once for each. See
// Namespace.UseEvents.
func (p *ParentNamespace) UseEvents(f func(next Handler) Handler) {
	p.each(func(h *handlers) { h.useEvents(f, serveOwn) })
}

// Emit sends an event to all sockets of all children. See Target.Emit.
func (p *ParentNamespace) Emit(event string, args ...any) error {
	return Target{parent: p}.Emit(event, args...)
}

// To chooses, in each child, the sockets in at least one of the rooms.
func (p *ParentNamespace) To(rooms ...string) Target { return Target{parent: p}.To(rooms...) }

// In is To.
func (p *ParentNamespace) In(rooms ...string) Target { return p.To(rooms...) }

// Except chooses, in each child, the sockets that are in none of the rooms.
func (p *ParentNamespace) Except(rooms ...string) Target { return Target{parent: p}.Except(rooms...) }

// Local chooses the sockets of all children on this server. See Target.Local.
func (p *ParentNamespace) Local() Target { return Target{parent: p}.Local() }

// Volatile chooses all sockets of all children. See Target.Volatile.
func (p *ParentNamespace) Volatile() Target { return Target{parent: p}.Volatile() }

// Compress chooses all sockets of all children. See Target.Compress.
func (p *ParentNamespace) Compress(on bool) Target { return Target{parent: p}.Compress(on) }

// Send is Emit of the event "message".
func (p *ParentNamespace) Send(args ...any) error { return p.Emit("message", args...) }

// All chooses all sockets of all children, for what only a Target has.
func (p *ParentNamespace) All() Target { return Target{parent: p} }
