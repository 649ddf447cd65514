// SPDX-License-Identifier: MIT

package sio

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/sio-go/sio/engine"
)

// Hook observes a server, for metrics, tracing or error reporting. It is a value
// that implements at least one of ConnectHook, DisconnectHook, ErrorHook, PanicHook,
// ConnErrorHook, RefuseHook, UpgradeHook, SessionCloseHook, NamespaceHook and RoomHook;
// NewServer panics for anything else.
//
// Hooks are called in the order of Config.Hooks, on the goroutine of what they are
// told of: those of a socket on the goroutine that runs its handlers, so that they
// may be called concurrently for different sockets. They must return soon, and must
// not call Server.Close or Server.Shutdown. A panic in a hook is recovered and logged.
type Hook any

// ConnectHook is told of each socket that has connected, before OnConnect.
type ConnectHook interface{ HookConnect(s *Socket) }

// DisconnectHook is told of each socket that was connected and no longer is, after
// OnDisconnect.
type DisconnectHook interface {
	HookDisconnect(s *Socket, reason Reason)
}

// ErrorHook is told of the errors that handlers return, those of typed handlers
// that could not decode what they got included. They are logged as well.
type ErrorHook interface{ HookError(s *Socket, err error) }

// PanicHook is told of panics in handlers and middlewares. They are logged as well.
type PanicHook interface {
	HookPanic(s *Socket, err *PanicError)
}

// ConnErrorHook is told of connections that are closed because the client sent an
// invalid packet or broke a rule of the protocol. They are logged at debug level as
// well. It is called on the reader of the connection.
type ConnErrorHook interface {
	HookConnError(session *engine.Session, err error)
}

// RefuseHook is told of each HTTP request that was refused (E2.9), before the answer is
// written, on the goroutine of the request. Requests for other paths than Config.Path
// are not among them, nor what goes wrong within a session.
type RefuseHook interface {
	HookRefuse(r *http.Request, err *engine.RequestError)
}

// UpgradeHook is told of each connection that has moved from polling to WebSocket, on
// the goroutine that reads from it.
type UpgradeHook interface {
	HookUpgrade(session *engine.Session)
}

// SessionCloseHook is told of each connection that has ended, before its sockets are
// disconnected. err is the cause, or nil. It may be called on any goroutine, that of a
// caller of Emit included.
type SessionCloseHook interface {
	HookSessionClose(session *engine.Session, reason engine.Reason, err error)
}

// NamespaceHook is told of each namespace that is made, "/" not included (S1.10), before
// a client connects to it: by Server.Of on the goroutine that calls it, or for a
// ParentNamespace on the goroutine of the first socket. It may add handlers.
type NamespaceHook interface{ HookNamespace(ns *Namespace) }

// hooks are Config.Hooks, sorted by what they implement.
type hooks struct {
	log        *slog.Logger
	connect    []ConnectHook
	disconnect []DisconnectHook
	err        []ErrorHook
	panicked   []PanicHook
	conn       []ConnErrorHook
	namespaces []NamespaceHook
	rooms      []RoomHook
	refuse     []RefuseHook
	upgrade    []UpgradeHook
	close      []SessionCloseHook
}

func (hs *hooks) add(h Hook) {
	known := collect(&hs.connect, h)
	known = collect(&hs.disconnect, h) || known
	known = collect(&hs.err, h) || known
	known = collect(&hs.panicked, h) || known
	known = collect(&hs.conn, h) || known
	known = collect(&hs.namespaces, h) || known
	known = collect(&hs.rooms, h) || known
	known = collect(&hs.refuse, h) || known
	known = collect(&hs.upgrade, h) || known
	known = collect(&hs.close, h) || known
	if !known {
		panic(fmt.Sprintf("sio: %T is no Hook: it implements none of the hook interfaces", h)) //nolint:forbidigo // a programmer's error
	}
}

func collect[T any](list *[]T, h Hook) bool {
	v, ok := h.(T)
	if ok {
		*list = append(*list, v)
	}
	return ok
}

// each calls f with each hook of one kind.
func each[T any](hs *hooks, list []T, f func(T)) {
	for _, h := range list {
		if err := guard(func() error { f(h); return nil }); err != nil {
			hs.log.Error("panic in a hook", "hook", fmt.Sprintf("%T", h), "err", err, "stack", stack(err))
		}
	}
}

// watch has the engine call the hooks for it, behind the functions that are set.
func (hs *hooks) watch(cfg *engine.Config) {
	if refused := cfg.OnRequestError; len(hs.refuse) > 0 {
		cfg.OnRequestError = func(r *http.Request, err *engine.RequestError) {
			if refused != nil {
				refused(r, err)
			}
			each(hs, hs.refuse, func(h RefuseHook) { h.HookRefuse(r, err) })
		}
	}
	if upgraded := cfg.OnUpgrade; len(hs.upgrade) > 0 {
		cfg.OnUpgrade = func(s *engine.Session) {
			if upgraded != nil {
				upgraded(s)
			}
			each(hs, hs.upgrade, func(h UpgradeHook) { h.HookUpgrade(s) })
		}
	}
	if closed := cfg.OnClose; len(hs.close) > 0 {
		cfg.OnClose = func(s *engine.Session, reason engine.Reason, err error) {
			if closed != nil {
				closed(s, reason, err)
			}
			each(hs, hs.close, func(h SessionCloseHook) { h.HookSessionClose(s, reason, err) })
		}
	}
}

// newNamespace tells of a new namespace.
func (hs *hooks) newNamespace(ns *Namespace) {
	each(hs, hs.namespaces, func(h NamespaceHook) { h.HookNamespace(ns) })
}

// room tells of a change of a room.
func (hs *hooks) room(s *Socket, c roomChange) {
	each(hs, hs.rooms, func(h RoomHook) { h.HookRoom(s.ns, c.room, c.event, s) })
}

// connected tells of a new socket.
func (hs *hooks) connected(s *Socket) {
	each(hs, hs.connect, func(h ConnectHook) { h.HookConnect(s) })
}

// disconnected tells of a socket's end.
func (hs *hooks) disconnected(s *Socket, reason Reason) {
	each(hs, hs.disconnect, func(h DisconnectHook) { h.HookDisconnect(s, reason) })
}

// failed tells of an error of user code, which may be a panic.
func (hs *hooks) failed(s *Socket, what string, err error) {
	if p, ok := errors.AsType[*PanicError](err); ok {
		hs.log.Error("panic in "+what, "nsp", s.ns.name, "id", short(s.id), "err", err, "stack", string(p.Stack))
		each(hs, hs.panicked, func(h PanicHook) { h.HookPanic(s, p) })
		return
	}
	hs.log.Warn("error in "+what, "nsp", s.ns.name, "id", short(s.id), "err", err)
	each(hs, hs.err, func(h ErrorHook) { h.HookError(s, fmt.Errorf("sio: %s: %w", what, err)) })
}

// failedServerSide tells of an error of a handler of OnServerSide. There is no socket.
func (hs *hooks) failedServerSide(ns *Namespace, err error) {
	if p, ok := errors.AsType[*PanicError](err); ok {
		hs.log.Error("panic in a handler of OnServerSide", "nsp", ns.name, "err", err, "stack", string(p.Stack))
		return
	}
	hs.log.Warn("error in a handler of OnServerSide", "nsp", ns.name, "err", err)
}

// connFailed tells of a connection that is closed for an error of the client.
func (hs *hooks) connFailed(session *engine.Session, err error) {
	hs.log.Debug("closing connection", "err", err, "remote", session.Request().RemoteAddr())
	each(hs, hs.conn, func(h ConnErrorHook) { h.HookConnError(session, err) })
}

// short is what logs show of an id, which may be a credential.
func short(id string) string { return id[max(0, len(id)-6):] }
