// SPDX-License-Identifier: MIT

//go:build linux && !race

package sio_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
)

// TestBudgetsBus keeps what a Bus adds to a broadcast, in allocations, on the server that
// sends and on one that receives. The share of the Loopback is in it.
func TestBudgetsBus(t *testing.T) { //nolint:paralleltest // it counts allocations
	hub := &adapter.Loopback{}
	srv := sio.NewServer(&sio.Config{Bus: hub.Bus(), Logger: slog.New(slog.DiscardHandler)})
	defer func() { assert.NoError(t, srv.Close()) }()
	bus := hub.Bus()
	defer func() { assert.NoError(t, bus.Close()) }()
	got := make(arrivals, 1)
	const uid = "00112233445566aa"
	link, err := bus.Join(adapter.Peer{Namespace: "/", UID: uid, Receiver: got})
	assert.NoError(t, err)
	handled := make(chan struct{}, 1)
	srv.OnServerSide("event", func(context.Context, sio.Args) (any, error) {
		handled <- struct{}{}
		return nil, nil
	})
	message := func(typ adapter.Type) *adapter.Message {
		return &adapter.Message{Type: typ, Namespace: "/", UID: uid, Args: arguments(t, "event", "hello")}
	}
	broadcast, event := message(adapter.Broadcast), message(adapter.ServerSideEmit)
	rooms := srv.To("a", "b")
	tests := []struct {
		name   string
		budget float64
		run    func()
	}{
		{"alone", 4.5, func() { _ = srv.Local().Emit("event", "hello") }},
		{"sent", 9.5, func() {
			_ = srv.Emit("event", "hello")
			<-got
		}},
		{"sent to rooms", 9.5, func() {
			_ = rooms.Emit("event", "hello")
			<-got
		}},
		{"an event for servers received", 14, func() {
			_ = link.Publish(event)
			<-handled
		}},
		{"received", 22, func() { // with such an event behind it, so that the end is seen
			_ = link.Publish(broadcast)
			_ = link.Publish(event)
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

// arrivals is told of each broadcast.
type arrivals chan struct{}

func (a arrivals) Receive(m *adapter.Message) {
	if m.Type == adapter.Broadcast {
		a <- struct{}{}
	}
}

func (arrivals) Up()        {}
func (arrivals) Fail(error) {}
