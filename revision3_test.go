// SPDX-License-Identifier: MIT

package sio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// run3 runs f with a server that admits clients of Socket.IO 2.
func run3(t *testing.T, cfg sio.Config, f func(t *testing.T, e *env)) {
	t.Helper()
	cfg.Engine.AllowEIO3 = true
	run(t, cfg, f)
}

// dial3 opens a connection like a client of Socket.IO 2.
func (e *env) dial3() *client {
	e.t.Helper()
	c := dial(e.t, e.net.DialContext, "ws://mem.test/socket.io/?EIO=3&transport=websocket&token=q")
	var open struct {
		SID string `json:"sid"`
	}
	assert.NoError(e.t, json.Unmarshal([]byte(c.open[1:]), &open))
	c.sid = open.SID
	return c
}

// join3 is dial3, and waits until "/" is joined.
func (e *env) join3() *client {
	e.t.Helper()
	c := e.dial3()
	c.want(`0`)
	return c
}

// TestRevision3Connect is P4.1 and P4.2: "/" is joined without being asked for.
func TestRevision3Connect(t *testing.T) {
	t.Parallel()
	run3(t, sio.Config{}, func(t *testing.T, e *env) {
		chat := e.srv.Of("chat")
		gate := make(chan struct{})
		e.srv.Use(func(_ ctx, s *sio.Socket) error {
			assert.Equal(t, s.Connected(), false)
			<-gate
			return s.Emit("early")
		})
		e.srv.OnConnect(func(_ ctx, s *sio.Socket) error {
			assert.True(t, s.Handshake().Auth.Raw() == nil, "auth")
			assert.Equal(t, s.Handshake().Query.Get("token"), "q")
			return s.Emit("welcome")
		})
		c := e.dial3()
		synctest.Wait()
		assert.NoError(t, e.srv.Emit("all")) // does not reach it: it is not yet connected
		c.quiet()
		assert.True(t, e.srv.Socket(c.sid) == nil, "connected")
		close(gate)
		c.want(`2["early"]`, `0`, `2["welcome"]`) // top-25 #15
		c.send(`0/chat,`)
		c.want(`0/chat,`) // no payload
		synctest.Wait()

		root, other := e.srv.Socket(c.sid), chat.Socket("/chat#"+c.sid)
		assert.Equal(t, root.ID(), c.sid)
		assert.Equal(t, root.Rooms(), []string{c.sid})
		assert.Equal(t, other.ID(), "/chat#"+c.sid)
		assert.Equal(t, other.Rooms(), []string{"/chat#" + c.sid})
		assert.Equal(t, other.Namespace(), chat)

		current := e.dial() // a client of the current protocol beside it: nothing changes
		current.quiet()
		current.send(`0`)
		current.want(`2["early"]`)
		reply := current.next()
		assert.True(t, strings.HasPrefix(reply, `0{"sid":"`), "%s", reply)
		assert.True(t, reply[1:31] != current.open[1:31], "the id of the session")
	})
}

// TestRevision3Rooms: a socket's id is a room, whatever it looks like.
func TestRevision3Rooms(t *testing.T) {
	t.Parallel()
	n := 0
	generate := func(*http.Request) (string, error) { n++; return fmt.Sprintf("id-%d", n), nil }
	run3(t, sio.Config{Engine: engine.Config{GenerateID: generate}}, func(t *testing.T, e *env) {
		chat := e.srv.Of("chat")
		a, b := e.join3(), e.join3()
		for _, c := range []*client{a, b} {
			c.send(`0/chat,`)
			c.want(`0/chat,`)
		}
		synctest.Wait()
		assert.Equal(t, []string{a.sid, b.sid}, []string{"id-1", "id-2"})
		s := chat.Socket("/chat#id-1")
		assert.NoError(t, e.srv.To("id-1").Emit("to"))
		assert.NoError(t, e.srv.Except("id-1").Emit("except"))
		assert.NoError(t, chat.To("/chat#id-1").Emit("to"))
		assert.NoError(t, chat.To("id-1").Emit("no room of this namespace"))
		assert.NoError(t, s.Broadcast().Emit("broadcast"))
		assert.NoError(t, chat.Socket("/chat#id-2").To(s.ID()).Emit("private"))
		a.want(`2["to"]`, `2/chat,["to"]`, `2/chat,["private"]`)
		b.want(`2["except"]`, `2/chat,["broadcast"]`)

		s.Leave(s.ID())
		assert.Equal(t, s.Rooms(), nil)
		assert.NoError(t, chat.To(s.ID()).Emit("nobody"))
		a.quiet()
		b.quiet()
	})
}

// TestRevision3Query is P4.3.
func TestRevision3Query(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a=1&", 999)
	tests := []struct{ name, query, auth string }{
		{"none", "", ""},
		{"empty", "?", ""},
		{"only separators", "?&&", ""},
		{"one", "?token=abc", `{"token":"abc"}`},
		{"strings only", "?n=1&b=true", `{"b":"true","n":"1"}`},
		{"escaped", "?a%20b=c%2Cd+e&%C3%A9=%22", `{"a b":"c,d e","é":"\""}`},
		{"badly escaped", "?a=%zz&b=%f", `{"a":"%zz","b":"%f"}`},
		{"not UTF-8", "?a=%ff", `{"a":"` + "\ufffd" + `"}`},
		{"no value", "?a&b=&=c", `{"":"c","a":"","b":""}`},
		{"more than one", "?a=1&a=2&a=3&b=4", `{"a":["1","2","3"],"b":"4"}`},
		{"second question mark", "?a=b?c", `{"a":"b?c"}`},
		{"fragment", "?a=b#c?d", `{"a":"b"}`},
		{"fragment alone", "#?a=b", ""},
		{"1,000 parameters", "?" + many + "b=2&c=3", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run3(t, sio.Config{}, func(t *testing.T, e *env) {
				chat := e.srv.Of("chat")
				c := e.join3()
				chat.On("x", func(ctx, *sio.Socket, msg) error { e.seen.add("x"); return nil })
				c.send(`0/chat` + tt.query + `,{"ignored":1}`)
				c.want(`0/chat,`)
				e.seen.settled()
				c.send(`2/chat?other=1,["x"]`) // the rule is for all packets
				assert.Equal(t, e.seen.settled(), []string{"x"})
				auth := chat.Socket("/chat#" + c.sid).Handshake().Auth
				if strings.HasPrefix(tt.name, "1,000") {
					var got map[string]any
					assert.NoError(t, auth.Bind(&got))
					assert.Equal(t, got["b"], "2")
					assert.Equal(t, got["c"], nil)
					return
				}
				assert.Equal(t, string(auth.Raw()), tt.auth)
			})
		})
	}
}

// TestRevision3Refuse is P4.4 and P4.5.
func TestRevision3Refuse(t *testing.T) {
	t.Parallel()
	with := func(data any) error { return &sio.ConnectError{Message: "nope", Data: data} }
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"message", errors.New(`Not "authorized"`), `"Not \"authorized\""`},
		{"no data", with(nil), `"nope"`},
		{"object", with(map[string]int{"x": 1}), `{"x":1}`},
		{"array", with([]any{1, "a"}), `[1,"a"]`},
		{"number", with(42), `42`},
		{"string", with("data"), `"data"`},
		{"true", with(true), `true`},
		{"zero", with(0), `"nope"`},
		{"false", with(false), `"nope"`},
		{"empty string", with(""), `"nope"`},
		{"null", with((*int)(nil)), `"nope"`},
		{"data that cannot be encoded", with(make(chan int)), `"nope"`},
		{"panic", nil, `"internal error"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run3(t, sio.Config{}, func(t *testing.T, e *env) {
				use := func(ctx, *sio.Socket) error {
					if tt.err == nil {
						panic("boom")
					}
					return tt.err
				}
				e.srv.Use(use)
				e.srv.Of("x").Use(use)
				e.srv.OnConnect(func(ctx, *sio.Socket) error { t.Error("OnConnect"); return nil })
				c := e.dial3()
				c.want(`4` + tt.want)
				c.send(`0/x?a=b,`)
				c.want(`4/x,` + tt.want)
				c.send(`0`) // the connection stays, and the client may try again
				c.want(`4` + tt.want)
				c.send(`0/nope?a=b,`)
				c.want(`4/nope,{"message":"Invalid namespace"}`) // P4.5
				assert.Equal(t, e.srv.Len(), 0)
			})
		})
	}
}

// TestRevision3Events: events, acknowledgements and DISCONNECT are those of the current
// protocol.
func TestRevision3Events(t *testing.T) {
	t.Parallel()
	run3(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("echo", func(_ ctx, s *sio.Socket, m msg) error {
			if m.HasAck() {
				return m.Reply(m.Args())
			}
			return s.Emit("echo", m.Args())
		})
		c := e.join3()
		c.send(`2["echo",1]`, `27["echo","a"]`)
		c.want(`2["echo",1]`, `37["a"]`)
		c.queueRaw("2").flush() // the client pings
		assert.Equal(t, c.raw(), "3")

		s := e.srv.Socket(c.sid)
		answer := ask(t.Context(), s, "q")
		c.want(`20["q"]`)
		c.send(`30["a"]`)
		got := <-answer
		assert.NoError(t, got.err)
		raw, _ := got.args.Raw(0)
		assert.Equal(t, string(raw), `"a"`)

		e.srv.Of("chat")
		c.send(`0/chat,`)
		c.want(`0/chat,`)
		c.send(`1/chat,`)
		s.Disconnect(false)
		c.want(`1`)
		e.seen.settled()
		assert.Equal(t, e.srv.Len(), 0)
		assert.Equal(t, e.srv.Engine().Count(), 1)
	})
}

// TestRevision3Binary: binary data travels as in the current protocol, but that messages
// of the WebSocket have the type of the Engine.IO packet in front.
func TestRevision3Binary(t *testing.T) {
	t.Parallel()
	run3(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("reverse", func(_ ctx, s *sio.Socket, m msg) error {
			var data []byte
			if err := m.Bind(&data); err != nil {
				return err
			}
			slices.Reverse(data)
			return s.Emit("reverse", data)
		})
		c := e.join3()
		c.queueRaw(`451-["reverse",{"_placeholder":true,"num":0}]`).queueBinary("\x04\x01\x02").flush()
		c.want(`51-["reverse",{"_placeholder":true,"num":0}]`, "b:\x04\x02\x01")
	})
}

// TestRevision3Rules: a CONNECT for "/" while it is joined, or about to be, is a second
// one (P3.6), as it is for the official server.
func TestRevision3Rules(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`0`:            `second CONNECT: namespace "/"`,
		`0/,`:          `second CONNECT: namespace "/"`,
		`0/?a=b,`:      `second CONNECT: namespace "/"`,
		`2/chat,["x"]`: `packet before CONNECT: namespace "/chat"`,
		`4"x"`:         `CONNECT_ERROR from a client: namespace "/"`,
		`31["x"]`:      "",
	}
	for packet, violation := range tests {
		for _, connected := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %t", packet, connected), func(t *testing.T) {
				t.Parallel()
				run3(t, sio.Config{}, func(t *testing.T, e *env) {
					e.srv.Use(func(c ctx, _ *sio.Socket) error {
						if !connected {
							<-c.Done()
						}
						return nil
					})
					c := e.dial3()
					if connected {
						c.want(`0`)
						e.seen.settled()
					}
					c.send(packet)
					want := violation
					if want == "" && !connected {
						want = `packet before CONNECT: namespace "/"`
					}
					if want == "" {
						c.quiet()
						return
					}
					assert.Equal(t, c.next(), "closed")
					assert.Equal(t, e.seen.settled()[0], "conn: sio: "+want)
				})
			})
		}
	}
}

// TestRevision3Again: after DISCONNECT the client may join again, with the same id, even
// while a handler of the socket before it is still running.
func TestRevision3Again(t *testing.T) {
	t.Parallel()
	run3(t, sio.Config{}, func(t *testing.T, e *env) {
		gate := make(chan struct{})
		e.srv.On("slow", func(ctx, *sio.Socket, msg) error { <-gate; return nil })
		c := e.join3()
		first := e.srv.Socket(c.sid)
		c.send(`2["slow"]`, `1`, `0`)
		c.want(`0`)
		synctest.Wait()
		second := e.srv.Socket(c.sid)
		assert.True(t, first != second && first.ID() == second.ID(), "the same socket")
		close(gate)
		assert.Equal(t, e.seen.settled(), []string{"connect", "connect", "disconnect: client namespace disconnect"})
		assert.True(t, e.srv.Socket(c.sid) == second, "the end of the first hides the second")
		assert.NoError(t, e.srv.To(c.sid).Emit("x"))
		c.want(`2["x"]`)
	})
}

// TestRevision3Early: an event for "/" that comes before the client is let in waits.
func TestRevision3Early(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		queue int // beyond it the connection is not read
		end   func(c *client, gate chan struct{})
		err   error
		want  []string
	}{
		{"let in", 256, func(_ *client, gate chan struct{}) { close(gate) }, nil, []string{"connect", "event 1", "event 2"}},
		{"let in, queue full", 1, func(_ *client, gate chan struct{}) { close(gate) }, nil, []string{"connect", "event 1", "event 2"}},
		{"refused", 256, func(_ *client, gate chan struct{}) { close(gate) }, errors.New("no"), nil},
		{"refused, queue full", 1, func(_ *client, gate chan struct{}) { close(gate) }, errors.New("no"), nil},
		{"left", 256, func(c *client, gate chan struct{}) { c.close(); synctest.Wait(); close(gate) }, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run3(t, sio.Config{DispatchQueue: tt.queue}, func(t *testing.T, e *env) {
				gate := make(chan struct{})
				e.srv.Use(func(ctx, *sio.Socket) error {
					<-gate
					return tt.err
				})
				e.srv.On("n", func(_ ctx, _ *sio.Socket, m msg) error {
					raw, _ := m.Args().Raw(0)
					e.seen.add("event %s", raw)
					return nil
				})
				c := e.dial3()
				c.send(`2["n",1]`, `2["n",2]`)
				assert.Equal(t, e.seen.settled(), nil)
				tt.end(c, gate)
				assert.Equal(t, e.seen.settled(), tt.want)
				if tt.err != nil { // the connection is read again
					c.want(`4"no"`)
					c.send(`0`)
					c.want(`4"no"`)
				}
			})
		})
	}
}

// TestRevision3ConnectTimeout is P4.6: being let into "/" is enough.
func TestRevision3ConnectTimeout(t *testing.T) {
	t.Parallel()
	for _, refused := range []bool{false, true} {
		t.Run(fmt.Sprintf("refused %t", refused), func(t *testing.T) {
			t.Parallel()
			run3(t, sio.Config{ConnectTimeout: time.Second}, func(t *testing.T, e *env) {
				e.srv.Use(func(ctx, *sio.Socket) error {
					if refused {
						return errors.New("no")
					}
					return nil
				})
				c := e.dial3()
				c.next()
				time.Sleep(2 * time.Second)
				if refused {
					c.want("closed")
				} else {
					c.quiet()
				}
			})
		})
	}
}

// TestRevision3Shutdown: a middleware that is asked about "/" is awaited like any other.
func TestRevision3Shutdown(t *testing.T) {
	t.Parallel()
	run3(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Use(func(c ctx, _ *sio.Socket) error {
			<-c.Done()
			time.Sleep(time.Second)
			e.seen.add("middleware returns")
			return nil
		})
		c := e.dial3()
		synctest.Wait()
		done := make(chan error)
		go func() { done <- e.srv.Shutdown(t.Context()) }()
		c.want("closed")
		assert.NoError(t, <-done)
		assert.Equal(t, e.seen.take(), []string{"middleware returns"})
	})
}

// TestRevision3Routes_B15 has a bus that sends what is for one room only where it is wanted: what
// is for a client of Socket.IO 2 whose id has another length than all others is wanted.
func TestRevision3Routes_B15(t *testing.T) {
	hub := &adapter.Loopback{Routes: true}
	cfg := sio.Config{}
	cfg.Engine.AllowEIO3 = true
	clustered(t, hub, cfg, func(t *testing.T, a *env) {
		b := a.addTo(hub, sio.Config{})
		chat, there := a.srv.Of("chat"), b.srv.Of("chat")
		c := a.join3()
		c.send(`0/chat,`)
		c.want(`0/chat,`)
		synctest.Wait()
		id := "/chat#" + c.sid
		assert.NoError(t, there.To(id).Emit("hello"))
		c.want(`2/chat,["hello"]`)
		assert.NoError(t, b.srv.To(c.sid).Emit("hello"))
		c.want(`2["hello"]`)

		// There is no interest left once it is gone.
		s := chat.Socket(id)
		c.send(`1/chat,`)
		synctest.Wait()
		assert.ErrorIs(t, s.Join("x"), sio.ErrClosed)
		before := a.srv.ClusterStats().Received
		assert.NoError(t, there.To(id).Emit("nobody"))
		synctest.Wait()
		assert.Equal(t, a.srv.ClusterStats().Received, before)
	})
}
