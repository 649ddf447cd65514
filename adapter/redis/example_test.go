// SPDX-License-Identifier: MIT

package redis_test

import (
	"context"
	"log"
	"net/http"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter/redis"
)

func ExampleDial() {
	// The same settings as of the servers in Node: createAdapter(redisClient).
	bus := redis.Dial(rueidis.ClientOption{InitAddress: []string{"redis.internal:6379"}}, nil)
	server := sio.NewServer(&sio.Config{Bus: bus}) // it closes the bus
	log.Fatal(http.ListenAndServe(":3000", server))
}

func ExampleDial_recovery() {
	bus := redis.Dial(rueidis.ClientOption{InitAddress: []string{"redis.internal:6379"}}, &redis.Config{Mode: redis.Streams})
	server := sio.NewServer(&sio.Config{Bus: bus, Recovery: &sio.Recovery{}})
	log.Fatal(http.ListenAndServe(":3000", server))
}

func ExampleOpenEmitter() {
	emitter, closer, err := redis.OpenEmitter(context.Background(), "redis://redis.internal:6379/?mode=classic")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = closer.Close() }()
	if err := emitter.To("news").Emit("headline", "It rains."); err != nil {
		log.Print(err)
	}
}
