// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
)

// quiet keeps the output of the examples to what they print.
var quiet = slog.New(slog.DiscardHandler)

// serveExample starts a server for an example.
func serveExample() (srv *sio.Server, url string, stop func()) {
	srv = sio.NewServer(&sio.Config{Logger: quiet})
	h := httptest.NewServer(srv)
	return srv, h.URL, func() {
		_ = srv.Close()
		h.Close()
	}
}

func Example() {
	srv, url, stop := serveExample()
	defer stop()
	srv.On("hello", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var name string
		if err := m.Bind(&name); err != nil {
			return err
		}
		return s.Emit("greeting", "Hello, "+name)
	})

	socket, err := client.New(url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer socket.Close()
	done := make(chan struct{})
	socket.On("greeting", func(_ context.Context, _ *client.Socket, m *client.Message) error {
		var text string
		if err := m.Bind(&text); err != nil {
			return err
		}
		fmt.Println(text)
		close(done)
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := socket.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	_ = socket.Emit("hello", "Ada")
	<-done
	// Output: Hello, Ada
}

// One declaration serves both sides.
const Area client.Request[client.Args2[int, int], int] = "area"

func ExampleAsk() {
	srv, url, stop := serveExample()
	defer stop()
	sio.Handle(srv, Area, func(_ context.Context, _ *sio.Socket, v client.Args2[int, int]) (int, error) {
		return v.A * v.B, nil
	})

	socket, err := client.New(url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer socket.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := socket.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Ask(ctx, socket, Area, client.Args2[int, int]{A: 6, B: 7}))
	// Output: 42 <nil>
}

func ExampleHandle() {
	const Add client.Request[client.Args2[int, int], int] = "add"
	srv, url, stop := serveExample()
	defer stop()

	socket, err := client.New(url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer socket.Close()
	client.Handle(socket, Add, func(_ context.Context, _ *client.Socket, v client.Args2[int, int]) (int, error) {
		return v.A + v.B, nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := socket.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sio.Ask(ctx, srv.Socket(socket.ID()), Add, client.Args2[int, int]{A: 2, B: 3}))
	// Output: 5 <nil>
}

func ExampleHooks() {
	_, url, stop := serveExample()
	defer stop()
	back := make(chan struct{})
	cfg := &client.Config{ReconnectionDelay: time.Millisecond, RandomizationFactor: -1, Logger: quiet}
	cfg.Engine.DisableUpgrade = true
	cfg.Hooks = client.Hooks{
		ReconnectAttempt: func(n int) { fmt.Println("attempt", n) },
		Reconnect:        func(int) { close(back) },
	}
	socket, err := client.New(url, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer socket.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := socket.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	socket.Manager().Reconnect() // as if the connection were lost
	<-back
	fmt.Println("back")
	// Output:
	// attempt 1
	// back
}

// AuthFunc is called for each CONNECT: a token may be renewed.
func ExampleSocketConfig_authFunc() {
	srv, url, stop := serveExample()
	defer stop()
	srv.Use(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().Auth.Bind(&auth); err != nil || auth.Token != "token 2" {
			return &sio.ConnectError{Message: "expired"}
		}
		return nil
	})

	tokens := 0
	cfg := &client.Config{Logger: quiet}
	cfg.Socket.AuthFunc = func(context.Context) (any, error) {
		tokens++
		return map[string]string{"token": fmt.Sprint("token ", tokens)}, nil
	}
	socket, err := client.New(url, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer socket.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = socket.Connect(ctx)
	if refused, ok := errors.AsType[*client.ConnectError](err); ok {
		fmt.Println("refused:", refused.Message)
		err = socket.Connect(ctx)
	}
	fmt.Println(err)
	// Output:
	// refused: expired
	// <nil>
}

// With Retries an event is sent again until the server has acknowledged it.
func ExampleSocketConfig_retries() {
	srv, url, stop := serveExample()
	defer stop()
	var tries atomic.Int32
	srv.On("order", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		if tries.Add(1) < 3 {
			return nil // as if it were lost
		}
		return m.Reply("accepted")
	})

	cfg := &client.Config{Logger: quiet}
	cfg.Socket = client.SocketConfig{Retries: 3, AckTimeout: 100 * time.Millisecond}
	socket, err := client.New(url, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer socket.Close()
	socket.Open() // does not wait
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args, err := socket.EmitWithAck(ctx, "order", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	var answer string
	fmt.Println(args.Unmarshal(0, &answer), answer)
	// Output: <nil> accepted
}

// Several namespaces share a connection.
func ExampleManager_Socket() {
	srv, url, stop := serveExample()
	defer stop()
	srv.Of("/chat")
	srv.Of("/admin")

	manager, err := client.NewManager(url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer manager.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, name := range []string{"/chat", "/admin"} {
		fmt.Println(name, manager.Socket(name, nil).Connect(ctx))
	}
	fmt.Println("connections:", srv.Engine().Count())
	// Output:
	// /chat <nil>
	// /admin <nil>
	// connections: 1
}

// Volatile events are for what is soon out of date: nobody keeps them.
func ExampleSocket_Volatile() {
	srv, url, stop := serveExample()
	defer stop()
	done := make(chan struct{})
	srv.On("position", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var x int
		err := m.Bind(&x)
		fmt.Println("position", x)
		if x == 2 {
			close(done)
		}
		return err
	})

	cfg := &client.Config{}
	cfg.Engine.Transports = []string{"websocket"}
	socket, err := client.New(url, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer socket.Close()
	_ = socket.Volatile().Emit("position", 1) // not connected: it is dropped
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := socket.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	_ = socket.Emit("position", 2)
	<-done
	// Output: position 2
}
