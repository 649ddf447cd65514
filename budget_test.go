// SPDX-License-Identifier: MIT

//go:build linux && !race

package sio_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// TestBudgets keeps what a message costs in allocations, from the call of the user to the
// system call, over TCP.
func TestBudgets(t *testing.T) { //nolint:paralleltest // it counts allocations
	srv := sio.NewServer(&sio.Config{Logger: slog.New(slog.DiscardHandler)})
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	web := &http.Server{Handler: srv}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	defer func() {
		assert.NoError(t, srv.Close())
		assert.NoError(t, web.Close())
		<-served
	}()
	handled := make(chan struct{}, 100)
	srv.On("event", func(context.Context, *sio.Socket, *sio.Message) error {
		handled <- struct{}{}
		return nil
	})
	const clients = 100
	for range clients {
		conn := dialBare(t, l.Addr().String())
		defer func() { _ = conn.Close() }()
		go func() {
			buf := make([]byte, 32<<10)
			for {
				if _, err := conn.Read(buf); err != nil {
					return
				}
			}
		}()
	}
	one := srv.Sockets()[0]
	long := strings.Repeat("x", 2000)
	sender := dialBare(t, l.Addr().String())
	defer func() { _ = sender.Close() }()
	const text = `42["event","hello"]`
	event := append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
	tests := []struct {
		name   string
		budget float64
		run    func()
	}{
		// Emit has one, for the arguments in their slice of any.
		{"Emit", 1.5, func() { _ = one.Emit("event", "hello") }},
		{"Emit of a string of 2,000 bytes", 2.5, func() { _ = one.Emit("event", long) }},
		{"a recipient of a broadcast", 0.06 * clients, func() { _ = srv.Emit("event", "hello") }},
		{"an event received", 5, func() {
			_, _ = sender.Write(event)
			<-handled
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := testing.AllocsPerRun(1000, tt.run)
			t.Logf("%.2f allocations", n)
			assert.True(t, n <= tt.budget, "%.2f allocations, want %.2f at most", n, tt.budget)
		})
	}
}

// dialBare joins "/" over TCP.
func dialBare(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	assert.NoError(t, err)
	_, err = io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: budget.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	assert.NoError(t, err)
	readUntil(t, conn, "0{")
	_, err = conn.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '4', '0'})
	assert.NoError(t, err)
	readUntil(t, conn, "40{")
	return conn
}
