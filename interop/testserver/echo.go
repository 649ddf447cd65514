// SPDX-License-Identifier: MIT

package testserver

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/sio-go/sio/engine"
)

// NewEcho returns an Engine.IO server that sends back every message, but for these
// texts, which are commands:
//
//	close        the server closes the session
//	last:N       it sends "0" to "N-1" and closes the session
//	burst:N      it sends "burst 0" to "burst N-1"
//	blob:N       it sends N bytes, the i-th being i modulo 251
//	session      it sends {"id", "protocol", "transport", "upgraded"}
//	reason:ID    it sends "reason TEXT": why the session ID ended, or nothing for TEXT
func NewEcho(cfg engine.Config) *engine.Server {
	ends := &reasons{list: make(map[string]engine.Reason)}
	cfg.OnSession = func(s *engine.Session) engine.Receiver { return &echo{session: s, ends: ends} }
	return engine.NewServer(&cfg)
}

// reasons keeps how sessions ended. Safe for concurrent use.
type reasons struct {
	mu   sync.Mutex
	list map[string]engine.Reason // by session id
}

func (r *reasons) add(id string, reason engine.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list[id] = reason
}

func (r *reasons) get(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.list[id])
}

// echo is the receiver of one session.
type echo struct {
	session *engine.Session
	ends    *reasons
}

func (e *echo) Receive(data []byte, binary bool) {
	if binary {
		e.send(engine.NewBinary(data))
		return
	}
	command, arg, _ := strings.Cut(string(data), ":")
	n, _ := strconv.Atoi(arg)
	switch command {
	case "close":
		e.session.Close()
	case "last":
		for i := range n {
			e.say(strconv.Itoa(i))
		}
		e.session.Close()
	case "burst":
		for i := range n {
			e.say("burst " + strconv.Itoa(i))
		}
	case "blob":
		blob := make([]byte, n)
		for i := range blob {
			blob[i] = byte(i % 251)
		}
		e.send(engine.NewBinary(blob))
	case "session":
		text, _ := json.Marshal(map[string]any{
			"id":        e.session.ID(),
			"protocol":  e.session.Protocol(),
			"transport": e.session.Transport(),
			"upgraded":  e.session.Upgraded(),
		})
		e.say(string(text))
	case "reason":
		e.say("reason " + e.ends.get(arg))
	default:
		e.say(string(data))
	}
}

func (e *echo) ReceiveEnd() {}

func (e *echo) Closed(reason engine.Reason, _ error) { e.ends.add(e.session.ID(), reason) }

func (e *echo) say(text string) {
	e.send(engine.NewMessage(append(engine.NewBuffer(len(text)), text...), nil))
}

// send leaves out the error, which means that the session has ended; Closed tells.
func (e *echo) send(m *engine.Message) { _ = e.session.Send(m, engine.SendOptions{}) }
