// SPDX-License-Identifier: MIT

package sio_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// volatiles are the ways to send what may be lost, with their packets.
var volatiles = map[string]struct {
	target func(srv *sio.Server, s *sio.Socket) sio.Target
	binary bool
}{
	"socket":            {func(_ *sio.Server, s *sio.Socket) sio.Target { return s.Volatile() }, false},
	"socket, binary":    {func(_ *sio.Server, s *sio.Socket) sio.Target { return s.Volatile() }, true},
	"broadcast":         {func(srv *sio.Server, _ *sio.Socket) sio.Target { return srv.Volatile() }, false},
	"broadcast, binary": {func(srv *sio.Server, _ *sio.Socket) sio.Target { return srv.Volatile() }, true},
}

func volatileArg(binary bool, i int) (arg any, packets []string) {
	if binary {
		return []byte{byte('0' + i)}, []string{`51-["v",{"_placeholder":true,"num":0}]`, fmt.Sprintf("b:%d", i)}
	}
	return i, []string{fmt.Sprintf(`2["v",%d]`, i)}
}

// TestVolatile_S5_13: over a WebSocket, what is volatile is dropped while the client does
// not read, and the rest comes.
func TestVolatile_S5_13(t *testing.T) {
	t.Parallel()
	for name, tt := range volatiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Engine: engine.Config{OutboxBytes: -1}}, func(t *testing.T, e *env) {
				c := e.join()
				s := e.srv.Socket(c.sid)
				send := func(i int) []string {
					arg, packets := volatileArg(tt.binary, i)
					assert.NoError(t, tt.target(e.srv, s).Emit("v", arg))
					synctest.Wait()
					return packets
				}
				c.want(send(0)...) // alone
				large := strings.Repeat("x", 1<<20)
				n := 0
				for ; s.Session().Buffered() == 0; n++ {
					assert.NoError(t, s.Emit("large", large))
					synctest.Wait()
				}
				send(1)
				send(2)
				assert.NoError(t, s.Emit("regular"))
				send(3)
				for range n {
					assert.Equal(t, len(c.next()), len(large)+len(`2["large",""]`))
				}
				c.want(`2["regular"]`)
				synctest.Wait()
				c.want(send(4)...)
				c.quiet()
			})
		})
	}
}

// TestVolatilePolling_S5_13: over polling, a request has to wait for it, which takes one.
func TestVolatilePolling_S5_13(t *testing.T) {
	t.Parallel()
	for name, tt := range volatiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				sid := e.poll()
				assert.Equal(t, e.request(http.MethodPost, "&sid="+sid, "40").body, "ok")
				e.request(http.MethodGet, "&sid="+sid, "")
				s := e.srv.Sockets()[0]
				send := func(i int) {
					arg, _ := volatileArg(tt.binary, i)
					assert.NoError(t, tt.target(e.srv, s).Emit("v", arg))
				}
				send(0) // nobody waits
				body := make(chan string)
				go func() { body <- e.request(http.MethodGet, "&sid="+sid, "").body }()
				synctest.Wait()
				send(1)
				synctest.Wait() // broadcasts that come meanwhile would go with it
				send(2)
				want := `42["v",1]`
				if tt.binary {
					want = `451-["v",{"_placeholder":true,"num":0}]` + "\x1ebMQ=="
				}
				assert.Equal(t, <-body, want)
				assert.NoError(t, s.Emit("regular", 1))
				send(3)
				assert.NoError(t, s.Emit("regular", 2))
				assert.Equal(t, e.request(http.MethodGet, "&sid="+sid, "").body, `42["regular",1]`+"\x1e"+`42["regular",2]`)
			})
		})
	}
}

// TestText: names and arguments of any language, both ways.
func TestText(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.join()
		for _, text := range []string{"äöüß", "日本語", "😀 ", "\u2028", "a\u0000b", ""} {
			e.srv.On(text, func(_ ctx, s *sio.Socket, m msg) error {
				var got string
				if err := m.Bind(&got); err != nil || got != text {
					t.Errorf("got %q, want %q: %v", got, text, err)
				}
				return s.Emit(m.Event(), got)
			})
			quoted := `"` + strings.ReplaceAll(text, "\u0000", `\u0000`) + `"`
			c.send("2[" + quoted + "," + quoted + "]")
			c.want("2[" + quoted + "," + quoted + "]")
		}
	})
}

// TestHandshakeOnly_S9_2: a middleware tells the request that opens a connection from those
// that belong to one by the id in the query.
func TestHandshakeOnly_S9_2(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.Engine().Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				kind := "later"
				if !r.URL.Query().Has("sid") {
					kind = "handshake"
				}
				e.seen.add("%s %s", kind, r.URL.Query().Get("transport"))
				next.ServeHTTP(w, r)
			})
		})
		sid := e.poll()
		assert.Equal(t, e.request(http.MethodPost, "&sid="+sid, "40").body, "ok")
		synctest.Wait()
		e.request(http.MethodGet, "&sid="+sid, "")
		e.upgrade(sid)
		e.dial()
		assert.Equal(t, e.seen.settled(), []string{
			"handshake polling", "later polling", "connect", "later polling", "later websocket", "handshake websocket",
		})
	})
}
