// SPDX-License-Identifier: MIT

package testserver

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/sio-go/sio"
)

// NewComplete returns a Socket.IO server for node/complete.mjs, where a client shapes what the
// server does. Namespaces that begin with "/case-", and those with "/func-" for clients with
// the token "open", are made on demand, so that each test has one of its own. A client
// of "/desk" gives orders: what to send to whom in such a namespace, and what was seen of it.
// node/complete-reference.mjs is the same with the official packages.
func NewComplete(cfg *sio.Config) *sio.Server {
	o := &office{runs: make(map[string]int), ends: make(map[string]*end), heard: make(map[string][]string)}
	c := *cfg
	c.Hooks = append(c.Hooks, o)
	srv := sio.NewServer(&c)
	matched := srv.OfRegexp(regexp.MustCompile("^/case-"))
	for _, p := range []*sio.ParentNamespace{
		matched,
		srv.OfFunc(func(_ context.Context, name string, auth sio.Auth) (bool, error) {
			var a struct {
				Token string `json:"token"`
			}
			if name == "/func-error" {
				return true, errors.New("no answer")
			}
			err := auth.Bind(&a)
			return strings.HasPrefix(name, "/func-") && a.Token == "open", err
		}),
	} {
		o.serve(p)
	}
	o.desk(srv, matched)
	return srv
}

// office keeps what was seen. Safe for concurrent use.
type office struct {
	mu    sync.Mutex
	runs  map[string]int      // of the middleware, by namespace
	ends  map[string]*end     // by socket id
	heard map[string][]string // by namespace: what sockets with the auth {log: true} took and sent
}

var errForbidden = errors.New("forbidden")

type end struct {
	Times  int        `json:"times"` // a socket that is recovered ends again
	Reason sio.Reason `json:"reason"`
	Rooms  []string   `json:"rooms"` // while it was disconnecting
}

func (o *office) hear(s *sio.Socket, what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := s.Namespace().Name()
	o.heard[name] = append(o.heard[name], what)
}

func (o *office) HookError(s *sio.Socket, err error) {
	if errors.Is(err, errForbidden) {
		o.hear(s, "forbidden")
	}
}

// serve registers what clients of a test's namespace find.
func (o *office) serve(p *sio.ParentNamespace) {
	p.Use(func(ctx context.Context, s *sio.Socket) error {
		var auth struct {
			Token string `json:"token"`
			Room  string `json:"room"`
			Wait  int    `json:"wait"` // milliseconds
		}
		o.mu.Lock()
		o.runs[s.Namespace().Name()]++
		o.mu.Unlock()
		if err := s.Handshake().Auth.Bind(&auth); err != nil {
			return err
		}
		if auth.Room != "" {
			_ = s.Join(auth.Room)
		}
		pause(ctx, auth.Wait)
		if auth.Token == "reject" {
			return &sio.ConnectError{Message: "rejected", Data: refusal{Code: 9, Why: []string{"token"}}}
		}
		return nil
	})
	p.UseEvents(func(next sio.Handler) sio.Handler {
		return func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
			if m.Event() == "forbidden" {
				return errForbidden
			}
			return next(ctx, s, m)
		}
	})
	p.OnConnect(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Log bool `json:"log"`
		}
		if err := s.Handshake().Auth.Bind(&auth); err != nil {
			return err
		}
		if auth.Log {
			s.OnAny(func(_ context.Context, s *sio.Socket, m *sio.Message) error {
				o.hear(s, "in "+m.Event())
				return nil
			})
			s.OnAnyOutgoing(func(s *sio.Socket, event string, _ []any) { o.hear(s, "out "+event) })
		}
		s.Once("only", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply("once") })
		// It has a position in the stream, from which a client can be recovered.
		return s.Emit("hello", s.Recovered())
	})
	p.OnDisconnecting(func(s *sio.Socket, _ sio.Reason) {
		rooms := s.Rooms()
		o.mu.Lock()
		defer o.mu.Unlock()
		e := o.ends[s.ID()]
		if e == nil {
			e = &end{}
			o.ends[s.ID()] = e
		}
		e.Rooms = rooms
	})
	p.OnDisconnect(func(s *sio.Socket, reason sio.Reason) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.ends[s.ID()].Times++
		o.ends[s.ID()].Reason = reason
	})
	o.answer(p)
}

// answer registers the events of a test's namespace.
func (o *office) answer(p *sio.ParentNamespace) {
	p.On("ack", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply(m.Args().Slice(0, 1)) })
	p.On("echo", func(_ context.Context, s *sio.Socket, m *sio.Message) error { return s.Emit("echo", m.Args()) })
	p.On("message", func(_ context.Context, s *sio.Socket, m *sio.Message) error { return s.Send(m.Args()) })
	p.On("info", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return m.Reply(map[string]any{"id": s.ID(), "rooms": s.Rooms(), "recovered": s.Recovered(), "transport": s.Transport()})
	})
	p.On("set", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var key string
		var value any
		err := m.Bind(&key, &value)
		s.SetValue(key, value)
		return errors.Join(err, m.Reply())
	})
	p.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var rooms []string
		return errors.Join(m.Bind(&rooms), s.Join(rooms...), m.Reply())
	})
	p.On("leave", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var room string
		err := m.Bind(&room)
		s.Leave(room)
		return errors.Join(err, m.Reply())
	})
	p.On("forbidden", func(context.Context, *sio.Socket, *sio.Message) error { panic("not kept") })
	p.On("late", func(ctx context.Context, _ *sio.Socket, m *sio.Message) error {
		var ms int
		err := m.Bind(&ms)
		pause(ctx, ms)
		return errors.Join(err, m.Reply("late"))
	})
	p.On("third", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var key string
		if err := m.Bind(&key); err != nil {
			return err
		}
		n, _ := s.Value(key).(int)
		s.SetValue(key, n+1)
		if n+1 < 3 {
			return nil
		}
		return m.Reply(n + 1)
	})
	p.On("close", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
		s.Session().Close()
		return nil
	})
	p.On("kick", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var closeConn bool
		err := m.Bind(&closeConn)
		s.Disconnect(closeConn)
		return err
	})
}

// pause waits some milliseconds, unless ctx ends before.
func pause(ctx context.Context, ms int) {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
	case <-ctx.Done():
	}
}
