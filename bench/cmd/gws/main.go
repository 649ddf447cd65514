// SPDX-License-Identifier: MIT

// Gws is a floor: a loop over github.com/lxzan/gws.
package main

import (
	"net/http"

	"github.com/lxzan/gws"

	"github.com/sio-go/sio/bench/floor"
	"github.com/sio-go/sio/bench/host"
)

type handler struct {
	gws.BuiltinEventHandler
	hub floor.Hub[*gws.Conn]
}

func main() {
	host.Flags()
	upgrader := gws.NewUpgrader(new(handler), nil)
	_ = host.Run(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // standard input has ended
		if conn, err := upgrader.Upgrade(w, r); err == nil {
			go conn.ReadLoop() // so that the request can be let go
		}
	}))
}

func (h *handler) OnOpen(conn *gws.Conn) {
	h.hub.Add(conn)
	_ = conn.WriteString(floor.Open)
}

func (h *handler) OnClose(conn *gws.Conn, _ error) { h.hub.Remove(conn) }

func (h *handler) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }()
	if m.Opcode == gws.OpcodeBinary {
		_ = conn.WriteMessage(gws.OpcodeBinary, m.Bytes())
		return
	}
	send := func(text []byte) { _ = conn.WriteMessage(gws.OpcodeText, text) }
	h.hub.Handle(conn, m.Bytes(), send, func(text []byte, to func(func(*gws.Conn))) {
		b := gws.NewBroadcaster(gws.OpcodeText, text)
		defer func() { _ = b.Close() }()
		to(func(c *gws.Conn) { _ = b.Broadcast(c) })
	})
}
