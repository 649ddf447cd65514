// SPDX-License-Identifier: MIT

// Package client is a Socket.IO client: it connects to any server that speaks protocol 5,
// such as those of package sio, of Node.js and of Python.
//
//	socket, err := client.New("http://localhost:3000/chat", nil)
//	if err != nil {
//		return err
//	}
//	defer socket.Close()
//	socket.On("chat message", func(ctx context.Context, s *client.Socket, m *client.Message) error {
//		var text string
//		if err := m.Bind(&text); err != nil {
//			return err
//		}
//		fmt.Println(text)
//		return nil
//	})
//	if err := socket.Connect(ctx); err != nil {
//		return err
//	}
//	return socket.Emit("chat message", "hello")
//
// Handlers are registered before Connect, so that no event is missed. When the connection
// is lost, the manager opens a new one, after a delay that grows with each attempt, and
// events that were emitted meanwhile are sent then. Several sockets of one Manager share
// a connection:
//
//	manager, err := client.NewManager("http://localhost:3000", nil)
//	chat, admin := manager.Socket("/chat", nil), manager.Socket("/admin", nil)
//
// The typed functions On, Handle, Emit and Ask take the same constants, of type Event and
// Request, as those of package sio: one declaration of an event is checked by the compiler
// on both sides.
//
// An idle connection over WebSocket costs about 17 KiB of memory, 4 KiB of them stack, and
// one goroutine, the one that reads (BenchmarkIdle, November 2026, 1,000 sockets with a
// Manager each, without TLS). Handlers run on another goroutine that exists only while
// there is something to do.
package client
