// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
)

// A handler that sends more than the outbox takes, at the pace of its client.
func ExampleSocket_EmitWait() {
	srv := sio.NewServer(&sio.Config{Engine: engine.Config{OutboxPackets: 10}})
	srv.On("export", func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
		for row := range 1000 {
			if err := s.EmitWait(ctx, "row", row); err != nil {
				return err
			}
		}
		return m.Reply("done")
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.say(`0["export"]`)
	rows := 0
	for client.next() != `430["done"]` {
		rows++
	}
	fmt.Println(rows, "rows")
	// Output:
	// 1000 rows
}

// Prices of which a client that is slow needs only the latest. One that keeps pace, as
// here, has all of them.
func ExampleTarget_Conflate() {
	srv := sio.NewServer(nil)
	srv.On("prices", func(_ context.Context, s *sio.Socket, _ *sio.Message) error {
		if err := s.Join("traders"); err != nil {
			return err
		}
		return srv.To("traders").Conflate("EUR/USD").Emit("price", "EUR/USD", 1.09)
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.say(`["prices"]`)
	client.hear("client")
	// Output:
	// client: 42["price","EUR/USD",1.09]
}

// A client is asked for another token when the time of the one that it has shown is over.
func ExampleSocket_SetExpiry() {
	srv := sio.NewServer(nil)
	srv.Use(func(_ context.Context, s *sio.Socket) error {
		s.SetExpiry(time.Now().Add(50 * time.Millisecond)) // what the token says
		return nil
	})
	srv.OnExpire(func(ctx context.Context, s *sio.Socket) error {
		answer, err := s.EmitWithAck(ctx, "token please")
		if err != nil {
			return err
		}
		var token string
		if err := answer.Unmarshal(0, &token); err != nil {
			return err
		}
		if token != "new" { // ask who has issued it
			return errors.New("not a valid token")
		}
		s.SetExpiry(time.Now().Add(time.Hour))
		return s.Emit("welcome again")
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.hear("client")
	client.send(`430["new"]`)
	client.hear("client")
	// Output:
	// client: 420["token please"]
	// client: 42["welcome again"]
}
