// SPDX-License-Identifier: MIT

package msgpack

import (
	"bytes"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio/packet"
)

// Messages of a SyntaxError, in the words of the official parser and of notepack (X1.4,
// X1.7).
const (
	msgMalformed = "Could not parse"
	msgType      = "invalid packet type"
	msgNamespace = "invalid namespace"
	msgPayload   = "invalid payload"
	msgID        = "invalid packet id"
	msgTooMany   = "too many attachments"
)

// cachedName is the greatest length of a name that a decoder keeps for the next packet.
const cachedName = 64

// firstJSON is the greatest room made at first for the JSON of a message, of which binary
// data may be the most.
const firstJSON = 512

// decoder implements packet.MessageDecoder. It holds nothing but the last names of an event
// and a namespace.
type decoder struct {
	limits    packet.Limits // resolved
	json      packet.JSON   // makes the arguments
	namespace string        // of the last packet
	event     string        // the last event name
}

// Reset implements packet.MessageDecoder. No packet is ever incomplete.
func (*decoder) Reset() {}

// Add implements packet.MessageDecoder. The error is a *packet.SyntaxError.
func (d *decoder) Add(data []byte, binary bool) (p packet.Received, complete bool, err error) {
	if !binary {
		return p, false, &packet.SyntaxError{Msg: msgMalformed}
	}
	r := reader{data: data, depth: d.limits.Depth, blobsLeft: d.limits.Attachments}
	r.json = make([]byte, 0, min(len(data)+16, firstJSON))
	if r.blobsLeft < 0 {
		r.blobsLeft = math.MaxInt
	}
	if p, err = d.read(&r); err != nil {
		return packet.Received{}, false, err
	}
	return p, true, nil
}

// form is what a member of the packet is, as far as the packet's validity is concerned.
type form byte

const (
	absent form = iota // or undefined (X1.5)
	list
	object
	text
	number
	other
)

// member is a member of the packet.
type member struct {
	form form
	at   int    // where the value begins in the message
	json []byte // its JSON; strings are quoted
}

// read reads a packet (X1.3), checks it (X1.4) and makes its arguments.
func (d *decoder) read(r *reader) (p packet.Received, err error) {
	var kind, nsp, id, payload member
	n, ok := r.mapHeader()
	if !ok {
		if err := r.value(); err != nil { // for the right error
			return p, err
		}
		return p, &packet.SyntaxError{Msg: msgType}
	}
	for range n {
		name, err := r.key() // the packet itself does not count as depth: there is none in JSON
		if err != nil {
			return p, err
		}
		var m *member
		switch string(name) {
		case "type":
			m = &kind
		case "nsp":
			m = &nsp
		case "id":
			m = &id
		case "data":
			m = &payload
			// Of members with the same name the last one counts.
			r.blobsLeft += len(r.blobs)
			r.blobs = nil
		default:
			m = &member{} // such as "options", which clients send (X1.5)
		}
		blobs := r.blobs
		left := r.blobsLeft
		*m, err = r.member()
		if err != nil {
			return p, err
		}
		if m != &payload {
			r.blobs, r.blobsLeft = blobs, left
		}
	}
	if rest := len(r.data) - r.i; rest > 0 {
		return p, &packet.SyntaxError{Offset: r.i, Msg: strconv.Itoa(rest) + " trailing bytes"}
	}
	err = d.check(&p, kind, nsp, id, payload, r.blobs)
	return p, err
}

// check makes p of its members. The order of the checks is the official one.
func (d *decoder) check(p *packet.Received, kind, nsp, id, payload member, blobs [][]byte) error {
	t, ok := kind.integer()
	if !ok || t > uint64(packet.ConnectError) {
		return &packet.SyntaxError{Offset: kind.at, Msg: msgType}
	}
	p.Type = packet.Type(t)
	// JS differs: X1.4, the official parser takes any string. But no client of the default
	// codec can ask for such a namespace, so none can exist.
	if !validNamespace(nsp) {
		return &packet.SyntaxError{Offset: nsp.at, Msg: msgNamespace}
	}
	p.Namespace = unquote(&d.namespace, nsp.json)
	if !fits(p.Type, payload.form) {
		return &packet.SyntaxError{Offset: payload.at, Msg: msgPayload}
	}
	if id.form != absent {
		// JS differs: X1.4, the official parser takes negative numbers too, which nobody
		// ever uses.
		if p.ID, p.HasID = id.integer(); !p.HasID {
			return &packet.SyntaxError{Offset: id.at, Msg: msgID}
		}
	}
	if payload.form == absent {
		return nil
	}
	args := payload.json
	if payload.form != list {
		args = make([]byte, 0, len(args)+2)
		args = append(append(append(args, '['), payload.json...), ']')
	}
	var err error
	limits := packet.Limits{Attachments: -1, Depth: math.MaxInt} // the reader has seen to it
	if p.Args, err = d.json.NewArgs(args, blobs, limits); err != nil {
		return &packet.SyntaxError{Offset: payload.at, Msg: err.Error()}
	}
	if p.Type == packet.Event {
		return d.name(p, payload.at)
	}
	return nil
}

// name takes the first argument of an event as its name, as the default codec does.
//
// JS differs: X1.4, the official parser checks no names, so that a peer can forge the
// events of a socket's lifecycle.
func (d *decoder) name(p *packet.Received, at int) error {
	raw, ok := p.Args.Raw(0)
	if ok {
		switch {
		case raw[0] == '"':
			p.Event = unquote(&d.event, raw)
			ok = !packet.IsReserved(p.Event)
		case raw[0] == '-' || raw[0]-'0' < 10:
			p.Event = string(raw)
		default:
			ok = false
		}
	}
	if !ok {
		return &packet.SyntaxError{Offset: at, Msg: msgPayload}
	}
	p.Args = p.Args.Slice(1, p.Args.Len())
	return nil
}

// validNamespace reports whether a member is fit for the name of a namespace.
func validNamespace(m member) bool {
	return m.form == text && bytes.HasPrefix(m.json, []byte(`"/`)) && bytes.IndexByte(m.json, ',') < 0
}

// fits reports whether the payload of a packet may have a form.
func fits(t packet.Type, f form) bool {
	switch t {
	case packet.Connect:
		return f == absent || f == object
	case packet.Disconnect:
		return f == absent
	case packet.ConnectError:
		return f == text || f == object
	case packet.Event, packet.Ack, packet.BinaryEvent, packet.BinaryAck:
	}
	return f == list
}

// integer returns the value of an integer that is not negative. It may be a float, as
// JavaScript sees no difference.
func (m *member) integer() (uint64, bool) {
	if m.form != number {
		return 0, false
	}
	if n, err := strconv.ParseUint(string(m.json), 10, 64); err == nil {
		return n, true
	}
	return 0, false // floats that are integers are written as such, up to 10^21
}

// unquote returns the content of a quoted string, which is *last if that is the same:
// peers tend to repeat themselves.
func unquote(last *string, quoted []byte) string {
	var room [cachedName]byte
	name, _ := jsontext.AppendUnquote(room[:0], quoted) // it was just quoted
	if string(name) == *last {
		return *last
	}
	s := string(name)
	if len(s) <= cachedName {
		*last = s
	}
	return s
}
