// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"

	"github.com/sio-go/sio"
)

// identity is the answer to "whoami".
type identity struct {
	ID          string   `json:"id"`
	Rooms       []string `json:"rooms"`
	Transport   string   `json:"transport"`
	ConnectedAt string   `json:"connectedAt"`
	Clients     int      `json:"clients"`          // in the namespace, on this server
	Server      string   `json:"server,omitzero"`  // of a cluster
	Servers     []string `json:"servers,omitzero"` // of a cluster
}

// refusal is the data of the error that a client gets whose token is "reject".
type refusal struct {
	Code string `json:"code"`
	Hint string `json:"hint"`
}

// playground registers one handler for each thing that there is to try. others is nil
// unless there is a cluster.
func playground(ns *sio.Namespace, others *members) {
	ns.Use(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Token any `json:"token"`
		}
		if err := s.Handshake().Auth.Bind(&auth); err != nil {
			return err
		}
		if auth.Token == "reject" {
			return &sio.ConnectError{Message: "not authorized", Data: refusal{"E_TOKEN", "use any token but this one"}}
		}
		return nil
	})

	// In a cluster each client is told where it is: server({server, servers}).
	if others != nil {
		ns.OnConnect(func(ctx context.Context, s *sio.Socket) error { return s.Emit("server", others.of(ctx)) })
	}

	// echo(...args) sends them back as they came, with their binary parts.
	ns.On("echo", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return s.Emit("echo", m.Args())
	})
	ns.On("bin", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return s.Emit("bin", m.Args())
	})
	// ack(data, callback) calls callback(data).
	ns.On("ack", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		return reply(m, m.Args())
	})
	ns.On("broadcast", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		return ns.Emit("broadcast", m.Args())
	})

	// join(room, callback) and leave(room, callback) call callback(rooms).
	ns.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		room, err := roomOf(m)
		if err != nil {
			return err
		}
		if err := s.Join(room); err != nil {
			return err
		}
		return reply(m, s.Rooms())
	})
	ns.On("leave", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		room, err := roomOf(m)
		if err != nil {
			return err
		}
		s.Leave(room)
		return reply(m, s.Rooms())
	})
	// room(name, ...data) emits room(...data) to all in that room.
	ns.On("room", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		room, err := roomOf(m)
		if err != nil {
			return err
		}
		return ns.To(room).Emit("room", m.Args().Slice(1, m.Args().Len()))
	})

	ns.On("whoami", func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
		who := identity{
			ID:          s.ID(),
			Rooms:       s.Rooms(),
			Transport:   s.Transport(),
			ConnectedAt: s.Handshake().Time.UTC().Format("2006-01-02T15:04:05.000Z"),
			Clients:     ns.Len(),
		}
		if others != nil {
			m := others.of(ctx)
			who.Server, who.Servers = m.Server, m.Servers
		}
		return reply(m, who)
	})
	ns.On("kick", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
		s.Disconnect(false)
		return nil
	})
	ns.On("panic", func(context.Context, *sio.Socket, *sio.Message) error {
		panic("playground: somebody asked for a panic") //nolint:forbidigo // that is the point
	})
}

// reply answers if the client wants an answer.
func reply(m *sio.Message, args ...any) error {
	if !m.HasAck() {
		return nil
	}
	return m.Reply(args...)
}

// roomOf returns the first argument, the name of a room.
func roomOf(m *sio.Message) (string, error) {
	var room string
	if err := m.Bind(&room); err != nil {
		return "", err
	}
	if room == "" || len(room) > 64 {
		return "", errors.New("a room's name has 1 to 64 bytes")
	}
	return room, nil
}
