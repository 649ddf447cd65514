// SPDX-License-Identifier: MIT

package packet

import (
	"math"
	"slices"
)

// Codec is a way to put packets into messages: another than that of Append and Decoder,
// which is the default. Both sides of a connection must use the same (X1.2).
//
// A Codec is safe for concurrent use; the decoders that it makes are not. Neither keeps
// anything of a packet that it encodes, but for the attachments of Args, which are
// read-only. Bad input leads to an error, never to a panic, and the memory it takes is in
// proportion to its size.
type Codec interface {
	// Append encodes p. It returns either dst, extended by the text of the packet, and
	// the binary messages that are to follow it; or, if the packet is one binary message,
	// nil and that message alone. It must not change what is in dst already. It may use
	// the room behind it for anything, but must not keep it when it has returned.
	//
	// The messages belong to the caller, but they are only read. An error means that p
	// cannot be sent; the connection goes on.
	Append(dst []byte, p *Packet) (text []byte, attachments [][]byte, err error)

	// NewDecoder returns a decoder for one connection. It accepts no more than l allows.
	NewDecoder(l Limits) MessageDecoder
}

// MessageDecoder joins the messages of one connection into packets. It is used by one
// goroutine at a time. *Decoder is one.
type MessageDecoder interface {
	// Add takes the next message. It returns a packet and true if the message completes
	// one, and false without an error if more messages belong to it. The packet may
	// keep data, which nobody changes any more. Its fields are as Received says: in
	// particular, the namespace starts with a slash, and the event is not reserved.
	//
	// An error ends the connection (P3.13). The decoder is then as after Reset.
	Add(data []byte, binary bool) (p Received, complete bool, err error)

	// Reset drops a packet that is not complete.
	Reset()
}

var _ MessageDecoder = (*Decoder)(nil)

// AppendPayload appends the payload of p alone, for codecs that have another frame around
// it: for an Event the array of its name and its arguments, for an Ack the array of its
// arguments, for Connect and ConnectError the object or string, or nothing if there is
// none. It checks and encodes p as Append does, with one difference: Connect and
// ConnectError may have attachments as well.
//
// The i-th attachment is where the text has the i-th {"_placeholder":true,"num":i}, and
// nothing else in it looks like a placeholder if there are attachments. The text is
// valid UTF-8. On an error dst is returned as it was.
func AppendPayload(dst []byte, p *Packet) (json []byte, attachments [][]byte, err error) {
	return standard.appendPayload(dst, p)
}

func (d *dialect) appendPayload(dst []byte, p *Packet) (json []byte, attachments [][]byte, err error) {
	if err := check(p); err != nil || p.Type == Disconnect {
		return dst, nil, err
	}
	start := len(dst)
	e := d.encoders.Get().(*encoder)
	if p.Type == Event || p.Type == Ack {
		json, err = e.appendList(dst, p)
	} else {
		json, err = e.appendObject(dst, p)
	}
	attachments, e.attachments = e.attachments, nil
	d.encoders.Put(e)
	if err != nil {
		return dst, nil, err
	}
	if n := len(attachments); n > 0 && !numbered(json[start:], n) {
		return dst, nil, errPlaceholder
	}
	return json, attachments, nil
}

// appendObject appends the payload of a Connect or ConnectError with placeholders.
func (e *encoder) appendObject(dst []byte, p *Packet) (json []byte, err error) {
	if len(p.Args) == 0 {
		return dst, nil
	}
	json = dst
	if args, ok := p.Args[0].(Args); ok {
		if args.Len() > 1 {
			return dst, errPayload
		}
		if args.Len() > 0 {
			json = e.appendArgs(dst, args)
			json = json[:len(json)-1] // the comma
		}
	} else if json, err = e.appendValue(dst, p.Args[0]); err != nil {
		return dst, &ArgError{Err: err}
	}
	payload := json[len(dst):]
	if len(payload) == 0 || string(payload) == "null" {
		return dst, nil
	}
	if _, binary := parsePlaceholder(payload, len(e.attachments)); binary || !fits(p.Type, payload[skipSpace(payload, 0)]) {
		return dst, errPayload
	}
	return json, nil
}

// NewArgs makes Args of a JSON array of arguments and their attachments, for codecs. It
// keeps both: the caller must not change them any more.
//
// The i-th attachment must be where the array has the i-th
// {"_placeholder":true,"num":i}, in this very form. If there are attachments, nothing
// else in the array may look like a placeholder, or a peer could have its own data
// taken for one. NewArgs checks all this and the limits; the error is a *SyntaxError.
func NewArgs(list []byte, attachments [][]byte, l Limits) (Args, error) {
	first := skipSpace(list, 0)
	if len(list) > math.MaxInt32 || first == len(list) || list[first] != '[' {
		return Args{}, &SyntaxError{Offset: first, Msg: msgPayload}
	}
	if len(attachments) > l.attachments() {
		return Args{}, &SyntaxError{Msg: msgTooMany}
	}
	var room [16]span
	elems, bad := scan(list, first, l.depth(), room[:0])
	if bad >= 0 {
		return Args{}, &SyntaxError{Offset: bad, Msg: msgPayload}
	}
	if n := len(attachments); n > 0 && !numbered(list, n) {
		return Args{}, &SyntaxError{Msg: msgIllegalPlaceholder}
	}
	for i, data := range attachments {
		if data == nil {
			attachments[i] = []byte{} // nil would decode to null
		}
	}
	return Args{text: list, elems: slices.Clone(elems), attachments: attachments}, nil
}
