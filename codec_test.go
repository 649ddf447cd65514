// SPDX-License-Identifier: MIT

package sio_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

var packed = sio.Config{Codec: msgpack.Codec{}}

// pack returns a message of the official MessagePack parser.
func pack(t testing.TB, p packet.Packet) string {
	t.Helper()
	_, attachments, err := msgpack.Codec{}.Append(nil, &p)
	assert.NoError(t, err)
	return string(attachments[0])
}

// event returns the packet of an event.
func event(name string, args ...any) packet.Packet {
	return packet.Packet{Type: packet.Event, Event: name, Args: args}
}

// unpack reads the next packet, which is one binary message. Binary arguments are []byte.
func (c *client) unpack() (packet.Received, []any) {
	c.t.Helper()
	message, ok := strings.CutPrefix(c.raw(), "b:")
	assert.True(c.t, ok, "not a binary message: %q", message)
	r, _, err := msgpack.Codec{}.NewDecoder(packet.Limits{}).Add([]byte(message), true)
	assert.NoError(c.t, err)
	var args []any
	for i := range r.Args.Len() {
		var v any
		assert.NoError(c.t, r.Args.Unmarshal(i, &v))
		args = append(args, v)
	}
	return r, args
}

// joinPacked joins a namespace.
func (c *client) joinPacked(nsp string, auth ...any) *client {
	c.t.Helper()
	c.queueBinary(pack(c.t, packet.Packet{Type: packet.Connect, Namespace: nsp, Args: auth})).flush()
	r, args := c.unpack()
	assert.Equal(c.t, r.Type, packet.Connect)
	assert.Equal(c.t, r.Namespace, nsp)
	members, _ := args[0].(map[string]any)
	c.sid, _ = members["sid"].(string)
	assert.Equal(c.t, len(c.sid), 20)
	return c
}

// TestMessagePack is a session with the codec of X1.3.
func TestMessagePack(t *testing.T) {
	t.Parallel()
	run(t, packed, func(t *testing.T, e *env) {
		var asked *sio.Socket
		chat := e.srv.Of("/chat")
		for _, ns := range []sio.Registrar[*sio.Socket, *sio.Message]{e.srv, chat} {
			ns.On("echo", func(_ ctx, s *sio.Socket, m msg) error { return s.Emit("echo", m.Args()) })
			ns.On("ack", func(_ ctx, _ *sio.Socket, m msg) error { return m.Reply(m.Args()) })
		}
		e.srv.On("typed", func(_ ctx, s *sio.Socket, m msg) error {
			var v struct {
				N    int64
				Blob []byte
			}
			var at string
			if err := m.Bind(&v, &at); err != nil {
				return err
			}
			return s.Emit("typed", v.N+1, v.Blob, at)
		})
		e.srv.OnConnect(func(_ ctx, s *sio.Socket) error { asked = s; return nil })

		c := e.dial().joinPacked("/", map[string]any{"token": "x", "key": []byte{1}})
		var auth struct {
			Token string `json:"token"`
			Key   []byte `json:"key"`
		}
		synctest.Wait()
		assert.NoError(t, asked.Handshake().Auth.Bind(&auth))
		assert.Equal(t, auth.Token, "x")
		assert.Equal(t, auth.Key, []byte{1})

		args := []any{1.0, "€", nil, []byte("blob"), map[string]any{"b": []any{[]byte{}, -0.5}}}
		c.queueBinary(pack(t, event("echo", args...))).flush()
		r, got := c.unpack()
		assert.Equal(t, r.Event, "echo")
		assert.Equal(t, got, args)

		// X1.6: a date and a Buffer for typed arguments; X1.5: undefined and options.
		c.queueBinary("\x84\xa4type\x02\xa4data\x93\xa5typed\x83\xa1N\xcf\x7f\xff\xff\xff\xff\xff\xff\xfe\xa4Blob\xc4\x01\x07\xa1x\xd4\x00\x00" +
			"\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa7options\x81\xa8compress\xc3\xa3nsp\xa1/").flush()
		assert.Equal(t, c.raw(), "b:\x83\xa4type\x02\xa4data\x94\xa5typed\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\xc4\x01\x07\xb81970-01-01T00:00:00.000Z\xa3nsp\xa1/")

		ack := event("ack", "a", []byte{9})
		ack.HasID = true // id 0
		c.queueBinary(pack(t, ack)).flush()
		r, got = c.unpack()
		assert.Equal(t, r.Type, packet.Ack)
		assert.True(t, r.HasID && r.ID == 0, "id %d", r.ID)
		assert.Equal(t, got, []any{"a", []byte{9}})

		c.joinPacked("/chat")
		hello := event("echo", "hello")
		hello.Namespace = "/chat"
		c.queueBinary(pack(t, hello)).flush()
		r, got = c.unpack()
		assert.Equal(t, r.Namespace, "/chat")
		assert.Equal(t, got, []any{"hello"})

		assert.NoError(t, e.srv.Emit("all", []byte{1})) // one message for all
		r, got = c.unpack()
		assert.Equal(t, r.Event, "all")
		assert.Equal(t, got, []any{[]byte{1}})

		answer := make(chan sio.Args, 1)
		go func() {
			args, err := asked.EmitWithAck(t.Context(), "question")
			assert.NoError(t, err)
			answer <- args
		}()
		r, _ = c.unpack()
		c.queueBinary(pack(t, packet.Packet{Type: packet.Ack, ID: r.ID, HasID: true, Args: []any{[]byte("yes")}})).flush()
		var yes []byte
		answered := <-answer
		assert.NoError(t, answered.Unmarshal(0, &yes))
		assert.Equal(t, string(yes), "yes")

		asked.Disconnect(false)
		r, _ = c.unpack()
		assert.Equal(t, r.Type, packet.Disconnect)
		c.queueBinary(pack(t, packet.Packet{Type: packet.Disconnect, Namespace: "/chat"})).flush()
		synctest.Wait()
		assert.Equal(t, chat.Len(), 0)
	})
}

// TestMessagePackRefused: CONNECT_ERROR for middlewares and unknown namespaces.
func TestMessagePackRefused(t *testing.T) {
	t.Parallel()
	run(t, packed, func(t *testing.T, e *env) {
		var data any
		e.srv.Of("/no").Use(func(ctx, *sio.Socket) error { return &sio.ConnectError{Message: "no", Data: data} })
		c := e.dial()
		for _, tt := range []struct {
			nsp  string
			data any
			want map[string]any
		}{
			{"/unknown", nil, map[string]any{"message": "Invalid namespace"}},
			{"/no", nil, map[string]any{"message": "no"}},
			{"/no", map[string][]byte{"b": {1}}, map[string]any{"message": "no", "data": map[string]any{"b": []byte{1}}}},
			{"/no", make(chan int), map[string]any{"message": "no"}}, // cannot be encoded
		} {
			data = tt.data
			c.queueBinary(pack(t, packet.Packet{Type: packet.Connect, Namespace: tt.nsp})).flush()
			r, args := c.unpack()
			assert.Equal(t, r.Type, packet.ConnectError)
			assert.Equal(t, r.Namespace, tt.nsp)
			assert.Equal(t, args, []any{tt.want})
		}
		c.joinPacked("/")
	})
}

// TestMessagePackInvalid_X1_4: bad messages close the connection (P3.13), that of the
// client alone.
func TestMessagePackInvalid_X1_4(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ message, err string }{
		"text (X1.2)":    {"", "Could not parse"},
		"empty":          {"b", "Could not parse"},
		"type":           {"b\x82\xa4type\x05\xa3nsp\xa1/", "invalid packet type"},
		"namespace":      {"b\x82\xa4type\x00\xa3nsp\xa0", "invalid namespace"},
		"payload":        {"b\x82\xa4type\x02\xa3nsp\xa1/", "invalid payload"},
		"id":             {"b\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1a\xa2id\xc0", "invalid packet id"},
		"reserved event": {"b\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xaadisconnect", "invalid payload"},
		"trailing bytes": {"b\x82\xa4type\x01\xa3nsp\xa1/\x00", "1 trailing bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, packed, func(t *testing.T, e *env) {
				other, c := e.dial().joinPacked("/"), e.dial().joinPacked("/")
				e.seen.settled()
				if data, binary := strings.CutPrefix(tt.message, "b"); binary {
					c.queueBinary(data).flush()
				} else {
					c.send(`2["text"]`)
				}
				c.want("closed")
				assert.Equal(t, e.seen.settled(), []string{"conn: " + tt.err, "disconnect: forced close"})
				other.quiet()
			})
		})
	}
}

// TestMessagePackPolling: binary messages are base64 there.
func TestMessagePackPolling(t *testing.T) {
	t.Parallel()
	run(t, packed, func(t *testing.T, e *env) {
		sid := e.poll()
		message := pack(t, packet.Packet{Type: packet.Connect})
		e.request(http.MethodPost, "&sid="+sid, "b"+base64.StdEncoding.EncodeToString([]byte(message)))
		body := e.request(http.MethodGet, "&sid="+sid, "").body
		data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(body, "b"))
		assert.NoError(t, err)
		assert.True(t, bytes.HasPrefix(data, []byte("\x83\xa4type\x00\xa4data\x81\xa3sid\xb4")), "%q", data)
	})
}

// TestTwoCodecs: each server of a process has its own.
func TestTwoCodecs(t *testing.T) {
	t.Parallel()
	run(t, packed, func(t *testing.T, e *env) {
		second := &env{t: t, srv: sio.NewServer(nil), net: memnet.Listen()}
		server := &http.Server{Handler: second.srv}
		go server.Serve(second.net)
		defer func() {
			assert.NoError(t, second.srv.Close())
			assert.NoError(t, server.Close())
		}()
		for _, srv := range []*sio.Server{e.srv, second.srv} {
			srv.On("echo", func(_ ctx, s *sio.Socket, m msg) error { return s.Emit("echo", m.Args()) })
		}
		a, b := e.dial().joinPacked("/"), second.join()
		a.queueBinary(pack(t, event("echo", []byte{1}))).flush()
		b.queueRaw(`451-["echo",{"_placeholder":true,"num":0}]`).queueBinary("\x01").flush()
		assert.Equal(t, "b:"+pack(t, event("echo", []byte{1})), a.raw())
		b.want(`51-["echo",{"_placeholder":true,"num":0}]`, "b:\x01")
	})
}

// TestMessagePackRevision3: clients of Socket.IO 2 may use the codec too (P4.4).
func TestMessagePackRevision3(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data any
		want string
	}{
		"message": {nil, "\x83\xa4type\x04\xa4data\xa2no\xa3nsp\xa3/no"},
		"object":  {map[string]int{"a": 1}, "\x83\xa4type\x04\xa4data\x81\xa1a\x01\xa3nsp\xa3/no"},
		"number":  {7, "\x83\xa4type\x04\xa4data\xa2no\xa3nsp\xa3/no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run3(t, packed, func(t *testing.T, e *env) {
				e.srv.Of("/no").Use(func(ctx, *sio.Socket) error { return &sio.ConnectError{Message: "no", Data: tt.data} })
				c := e.dial3()
				assert.Equal(t, c.raw(), "b:\x04\x82\xa4type\x00\xa3nsp\xa1/")
				c.queueBinary("\x04" + pack(t, packet.Packet{Type: packet.Connect, Namespace: "/no"})).flush()
				assert.Equal(t, c.raw(), "b:\x04"+tt.want)
			})
		})
	}
}

// shout is a codec of text messages: those of the default codec after a mark.
type shout struct{ broken bool }

func (s shout) Append(dst []byte, p *packet.Packet) ([]byte, [][]byte, error) {
	switch {
	case s.broken && p.Type == packet.ConnectError:
		return nil, nil, errors.New("broken")
	case s.broken && p.Type == packet.Event:
		return dst, nil, nil
	}
	return packet.Append(append(dst, '!'), p)
}

func (shout) NewDecoder(l packet.Limits) packet.MessageDecoder {
	return &shoutDecoder{packet.Decoder{Limits: l}}
}

type shoutDecoder struct{ packet.Decoder }

func (d *shoutDecoder) Add(data []byte, binary bool) (packet.Received, bool, error) {
	if binary {
		return d.Decoder.Add(data, true)
	}
	text, ok := bytes.CutPrefix(data, []byte("!"))
	if !ok {
		return packet.Received{}, false, errors.New("too quiet")
	}
	return d.Decoder.Add(text, false)
}

// TestCustomCodec_X1_1: a codec of one's own, of text and attachments.
func TestCustomCodec_X1_1(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Codec: shout{}, MaxAttachments: 1}, func(t *testing.T, e *env) {
		e.srv.On("echo", func(_ ctx, s *sio.Socket, m msg) error { return s.Emit("echo", m.Args()) })
		c := e.dial()
		c.send("!0")
		assert.True(t, strings.HasPrefix(c.next(), `!0{"sid":`), "no CONNECT")
		c.queueRaw(`4!51-["echo",{"_placeholder":true,"num":0}]`).queueBinary("\x01").flush()
		c.want(`!51-["echo",{"_placeholder":true,"num":0}]`, "b:\x01")
		e.seen.settled()
		c.send(`!52-["echo"]`) // the limits are the server's
		c.want("closed")
		assert.Equal(t, e.seen.settled(), []string{"conn: too many attachments", "disconnect: forced close"})
		c = e.dial()
		c.send("0")
		c.want("closed")
		assert.Equal(t, e.seen.settled(), []string{"conn: too quiet"})
	})
}

// TestBrokenCodec: a codec that breaks its contract fails, and nothing else does.
func TestBrokenCodec(t *testing.T) {
	t.Parallel()
	run3(t, sio.Config{Codec: shout{broken: true}}, func(t *testing.T, e *env) {
		e.srv.Of("/no").Use(func(ctx, *sio.Socket) error { return errors.New("no") })
		c := e.dial()
		c.send("!0")
		assert.True(t, strings.HasPrefix(c.next(), `!0{"sid":`), "no CONNECT")
		assert.Error(t, e.srv.Emit("nothing"))
		c.quiet()
		c.send("!0/unknown,") // it would wait forever for an answer
		c.want("closed")
		old := e.dial3()
		old.want("!0")
		old.send("!0/no,")
		old.want("closed")
	})
}

// TestCodecData: what came by MessagePack looks like JSON.
func TestCodecData(t *testing.T) {
	t.Parallel()
	run(t, packed, func(t *testing.T, e *env) {
		var raw []byte
		e.srv.On("raw", func(_ ctx, _ *sio.Socket, m msg) error { raw, _ = m.Args().Raw(0); return nil })
		c := e.dial().joinPacked("/")
		c.queueBinary(pack(t, event("raw", map[string]any{"a": []int{1, 2}}))).flush()
		synctest.Wait()
		assert.True(t, json.Valid(raw), "%s", raw)
		assert.Equal(t, string(raw), `{"a":[1,2]}`)
	})
}
