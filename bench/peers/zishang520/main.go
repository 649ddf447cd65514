// SPDX-License-Identifier: MIT

// Zishang520 is a server of github.com/zishang520/socket.io with the events of the
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

	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

func main() {
	deflate := flag.Bool("deflate", false, "use permessage-deflate")
	namespaces := flag.Int("namespaces", 0, "have `N` more namespaces")
	rooms := flag.Int("rooms", 0, "put each socket into `N` rooms of its own")
	flag.Parse()

	opts := socket.DefaultServerOptions()
	opts.SetServeClient(false)
	if *deflate {
		opts.SetPerMessageDeflate(&types.PerMessageDeflate{Threshold: 512})
	}
	server := socket.NewServer(nil, nil)
	serve(server.Of("/", nil), *rooms)
	for i := range *namespaces {
		serve(server.Of(fmt.Sprintf("/n%d", i), nil), *rooms)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	handler := server.ServeHandler(opts)
	fmt.Printf("http://%s\n", listener.Addr())
	go func() { log.Fatal(http.Serve(listener, handler)) }()
	io.Copy(io.Discard, os.Stdin)
}

func serve(ns socket.Namespace, rooms int) {
	ns.On("connection", func(clients ...any) {
		s := clients[0].(*socket.Socket)
		for i := range rooms {
			s.Join(socket.Room(fmt.Sprintf("%s-%d", s.Id(), i)))
		}
		s.On("echo", func(data ...any) { s.Emit("echo", data...) })
		s.On("bin", func(data ...any) { s.Emit("bin", data...) })
		s.On("ack", func(data ...any) { data[1].(socket.Ack)(data[:1], nil) })
		s.On("broadcast", func(data ...any) { ns.Emit("broadcast", data...) })
		s.On("join", func(data ...any) {
			s.Join(socket.Room(data[0].(string)))
			data[1].(socket.Ack)(nil, nil)
		})
		s.On("room", func(data ...any) { ns.To(socket.Room(data[0].(string))).Emit("room", data[1]) })
	})
}
