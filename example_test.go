// SPDX-License-Identifier: MIT

package sio_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/sio-go/sio"
)

// A chat: who joins is put into the lobby, and what he says goes to everybody else
// there.
func Example() {
	srv := sio.NewServer(nil)
	chat := srv.Of("/chat")
	chat.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Join("lobby") })
	chat.On("chat message", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		var text string
		if err := m.Bind(&text); err != nil {
			return err
		}
		if m.HasAck() {
			if err := m.Reply("delivered"); err != nil {
				return err
			}
		}
		return s.To("lobby").Emit("chat message", text)
	})

	http.Handle("/socket.io/", srv)
	// http.ListenAndServe("127.0.0.1:3000", nil)

	server := httptest.NewServer(http.DefaultServeMux)
	defer server.Close()
	defer srv.Close()
	alice := visit(server.URL, "/chat")
	alice.say(`6["chat message","anybody here?"]`)
	alice.hear("alice")
	bob := visit(server.URL, "/chat")
	bob.say(`7["chat message","hi"]`)
	bob.hear("bob")
	alice.hear("alice")
	// Output:
	// alice: 43/chat,6["delivered"]
	// bob: 43/chat,7["delivered"]
	// alice: 42/chat,["chat message","hi"]
}

// Chat is what is said.
type Chat struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// The declarations that all who use the events share.
const (
	Enter  sio.Event[string]         = "enter"
	Say    sio.Event[Chat]           = "say"
	Joined sio.Event[sio.None]       = "joined"
	Count  sio.Request[string, int]  = "count"
	Sure   sio.Request[string, bool] = "sure?"
)

// The same with typed events: the compiler checks every handler and every emit
// against the declaration of the event.
func Example_typed() {
	srv := sio.NewServer(nil)
	sio.On(srv, Enter, func(ctx context.Context, s *sio.Socket, room string) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if yes, err := sio.Ask(ctx, s, Sure, "enter "+room); err != nil || !yes {
			return err
		}
		if err := s.Join(room); err != nil {
			return err
		}
		return sio.Emit(s, Joined, sio.None{})
	})
	sio.On(srv, Say, func(_ context.Context, s *sio.Socket, m Chat) error {
		return sio.Emit(srv.To(m.Room), Say, m)
	})
	sio.Handle(srv, Count, func(_ context.Context, s *sio.Socket, room string) (int, error) {
		if room == "" {
			return 0, &sio.ReplyError{Message: "which room?"}
		}
		return len(s.Rooms()) - 1, nil
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	alice := visit(server.URL, "")
	alice.say(`["enter","lobby"]`)
	alice.hear("alice")
	alice.answer(`0[true]`)
	alice.hear("alice")
	alice.say(`["say",{"room":"lobby","text":"hello"}]`)
	alice.hear("alice")
	alice.say(`1["count","lobby"]`)
	alice.hear("alice")
	alice.say(`2["count",""]`)
	alice.hear("alice")
	// Output:
	// alice: 420["sure?","enter lobby"]
	// alice: 42["joined"]
	// alice: 42["say",{"room":"lobby","text":"hello"}]
	// alice: 431[1]
	// alice: 432[{"error":{"message":"which room?"}}]
}

// A middleware that lets in only who knows the password.
func ExampleNamespace_Use() {
	srv := sio.NewServer(nil)
	srv.Use(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().Auth.Bind(&auth); err != nil || auth.Token != "secret" {
			return &sio.ConnectError{Message: "not authorized", Data: map[string]int{"retryAfter": 5}}
		}
		s.SetValue("user", "alice")
		return nil
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	visitor := visit(server.URL, "")
	visitor.hear("visitor")
	// Output:
	// visitor: 44{"message":"not authorized","data":{"retryAfter":5}}
}

// userKey is the key of the user's name in a context.
type userKey struct{}

// An HTTP middleware that finds out who the user is. What it puts into the request's
// context is in the context of the handlers.
func ExampleServer_Engine() {
	users := map[string]string{"12345": "alice"} // by session cookie
	srv := sio.NewServer(nil)
	srv.Engine().Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cookie, err := r.Cookie("session")
			if err != nil || users[cookie.Value] == "" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			ctx := context.WithValue(r.Context(), userKey{}, users[cookie.Value])
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	})
	srv.On("who am I", func(ctx context.Context, _ *sio.Socket, m *sio.Message) error {
		user, _ := ctx.Value(userKey{}).(string)
		return m.Reply(user)
	})

	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close()
	stranger, err := http.Get(server.URL + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		panic(err)
	}
	stranger.Body.Close()
	fmt.Println("stranger:", stranger.Status)
	alice := visit(server.URL, "", http.Header{"Cookie": {"session=12345"}})
	alice.say(`1["who am I"]`)
	alice.hear("alice")
	// Output:
	// stranger: 401 Unauthorized
	// alice: 431["alice"]
}

// visitor is a client for the examples, which speaks raw packets.
type visitor struct {
	nsp  string
	conn net.Conn
	r    *bufio.Reader

	welcome string // a refusal, to be heard
}

// visit connects to a namespace.
func visit(url, nsp string, header ...http.Header) *visitor {
	var dialer ws.Dialer
	for _, h := range header {
		dialer.Header = ws.HandshakeHeaderHTTP(h)
	}
	conn, br, _, err := dialer.Dial(context.Background(), "ws"+strings.TrimPrefix(url, "http")+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		panic(err)
	}
	if br == nil {
		br = bufio.NewReader(conn)
	}
	if nsp != "" {
		nsp += ","
	}
	v := &visitor{nsp: nsp, conn: conn, r: br}
	v.next() // the open packet
	v.send("40" + nsp)
	if v.welcome = v.next(); strings.HasPrefix(v.welcome, "40") {
		v.welcome = ""
	}
	return v
}

func (v *visitor) say(text string)    { v.send("42" + v.nsp + text) }
func (v *visitor) answer(text string) { v.send("43" + v.nsp + text) }
func (v *visitor) hear(who string)    { fmt.Printf("%s: %s\n", who, v.next()) }

func (v *visitor) send(packet string) {
	if err := wsutil.WriteClientText(v.conn, []byte(packet)); err != nil {
		panic(err)
	}
}

func (v *visitor) next() string {
	if p := v.welcome; p != "" {
		v.welcome = ""
		return p
	}
	f, err := readFrame(v.r)
	if err != nil {
		panic(err)
	}
	return string(f.Payload)
}
