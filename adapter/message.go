// SPDX-License-Identifier: MIT

package adapter

import (
	"strconv"
	"time"

	"github.com/sio-go/sio/packet"
)

// Type is what a Message says. The values are those of the official ClusterAdapter
// (behaviour.md, section 4.2).
type Type uint8

// The types, with the fields of Message that they use besides Type, UID and Namespace.
const (
	// InitialHeartbeat says that a node has come. Everybody answers with a Heartbeat.
	InitialHeartbeat Type = 1 + iota
	// Heartbeat says that a node is there.
	Heartbeat
	// Broadcast is an event for sockets: Args with its name first, Options. With a
	// Request, answers are wanted: one BroadcastClientCount and then a BroadcastAck of
	// each client; Extended says that the asker is of this module.
	Broadcast
	// SocketsJoin puts sockets into rooms: Options, Rooms.
	SocketsJoin
	// SocketsLeave takes sockets out of rooms: Options, Rooms.
	SocketsLeave
	// DisconnectSockets disconnects sockets: Options, Close.
	DisconnectSockets
	// FetchSockets asks for sockets: Options, Request.
	FetchSockets
	// FetchSocketsResponse answers FetchSockets: Request, Sockets.
	FetchSocketsResponse
	// ServerSideEmit is an event for servers: Args with its name first, and a Request
	// if an answer is wanted.
	ServerSideEmit
	// ServerSideEmitResponse answers ServerSideEmit: Request, Args with one element.
	ServerSideEmitResponse
	// BroadcastClientCount says how many clients a node has sent a Broadcast to: Request, Count.
	BroadcastClientCount
	// BroadcastAck is the answer of one client: Request, Args with one element. Socket and
	// Gone are set for an asker that has set Extended.
	BroadcastAck
	// Close says that a node has left: AdapterClose of the official adapters.
	Close
)

var typeNames = [...]string{
	"", "INITIAL_HEARTBEAT", "HEARTBEAT", "BROADCAST", "SOCKETS_JOIN", "SOCKETS_LEAVE",
	"DISCONNECT_SOCKETS", "FETCH_SOCKETS", "FETCH_SOCKETS_RESPONSE", "SERVER_SIDE_EMIT",
	"SERVER_SIDE_EMIT_RESPONSE", "BROADCAST_CLIENT_COUNT", "BROADCAST_ACK", "ADAPTER_CLOSE",
}

// String returns the official name.
func (t Type) String() string {
	if t.Valid() {
		return typeNames[t]
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// Valid reports whether t is one of the types above.
func (t Type) Valid() bool { return t >= InitialHeartbeat && t <= Close }

// Response reports whether a message of the type answers a request, so that it concerns
// one node only (A2.3).
func (t Type) Response() bool {
	switch t {
	case FetchSocketsResponse, ServerSideEmitResponse, BroadcastClientCount, BroadcastAck:
		return true
	default:
		return false
	}
}

// EmitterUID is the UID of messages of a program that is no server. It is not a node, is
// not counted as one, and gets no answers (A2.14).
const EmitterUID = "emitter"

// Message is what nodes of one namespace tell each other. Once it was published or
// received it is read-only, and so is all that it points to, so that it may be kept and
// shared.
type Message struct {
	Type Type
	// UID names the sender: 16 lower-case hexadecimal digits, for each server and
	// namespace another, or EmitterUID (A10.9). Peers may have other forms.
	UID string
	// Namespace starts with a slash. A bus that has a channel for each namespace may
	// leave out of the wire what peers leave out (A10.4), but sets it in what it receives.
	Namespace string
	// Request names the request that wants, or gets, answers. "" means that none are wanted.
	Request string

	// Options say which sockets a Broadcast, SocketsJoin, SocketsLeave, DisconnectSockets
	// or FetchSockets is for.
	Options Options
	// Args are the event's name and its arguments, or the one answer; if a client or server
	// answered with nothing, they are empty. They have binary data as attachments.
	Args packet.Args
	// Rooms are those to join or to leave.
	Rooms []string
	// Close says that DisconnectSockets is to close the connections too.
	Close bool
	// Sockets are the answer to FetchSockets.
	Sockets []Socket
	// Count is how many clients answers are awaited of.
	Count int

	// Extended, Socket and Gone are our own. Official peers ignore them and do not send
	// them. Extended says that the asker understands the other two.
	Extended bool
	// Socket is the id of the socket that answers.
	Socket string
	// Gone says that the socket has ended, and will not answer.
	Gone bool

	// Offset is the position of a Broadcast in the log of the backend (see Log). A bus
	// sets it in what it receives; it is "" if there is no log.
	Offset string
}

// Binary reports whether the message has binary data, which JSON cannot carry.
func (m *Message) Binary() bool {
	if len(m.Args.Attachments()) > 0 {
		return true
	}
	for i := range m.Sockets {
		if len(m.Sockets[i].Data.Attachments()) > 0 {
			return true
		}
	}
	return false
}

// Options choose sockets (A1.9).
type Options struct {
	Rooms  []string // none: all sockets
	Except []string // sockets in one of these rooms are left out

	// Volatile: whoever is not ready to take the packet at once does not get it.
	Volatile bool
	// Plain: the packet is not to be compressed.
	Plain bool
	// Timeout is how long answers are waited for, in whole milliseconds on the wire. 0: the
	// asker did not say.
	Timeout time.Duration
	// Single says that one answer is expected, because Rooms is the id of a socket.
	Single bool
}

// Socket describes a socket of another node.
type Socket struct {
	ID    string
	Rooms []string
	// Handshake is one argument, an object with the members that Node's handshake has
	// (A10.8), or empty.
	Handshake packet.Args
	// Data is one argument, what is attached to the socket, or empty.
	Data packet.Args
}
