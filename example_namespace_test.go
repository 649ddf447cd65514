// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/sio-go/sio"
)

// A namespace for each project, made when the first client asks for it.
func ExampleServer_OfRegexp() {
	srv := sio.NewServer(nil)
	projects := srv.OfRegexp(regexp.MustCompile(`^/project-[0-9]+$`))
	projects.On("hello", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return m.Reply("this is " + s.Namespace().Name())
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice, bob := visit(server.URL, "/project-1"), visit(server.URL, "/project-2")
	alice.say(`0["hello"]`)
	alice.hear("alice")
	bob.say(`0["hello"]`)
	bob.hear("bob")
	visit(server.URL, "/project-x").hear("visitor")

	if err := projects.Emit("news", "to all projects"); err != nil {
		fmt.Println(err)
	}
	alice.hear("alice")
	bob.hear("bob")
	// Output:
	// alice: 43/project-1,0["this is /project-1"]
	// bob: 43/project-2,0["this is /project-2"]
	// visitor: 44/project-x,{"message":"Invalid namespace"}
	// alice: 42/project-1,["news","to all projects"]
	// bob: 42/project-2,["news","to all projects"]
}

// A function decides which namespaces there are. It may look into a database.
func ExampleServer_OfFunc() {
	teams := map[string]bool{"red": true, "blue": true}
	srv := sio.NewServer(nil)
	srv.OfFunc(func(_ context.Context, name string, _ sio.Auth) (bool, error) {
		team, ok := strings.CutPrefix(name, "/team/")
		return ok && teams[team], nil
	}).On("cheer", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return m.Reply("go, " + s.Namespace().Name())
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	fan := visit(server.URL, "/team/red")
	fan.say(`0["cheer"]`)
	fan.hear("fan")
	visit(server.URL, "/team/green").hear("visitor")
	// Output:
	// fan: 43/team/red,0["go, /team/red"]
	// visitor: 44/team/green,{"message":"Invalid namespace"}
}

// A middleware for events keeps out what is not allowed, and answers in its place.
func ExampleNamespace_UseEvents() {
	srv := sio.NewServer(nil)
	srv.UseEvents(func(next sio.Handler) sio.Handler {
		return func(ctx context.Context, s *sio.Socket, m *sio.Message) error {
			if strings.HasPrefix(m.Event(), "admin:") && !s.InRoom("admins") {
				return m.Reply("not for you")
			}
			return next(ctx, s, m)
		}
	})
	srv.On("admin:restart", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply("done") })
	srv.On("time", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply("noon") })

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice := visit(server.URL, "")
	alice.say(`0["admin:restart"]`)
	alice.hear("alice")
	alice.say(`1["time"]`)
	alice.hear("alice")
	// Output:
	// alice: 430["not for you"]
	// alice: 431["noon"]
}

// Catch-all handlers see every event, those without another handler too.
func ExampleNamespace_OnAny() {
	srv := sio.NewServer(nil)
	srv.OnAny(func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		fmt.Println("in: ", m.Event(), m.Args().Len())
		return nil
	})
	srv.OnAnyOutgoing(func(_ *sio.Socket, event string, args []any) { fmt.Println("out:", event, len(args)) })
	srv.On("double", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var n int
		if err := m.Bind(&n); err != nil {
			return err
		}
		return s.Emit("doubled", n, 2*n)
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.say(`["nobody handles this"]`)
	client.say(`["double",21]`)
	packet := client.next()
	client.conn.Close()
	if err := srv.Shutdown(context.Background()); err != nil { // waits for the handlers
		fmt.Println(err)
	}
	fmt.Println(packet)
	// Output:
	// in:  nobody handles this 0
	// in:  double 1
	// out: doubled 2
	// 42["doubled",21,42]
}

// Account is the account of a user.
type Account struct{ Name, Role string }

// CurrentUser is attached to every socket that was let in.
const CurrentUser sio.Key[Account] = "user"

// A middleware finds out who the client is, and attaches it to the socket with its type.
func ExampleKey() {
	accounts := map[string]Account{"12345": {"Alice", "editor"}} // by token
	srv := sio.NewServer(nil)
	srv.Use(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().Auth.Bind(&auth); err != nil {
			return &sio.ConnectError{Message: "bad request"}
		}
		account, ok := accounts[auth.Token]
		if !ok {
			return &sio.ConnectError{Message: "not authorized", Data: map[string]string{"login": "/login"}}
		}
		CurrentUser.Set(s, account)
		return nil
	})
	srv.On("who am I", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		account, _ := CurrentUser.Get(s)
		return m.Reply(account.Name, account.Role)
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	stranger := visit(server.URL, "")
	stranger.hear("stranger")
	alice, _ := enter(server.URL, `{"token":"12345"}`)
	alice.say(`0["who am I"]`)
	alice.hear("alice")
	// Output:
	// stranger: 44{"message":"not authorized","data":{"login":"/login"}}
	// alice: 430["Alice","editor"]
}

// OnConnect is the place for what belongs to one socket: it has its own handlers, and its
// own variables in their closures.
func ExampleNamespace_OnConnect() {
	srv := sio.NewServer(&sio.Config{Logger: slog.New(slog.DiscardHandler)})
	gone := make(chan sio.Reason, 1)
	srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
		count := 0 // no lock: handlers of one socket run one at a time
		s.On("count", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
			count++
			return m.Reply(count)
		})
		s.OnDisconnect(func(reason sio.Reason) { gone <- reason })
		return nil
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.say(`0["count"]`)
	client.hear("client")
	client.say(`1["count"]`)
	client.hear("client")
	client.send(`41`) // leaves
	fmt.Println(<-gone)
	// Output:
	// client: 430[1]
	// client: 431[2]
	// client namespace disconnect
}
