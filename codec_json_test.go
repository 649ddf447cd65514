// SPDX-License-Identifier: MIT

package sio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

type (
	reminder struct {
		Text  string        `json:"text"`
		After time.Duration `json:"after"`
		Blob  []byte        `json:"blob,omitzero"`
	}
	// trap panics when it is encoded or decoded.
	trap int
)

// friendly are options as a program would have them.
var friendly = json.JoinOptions(
	json.MatchCaseInsensitiveNames(true),
	json.RejectUnknownMembers(true),
	json.WithMarshalers(json.JoinMarshalers(
		json.MarshalFunc(func(d time.Duration) ([]byte, error) { return fmt.Appendf(nil, "%q", d), nil }),
		json.MarshalFunc(func(trap) ([]byte, error) { panic("trap") }),
	)),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFunc(func(text []byte, d *time.Duration) (err error) {
			*d, err = time.ParseDuration(strings.Trim(string(text), `"`))
			return err
		}),
		json.UnmarshalFunc(func([]byte, *trap) error { panic("trap") }),
	)),
)

const remind sio.Event[reminder] = "remind"

// TestJSONOptions: what handlers take and what is sent follow the options of the codec.
func TestJSONOptions(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Codec: packet.NewJSON(friendly)}, func(t *testing.T, e *env) {
		var name string
		e.srv.Use(func(_ ctx, s *sio.Socket) error {
			var auth struct{ Name string }
			err := s.Handshake().Auth.Bind(&auth)
			name = auth.Name
			return err
		})
		e.srv.Of("/no").Use(func(ctx, *sio.Socket) error { return &sio.ConnectError{Message: "no", Data: time.Second} })
		sio.On(e.srv, remind, func(_ ctx, s *sio.Socket, r reminder) error {
			r.After *= 2
			return sio.Emit(s, remind, r)
		})
		sio.Handle(e.srv, "double", func(_ ctx, _ *sio.Socket, d time.Duration) (time.Duration, error) { return 2 * d, nil })
		e.srv.On("echo", func(_ ctx, s *sio.Socket, m msg) error { return s.Emit("echo", m.Args()) })

		c := e.dial()
		c.send(`0{"NAME":"ada"}`)
		sid := strings.TrimSuffix(strings.TrimPrefix(c.next(), `0{"sid":"`), `"}`)
		assert.Equal(t, len(sid), 20)
		assert.Equal(t, name, "ada")
		e.seen.settled()

		c.send(`2["remind",{"TEXT":"tea","After":"3m"}]`)
		c.want(`2["remind",{"text":"tea","after":"6m0s"}]`)
		c.queueRaw(`451-["remind",{"Blob":{"_placeholder":true,"num":0}}]`).queueBinary("\x01").flush()
		c.want(`51-["remind",{"text":"","after":"0s","blob":{"_placeholder":true,"num":0}}]`, "b:\x01")
		c.send(`27["double","90s"]`, `2["echo",{"After":"1s"}]`)
		c.want(`37["3m0s"]`, `2["echo",{"After":"1s"}]`)
		assert.NoError(t, e.srv.To(sid).Emit("all", time.Minute))
		c.want(`2["all","1m0s"]`)
		assert.Equal(t, len(e.seen.settled()), 0)

		c.send(`2["remind",{"text":"tea","more":1}]`, `2["remind",{"after":"soon"}]`)
		seen := e.seen.settled()
		assert.Equal(t, len(seen), 2)
		for i, want := range []string{`unknown object member name "more"`, `invalid duration`} {
			assert.True(t, strings.HasPrefix(seen[i], `error: sio: event "remind": packet: argument 0: `) && strings.Contains(seen[i], want), "%s", seen[i])
		}
		c.quiet()

		answer := make(chan time.Duration, 1)
		go func() {
			d, err := sio.Ask(t.Context(), e.srv.Socket(sid), sio.Request[time.Duration, time.Duration]("when"), time.Second)
			assert.True(t, err == nil, "%v", err)
			answer <- d
		}()
		c.want(`20["when","1s"]`)
		c.send(`30["5s"]`)
		assert.Equal(t, <-answer, 5*time.Second)

		c.send("0/no,")
		c.want(`4/no,{"message":"no","data":"1s"}`)
	})
}

// TestMessagePackOptions: the options are the same for another format.
func TestMessagePackOptions(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Codec: msgpack.New(friendly)}, func(t *testing.T, e *env) {
		sio.On(e.srv, remind, func(_ ctx, s *sio.Socket, r reminder) error {
			r.After *= 2
			return sio.Emit(s, remind, r)
		})
		c := e.dial().joinPacked("/")
		c.queueBinary(pack(t, event("remind", map[string]any{"Text": "tea", "AFTER": "3m", "blob": []byte{1}}))).flush()
		_, args := c.unpack()
		assert.Equal(t, args, []any{map[string]any{"text": "tea", "after": "6m0s", "blob": []byte{1}}})
		e.seen.settled()
		c.queueBinary(pack(t, event("remind", map[string]any{"more": 1}))).flush()
		seen := e.seen.settled()
		assert.Equal(t, len(seen), 1)
		assert.True(t, strings.Contains(seen[0], `unknown object member name "more"`), "%s", seen[0])
	})
}

// TestJSONOwnPayload: options are not for what the server says of itself.
func TestJSONOwnPayload(t *testing.T) {
	t.Parallel()
	loud := json.WithMarshalers(json.JoinMarshalers(
		json.MarshalFunc(func(string) ([]byte, error) { return []byte(`"LOUD"`), nil }),
		json.MarshalToFunc(func(enc *jsontext.Encoder, v any) error { return errors.New("no value is good enough") }),
	))
	for name, codec := range map[string]packet.Codec{"JSON": packet.NewJSON(loud), "msgpack": msgpack.New(loud)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Codec: codec}, func(t *testing.T, e *env) {
				c := e.dial()
				if name == "msgpack" {
					c.joinPacked("/") // has a look at the id
				} else {
					c.join("")
				}
			})
		})
	}
}

// TestJSONPanic: functions that panic do so in handlers, or in who calls Emit.
func TestJSONPanic(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Codec: packet.NewJSON(friendly)}, func(t *testing.T, e *env) {
		e.srv.Of("/no").Use(func(ctx, *sio.Socket) error { return &sio.ConnectError{Message: "no", Data: trap(1)} })
		e.srv.On("emit", func(_ ctx, s *sio.Socket, _ msg) error { return s.Emit("x", []byte{1}, trap(1)) })
		e.srv.On("reply", func(_ ctx, _ *sio.Socket, m msg) error { return m.Reply([]trap{1}) })
		sio.On(e.srv, "typed", func(_ ctx, _ *sio.Socket, _ trap) error { return nil })
		other := e.join()
		for _, p := range []string{`2["emit"]`, `21["reply"]`, `2["typed",1]`} {
			c := e.join()
			e.seen.settled()
			c.send(p)
			c.want("1")
			assert.Equal(t, e.seen.settled(), []string{"panic: trap, stack true", "disconnect: server namespace disconnect"})
		}
		other.send("0/no,")
		other.want(`4/no,{"message":"no"}`)

		s := e.srv.Socket(other.sid)
		for name, emit := range map[string]func(){
			"socket":    func() { _ = s.Emit("x", trap(1)) },
			"broadcast": func() { _ = e.srv.Emit("x", trap(1)) },
			"ask":       func() { _, _ = s.EmitWithAck(t.Context(), "x", trap(1)) },
		} {
			func() {
				defer func() { assert.True(t, recover() == any("trap"), "%s: no panic", name) }()
				emit()
			}()
		}
		other.quiet()
		assert.NoError(t, e.srv.Emit("all", time.Second)) // no lock is held
		other.want(`2["all","1s"]`)
		synctest.Wait()
	})
}

// TestJSONRevision3: clients of Socket.IO 2 get the data as with the default codec (P4.4).
func TestJSONRevision3(t *testing.T) {
	t.Parallel()
	run3(t, sio.Config{Codec: packet.NewJSON(friendly)}, func(t *testing.T, e *env) {
		e.srv.Of("/no").Use(func(ctx, *sio.Socket) error { return &sio.ConnectError{Message: "no", Data: 7} })
		c := e.dial3()
		c.want("0")
		c.send("0/no,")
		c.want("4/no,7")
	})
}
