// SPDX-License-Identifier: MIT

// Package testserver makes the servers that the interop tests talk to where the
// playground of `sio serve` does not show enough: an echoing Engine.IO server,
// and a Socket.IO server whose events let a client ask the server to ask it back,
// to end it in several ways, and to tell how others ended.
// node/reference.mjs is the same with the official packages.
package testserver

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/packet"
)

// New returns a Socket.IO server with the namespaces "/", "/custom" and
// "/playground", which answer the events below, and "/refused", "/closed" and
// "/secret", which refuse everybody: with data, with a text, and with an error that
// is not for clients.
func New(cfg *sio.Config) *sio.Server {
	srv := sio.NewServer(cfg)
	l := &log{reasons: make(map[string]sio.Reason)}
	for _, name := range []string{"/", "/custom", "/playground"} {
		register(srv.Of(name), l)
	}
	srv.Of("/refused").Use(func(context.Context, *sio.Socket) error {
		return &sio.ConnectError{Message: "not today", Data: refusal{Code: 7, Why: []string{"a", "b"}}}
	})
	srv.Of("/closed").Use(func(context.Context, *sio.Socket) error {
		return &sio.ConnectError{Message: "closed today"}
	})
	srv.Of("/secret").Use(func(context.Context, *sio.Socket) error { return errors.New("internal") })
	return srv
}

// refusal has its keys in this order on the wire.
type refusal struct {
	Code int      `json:"code"`
	Why  []string `json:"why"`
}

// log keeps the reasons with which sockets ended. Safe for concurrent use.
type log struct {
	mu      sync.Mutex
	reasons map[string]sio.Reason // by socket id
}

func (l *log) add(s *sio.Socket, reason sio.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reasons[s.ID()] = reason
}

// get returns nil, JSON's null, for a socket that has not ended.
func (l *log) get(id string) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reason, ok := l.reasons[id]; ok {
		return reason
	}
	return nil
}

func register(ns *sio.Namespace, l *log) {
	ns.OnConnect(func(_ context.Context, s *sio.Socket) error {
		if s.Session().Protocol() == 3 { // as it came: the order of a map's keys is not defined
			return s.Emit("auth", packet.Raw(cmp.Or(string(s.Handshake().Auth.Raw()), "{}")))
		}
		auth := map[string]any{} // may have binary data
		if err := s.Handshake().Auth.Bind(&auth); err != nil {
			return err
		}
		return s.Emit("auth", auth)
	})
	ns.OnDisconnect(l.add)

	// Echoes.
	ns.On("message", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return s.Emit("message-back", m.Args())
	})
	ns.On("message-with-ack", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		return m.Reply(m.Args())
	})
	ns.On("ack", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		return m.Reply(m.Args().Slice(0, 1))
	})
	ns.On("id", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return m.Reply(s.ID())
	})
	ns.On("handshake", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		h := s.Handshake()
		auth, query := map[string]any{}, map[string]string{}
		for name := range h.Query {
			query[name] = h.Query.Get(name)
		}
		if err := h.Auth.Bind(&auth); err != nil {
			return err
		}
		return m.Reply(map[string]any{"auth": auth, "query": query, "address": h.Address})
	})

	// Rooms and broadcasts.
	ns.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var room string
		return errors.Join(m.Bind(&room), s.Join(room), m.Reply())
	})
	ns.On("others", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return s.Broadcast().Emit("others", m.Args())
	})
	ns.On("union", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var rooms, except []string
		if err := m.Bind(&rooms, &except); err != nil {
			return err
		}
		return errors.Join(ns.To(rooms...).Except(except...).Emit("union", m.Args().Slice(2, 3)), m.Reply())
	})
	ns.On("burst", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return emitMany(s, m, "n")
	})

	// Questions to the client.
	ns.On("ask", ask(30*time.Second))
	ns.On("ask-briefly", ask(500*time.Millisecond))
	ns.On("ask-many", askMany)

	// Ends.
	ns.On("reason", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var id string
		return errors.Join(m.Bind(&id), m.Reply(l.get(id)))
	})
	ns.On("leave-me", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var closeConn bool
		err := m.Bind(&closeConn)
		s.Disconnect(closeConn)
		return err
	})
	ns.On("last-words", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		err := emitMany(s, m, "last words")
		s.Disconnect(true)
		return err
	})
	ns.On("panic", func(context.Context, *sio.Socket, *sio.Message) error {
		panic("asked for")
	})
}

// emitMany sends as many numbered events as the message asks for.
func emitMany(s *sio.Socket, m *sio.Message, event string) error {
	var n int
	if err := m.Bind(&n); err != nil {
		return err
	}
	for i := range n {
		if err := s.Emit(event, i); err != nil {
			return err
		}
	}
	return nil
}

// ask puts the question whose event and arguments the message carries, and
// replies {answer: [...]} or, when patience is over, {error: text}.
func ask(patience time.Duration) func(context.Context, *sio.Socket, *sio.Message) error {
	return func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
		var event string
		if err := m.Bind(&event); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		answer, err := s.EmitWithAck(ctx, event, m.Args().Slice(1, m.Args().Len()))
		if err != nil {
			return m.Reply(map[string]string{"error": err.Error()})
		}
		list := make([]any, answer.Len())
		for i := range list {
			if err := answer.Unmarshal(i, &list[i]); err != nil {
				return err
			}
		}
		return m.Reply(struct {
			Answer []any `json:"answer"`
		}{list})
	}
}

// askMany puts one question n times at once and replies the first arguments of the
// answers, in order.
func askMany(ctx context.Context, s *sio.Socket, m *sio.Message) error {
	var (
		event string
		n     int
	)
	if err := m.Bind(&event, &n); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	answers := make([]int, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			args, err := s.EmitWithAck(ctx, event, i)
			if err == nil {
				err = args.Unmarshal(0, &answers[i])
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return m.Reply(map[string]string{"error": err.Error()})
	}
	return m.Reply(answers)
}
