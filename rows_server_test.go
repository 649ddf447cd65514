// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// The server has the methods of its namespace "/", and names get their slash.
func TestServerIsNamespace_S1_8_S1_9_S1_11_S1_12(t *testing.T) {
	t.Parallel()
	rec := &recorder{}
	run(t, sio.Config{Hooks: []sio.Hook{namespaces{rec}}}, func(t *testing.T, e *env) {
		for _, name := range []string{"", "/"} {
			assert.True(t, e.srv.Of(name) == e.srv.Namespace, "%q is another namespace", name)
		}
		assert.True(t, e.srv.Of("chat") == e.srv.Of("/chat") && e.srv.Of("chat").Name() == "/chat", "no slash")
		assert.Equal(t, rec.take(), []string{"namespace /chat"}) // S1.10: once, and not for "/"

		c := e.join()
		c.join("/chat")
		for _, send := range []func() error{
			func() error { return e.srv.Emit("a") },
			func() error { return e.srv.Send("b") },
			func() error { return e.srv.Except("none").Emit("c") },
			func() error { return e.srv.Local().Emit("d") },
			func() error { return e.srv.Compress(false).Emit("e") },
			func() error { return e.srv.Volatile().Emit("f") },
			func() error { return e.srv.Timeout(time.Second).Emit("g") },
		} {
			assert.NoError(t, send())
			synctest.Wait()
		}
		c.want(`2["a"]`, `2["message","b"]`, `2["c"]`, `2["d"]`, `2["e"]`, `2["f"]`, `2["g"]`)
		c.quiet()
		e.srv.SocketsJoin("room")
		assert.NoError(t, e.srv.To("room").Emit("h"))
		c.want(`2["h"]`)
		e.srv.SocketsLeave("room")
		assert.NoError(t, e.srv.In("room").Emit("i"))
		e.srv.DisconnectSockets(false)
		c.want(`1`)
		assert.NoError(t, e.srv.Of("/chat").Emit("other"))
		c.want(`2/chat,["other"]`)
	})
}

// What clients see of Close: no DISCONNECT, only the end of the connection, so that they
// come back (S1.14).
func TestCloseSeen_S1_13_S1_14(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Of("/chat")
		e.srv.OnDisconnecting(func(s *sio.Socket, _ sio.Reason) { e.seen.add("rooms %d", len(s.Rooms())) })
		c := e.join()
		c.join("/chat")
		assert.NoError(t, e.srv.Close())
		c.want("closed")
		lines := strings.Join(e.seen.settled(), "\n")
		assert.Equal(t, strings.Count(lines, "disconnect: server shutting down"), 2)
		assert.Equal(t, strings.Count(lines, "rooms 1"), 1)
		assert.NoError(t, e.srv.Close())
	})
}

// Several servers in one process, and several paths on one mux, know nothing of each other.
func TestSeveralServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		servers := map[string]*sio.Server{}
		for _, path := range []string{"/socket.io/", "/game/socket.io/", "/v2/"} {
			srv := sio.NewServer(&sio.Config{Path: path})
			srv.Of("/chat")
			srv.On("where", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { return m.Reply(path) })
			mux.Handle(path, srv)
			servers[path] = srv
		}
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		listener := memnet.Listen()
		server := &http.Server{Handler: mux}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		clients := map[string]*client{}
		for path := range servers {
			c := dial(t, listener.DialContext, "ws://mem.test"+path+"?EIO=4&transport=websocket")
			c.join("")
			c.send(`21["where"]`)
			c.want(`31["` + path + `"]`)
			c.join("/chat")
			clients[path] = c
		}
		for path, srv := range servers {
			assert.Equal(t, srv.Len(), 1)
			assert.NoError(t, srv.Emit("to", path))
			clients[path].want(`2["to","` + path + `"]`)
		}
		// One goes, with all its namespaces and after what was sent; the others stay.
		gone := servers["/v2/"]
		assert.NoError(t, gone.Of("/chat").Emit("last"))
		go func() { assert.NoError(t, gone.Shutdown(t.Context())) }()
		clients["/v2/"].want(`2/chat,["last"]`, "closed")
		synctest.Wait()
		assert.Equal(t, gone.Len()+gone.Of("/chat").Len(), 0)
		clients["/socket.io/"].send(`22["where"]`)
		clients["/socket.io/"].want(`32["/socket.io/"]`)
		for path, srv := range servers {
			assert.NoError(t, srv.Close())
			clients[path].close()
		}
		assert.NoError(t, server.Close())
		assert.ErrorIs(t, <-served, http.ErrServerClosed)
	})
}

// A namespace that is asked for while the server closes is not made.
func TestDynamicAfterClose(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{Recovery: &sio.Recovery{}}, func(t *testing.T, e *env) {
		goOn := make(chan struct{})
		p := e.srv.OfFunc(func(context.Context, string, sio.Auth) (bool, error) { <-goOn; return true, nil })
		c := e.dial()
		c.send("0")
		c.next()
		c.send("0/late,")
		synctest.Wait()
		assert.NoError(t, e.srv.Close())
		close(goOn)
		synctest.Wait()
		assert.Equal(t, len(p.Namespaces()), 0)
		e.srv.Of("/after") // no sweeper is left behind: the bubble would not end
	})
}

// A parent has the operators of a namespace.
func TestParentOperators_S4_6(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		p := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
		c := e.join()
		c.join("/p1")
		c.join("/p2")
		for _, send := range []func() error{
			func() error { return p.Send("x") },
			func() error { return p.Local().Emit("message", "x") },
			func() error { return p.Volatile().Emit("message", "x") },
			func() error { return p.Compress(false).Emit("message", "x") },
			func() error { return p.In("none").Emit("message", "y") },
			func() error { return p.Except("none").Emit("message", "x") },
		} {
			assert.NoError(t, send())
			synctest.Wait()
		}
		for range 5 {
			c.want(`2/p1,["message","x"]`, `2/p2,["message","x"]`)
		}
		c.quiet()
	})
}

// A packet whose attachments do not come waits for them, and for nothing else: the
// heartbeat goes on (P2.21).
func TestAttachmentsMissing_P2_21(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.On("b", func(_ context.Context, s *sio.Socket, m *sio.Message) error { return s.Emit("b", m.Args()) })
		c := e.join()
		c.send(`452-["b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`[1:])
		c.queueBinary("one").flush()
		time.Sleep(time.Second)
		for range 10 { // answers pings
			time.Sleep(26 * time.Second)
			c.queueRaw("3").flush()
		}
		assert.Equal(t, e.srv.Len(), 1)
		c.queueBinary("two").flush()
		c.want(`52-["b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "b:one", "b:two")
	})
}
