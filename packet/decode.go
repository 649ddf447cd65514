// SPDX-License-Identifier: MIT

package packet

import (
	"bytes"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bound what a Decoder accepts. The size of messages is bounded by the layer
// below.
type Limits struct {
	// Attachments is the greatest number of attachments of a packet, and of placeholders
	// for them. 0 means 10, as the official parser has it; a negative number means no limit.
	Attachments int
	// Depth is how deep arrays and objects may be nested, the list of arguments
	// included. 0 or less means 1000.
	Depth int
}

func (l Limits) attachments() int {
	switch {
	case l.Attachments == 0:
		return defaultAttachments
	case l.Attachments < 0:
		return unlimited
	}
	return l.Attachments
}

func (l Limits) depth() int {
	if l.Depth <= 0 {
		return defaultDepth
	}
	return l.Depth
}

const (
	defaultAttachments = 10
	defaultDepth       = 1000
	// cachedName is the greatest length of a name that a Decoder keeps for the next
	// packet.
	cachedName = 64
	// unlimited is more attachments than any sender can number.
	unlimited = math.MaxInt32
)

// Decoder joins text and binary messages into packets. The zero value is ready; set
// Limits before the first use. It is not safe for concurrent use.
//
// While no packet waits for its attachments a Decoder holds no memory but the last
// names of an event and a namespace.
type Decoder struct {
	// Limits bound what is accepted.
	Limits Limits

	dialect   *dialect // of the Args
	pending   *pending // a packet that waits for attachments
	namespace string   // of the last packet that named one
	event     string   // the last event name
}

// pending is a packet of which not all attachments have come.
type pending struct {
	packet Received
	want   int
}

// Add takes the next message of a session. It returns a packet and true if the
// message completes one, and false without an error if attachments are to follow.
//
// The packet keeps data: the caller must not change it any more.
//
// An error is a *SyntaxError. The session should then end; the Decoder is as after
// Reset.
func (d *Decoder) Add(data []byte, binary bool) (p Received, complete bool, err error) {
	if binary {
		return d.addAttachment(data)
	}
	if d.pending != nil {
		d.Reset()
		return Received{}, false, &SyntaxError{Msg: msgPlaintext} // P2.15
	}
	want, err := d.parse(&p, data)
	if err != nil {
		return Received{}, false, err
	}
	if want == 0 {
		return p, true, nil
	}
	p.Args.attachments = make([][]byte, 0, min(want, defaultAttachments))
	d.pending = &pending{packet: p, want: want}
	return Received{}, false, nil
}

// Reset drops a packet that waits for attachments, so that the Decoder can be used for
// another session (P2.20).
func (d *Decoder) Reset() { d.pending = nil }

// addAttachment takes the next attachment of the pending packet.
func (d *Decoder) addAttachment(data []byte) (Received, bool, error) {
	if d.pending == nil {
		return Received{}, false, &SyntaxError{Msg: msgBinary} // P2.16
	}
	if data == nil {
		data = []byte{} // nil would decode to null
	}
	args := &d.pending.packet.Args
	args.attachments = append(args.attachments, data)
	if len(args.attachments) < d.pending.want {
		return Received{}, false, nil
	}
	p := d.pending.packet
	d.pending = nil
	if offset := p.Args.checkPlaceholders(d.Limits.attachments()); offset >= 0 {
		return Received{}, false, &SyntaxError{Offset: offset, Msg: msgIllegalPlaceholder}
	}
	return p, true, nil
}

// parse parses the text of a packet (P1.2) and returns how many attachments follow.
func (d *Decoder) parse(p *Received, text []byte) (want int, err error) {
	if len(text) == 0 {
		return 0, &SyntaxError{Msg: msgUnknownType + "NaN"}
	}
	if p.Type = Type(text[0] - '0'); p.Type > BinaryAck {
		if isDigit(text[0]) {
			return 0, &SyntaxError{Msg: msgUnknownType + string(text[:1])}
		}
		return 0, &SyntaxError{Msg: msgUnknownType + "NaN"}
	}
	if len(text) > math.MaxInt32 {
		return 0, &SyntaxError{Offset: math.MaxInt32, Msg: msgPayload} // see span
	}
	i := 1
	if p.Type >= BinaryEvent {
		p.Type -= BinaryEvent - Event
		if want, i, err = parseCount(text, d.Limits.attachments()); err != nil {
			return 0, err
		}
	}
	i = d.parseNamespace(p, text, i)
	start := i
	for ; i < len(text) && isDigit(text[i]); i++ {
		digit := uint64(text[i] - '0')
		if p.ID > (math.MaxUint64-digit)/10 {
			return 0, &SyntaxError{Offset: start, Msg: msgPayload}
		}
		p.ID, p.HasID = p.ID*10+digit, true
	}
	if offset := d.parsePayload(p, text, i); offset >= 0 {
		return 0, &SyntaxError{Offset: offset, Msg: msgPayload}
	}
	return want, nil
}

// parseCount parses the number of attachments and the dash after it, which follow the
// type (P2.2 to P2.4), and returns the number and the index after the dash. It refuses
// 0, as the official parser does since 4.2.7 (B12).
func parseCount(text []byte, limit int) (n, i int, err error) {
	for i = 1; i < len(text) && isDigit(text[i]); i++ {
		if n <= limit { // else it is too many already, and more digits could overflow
			n = n*10 + int(text[i]-'0')
		}
	}
	if n == 0 || i == len(text) || text[i] != '-' {
		return 0, 0, &SyntaxError{Offset: i, Msg: msgIllegalCount}
	}
	if n > limit { // before memory is taken for anything
		return 0, 0, &SyntaxError{Offset: 1, Msg: msgTooMany}
	}
	return n, i + 1, nil
}

// parseNamespace parses the namespace at text[i:], if there is one (P2.5), and returns
// the index after it and its comma.
func (d *Decoder) parseNamespace(p *Received, text []byte, i int) int {
	p.Namespace = "/"
	if i == len(text) || text[i] != '/' {
		return i
	}
	name, next := text[i:], len(text)
	if comma := bytes.IndexByte(name, ','); comma >= 0 {
		name, next = name[:comma], i+comma+1
	}
	if len(name) > 1 {
		p.Namespace = reuse(&d.namespace, name)
	}
	return next
}

// parsePayload parses the JSON at text[i:], if there is any, and checks its shape (P2.7
// to P2.14). It returns -1, or the offset of what is wrong.
func (d *Decoder) parsePayload(p *Received, text []byte, i int) (bad int) {
	list := p.Type == Event || p.Type == Ack
	if i == len(text) {
		if list {
			// The official parser accepts such a packet, which then does nothing; its
			// specification wants the session closed (P2.13, B13).
			return i
		}
		return -1
	}
	if first := skipSpace(text, i); p.Type == Disconnect || first == len(text) || !fits(p.Type, text[first]) {
		return first
	}
	// Most packets have few arguments: their places are found on the stack and then
	// copied to memory of the right size.
	var room [16]span
	elems, bad := scan(text, i, d.Limits.depth(), room[:0])
	if bad >= 0 {
		return bad
	}
	if p.Type == Event {
		if len(elems) == 0 {
			return i
		}
		name := elems[0]
		if !d.parseEvent(p, text[name.start:name.end]) {
			return int(name.start)
		}
		elems = elems[1:]
	}
	if len(elems) > 0 {
		p.Args = Args{text: text, elems: slices.Clone(elems), dialect: d.dialect}
	}
	return -1
}

// fits reports whether the payload of a packet of type t may start with c.
func fits(t Type, c byte) bool {
	switch t {
	case Connect:
		return c == '{'
	case ConnectError:
		return c == '{' || c == '"'
	case Event, Ack:
		return c == '['
	case Disconnect, BinaryEvent, BinaryAck:
	}
	return false
}

// parseEvent takes the first element of an event's payload as its name, if it is fit for
// one: a string that is not reserved, or a number (P2.11, P2.23).
func (d *Decoder) parseEvent(p *Received, raw []byte) bool {
	switch {
	case raw[0] == '"':
		if text, ok := plain(raw); ok {
			p.Event = reuse(&d.event, text)
		} else {
			p.Event = unquote(raw)
		}
		return !IsReserved(p.Event)
	case raw[0] == '-' || isDigit(raw[0]):
		p.Event = string(raw)
		return true
	}
	return false
}

// reuse returns name as a string, which is the one of the last call if that was the
// same: peers tend to repeat themselves.
func reuse(last *string, name []byte) string {
	if string(name) == *last {
		return *last
	}
	s := string(name)
	if len(s) <= cachedName {
		*last = s
	}
	return s
}

// plain returns the content of a quoted string if it needs no conversion.
func plain(quoted []byte) ([]byte, bool) {
	text := quoted[1 : len(quoted)-1]
	return text, bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
}

// unquote returns the content of a quoted string, with U+FFFD for what is not UTF-8.
func unquote(quoted []byte) string {
	text, _ := jsontext.AppendUnquote(nil, quoted)
	return string(text)
}

// checkPlaceholders returns the offset of a placeholder that stands for no attachment of
// a (P2.18), or that exceeds the limit, or -1. The official parser has no such limit, but
// no encoder lets placeholders share an attachment (P1.6), and a short text could name
// a large one so often that to send on what was received takes all memory.
func (a *Args) checkPlaceholders(limit int) int {
	var room [defaultAttachments]placeholder
	for _, e := range a.elems {
		for _, ph := range placeholders(a.text[e.start:e.end], len(a.attachments), room[:0]) {
			if limit--; ph.num < 0 || limit < 0 {
				return int(e.start) + ph.start
			}
		}
	}
	return -1
}
