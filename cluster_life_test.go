// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// TestClusterServerSide covers what handlers of other servers' events may do.
func TestClusterServerSide(t *testing.T) {
	hub := &adapter.Loopback{}
	clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
		p := e.probe(hub, "/")
		hold := make(chan struct{})
		var got []int
		off := e.srv.OnServerSide("x", func(_ context.Context, args sio.Args) (any, error) {
			var n int
			err := args.Unmarshal(0, &n)
			if n == 0 {
				<-hold
			}
			got = append(got, n)
			return n, err
		})
		e.srv.OnServerSide("two", func(context.Context, sio.Args) (any, error) { return nil, errors.New("no answer") })
		e.srv.OnServerSide("two", func(context.Context, sio.Args) (any, error) { panic("no answer") })
		e.srv.OnServerSide("two", func(context.Context, sio.Args) (any, error) { return make(chan int), nil })
		e.srv.OnServerSide("two", func(context.Context, sio.Args) (any, error) { return "answer", nil })
		e.srv.OnServerSide("two", func(context.Context, sio.Args) (any, error) { return "another", nil })
		emit := func(request string, values ...any) {
			p.send(&adapter.Message{Type: adapter.ServerSideEmit, Request: request, Args: arguments(t, values...)})
		}
		emit("r", "two")
		p.want(`{"type":10,"data":{"requestId":"r","packet":"answer"}`)
		emit("r", "unknown")
		for i := range 1030 { // one is handled, 1,024 wait
			emit("", "x", i)
		}
		assert.Equal(t, e.srv.ClusterStats().Ignored, 5)
		close(hold)
		synctest.Wait()
		assert.Equal(t, len(got), 1025)
		assert.True(t, slices.IsSorted(got), "not in order")
		off()
		emit("", "x", 1)
		synctest.Wait()
		assert.Equal(t, len(got), 1025)
		p.want()
	})
}

// TestClusterLife covers namespaces and servers that come and go.
func TestClusterLife(t *testing.T) {
	t.Run("A1.1", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{CleanupEmptyNamespaces: true}, func(t *testing.T, e *env) {
			other := e.addTo(hub, sio.Config{})
			parent := e.srv.OfRegexp(regexp.MustCompile("^/d"))
			p := e.probe(hub, "/dyn")
			other.srv.Of("/dyn")
			c, d := e.dial(), other.dial()
			c.join("/dyn")
			d.join("/dyn")
			synctest.Wait()
			ns := parent.Namespaces()[0]
			count, err := ns.ServerCount(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, count, 2)
			assert.True(t, len(ns.ServerID()) == 16 && ns.ServerID() != e.srv.ServerID(), "ids %q %q", ns.ServerID(), e.srv.ServerID())
			assert.NoError(t, parent.Emit("x"))
			c.want(`2/dyn,["x"]`)
			d.want(`2/dyn,["x"]`)
			list, err := parent.All().FetchSockets(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, len(list), 2)
			parent.All().SocketsJoin("r")
			synctest.Wait()
			assert.Equal(t, len(other.srv.Of("/dyn").To("r").Sockets()), 1)
			parent.All().SocketsLeave("r")
			parent.To(d.sid).DisconnectSockets(false)
			d.want("1/dyn,")
			p.take()
			c.close() // the namespace ends with its last socket
			p.want(`{"type":13`)
			assert.Equal(t, len(parent.Namespaces()), 0)
		})
	})
	t.Run("S1.13", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			other := e.addTo(hub, sio.Config{})
			synctest.Wait()
			e.srv.OnDisconnect(func(s *sio.Socket, _ sio.Reason) { _ = s.Broadcast().Emit("left", s.ID()) })
			c := e.join()
			d := other.join()
			assert.NoError(t, e.srv.Shutdown(t.Context()))
			d.want(`2["left","` + c.sid + `"]`) // handlers can still tell the others
			got := p.take()
			assert.Equal(t, got[len(got)-1].Type, adapter.Close)
			synctest.Wait()
			count, err := other.srv.ServerCount(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, count, 1)
			assert.NoError(t, e.srv.Emit("nobody hears")) // and that is no error
			late := e.srv.Of("/late")
			assert.NoError(t, late.Emit("x"))
		})
	})
	t.Run("A2.4", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			c := e.join()
			hub.SetDown(true)
			assert.NoError(t, e.srv.Emit("x")) // local clients are served
			c.want(`2["x"]`)
			assert.Error(t, e.srv.ServerSideEmit("x"))
			stats := e.srv.ClusterStats()
			assert.Equal(t, stats.Lost, 2)
			assert.Equal(t, stats.Failures, 1)
		})
	})
	t.Run("handlers", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			done := false
			e.srv.OnServerSide("x", func(ctx context.Context, _ sio.Args) (any, error) {
				<-ctx.Done()
				time.Sleep(time.Second)
				done = true
				return nil, nil
			})
			p.send(&adapter.Message{Type: adapter.ServerSideEmit, Args: arguments(t, "x")})
			assert.NoError(t, e.srv.Shutdown(t.Context()))
			assert.True(t, done, "Shutdown has not waited")
		})
	})
	t.Run("Close while Shutdown waits", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/")
			hold := make(chan struct{})
			e.srv.OnServerSide("x", func(context.Context, sio.Args) (any, error) {
				<-hold
				return nil, nil
			})
			p.send(&adapter.Message{Type: adapter.ServerSideEmit, Args: arguments(t, "x")})
			var waiting sync.WaitGroup
			waiting.Go(func() { assert.True(t, e.srv.Shutdown(t.Context()) == nil, "Shutdown fails") })
			synctest.Wait()
			p.take()
			closed := false
			waiting.Go(func() {
				_ = e.srv.Close()
				closed = true
			})
			p.want(`{"type":13`)
			assert.True(t, closed, "Close waits for the handler")
			close(hold)
			waiting.Wait()
		})
	})
	t.Run("after Close", func(t *testing.T) {
		hub := &adapter.Loopback{}
		clustered(t, hub, sio.Config{}, func(t *testing.T, e *env) {
			p := e.probe(hub, "/late")
			assert.NoError(t, e.srv.Close())
			late := e.srv.Of("/late")
			assert.NoError(t, late.Emit("x"))
			assert.ErrorIs(t, late.ServerSideEmit("x"), adapter.ErrClosed)
			_, err := late.FetchSockets(t.Context())
			assert.ErrorIs(t, err, adapter.ErrClosed)
			assert.Equal(t, e.srv.ClusterStats().Failures, 0)
			time.Sleep(time.Minute)
			p.mu.Lock()
			defer p.mu.Unlock()
			assert.Equal(t, len(p.got), 0)
		})
	})
	t.Run("nobody", func(t *testing.T) {
		var none sio.Target
		none.SocketsJoin("r")
		none.SocketsLeave("r")
		none.DisconnectSockets(true)
		assert.Error(t, none.Emit("x"))
		_, err := none.FetchSockets(t.Context())
		assert.Error(t, err)
	})
	t.Run("alone", func(t *testing.T) {
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			count, err := e.srv.ServerCount(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, count, 1)
			assert.Equal(t, e.srv.ServerID(), "")
			assert.Equal(t, e.srv.ClusterStats(), adapter.Stats{})
		})
	})
}

// TestClusterCodec has servers whose clients speak different languages.
func TestClusterCodec(t *testing.T) {
	hub := &adapter.Loopback{}
	clustered(t, hub, sio.Config{Codec: packet.NewJSON(json.StringifyNumbers(true))}, func(t *testing.T, e *env) {
		packed := e.addTo(hub, sio.Config{Codec: msgpack.New(json.StringifyNumbers(true))})
		plain := e.addTo(hub, sio.Config{})
		p := e.probe(hub, "/")
		synctest.Wait()
		c, d := e.join(), plain.join()
		assert.NoError(t, e.srv.Emit("x", 1, []byte{2}))
		assert.NoError(t, packed.srv.Emit("x", 3, []byte{4}))
		for _, c := range []*client{c, d} {
			c.want(`51-["x","1",{"_placeholder":true,"num":0}]`, "b:\x02", `51-["x","3",{"_placeholder":true,"num":0}]`, "b:\x04")
		}
		assert.Equal(t, len(p.take()), 2)
		// What comes from others is decoded with the options, too.
		for _, srv := range []*sio.Server{e.srv, packed.srv} {
			srv.OnServerSide("n", func(_ context.Context, args sio.Args) (any, error) {
				var n int
				err := args.Unmarshal(0, &n)
				return n + 1, err
			})
		}
		answers, err := packed.srv.ServerSideEmitWithAck(t.Context(), "n", 1)
		late, ok := errors.AsType[*adapter.TimeoutError](err) // plain has no handler
		assert.True(t, ok && late.Got == 1, "%v", err)
		var n int
		assert.NoError(t, answers[0].Unmarshal(0, &n))
		assert.Equal(t, n, 2)

		foreign := e.addTo(hub, sio.Config{Codec: foreignCodec{}})
		assert.NoError(t, foreign.srv.Emit("x", 5))
		c.want(`2["x",5]`)
	})
}

// foreignCodec is a codec with no AppendPayload of its own.
type foreignCodec struct{ packet.Codec }

func (foreignCodec) Append(dst []byte, p *packet.Packet) ([]byte, [][]byte, error) {
	return packet.Append(dst, p)
}

func (foreignCodec) NewDecoder(l packet.Limits) packet.MessageDecoder {
	return &packet.Decoder{Limits: l}
}
