// SPDX-License-Identifier: MIT

// Package sio is a Socket.IO server. The official JavaScript client, versions 3
// and 4, and other clients of protocol revision 5 talk to it unmodified.
//
// A [Server] is a [net/http.Handler]. Its clients connect to a [Namespace]; a
// client's connection to one namespace is a [Socket], which has an id, may join
// rooms, and sends and receives events. A [Target] is a choice of sockets to send
// to:
//
//	srv := sio.NewServer(nil)
//	chat := srv.Of("/chat")
//	chat.On("say", func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
//		var text string
//		if err := m.Bind(&text); err != nil {
//			return err
//		}
//		return s.Broadcast().Emit("say", s.ID(), text)
//	})
//	http.Handle("/socket.io/", srv)
//
// There are two levels. The plain one mirrors Socket.IO's words: On, Emit,
// EmitWithAck. The typed one sits on top of it: an [Event] or a [Request] is a
// name with the types of what goes with it, and [On], [Handle], [Emit] and [Ask]
// are checked by the compiler.
//
// Values travel as JSON; a []byte anywhere in a value travels as a binary
// attachment. Emit encodes its arguments before it returns, but does not copy a
// []byte: it must not be changed afterwards.
//
// [Handler] says which goroutine runs what, and in which order. Row ids such as
// P3.4 or S5.11 in comments name behaviours of the official server; where this
// package differs on purpose a comment says "JS differs", and docs/deviations.md
// lists it.
package sio
