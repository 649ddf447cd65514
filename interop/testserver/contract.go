// SPDX-License-Identifier: MIT

package testserver

import (
	"context"
	"errors"

	"github.com/sio-go/sio"
)

// NewContract is New with the events of the playground of `sio serve` as well, for
// settings that it does not have. As there, a client with the token "reject" is refused.
func NewContract(cfg *sio.Config) *sio.Server {
	srv := New(cfg)
	for _, name := range []string{"/", "/playground"} {
		play(srv.Of(name))
	}
	return srv
}

func play(ns *sio.Namespace) {
	ns.Use(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Token any `json:"token"`
		}
		if err := s.Handshake().Auth.Bind(&auth); err != nil {
			return err
		}
		if auth.Token == "reject" {
			return &sio.ConnectError{Message: "rejected", Data: map[string]string{"token": "reject"}}
		}
		return nil
	})
	for _, event := range []string{"echo", "bin"} {
		ns.On(event, func(_ context.Context, s *sio.Socket, m *sio.Message) error {
			return s.Emit(event, m.Args())
		})
	}
	ns.On("broadcast", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		return ns.Emit("broadcast", m.Args())
	})
	ns.On("leave", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var room string
		if err := m.Bind(&room); err != nil {
			return err
		}
		s.Leave(room)
		return m.Reply()
	})
	ns.On("room", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var room string
		if err := m.Bind(&room); err != nil || room == "" {
			return errors.Join(errors.New("no room"), err)
		}
		return ns.To(room).Emit("room", m.Args().Slice(1, m.Args().Len()))
	})
	ns.On("whoami", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return m.Reply(map[string]any{
			"id":          s.ID(),
			"rooms":       s.Rooms(),
			"transport":   s.Transport(),
			"connectedAt": s.Handshake().Time.UTC(),
			"clients":     ns.Len(),
		})
	})
	ns.On("kick", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
		s.Disconnect(false)
		return nil
	})
}
