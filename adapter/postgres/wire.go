// SPDX-License-Identifier: MIT

package postgres

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// text reports whether PostgreSQL takes s as text.
func text(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// channel returns the channel of a namespace (A6.3).
//
// JS differs: B16, the official adapter and emitter cannot use namespaces whose channel has
// more than 63 bytes; ours is a hash then.
func channel(prefix, nsp string) string {
	name := prefix + "#" + nsp
	if len(name) <= maxChannel {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	// A tilde is not the slash that namespaces begin with.
	tail := "#~" + hex.EncodeToString(sum[:16])
	head := prefix[:min(len(prefix), maxChannel-len(tail))]
	for !utf8.ValidString(head) {
		head = head[:len(head)-1]
	}
	return head + tail
}

// packed is a message as it is sent.
type packed struct {
	// head and tail are the payload of the NOTIFY. In between are the position in the log,
	// if the message is logged, or the id of the attachment, or both.
	head, tail string
	attachment []byte // nil: none
	data       []byte // the whole message, for the log
}

func (p *packed) size() int { return len(p.head) + len(p.tail) + len(p.attachment) + len(p.data) }

// offsetRoom is what a position takes in a payload at most, with its name and a number.
const offsetRoom = 96

// pack encodes a message (A6.4, A6.5). With a tag other than 0 it is for the log.
//
// JS differs: A6.5, answers to FetchSockets with binary data are sent as attachments too, and
// arrive as they are.
func (c *Config) pack(m *adapter.Message, tag uint64) (packed, error) {
	var p packed
	binary := m.Binary()
	data, err := envelope.Append(nil, m)
	if err != nil {
		return p, err
	}
	if len(data) > c.MaxMessage {
		return p, fmt.Errorf("postgres: a message of %d bytes, the limit is %d", len(data), c.MaxMessage)
	}
	room := 0
	if tag != 0 {
		p.data = data
		room = offsetRoom
	}
	if !binary && len(data)+room <= c.Threshold {
		p.head = string(data)
		if tag != 0 { // nobody else minds another member (A6.11)
			p.head = p.head[:len(p.head)-1] + `,"tag":` + strconv.FormatUint(tag, 10) + `,"offset":"`
			p.tail = `"}`
		}
		return p, nil
	}
	p.attachment = data
	if !binary {
		if p.attachment, err = envelope.AppendPacked(nil, m); err != nil {
			return p, err
		}
	}
	w := envelope.NewWriter(nil, false)
	w.Object(3)
	w.Key("uid")
	w.String(m.UID)
	w.Key("type")
	w.Int(int64(m.Type))
	w.End()
	head, err := w.Bytes()
	if err != nil {
		return p, err
	}
	p.head = string(head[:len(head)-1]) + `,"attachmentId":"`
	p.tail = `"}`
	if tag != 0 {
		p.tail = `","tag":` + strconv.FormatUint(tag, 10) + `,"offset":"`
	}
	return p, nil
}

// header is what a NOTIFY says besides the message.
type header struct {
	uid        string
	attachment int64 // 0: none
	offset     position
	tag        uint64
}

var errHeader = errors.New("postgres: malformed header")

// parseHeader reads the members of the payload that the message itself does not have.
func parseHeader(payload []byte) (h header, err error) {
	err = envelope.JSON(payload).Members(func(name string, v envelope.Value) error {
		ok := true
		switch name {
		case "uid":
			h.uid, ok = v.Text()
		case "attachmentId": // a string, as pg returns a bigint
			if v.Absent() {
				return nil
			}
			var s string
			s, ok = v.Text()
			n, err := strconv.ParseInt(s, 10, 64)
			ok = ok && err == nil && n > 0
			h.attachment = n
		case "offset":
			var s string
			if s, ok = v.Text(); ok && s != "" {
				h.offset, ok = parsePosition(s)
			}
		case "tag":
			var n int64
			n, ok = v.Int()
			ok = ok && n >= 0
			h.tag = uint64(max(n, 0))
		}
		if !ok {
			return errHeader
		}
		return nil
	})
	return h, err
}

var (
	errNotObject = errors.New("postgres: not an object in JSON")
	errForeign   = errors.New("postgres: of another namespace")
)

// parseMessage reads a message that has come on the channel of a namespace, or of "" if that is not known.
func parseMessage(nsp string, data []byte) (*adapter.Message, error) {
	m, err := envelope.Parse(data)
	if err != nil {
		return nil, err
	}
	if m.Namespace == "" { // B5: the official emitter leaves it out
		m.Namespace = nsp
	}
	if m.Namespace != nsp {
		return nil, errForeign
	}
	return m, nil
}

// isObject reports whether a payload may be JSON. Binary messages are never in a payload.
func isObject(payload []byte) bool { return bytes.HasPrefix(payload, []byte("{")) }

// position is a place in the log: a number that grows, and the time in ms when the entry was made. The
// time tells an entry from another one that has got the same number after the database was
// restored from an older state.
type position struct{ id, ms int64 }

func (p position) String() string {
	return strconv.FormatInt(p.id, 10) + "-" + strconv.FormatInt(p.ms, 10)
}

func parsePosition(s string) (p position, ok bool) {
	id, ms, ok := strings.Cut(s, "-")
	var err1, err2 error
	p.id, err1 = strconv.ParseInt(id, 10, 64)
	p.ms, err2 = strconv.ParseInt(ms, 10, 64)
	return p, ok && err1 == nil && err2 == nil && p.id > 0 && p.ms >= 0
}
