// SPDX-License-Identifier: MIT

package postgres_test

import (
	"context"
	"log"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter/postgres"
)

// A server that takes part in a cluster, with the pool that the program has anyway.
func ExampleNewBus() {
	pool, err := pgxpool.New(context.Background(), "postgres://app@127.0.0.1/app")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	bus, err := postgres.NewBus(pool, nil)
	if err != nil {
		log.Fatal(err)
	}
	srv := sio.NewServer(&sio.Config{Bus: bus}) // closes the bus
	defer srv.Close()
	http.Handle("/socket.io/", srv)
}

// A server whose clients may return to any other server: a table keeps what they miss.
func ExampleOpen() {
	bus, err := postgres.Open(context.Background(), "postgres://app@127.0.0.1/app?log=1")
	if err != nil {
		log.Fatal(err)
	}
	srv := sio.NewServer(&sio.Config{Bus: bus, Recovery: &sio.Recovery{}})
	defer srv.Close()
}

// A program that is no server, and sends an event to the clients in a room.
func ExampleOpenEmitter() {
	e, pool, err := postgres.OpenEmitter(context.Background(), "postgres://app@127.0.0.1/app")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	if err := e.To("lobby").Emit("news", "we are open"); err != nil {
		log.Print(err)
	}
}

// The statements for an administrator, if the servers may not make tables.
func ExampleSchema() {
	sql, err := postgres.Schema(&postgres.Config{Log: &postgres.Log{}})
	if err != nil {
		log.Fatal(err)
	}
	log.Print(sql)
}
