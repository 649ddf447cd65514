// SPDX-License-Identifier: MIT

package embedded_test

import (
	"fmt"
	"log"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter/nats/embedded"
)

// Three servers with these settings form a cluster, with nothing to install.
func ExampleOpen() {
	bus, err := embedded.Open(&embedded.Config{
		Listen: "127.0.0.1:0", // ":6222" on machines of their own
		Peers:  []string{"a.example:6222", "b.example:6222", "c.example:6222"},
		Secret: "from the environment",
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	srv := sio.NewServer(&sio.Config{Bus: bus})
	fmt.Println(srv.Close()) // closes the bus, which ends the NATS server
	// Output: <nil>
}
