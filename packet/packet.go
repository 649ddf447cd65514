// SPDX-License-Identifier: MIT

// Package packet is the codec of Socket.IO packets, protocol revision 5.
//
// [Append] makes of a [Packet] one text message and the binary messages that follow
// it, its attachments. A [Decoder] joins such messages into a [Received] again,
// whose [Args] stay raw JSON until somebody asks for a Go value.
//
// The text of a packet is
//
//	<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
//
// where each binary value of the JSON is replaced by a placeholder that holds the
// index of an attachment: {"_placeholder":true,"num":0}.
//
// The format is described in "Socket.IO Protocol", revision 5, section "Packet
// encoding". Row ids such as P2.7 in comments name the behaviour of the official
// parser.
package packet

import (
	"errors"
	"strconv"
)

// Type is the type of a Socket.IO packet. On the wire it is one decimal digit (P1.1).
type Type byte

// The packet types, in the order of their digits.
const (
	// Connect asks for a namespace, or grants one.
	Connect Type = iota
	// Disconnect leaves a namespace.
	Disconnect
	// Event carries an event's name and its arguments.
	Event
	// Ack carries the arguments of the answer to an Event.
	Ack
	// ConnectError refuses a namespace.
	ConnectError
	// BinaryEvent is an Event with attachments. It exists on the wire only.
	BinaryEvent
	// BinaryAck is an Ack with attachments. It exists on the wire only.
	BinaryAck
)

// String returns the name of the type as the protocol document has it.
func (t Type) String() string {
	switch t {
	case Connect:
		return "CONNECT"
	case Disconnect:
		return "DISCONNECT"
	case Event:
		return "EVENT"
	case Ack:
		return "ACK"
	case ConnectError:
		return "CONNECT_ERROR"
	case BinaryEvent:
		return "BINARY_EVENT"
	case BinaryAck:
		return "BINARY_ACK"
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// Packet is a packet to be sent.
type Packet struct {
	// Type is the packet's type, but never BinaryEvent or BinaryAck: Append chooses
	// these when there are attachments.
	Type Type
	// Namespace starts with a slash and has no comma. Empty means "/".
	Namespace string
	// ID is the id of the ack that is wanted, or that this is. It counts only if HasID
	// is set; 0 is a valid id (P1.10).
	ID    uint64
	HasID bool
	// Event is the name of an Event; other types ignore it.
	Event string
	// Args are the arguments of an Event or an Ack. Connect and ConnectError take
	// none or one, Disconnect none.
	Args []any
}

// Received is a packet that a Decoder has put together.
type Received struct {
	// Type is the packet's type. BinaryEvent and BinaryAck have become Event and Ack.
	Type Type
	// Namespace starts with a slash; "/" if the packet names none.
	Namespace string
	// ID is the ack id, if HasID is set.
	ID    uint64
	HasID bool
	// Event is the name of an Event, never a reserved one. A number as a name is legal
	// on the wire and becomes its text (P2.23).
	Event string
	// Args are the arguments of an Event or Ack, without the event's name. For Connect
	// and ConnectError they are the payload, if there is one.
	Args Args
}

// IsReserved reports whether an event name is kept for the lifecycle of sockets.
// Such an event can be neither sent nor received, so that no peer can forge one (P2.14).
func IsReserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// ErrNoArg is the error of asking for an argument that the packet does not have.
var ErrNoArg = errors.New("no such argument")

// Reasons of Append to refuse a packet, besides those of JSON.
var (
	errType        = errors.New("packet: type cannot be sent")
	errNamespace   = errors.New("packet: namespace must start with a slash and have no comma")
	errID          = errors.New("packet: ack id beyond 2^53-1, which JavaScript cannot represent")
	errNoID        = errors.New("packet: ack without an id")
	errPayload     = errors.New("packet: payload of the wrong shape for this type")
	errAttachments = errors.New("packet: this type cannot carry attachments")
)

// Messages of a SyntaxError, in the words of the official parser.
const (
	msgUnknownType        = "unknown packet type "
	msgIllegalCount       = "Illegal attachments"
	msgTooMany            = "too many attachments"
	msgPayload            = "invalid payload"
	msgPlaintext          = "got plaintext data when reconstructing a packet"
	msgBinary             = "got binary data when not reconstructing a packet"
	msgIllegalPlaceholder = "illegal attachments"
)

// SyntaxError tells that a message breaks the protocol. The session it came from
// should end.
type SyntaxError struct {
	// Offset is the index in the text at which it stopped making sense.
	Offset int
	// Msg says what is wrong in the words of the official parser, because peers and
	// dashboards compare them.
	Msg string
}

// Error returns e.Msg.
func (e *SyntaxError) Error() string { return e.Msg }

// ReservedError tells that an event cannot be sent because its name is reserved.
type ReservedError struct {
	// Event is the reserved name.
	Event string
}

// Error implements error.
func (e *ReservedError) Error() string {
	return "packet: " + strconv.Quote(e.Event) + " is a reserved event name"
}

// ArgError tells that an argument cannot be decoded, or encoded.
type ArgError struct {
	// Index is the argument's index.
	Index int
	// Err is ErrNoArg or an error of package json.
	Err error
}

// Error implements error.
func (e *ArgError) Error() string {
	return "packet: argument " + strconv.Itoa(e.Index) + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *ArgError) Unwrap() error { return e.Err }
