// SPDX-License-Identifier: MIT

package sio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
)

// A client whose connection breaks gets its socket back, with what it has missed. The
// official client does its part by itself.
func ExampleRecovery() {
	srv := sio.NewServer(&sio.Config{Recovery: &sio.Recovery{MaxDisconnection: 2 * time.Minute}})
	left := make(chan sio.Reason, 1)
	srv.OnDisconnect(func(_ *sio.Socket, reason sio.Reason) { left <- reason })
	srv.On("join", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		if err := s.Join("lobby"); err != nil {
			return err
		}
		s.SetValue("nick", "alice")
		return s.Emit("joined")
	})
	srv.On("state", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return m.Reply(s.Recovered(), s.InRoom("lobby"), s.Value("nick"))
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice, welcome := enter(server.URL, "")
	alice.say(`["join"]`)
	_, offset := position(alice.next())
	alice.conn.Close() // the connection breaks
	fmt.Println(<-left)
	if err := srv.To("lobby").Emit("news", "while you were away"); err != nil {
		fmt.Println(err)
	}

	again, missed := enter(server.URL, fmt.Sprintf(`{"pid":%q,"offset":%q}`, welcome.PID, offset))
	event, _ := position(missed.events[0])
	fmt.Println("missed:", event)
	fmt.Println("same id:", missed.SID == welcome.SID)
	again.say(`0["state"]`)
	again.hear("alice")
	// Output:
	// transport close
	// missed: 42["news","while you were away"]
	// same id: true
	// alice: 430[true,true,"alice"]
}

// Shutdown tells the clients, sends what is queued, and waits for handlers. It goes before
// that of http.Server, which does not know WebSockets.
func ExampleServer_Shutdown() {
	srv := sio.NewServer(nil)
	srv.OnDisconnect(func(_ *sio.Socket, reason sio.Reason) { fmt.Println("the socket:", reason) })
	srv.On("hello", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply() })
	web := httptest.NewServer(srv)
	defer web.Close()
	client := visit(web.URL, "")
	client.say(`0["hello"]`)
	client.hear("the client")
	heard := make(chan string, 1)
	go func() {
		heard <- client.next()
		client.next() // the WebSocket's close frame
		client.conn.Close()
	}()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := srv.Emit("bye", "come back in a minute"); err != nil {
		fmt.Println(err)
	}
	if err := srv.Shutdown(ctx); err != nil {
		fmt.Println("some clients were not told:", err)
	}
	if err := web.Config.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println("the client:", <-heard)
	// Output:
	// the client: 430[]
	// the socket: server shutting down
	// the client: 42["bye","come back in a minute"]
}

// metrics counts. It implements the hooks that it needs, and no others. A real one has
// counters that are safe for concurrent use.
type metrics struct{ connected, failed int }

func (c *metrics) HookConnect(*sio.Socket) { c.connected++ }
func (c *metrics) HookDisconnect(_ *sio.Socket, reason sio.Reason) {
	c.connected--
	fmt.Println("gone:", reason)
}
func (c *metrics) HookError(_ *sio.Socket, err error) {
	c.failed++
	fmt.Println("failed:", err)
}
func (c *metrics) HookPanic(_ *sio.Socket, err *sio.PanicError) { fmt.Println("panic:", err.Value) }

// Hooks observe a server: here errors and panics of handlers, and who comes and goes.
func ExampleHook() {
	var counts metrics
	srv := sio.NewServer(&sio.Config{
		Hooks:  []sio.Hook{&counts},
		Logger: slog.New(slog.DiscardHandler), // errors and panics would be logged, too
	})
	srv.On("order", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var n int
		if err := m.Bind(&n); err != nil {
			return err
		}
		if n < 1 {
			return fmt.Errorf("an order of %d", n)
		}
		panic("out of stock")
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	client := visit(server.URL, "")
	client.say(`["order",0]`)
	client.say(`["order",1]`)
	last := client.next() // the panic disconnects it
	client.conn.Close()
	if err := srv.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println("the client:", last)
	fmt.Println(counts.connected, "connected,", counts.failed, "failed")
	// Output:
	// failed: sio: event "order": an order of 0
	// panic: out of stock
	// gone: server namespace disconnect
	// the client: 41
	// 0 connected, 1 failed
}

// Socket.IO and other handlers on one port, and how an HTTP handler sends to sockets.
func ExampleServer_ServeHTTP() {
	srv := sio.NewServer(nil)
	srv.On("hello", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply() })
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("POST /announce", func(w http.ResponseWriter, r *http.Request) {
		if err := srv.Emit("announcement", r.FormValue("text")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})

	server := httptest.NewServer(mux)
	defer server.Close()
	defer srv.Close()
	client := visit(server.URL, "")
	client.say(`0["hello"]`)
	client.hear("client")
	res, err := http.PostForm(server.URL+"/announce", map[string][]string{"text": {"tea is ready"}})
	if err != nil {
		panic(err)
	}
	res.Body.Close()
	fmt.Println(res.Status)
	client.hear("client")
	// Output:
	// client: 430[]
	// 204 No Content
	// client: 42["announcement","tea is ready"]
}

// welcome is what a client learns when it connects to "/".
type welcome struct {
	SID    string   `json:"sid"`
	PID    string   `json:"pid"`
	events []string // came before
}

// enter is visit for a client that sends an auth object.
func enter(url, auth string) (*visitor, welcome) {
	conn, br, _, err := ws.Dial(context.Background(), "ws"+strings.TrimPrefix(url, "http")+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		panic(err)
	}
	if br == nil {
		br = bufio.NewReader(conn)
	}
	v := &visitor{conn: conn, r: br}
	v.next() // the open packet
	v.send("40" + auth)
	var w welcome
	for {
		packet := v.next()
		text, ok := strings.CutPrefix(packet, "40")
		if !ok {
			w.events = append(w.events, packet)
			continue
		}
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			panic(err)
		}
		return v, w
	}
}

// position takes an event apart: the last argument is its position in the stream.
func position(packet string) (event, offset string) {
	at := strings.LastIndex(packet, ",")
	return packet[:at] + "]", strings.Trim(packet[at:], `,"]`)
}
