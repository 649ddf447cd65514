// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// Of asks the regular expressions, and no function (S4.5): a function may want to see who
// asks.
func TestOfParents_S4_5(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		asked := 0
		byFunc := e.srv.OfFunc(func(context.Context, string, sio.Auth) (bool, error) { asked++; return true, nil })
		byRegexp := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
		e.srv.Of("/p1")
		e.srv.Of("/q")
		assert.Equal(t, asked, 0)
		assert.Equal(t, names(byRegexp.Namespaces()), "/p1")
		c := e.dial()
		c.join("/p1") // it is there: nobody is asked
		c.join("/q")
		assert.Equal(t, asked, 0)
		c.join("/p2") // the function comes first
		assert.Equal(t, names(byFunc.Namespaces()), "/p2")
	})
}

// A child goes with its last client, whether that has left or was never let in. Others
// keep it, and what Of has made stays (S4.9).
func TestCleanupKeeps_S4_9(t *testing.T) {
	t.Parallel()
	for _, cleanup := range []bool{false, true} {
		run(t, sio.Config{CleanupEmptyNamespaces: cleanup}, func(t *testing.T, e *env) {
			fixed := e.srv.Of("/fixed")
			p := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
			p.Use(func(_ context.Context, s *sio.Socket) error {
				if s.Handshake().Query.Get("token") == "" {
					return errors.New("no")
				}
				return nil
			})
			stranger := dial(t, e.net.DialContext, "ws://mem.test/socket.io/?EIO=4&transport=websocket")
			refused := func() {
				stranger.send("0/p,")
				stranger.want(`4/p,{"message":"no"}`)
				synctest.Wait()
			}
			c := e.dial()
			c.join("/p")
			c.join("/fixed")
			refused()
			assert.Equal(t, names(p.Namespaces()), "/p")
			assert.NoError(t, p.Emit("still"))
			c.want(`2/p,["still"]`)
			c.send("1/p,", "1/fixed,")
			synctest.Wait()
			refused() // alone
			want := "/p"
			if cleanup {
				want = ""
			}
			assert.Equal(t, names(p.Namespaces()), want)
			assert.True(t, e.srv.Of("/fixed") == fixed, "it was made again")
		})
	}
}

// What Recovery keeps for a child goes with it (Config.CleanupEmptyNamespaces).
func TestCleanupForgets(t *testing.T) {
	t.Parallel()
	for _, cleanup := range []bool{false, true} {
		for _, alone := range []bool{false, true} {
			run(t, sio.Config{Recovery: &sio.Recovery{}, CleanupEmptyNamespaces: cleanup}, func(t *testing.T, e *env) {
				p := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
				r, other := &returning{nsp: "/p"}, &returning{nsp: "/p"}
				r.enter(e.dial())
				if !alone {
					other.enter(e.dial())
				}
				assert.NoError(t, p.Emit("a"))
				r.wantEvent(`2/p,["a"]`)
				sid := r.sid
				r.close()
				synctest.Wait()
				r.enter(e.dial())
				assert.Equal(t, r.sid == sid, !cleanup || !alone)
				assert.Equal(t, e.srv.Of("/p").Socket(r.sid).Recovered(), !cleanup || !alone)
			})
		}
	}
}

// In a namespace of one's own, too, Except leaves out a socket or a room.
func TestExceptElsewhere_S7_2(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		chat := e.srv.Of("/chat")
		a, b := e.dial(), e.dial()
		a.join("/chat")
		b.join("/chat")
		assert.NoError(t, chat.Socket(b.sid).Join("r"))
		assert.NoError(t, chat.Except(a.sid).Emit("not a"))
		assert.NoError(t, chat.Except("r").Emit("not b"))
		assert.NoError(t, e.srv.Except(a.sid).Emit("nobody")) // of "/"
		a.want(`2/chat,["not b"]`)
		b.want(`2/chat,["not a"]`)
		a.quiet()
		b.quiet()
	})
}

// Shutdown is for all namespaces: those that were made and those that clients have asked
// for. Their queues are sent and their handlers awaited, and a middleware is not.
func TestShutdownNamespaces_S1_13(t *testing.T) {
	t.Parallel()
	for _, cleanup := range []bool{false, true} {
		run(t, sio.Config{Recovery: &sio.Recovery{}, CleanupEmptyNamespaces: cleanup}, func(t *testing.T, e *env) {
			all := []*sio.Namespace{e.srv.Namespace, e.srv.Of("/chat")}
			p := e.srv.OfRegexp(regexp.MustCompile(`^/p`))
			e.srv.Of("/gate").Use(func(c context.Context, _ *sio.Socket) error {
				<-c.Done()
				e.seen.add("middleware: %v", context.Cause(c))
				return nil
			})
			slow := func(c context.Context, s *sio.Socket, _ *sio.Message) error {
				<-c.Done()
				time.Sleep(time.Second)
				e.seen.add("done %s", s.Namespace().Name())
				return nil
			}
			for _, ns := range all {
				ns.On("slow", slow)
			}
			p.On("slow", slow)

			var clients []*returning
			sockets := 0
			c := e.dial() // one connection for all, another one for "/" and "/p1"
			for _, list := range [][]string{{"", "/chat,", "/p1,", "/p2,"}, {"", "/p1,"}} {
				for _, nsp := range list {
					r := &returning{nsp: strings.TrimSuffix(nsp, ",")}
					r.enter(c)
					c.send(`2` + nsp + `["slow"]`)
					sockets++
				}
				clients = append(clients, &returning{client: c})
				c = e.dial()
			}
			c.send("0/gate,") // never let in
			e.seen.settled()
			all = append(all, p.Namespaces()...)
			for _, ns := range all {
				assert.NoError(t, ns.Emit("last", ns.Name()))
			}

			start := time.Now()
			done := make(chan error, 1)
			go func() { done <- e.srv.Shutdown(t.Context()) }()
			for i, wanted := range []int{4, 2} {
				got := map[string]bool{}
				for range wanted {
					got[clients[i].event(clients[i].next())] = true
				}
				assert.Equal(t, len(got), wanted)
				clients[i].want("closed") // S1.14: no DISCONNECT
			}
			c.want("closed")
			assert.NoError(t, <-done)
			assert.Equal(t, time.Since(start), time.Second)
			seen := strings.Join(e.seen.take(), "\n")
			assert.Equal(t, strings.Count(seen, "done "), sockets)
			assert.Equal(t, strings.Count(seen, "disconnect: server shutting down"), sockets)
			assert.Equal(t, strings.Count(seen, "middleware: "), 1)
			for _, ns := range all {
				assert.Equal(t, ns.Len(), 0)
			}
		})
	}
}

// What breaks the rules ends a session that polls, too: after what was answered comes a
// close packet (9.7, "Close and violations").
func TestViolationsPolling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		posts []string
		joins bool
	}{
		{"two CONNECTs", []string{"40", "40"}, true},
		{"EVENT before CONNECT", []string{`42["hello"]`}, false},
		{"invalid packet", []string{"40", "4abc"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				sid := "&sid=" + e.poll()
				for i, body := range tt.posts {
					assert.Equal(t, e.request(http.MethodPost, sid, body).body, "ok")
					if i == 0 && tt.joins {
						assert.True(t, strings.HasPrefix(e.request(http.MethodGet, sid, "").body, `40{"sid":"`), "no CONNECT")
					}
				}
				assert.Equal(t, e.request(http.MethodGet, sid, "").body, "6\x1e1")
				synctest.Wait()
				assert.Equal(t, e.srv.Engine().Count(), 0)
			})
		})
	}
}
