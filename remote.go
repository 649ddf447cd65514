// SPDX-License-Identifier: MIT

package sio

import "context"

// RemoteSocket is what is known of a socket at one moment, and a way to reach it by its
// id. It is a value that does not change. What its methods do is done by way of the room
// that the id names, so that sockets that have joined that room are concerned too, and a
// socket that has left it is not reached.
type RemoteSocket struct {
	ID        string
	Handshake *Handshake     // must not be changed
	Rooms     []string       // the room of its own id first, then the others, sorted
	Data      map[string]any // what SetValue and Key.Set have attached under strings

	ns *Namespace
}

// FetchSockets returns the sockets chosen (S7.9), in no particular order, those of other
// servers included. Without a cluster these are those of Sockets, it does not wait, and
// the only error is that of a ctx that has ended, or of the zero Target.
//
// If other servers do not answer in time, the error is an *adapter.TimeoutError, which
// names or counts them, and the sockets are those of the others. That is when ctx ends, or the
// time of Timeout, or after BusTiming.Request if there is neither.
//
// JS differs: A2.8, A2.15, there what has come is lost.
//
// Of what is attached to a socket of another server, Data has what JSON makes of it.
func (t Target) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	if t.ns == nil && t.parent == nil {
		return nil, errNoTarget
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var list []RemoteSocket
	for _, s := range t.Sockets() {
		list = append(list, s.describe())
	}
	if t.parent != nil {
		for _, child := range t.split() {
			if c := child.shared(); c != nil {
				others, err := c.fetch(ctx, child)
				if list = append(list, others...); err != nil {
					return list, err
				}
			}
		}
		return list, nil
	}
	if c := t.shared(); c != nil {
		others, err := c.fetch(ctx, t)
		return append(list, others...), err
	}
	return list, nil
}

// FetchSockets returns all sockets of the namespace. See Target.FetchSockets.
func (ns *Namespace) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return Target{ns: ns}.FetchSockets(ctx)
}

func (s *Socket) describe() RemoteSocket {
	r := RemoteSocket{ID: s.id, Handshake: s.Handshake(), Rooms: s.Rooms(), Data: make(map[string]any), ns: s.ns}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.values {
		if name, ok := k.(string); ok {
			if r, ok := v.(restored); ok {
				v = r.v
			}
			r.Data[name] = v
		}
	}
	return r
}

func (r RemoteSocket) target() Target {
	if r.ns == nil {
		return Target{} // of the zero RemoteSocket: nobody
	}
	return r.ns.To(r.ID)
}

// Emit sends an event to the socket. See Target.Emit: that the socket is disconnected is
// no error.
func (r RemoteSocket) Emit(event string, args ...any) error { return r.target().Emit(event, args...) }

// EmitWithAck sends an event like Emit and waits for the client's answer, of which only the
// first argument comes if the socket is on another server (A2.6). It returns ErrClosed if the socket is not there any more, and otherwise what Socket.EmitWithAck
// returns.
func (r RemoteSocket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	t := r.target()
	t.single = true
	for a, err := range t.answers(ctx, event, args) {
		if err != nil {
			return Args{}, err
		}
		if a.ID == r.ID || a.ID == "" {
			return a.Args, a.Err
		}
	}
	return Args{}, ErrClosed
}

// Join puts the socket into rooms. See Target.SocketsJoin.
func (r RemoteSocket) Join(rooms ...string) { r.target().SocketsJoin(rooms...) }

// Leave takes the socket out of rooms.
func (r RemoteSocket) Leave(rooms ...string) { r.target().SocketsLeave(rooms...) }

// Disconnect disconnects the socket. See Socket.Disconnect.
func (r RemoteSocket) Disconnect(closeConn bool) { r.target().DisconnectSockets(closeConn) }
