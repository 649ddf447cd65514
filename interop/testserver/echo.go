// SPDX-License-Identifier: MIT

package testserver

import (
	"github.com/sio-go/sio/engine"
)

// NewEcho returns an Engine.IO server that sends back every message.
func NewEcho(cfg engine.Config) *engine.Server {
	cfg.OnSession = func(s *engine.Session) engine.Receiver { return &echo{session: s} }
	return engine.NewServer(&cfg)
}

// echo is the receiver of one session.
type echo struct{ session *engine.Session }

func (e *echo) Receive(data []byte, binary bool) {
	var m *engine.Message
	if binary {
		m = engine.NewBinary(data)
	} else {
		m = engine.NewMessage(append(engine.NewBuffer(len(data)), data...), nil)
	}
	// An error means that the session has ended; Closed tells.
	_ = e.session.Send(m, engine.SendOptions{})
}

func (e *echo) ReceiveEnd() {}

func (e *echo) Closed(engine.Reason, error) {}
