// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

const noOpts = `"opts":{"rooms":[],"except":[],"flags":{}}`

// TestClusterSend compares what a server says with what the official adapters say.
func TestClusterSend(t *testing.T) {
	hub := &adapter.Loopback{}
	clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
		p := e.probe(hub, "/")
		c := e.join()
		s := e.srv.Socket(c.sid)
		t.Log("A2.4")
		assert.NoError(t, e.srv.Emit("ev", 1, map[string]any{"a": "b"}))
		p.want(`{"type":3,"data":{"packet":{"type":2,"data":["ev",1,{"a":"b"}]},` + noOpts + `}`)
		c.want(`2["ev",1,{"a":"b"}]`)
		assert.NoError(t, s.To("r").Except("x").Volatile().Compress(false).Emit("ev"))
		p.want(`{"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":["r"],"except":["x","` + c.sid + `"],"flags":{"volatile":true,"compress":false}}}`)
		assert.NoError(t, e.srv.To(c.sid).Emit("own"))
		p.want(`{"type":3,"data":{"packet":{"type":2,"data":["own"]},"opts":{"rooms":["` + c.sid + `"],"except":[],"flags":{}}}`)
		c.want(`2["own"]`)
		assert.NoError(t, s.Emit("direct"))
		synctest.Wait()
		assert.NoError(t, s.Volatile().Emit("direct"))
		assert.NoError(t, e.srv.Local().Emit("direct"))
		c.want(`2["direct"]`, `2["direct"]`, `2["direct"]`)
		assert.Error(t, e.srv.Emit("ev", make(chan int)))
		assert.Error(t, e.srv.Emit("disconnect"))
		p.want()
		assert.NoError(t, e.srv.Emit("bin", []byte{1}, map[string]any{"k": []byte{2}}))
		m := p.take()[0]
		assert.True(t, m.Binary(), "%+v", m)
		var deep map[string][]byte
		assert.NoError(t, m.Args.Unmarshal(2, &deep))
		assert.Equal(t, deep["k"], []byte{2})
		c.want(`52-["bin",{"_placeholder":true,"num":0},{"k":{"_placeholder":true,"num":1}}]`, "b:\x01", "b:\x02")

		t.Log("A2.7")
		e.srv.SocketsJoin("a", "b")
		e.srv.To("a").SocketsLeave("b")
		p.want(`{"type":4,"data":{`+noOpts+`,"rooms":["a","b"]}`, `{"type":5,"data":{"opts":{"rooms":["a"],"except":[],"flags":{}},"rooms":["b"]}`)
		assert.Equal(t, s.Rooms(), []string{c.sid, "a"})
		e.srv.Local().SocketsLeave("a")
		e.srv.Volatile().To("none").DisconnectSockets(true)
		p.want(`{"type":6,"data":{"opts":{"rooms":["none"],"except":[],"flags":{}},"close":true}`)

		t.Log("A2.9")
		assert.NoError(t, e.srv.ServerSideEmit("connect_error", 1)) // not reserved among servers
		p.want(`{"type":9,"data":{"packet":["connect_error",1]}`)
		assert.Error(t, e.srv.ServerSideEmit("connection"))
		assert.Error(t, e.srv.ServerSideEmit("x", make(chan int)))
		_, err := e.srv.ServerSideEmitWithAck(t.Context(), "connection")
		assert.Error(t, err)
		_, err = e.srv.ServerSideEmitWithAck(t.Context(), "x", make(chan int))
		assert.Error(t, err)

		t.Log("A2.6")
		_, err = e.srv.To("none").EmitWithAck(t.Context(), "q") // nobody is known
		assert.NoError(t, err)
		assert.Equal(t, len(p.take()), 1)
		p.send(&adapter.Message{Type: adapter.Heartbeat})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = e.srv.To("none").EmitWithAck(ctx, "q")
		assert.ErrorIs(t, err, context.DeadlineExceeded) // p does not answer
		p.want(`{"type":3,"data":{"packet":{"type":2,"data":["q"]},"opts":{"rooms":["none"],"except":[],"flags":{"timeout":1000}},"requestId":"REQUEST","extended":true}`)
		_, err = e.srv.To("none").Timeout(time.Minute).EmitWithAck(t.Context(), "q")
		late, ok := errors.AsType[*adapter.TimeoutError](err)
		assert.True(t, ok, "%v", err)
		assert.Equal(t, late.Missing, []string{p.uid})
		p.take()
		p.send(&adapter.Message{Type: adapter.Heartbeat})
		_, err = e.srv.Timeout(9*time.Second).EmitWithAck(t.Context(), "q") // a client here does not answer either
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		if late, ok = errors.AsType[*adapter.TimeoutError](err); !ok {
			t.Fatalf("it does not tell who is missing: %v", err)
		}
		assert.Equal(t, late.Missing, []string{p.uid})
		p.take()

		t.Log("A2.8")
		p.send(&adapter.Message{Type: adapter.Heartbeat})
		start := time.Now()
		list, err := e.srv.Timeout(2 * time.Second).FetchSockets(t.Context())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Since(start), 2*time.Second)
		assert.Equal(t, len(list), 1)
		p.want(`{"type":7,"data":{` + noOpts + `,"requestId":"REQUEST"}`)
	})
}

// TestClusterReceive has the server obey others.
func TestClusterReceive(t *testing.T) {
	broadcast := func(values ...any) *adapter.Message {
		return &adapter.Message{Type: adapter.Broadcast, Args: arguments(t, values...)}
	}
	t.Run("A2.5", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			c := e.join()
			s := e.srv.Socket(c.sid)
			var out []string
			e.srv.OnAnyOutgoing(func(_ *sio.Socket, event string, _ []any) { out = append(out, event) })
			p.send(broadcast("x", 1, []byte{9}))
			c.want(`51-["x",1,{"_placeholder":true,"num":0}]`, "b:\x09")
			m := broadcast(7, "number as a name")
			m.UID, m.Options = adapter.EmitterUID, adapter.Options{Rooms: []string{c.sid}, Volatile: true, Plain: true}
			p.send(m)
			c.want(`2["7","number as a name"]`)
			m = broadcast("not for c")
			m.Options.Except = []string{c.sid}
			p.send(m)
			p.send(&adapter.Message{Type: adapter.SocketsJoin, Options: adapter.Options{Rooms: []string{c.sid}}, Rooms: []string{"r"}})
			assert.True(t, s.InRoom("r"), "not joined")
			p.send(&adapter.Message{Type: adapter.SocketsLeave, Rooms: []string{"r"}})
			assert.True(t, !s.InRoom("r"), "not left")
			p.send(&adapter.Message{Type: adapter.DisconnectSockets})
			c.want("1")
			p.want() // nothing comes back
			assert.Equal(t, out, []string{"x", "7"})
		})
	})
	t.Run("bad", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			c := e.join()
			p.send(broadcast("disconnect"))
			p.send(&adapter.Message{Type: adapter.Broadcast})
			m := broadcast("connect")
			m.Request = "r"
			p.send(m)
			assert.Equal(t, p.take()[0].Count, 0)
			p.send(&adapter.Message{Type: 99})
			p.send(&adapter.Message{Type: adapter.BroadcastAck, Request: "nobody's"})
			stats := e.srv.ClusterStats()
			assert.Equal(t, stats.Ignored, 3)
			assert.Equal(t, stats.Malformed, 2)
			c.quiet()
			if raw, _ := arguments(t).Raw(0); raw != nil {
				t.Error("arguments out of nothing")
			}
		})
	})
	t.Run("A1.6", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{MaxPendingAcks: 2}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			a, b := e.join(), e.join()
			ask := func(extended bool, timeout time.Duration) {
				m := broadcast("q", "?")
				m.Request, m.Extended, m.Options.Timeout = "r", extended, timeout
				p.send(m)
			}
			ask(false, time.Second)
			a.want(`20["q","?"]`)
			b.want(`20["q","?"]`)
			p.want(`{"type":11,"data":{"requestId":"r","clientCount":2}`)
			a.send(`30["one","two"]`, `30["again"]`)
			p.want(`{"type":12,"data":{"requestId":"r","packet":"one"}`)
			time.Sleep(2 * time.Second)
			b.send(`30["late"]`)
			p.want()
			ask(true, time.Hour)
			a.want(`21["q","?"]`)
			b.want(`21["q","?"]`)
			b.send(`31[]`)
			p.want(`{"type":11,"data":{"requestId":"r","clientCount":2}`, `{"type":12,"data":{"requestId":"r","sid":"`+b.sid+`"}`)
			a.close()
			p.want(`{"type":12,"data":{"requestId":"r","sid":"` + a.sid + `","gone":true}`)
			ask(true, 0)
			ask(true, 0)
			p.take()
			ask(true, 0)                      // one too many for b, and a has gone
			assert.Equal(t, len(p.take()), 2) // the count, and that there will be no answer
			time.Sleep(6 * time.Second)
			ask(true, 0)
			p.want(`{"type":11,"data":{"requestId":"r","clientCount":1}`)
		})
	})
	t.Run("A10.8", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{Recovery: &sio.Recovery{}}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			c := e.dial()
			c.send(`0{"token":"t","pid":"secret","offset":"x"}`)
			c.next()
			s := e.srv.Sockets()[0]
			sio.Key[int]("n").Set(s, 7)
			s.SetValue("chan", make(chan int))
			s.SetValue(struct{}{}, "not under a string")
			assert.NoError(t, s.Join("r"))
			p.send(&adapter.Message{Type: adapter.FetchSockets, Request: "r", Options: adapter.Options{Rooms: []string{"r"}}})
			sockets := p.take()[0].Sockets
			assert.Equal(t, len(sockets), 1)
			one := sockets[0]
			assert.Equal(t, one.Rooms, []string{s.ID(), "r"})
			raw, _ := one.Data.Raw(0)
			assert.Equal(t, string(raw), `{"n":7}`)
			raw, _ = one.Handshake.Raw(0)
			var h map[string]any
			assert.NoError(t, json.Unmarshal(raw, &h))
			var members []string
			for name := range h {
				members = append(members, name)
			}
			slices.Sort(members)
			assert.Equal(t, members, []string{"address", "auth", "headers", "issued", "query", "secure", "time", "url", "xdomain"})
			assert.Equal(t, h["auth"], any(map[string]any{"token": "t"})) // S8.16
			assert.Equal(t, h["query"], any(map[string]any{"EIO": "4", "transport": "websocket", "token": "q"}))
			assert.Equal(t, h["url"], any("/socket.io/?EIO=4&transport=websocket&token=q"))
			assert.Equal(t, h["time"], any("Sat Jan 01 2000 00:00:00 GMT+0000 (Coordinated Universal Time)"))
			assert.Equal(t, h["issued"], any(float64(946684800000)))
			assert.Equal(t, h["headers"].(map[string]any)["host"], any("mem.test"))
		})
	})
	t.Run("node", func(t *testing.T) { // what Node answers
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			p.send(&adapter.Message{Type: adapter.Heartbeat})
			answer := func(m *adapter.Message) {
				synctest.Wait()
				asked := p.take()[0]
				m.UID, m.Namespace, m.Request = p.uid, "/", asked.Request
				assert.NoError(t, p.Reply(asked.UID, m))
			}
			go answer(&adapter.Message{Type: adapter.FetchSocketsResponse, Sockets: []adapter.Socket{
				{ID: "x", Handshake: arguments(t, packet.Raw(`{"headers":{"host":"h","accept":"a","set-cookie":["1","2"],"n":5,"u":null},"issued":1000,"url":"/s/?a=1","query":{"a":["1","2"]},"auth":{"u":1},"address":"::1","secure":true,"xdomain":true}`)), Data: arguments(t, map[string]any{"k": "v"})},
				{ID: "bad", Handshake: arguments(t, packet.Raw(`{"headers":1}`)), Data: arguments(t, 1)},
				{ID: "odd", Handshake: arguments(t, packet.Raw(`{"url":"::","auth":[]}`))},
			}})
			list, err := e.srv.FetchSockets(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, len(list), 3)
			h := list[0].Handshake
			assert.Equal(t, h.Header.Get("Accept")+h.Host+h.URL.Path+h.Address, "ah/s/::1")
			assert.Equal(t, h.Header["Set-Cookie"], []string{"1", "2"})
			assert.Equal(t, h.Query["a"], []string{"1", "2"})
			assert.True(t, h.Secure && h.CrossDomain && h.Time.UnixMilli() == 1000, "%+v", h)
			var auth map[string]int
			assert.NoError(t, h.Auth.Bind(&auth))
			assert.Equal(t, auth["u"], 1)
			assert.Equal(t, list[0].Data, map[string]any{"k": "v"})
			assert.Equal(t, list[1].Data, map[string]any{})
			go func() {
				synctest.Wait()
				asked := p.take()[0]
				assert.True(t, asked.Options.Single, "%+v", asked)
				for _, m := range []*adapter.Message{{Type: adapter.BroadcastClientCount, Count: 1}, {Type: adapter.BroadcastAck, Args: arguments(t, "yes")}} {
					m.UID, m.Namespace, m.Request = p.uid, "/", asked.Request
					assert.True(t, p.Reply(asked.UID, m) == nil, "no reply")
				}
			}()
			args, err := list[0].EmitWithAck(t.Context(), "q")
			assert.NoError(t, err)
			raw, _ := args.Raw(0)
			assert.Equal(t, string(raw), `"yes"`)
		})
	})
}
