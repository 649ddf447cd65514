// SPDX-License-Identifier: MIT

package nats

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sio-go/sio/adapter"
)

// maxToken is the length of the longest name that is written out.
const maxToken = 64

// token makes a token of a subject of any text: letters, digits, "-", "_" and "/" stand for
// themselves, other bytes are "%" and two hexadecimal digits, and text that would be longer
// than 64 bytes is "~" and its SHA-256 in base64url. The receiver looks at the room in the
// message, so that a collision would do no harm.
func token(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(name) && b.Len() <= maxToken; i++ {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '/':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	switch {
	case b.Len() > maxToken:
		sum := sha256.Sum256([]byte(name))
		return "~" + base64.RawURLEncoding.EncodeToString(sum[:])
	case b.Len() == 0:
		return "%"
	}
	return b.String()
}

// subjects are those of a namespace.
type subjects string // with a dot at the end

func subjectsOf(prefix, nsp string) subjects { return subjects(prefix + "." + token(nsp) + ".") }

func (s subjects) all() string             { return string(s) + "all" }
func (s subjects) log() string             { return string(s) + "log" }
func (s subjects) room(room string) string { return string(s) + "room." + token(room) }
func (s subjects) rooms() string           { return string(s) + "room.*" }
func (s subjects) node(uid string) string  { return string(s) + "node." + token(uid) }
func (s subjects) ack(uid string) string   { return s.node(uid) + ".ack." }

// checkPrefix reports what is wrong with a prefix.
func checkPrefix(prefix string) error {
	for tok := range strings.SplitSeq(prefix, ".") {
		if tok == "" || strings.ContainsAny(tok, "*> \t\r\n") || tok[0] == '$' {
			return fmt.Errorf("nats: bad prefix %q", prefix)
		}
	}
	return nil
}

// streamName makes a name of a stream.
func streamName(prefix string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return '_'
	}, prefix)
}

// idLen is the length of the ids of sockets (A10.1). Their rooms have no subscription (A4.4).
const idLen = 20

const (
	// freshFor is how long rooms are fresh.
	freshFor = 10 * time.Second
	// maxFresh is the number of fresh rooms. If there are more, all are.
	maxFresh = 4096
)

// router chooses the subject of messages. A server that was told to put sockets into a room
// has no subscription for it at once, so what follows goes to all servers for a while: the
// room is fresh. (A2.7: who joins and emits is heard by those who joined.) The zero value
// is ready to use.
type router struct {
	mu    sync.Mutex
	fresh map[string]time.Time // until when, by namespace, NUL and room
	all   time.Time            // until when all rooms are fresh
}

// subject returns the subject for a message to other servers.
func (r *router) subject(s subjects, m *adapter.Message) string {
	switch {
	case m.Type == adapter.SocketsJoin:
		r.joined(m, time.Now())
	case m.Type == adapter.Broadcast && m.Request == "" && len(m.Options.Rooms) == 1:
		room := m.Options.Rooms[0]
		if len(room) != idLen && !r.isFresh(m.Namespace, room, time.Now()) {
			return s.room(room)
		}
	}
	return s.all()
}

func (r *router) joined(m *adapter.Message, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fresh == nil {
		r.fresh = make(map[string]time.Time)
	}
	if len(r.fresh)+len(m.Rooms) > maxFresh {
		r.all = now.Add(freshFor)
		clear(r.fresh)
		return
	}
	for _, room := range m.Rooms {
		r.fresh[m.Namespace+"\x00"+room] = now.Add(freshFor)
	}
}

func (r *router) isFresh(nsp, room string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.all) {
		return true
	}
	if len(r.fresh) == 0 {
		return false
	}
	key := nsp + "\x00" + room
	until, ok := r.fresh[key]
	if ok && !now.Before(until) {
		delete(r.fresh, key)
		ok = false
	}
	return ok
}
