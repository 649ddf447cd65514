// SPDX-License-Identifier: MIT

package adapter

import (
	"errors"
	"time"

	"github.com/sio-go/sio/packet"
)

// receiver is the side of a Node that the bus sees.
type receiver Node

// Receive implements Receiver.
func (r *receiver) Receive(m *Message) {
	n := (*Node)(r)
	if m.UID == n.uid || m.Namespace != n.cfg.Namespace || n.Open() != nil { // A2.1
		return
	}
	n.cfg.Monitor.received.Add(1)
	if len(m.UID) > maxUID {
		r.Fail(&MalformedError{Channel: m.Namespace, Err: errUID})
		return
	}
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
		n.cfg.Monitor.Fail(n.cfg.Namespace, &MalformedError{Channel: m.Namespace, Err: errType})
	}
}

var (
	errUID   = errors.New("sender with a long name")
	errType  = errors.New("unknown type")
	errEvent = errors.New("event without a name")
)

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
func (r *receiver) Fail(err error) { r.cfg.Monitor.Fail(r.cfg.Namespace, err) }

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
