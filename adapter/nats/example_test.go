// SPDX-License-Identifier: MIT

package nats_test

import (
	"context"
	"log"
	"net/http"

	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio"
	sionats "github.com/sio-go/sio/adapter/nats"
)

// A server that takes part in a cluster, on a connection of the program.
func ExampleNewBus() {
	conn, err := nats.Connect("nats://127.0.0.1:4222", nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	srv := sio.NewServer(&sio.Config{Bus: sionats.NewBus(conn, nil)})
	defer srv.Close()
	http.Handle("/socket.io/", srv)
}

// A server whose clients may return to any other server: JetStream keeps what they miss.
func ExampleOpen() {
	bus, err := sionats.Open(context.Background(), "nats://127.0.0.1:4222?log=true&replicas=3", nil)
	if err != nil {
		log.Fatal(err)
	}
	srv := sio.NewServer(&sio.Config{Bus: bus, Recovery: &sio.Recovery{}})
	defer srv.Close()
}

// A program that is no server, and sends an event to the clients in a room.
func ExampleOpenEmitter() {
	e, conn, err := sionats.OpenEmitter(context.Background(), "nats://127.0.0.1:4222")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := e.To("lobby").Emit("news", "we are open"); err != nil {
		log.Fatal(err)
	}
}
