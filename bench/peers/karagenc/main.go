// SPDX-License-Identifier: MIT

// Karagenc is a server of github.com/karagenc/socket.io-go with the events of the
// benchmark. It prints its URL, and ends when standard input does.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	sio "github.com/karagenc/socket.io-go"
)

func main() {
	namespaces := flag.Int("namespaces", 0, "have `N` more namespaces")
	rooms := flag.Int("rooms", 0, "put each socket into `N` rooms of its own")
	flag.Parse()

	server := sio.NewServer(nil)
	serve(server.Of("/"), *rooms)
	for i := range *namespaces {
		serve(server.Of(fmt.Sprintf("/n%d", i)), *rooms)
	}
	if err := server.Run(); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() { log.Fatal(http.Serve(listener, server)) }()
	io.Copy(io.Discard, os.Stdin)
}

func serve(ns *sio.Namespace, rooms int) {
	ns.OnConnection(func(s sio.ServerSocket) {
		for i := range rooms {
			s.Join(sio.Room(fmt.Sprintf("%s-%d", s.ID(), i)))
		}
		s.OnEvent("echo", func(data string) { s.Emit("echo", data) })
		s.OnEvent("bin", func(data sio.Binary) { s.Emit("bin", data) })
		s.OnEvent("ack", func(data string, ack func(string)) { ack(data) })
		s.OnEvent("broadcast", func(data string) { ns.Emit("broadcast", data) })
		s.OnEvent("join", func(room string, ack func()) {
			s.Join(sio.Room(room))
			ack()
		})
		s.OnEvent("room", func(room, data string) { ns.To(sio.Room(room)).Emit("room", data) })
	})
}
