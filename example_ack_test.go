// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/sio-go/sio"
)

// The client asks, the server answers: in JavaScript
//
//	const area = await socket.emitWithAck("area", 6, 7);
func ExampleMessage_Reply() {
	srv := sio.NewServer(nil)
	srv.On("area", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var width, height int
		if err := m.Bind(&width, &height); err != nil {
			return err
		}
		return m.Reply(width * height)
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.say(`1["area",6,7]`)
	client.hear("client")
	// Output:
	// client: 431[42]
}

// The server asks, the client answers: in JavaScript
//
//	socket.on("name?", (language, callback) => callback("Alice"));
//
// A handler may wait for its own client. The context limits how long.
func ExampleSocket_EmitWithAck() {
	srv := sio.NewServer(nil)
	srv.On("hello", func(ctx context.Context, s *sio.Socket, _ *sio.Message) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		answer, err := s.EmitWithAck(ctx, "name?", "en")
		if err != nil {
			return err
		}
		var name string
		if err := answer.Unmarshal(0, &name); err != nil {
			return err
		}
		return s.Emit("welcome", name)
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice := visit(server.URL, "")
	alice.say(`["hello"]`)
	alice.hear("alice")
	alice.answer(`0["Alice"]`)
	alice.hear("alice")
	// Output:
	// alice: 420["name?","en"]
	// alice: 42["welcome","Alice"]
}

// Answers of all clients. One that has no answer in time, or leaves, does not keep the
// others from being heard.
func ExampleTarget_EmitWithAck() {
	srv := sio.NewServer(nil)
	done := make(chan struct{})
	srv.On("count", func(ctx context.Context, s *sio.Socket, _ *sio.Message) error {
		defer close(done)
		answers, err := srv.Timeout(time.Minute).EmitWithAck(ctx, "votes?")
		if err != nil {
			return err // after a minute; answers has those that came
		}
		sum, left := 0, 0
		for _, a := range answers {
			if a.Err != nil {
				left++ // this client was disconnected
				continue
			}
			var n int
			if err := a.Args.Unmarshal(0, &n); err != nil {
				return err
			}
			sum += n
		}
		fmt.Println(len(answers), "answers,", left, "left,", sum, "votes")
		return nil
	})
	srv.On("hello", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply() })

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice, bob, carol := visit(server.URL, ""), visit(server.URL, ""), visit(server.URL, "")
	for _, v := range []*visitor{bob, carol} {
		v.say(`0["hello"]`)
		v.next()
	}
	alice.say(`["count"]`)
	for _, v := range []*visitor{alice, bob, carol} {
		v.next() // "votes?"
	}
	alice.answer(`0[3]`)
	bob.answer(`0[4]`)
	carol.send(`41`) // leaves
	<-done
	// Output:
	// 3 answers, 1 left, 7 votes
}

// Price is asked of all who may sell.
const Price sio.Request[string, int] = "price?"

// The same, typed: the answers come one by one.
func ExampleAskAll() {
	srv := sio.NewServer(nil)
	sellers := srv.Of("/sellers")
	sellers.On("hello", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply() })

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice, bob, carol := visit(server.URL, "/sellers"), visit(server.URL, "/sellers"), visit(server.URL, "/sellers")
	for _, v := range []*visitor{alice, bob, carol} {
		v.say(`0["hello"]`)
		v.next()
	}
	go func() {
		alice.next() // "price?"
		alice.answer(`0[12]`)
		bob.next()
		bob.answer(`0[9]`)
		carol.next()
		carol.answer(`0[{"error":{"message":"sold out"}}]`) // a *ReplyError
	}()

	var prices []int
	for price, err := range sio.AskAll(context.Background(), sellers.Timeout(time.Minute), Price, "tea") {
		if reply, ok := errors.AsType[*sio.ReplyError](err); ok {
			fmt.Println("one says:", reply.Message)
			continue
		} else if err != nil {
			fmt.Println(err)
			continue
		}
		prices = append(prices, price)
	}
	slices.Sort(prices)
	fmt.Println(prices)
	// Output:
	// one says: sold out
	// [9 12]
}

// Several arguments: Args2, or Args3. In JavaScript
//
//	socket.emit("move", 3, 4);
func ExampleArgs2() {
	const move sio.Event[sio.Args2[int, int]] = "move"
	srv := sio.NewServer(nil)
	sio.On(srv, move, func(_ context.Context, s *sio.Socket, to sio.Args2[int, int]) error {
		return sio.Emit(s, move, sio.Args2[int, int]{A: -to.A, B: -to.B})
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.say(`["move",3,4]`)
	client.hear("client")
	// Output:
	// client: 42["move",-3,-4]
}
