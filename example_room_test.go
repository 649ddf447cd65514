// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/sio-go/sio"
)

// A client asks to be put into a room, and what is sent to the room reaches it.
func ExampleSocket_Join() {
	srv := sio.NewServer(nil)
	srv.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var room string
		if err := m.Bind(&room); err != nil {
			return err
		}
		if err := s.Join("room:" + room); err != nil { // a prefix: ids of sockets are rooms too
			return err
		}
		return m.Reply(len(s.Rooms()))
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice, bob := visit(server.URL, ""), visit(server.URL, "")
	alice.say(`0["join","tea"]`)
	alice.hear("alice")
	bob.say(`0["join","coffee"]`)
	bob.hear("bob")

	for _, drink := range []string{"tea", "coffee"} {
		if err := srv.To("room:"+drink).Emit("ready", drink); err != nil {
			fmt.Println(err)
		}
	}
	alice.hear("alice")
	bob.hear("bob")
	// Output:
	// alice: 430[2]
	// bob: 430[2]
	// alice: 42["ready","tea"]
	// bob: 42["ready","coffee"]
}

// To all others: Broadcast leaves out the socket that it is called on.
func ExampleSocket_Broadcast() {
	srv := sio.NewServer(nil)
	srv.On("hello", func(_ context.Context, s *sio.Socket, m *sio.Message) error { return m.Reply() })
	srv.On("typing", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		if err := s.Broadcast().Emit("typing", m.Args()); err != nil { // as they came
			return err
		}
		return s.Emit("noted")
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice, bob := visit(server.URL, ""), visit(server.URL, "")
	bob.say(`0["hello"]`)
	bob.hear("bob")
	alice.say(`["typing","alice",true]`)
	bob.hear("bob")
	alice.hear("alice") // and nothing before
	// Output:
	// bob: 430[]
	// bob: 42["typing","alice",true]
	// alice: 42["noted"]
}

// To the lobby, but not to those who are busy.
func ExampleTarget_Except() {
	srv := sio.NewServer(nil)
	srv.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var rooms []string
		if err := m.Bind(&rooms); err != nil {
			return err
		}
		if err := s.Join(rooms...); err != nil {
			return err
		}
		return m.Reply(strings.Join(s.Rooms()[1:], " and ")) // the first is its own
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice, bob := visit(server.URL, ""), visit(server.URL, "")
	alice.say(`0["join",["lobby"]]`)
	alice.hear("alice")
	bob.say(`0["join",["lobby","busy"]]`)
	bob.hear("bob")

	lobby := srv.To("lobby") // a value: it may be kept, and chooses anew at each Emit
	for _, err := range []error{lobby.Except("busy").Emit("game", "chess?"), lobby.Emit("closing")} {
		if err != nil {
			fmt.Println(err)
		}
	}
	alice.hear("alice")
	alice.hear("alice")
	bob.hear("bob")
	// Output:
	// alice: 430["lobby"]
	// bob: 430["busy and lobby"]
	// alice: 42["game","chess?"]
	// alice: 42["closing"]
	// bob: 42["closing"]
}

// All sockets of a user are in one room, so that they can be thrown out together.
func ExampleTarget_DisconnectSockets() {
	srv := sio.NewServer(nil)
	srv.On("login", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var user string
		if err := m.Bind(&user); err != nil {
			return err
		}
		if err := s.Join("user:" + user); err != nil {
			return err
		}
		return m.Reply()
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	phone, laptop := visit(server.URL, ""), visit(server.URL, "")
	phone.say(`0["login","alice"]`)
	phone.hear("phone")
	laptop.say(`0["login","alice"]`)
	laptop.hear("laptop")

	alice := srv.In("user:alice")
	fmt.Println(len(alice.Sockets()), "sockets")
	alice.DisconnectSockets(false)
	phone.hear("phone")
	laptop.hear("laptop")
	// Output:
	// phone: 430[]
	// laptop: 430[]
	// 2 sockets
	// phone: 41
	// laptop: 41
}
