// SPDX-License-Identifier: MIT

// Package wire holds the wire format of Engine.IO, protocol revisions 4 and 3: single
// packets as WebSocket messages carry them, payloads of several packets as HTTP
// long-polling carries them, and the handshake. What has a 3 in its name is of revision
// 3; the rest is of revision 4, or of both.
//
// Parsing never copies: the data of a text packet, and of a binary WebSocket
// message, aliases the input. Only packets that come in base64 take memory. Nothing
// here has state; every function is safe for concurrent use.
//
// The format is described in "Engine.IO Protocol", revision 4, sections "Packet
// encoding" and "HTTP long-polling", and revision 3, section "Encoding". Row ids such as E3.11 name the behaviour of the
// official server.
package wire

import (
	"errors"
	"strconv"
)

// Type is the type of an Engine.IO packet. On the wire it is one decimal digit.
type Type byte

// The packet types of revision 4, in the order of their digits.
const (
	Open    Type = iota // the handshake, from the server
	Close               // the sender closes the session
	Ping                // the heartbeat, from the server; also the probe of an upgrade
	Pong                // the answer to a Ping, with the same data
	Message             // data of the layer above
	Upgrade             // the client has probed the new transport and switches to it
	Noop                // ends a pending poll while an upgrade takes place
)

// String returns the name of the type as the protocol document has it.
func (t Type) String() string {
	switch t {
	case Open:
		return "open"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	case Message:
		return "message"
	case Upgrade:
		return "upgrade"
	case Noop:
		return "noop"
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// Packet is one Engine.IO packet.
type Packet struct {
	// Type is the packet's type. It is Message when Binary is set.
	Type Type
	// Binary tells that Data is binary rather than text.
	Binary bool
	// Data is what follows the type. It may be empty. After parsing it may alias the
	// input.
	Data []byte
}

// What is wrong with a packet or payload. Errors of this package are of type
// *SyntaxError and wrap one of them.
var (
	// ErrEmpty means that there is not even a type: an empty message, payload or part
	// of a payload.
	ErrEmpty = errors.New("empty packet")
	// ErrType means that the first character is no packet type (E3.12).
	ErrType = errors.New("unknown packet type")
	// ErrBase64 means that a binary packet in a text is not in base64.
	ErrBase64 = errors.New("malformed base64")
	// ErrLength means that the length of a packet in a payload of revision 3 is no
	// number, or that so much does not follow.
	ErrLength = errors.New("malformed length")
)

// SyntaxError tells where the input is malformed. Test for ErrEmpty, ErrType,
// ErrBase64 and ErrLength with errors.Is.
type SyntaxError struct {
	// Offset is the index in the input at which the offending packet starts.
	Offset int
	// Err is ErrEmpty, ErrType, ErrBase64 or ErrLength.
	Err error
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return "wire: " + e.Err.Error() + " at byte " + strconv.Itoa(e.Offset)
}

// Unwrap returns e.Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Parse returns the packet of one WebSocket message (E5.1). A binary message is a
// Message as it is, even an empty one; a text message is a type digit and data or, from
// a client without binary data, a 'b' and base64. The packet's Data aliases data unless
// that is in base64. The error is a *SyntaxError.
func Parse(data []byte, binary bool) (Packet, error) {
	if binary {
		return Packet{Type: Message, Binary: true, Data: data}, nil
	}
	return parsePart(data, 0)
}

// parseText parses a type digit and data that start at the given offset of the input.
func parseText(data []byte, offset int) (Packet, error) {
	if len(data) == 0 {
		return Packet{}, &SyntaxError{Offset: offset, Err: ErrEmpty}
	}
	t := Type(data[0] - '0') // wraps around below '0'
	if t > Noop {
		return Packet{}, &SyntaxError{Offset: offset, Err: ErrType}
	}
	return Packet{Type: t, Data: data[1:]}, nil
}

// Append appends p as the content of one WebSocket message and returns the extended
// buffer: a type digit and the data, or only the data if p is binary.
func Append(dst []byte, p Packet) []byte {
	if !p.Binary {
		dst = append(dst, '0'+byte(p.Type))
	}
	return append(dst, p.Data...)
}
