// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// TestViolations: what breaks the rules closes the whole connection with "forced
// close", after what was sent before (P3.5 to P3.7, P3.13, top-25 #13 and #14).
func TestViolations(t *testing.T) {
	t.Parallel()
	const packetBefore = `conn: sio: packet before CONNECT: namespace `
	tests := []struct {
		name string
		send []string
		hook string
	}{
		{"P3.5 event for a namespace not joined", []string{`2/chat,["a"]`}, packetBefore + `"/chat"`},
		{"P3.5 ack for a namespace not joined", []string{`3/chat,1["a"]`}, packetBefore + `"/chat"`},
		{"P3.5 disconnect of a namespace not joined", []string{`1/chat,`}, packetBefore + `"/chat"`},
		{"P3.5 event for an unknown namespace", []string{`2/nope,["a"]`}, packetBefore + `"/nope"`},
		{"P3.5 event after DISCONNECT", []string{`1`, `2["a"]`}, packetBefore + `"/"`},
		{"P3.6 second CONNECT", []string{`0`}, `conn: sio: second CONNECT: namespace "/"`},
		{"P3.7 CONNECT_ERROR", []string{`4{"message":"x"}`}, `conn: sio: CONNECT_ERROR from a client: namespace "/"`},
		{"P2.1 letters", []string{`abc`}, `conn: unknown packet type NaN`},
		{"P2.1 empty", []string{``}, `conn: unknown packet type NaN`},
		{"P2.2", []string{`5["a"]`}, `conn: Illegal attachments`},
		{"P2.4", []string{`511-["a"]`}, `conn: too many attachments`},
		{"P2.7", []string{`2{}`}, `conn: invalid payload`},
		{"P2.8", []string{`0/chat,"str"`}, `conn: invalid payload`},
		{"P2.14", []string{`2["disconnect"]`}, `conn: invalid payload`},
		{"P2.15", []string{`51-["a",{"_placeholder":true,"num":0}]`, `2["a"]`}, `conn: got plaintext data when reconstructing a packet`},
		{"after it everything is ignored", []string{`9`, `2["a"]`, `9`}, `conn: unknown packet type 9`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				e.srv.Of("/chat")
				e.srv.Of("/other").OnDisconnect(func(_ *sio.Socket, r sio.Reason) { e.seen.add("other: %s", r) })
				e.srv.On("a", func(context.Context, *sio.Socket, *sio.Message) error { e.seen.add("event"); return nil })
				bystander := e.join()
				c := e.join()
				c.join("/other")
				synctest.Wait()
				e.seen.take()

				c.send(tt.send...)
				assert.Equal(t, c.next(), "closed")
				seen := strings.Join(e.seen.settled(), "\n")
				assert.True(t, strings.Contains(seen, tt.hook), "%s", seen)
				assert.True(t, strings.Contains(seen, "other: forced close"), "%s", seen)
				assert.True(t, !strings.Contains(seen, "event"), "%s", seen)
				assert.Equal(t, strings.Count(seen, "conn:"), 1)

				bystander.send(`21["x"]`, `2["a"]`)
				assert.Equal(t, e.seen.settled(), []string{"event"})
			})
		})
	}
}

func TestBinaryWithoutHeader(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.join()
		c.queueBinary("\x01").flush() // P2.16
		assert.Equal(t, c.next(), "closed")
		assert.Equal(t, e.seen.settled(), []string{
			"connect", "conn: got binary data when not reconstructing a packet", "disconnect: forced close"})
	})
}

func TestDecoderLimits(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{MaxAttachments: 1, MaxDepth: 3}, func(t *testing.T, e *env) {
		for _, p := range []string{`52-["a"]`, `2["a",[[[1]]]]`} {
			c := e.join()
			c.send(p)
			assert.Equal(t, c.next(), "closed")
		}
	})
}

// TestPendingViolations: while the middlewares run, the namespace is not joined.
func TestPendingViolations(t *testing.T) {
	t.Parallel()
	for name, packet := range map[string]string{
		"event": `2["a"]`, "disconnect": `1`, "P3.8 second CONNECT": `0`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				e.srv.Use(func(ctx context.Context, _ *sio.Socket) error {
					<-ctx.Done()
					return context.Cause(ctx)
				})
				c := e.dial()
				c.send(`0`, packet)
				assert.Equal(t, c.next(), "closed") // and no CONNECT_ERROR
			})
		})
	}
}

// TestConnectTimeout is P3.11 and top-25 #12.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	const second = time.Second
	tests := []struct {
		name    string
		timeout time.Duration
		send    string
		closed  time.Duration // 0: stays open
	}{
		{"default", 0, "", 45 * second},
		{"shorter", second, "", second},
		{"joined", second, "0", 0},
		{"joined and left", second, "0;1", 0},
		{"unknown namespace", second, "0/nope,", second},
		{"refused by a middleware", second, "0/refuse,", second},
		{"none", -1, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{ConnectTimeout: tt.timeout}, func(t *testing.T, e *env) {
				e.srv.Of("refuse").Use(func(context.Context, *sio.Socket) error { return io.EOF })
				start := time.Now()
				c := e.dial()
				for p := range strings.SplitSeq(tt.send, ";") {
					if p != "" {
						c.send(p)
						synctest.Wait()
					}
				}
				assert.NoError(t, c.conn.SetReadDeadline(start.Add(time.Minute-second)))
				for {
					f, err := c.frame()
					if err != nil { // the deadline
						assert.Equal(t, tt.closed, 0)
						return
					}
					if string(f.Payload) == "2" {
						c.queueRaw("3").flush()
					}
					if f.Header.OpCode == 8 {
						assert.Equal(t, time.Since(start), tt.closed)
						return
					}
				}
			})
		})
	}
}

// TestPath is E1.1, E1.2 and E11.17.
func TestPath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		config  string
		noSlash bool
		path    string
		status  int
	}{
		{"", false, "/socket.io/", 200},
		{"", false, "/socket.io/more", 200},
		{"", false, "/socket.io/more/and/more/", 200},
		{"", false, "/socket.io", 404},
		{"", false, "/socket.iofoo", 404},
		{"", false, "/socket.iofoo/", 404},
		{"", false, "/", 404},
		{"/rt", false, "/rt/", 200},
		{"/rt/", false, "/rt/", 200},
		{"/rt/", false, "/rt", 404},
		{"/rt/", false, "/socket.io/", 404},
		{"/", false, "/anything", 200},
		{"", true, "/socket.io", 200},
		{"", true, "/socket.io/", 200},
		{"", true, "/socket.io/foo/bar/", 200},
		{"", true, "/socket.iofoo", 404},
		{"", true, "/socket.i", 404},
		{"/rt/", true, "/rt", 200},
		{"/rt/", true, "/rt/more", 200},
		{"/rt/", true, "/rt.", 404},
		{"/", true, "/anything", 200},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%q %t %s", tt.config, tt.noSlash, tt.path), func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{Path: tt.config, NoTrailingSlash: tt.noSlash}, func(t *testing.T, e *env) {
				transport := &http.Transport{DialContext: e.net.DialContext, DisableKeepAlives: true}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mem.test"+tt.path+"?EIO=4&transport=polling", nil)
				assert.NoError(t, err)
				res, err := transport.RoundTrip(r)
				assert.NoError(t, err)
				assert.NoError(t, res.Body.Close())
				assert.Equal(t, res.StatusCode, tt.status)
			})
		})
	}
}

func TestMaxNamespaces(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{MaxNamespaces: 2}, func(t *testing.T, e *env) {
		e.srv.Of("a")
		e.srv.Of("b")
		c := e.join()
		c.join("/a")
		c.send(`0/b,`)
		c.want(`4/b,{"message":"Too many namespaces"}`)
		c.send(`1/a,`)
		synctest.Wait()
		c.join("/b")
	})
}

// TestJoinAndLeave: sockets with a handler still running count for the limit.
func TestJoinAndLeave(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{MaxNamespaces: 3}, func(t *testing.T, e *env) {
		gate := make(chan struct{})
		e.srv.OnConnect(func(ctx, *sio.Socket) error { <-gate; return nil })
		c := e.dial()
		for range 3 {
			c.join("")
			c.send(`1`)
		}
		c.send(`0`)
		c.want(`4{"message":"Too many namespaces"}`)
		close(gate)
		synctest.Wait()
		c.join("")
	})
}

// FuzzReceive: whatever a client sends ends at most its own connection.
func FuzzReceive(f *testing.F) {
	for _, seed := range []string{`0`, `2["a",1]`, `0` + "\n" + `2["a"]`, `51-["a",{"_placeholder":true,"num":0}]` + "\nb",
		`0/x,{}`, `1`, `30[]`, `4"x"`, `2["a"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		run(t, sio.Config{}, func(_ *testing.T, e *env) {
			e.srv.On("a", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
				_ = s.Emit("a", m.Args())
				return m.Reply(m.Args())
			})
			c := e.dial()
			for line := range strings.SplitSeq(script, "\n") {
				if data, binary := strings.CutPrefix(line, "b"); binary {
					c.queueBinary(data)
				} else {
					c.queueRaw("4" + line)
				}
			}
			c.flush()
			synctest.Wait()
			c.close()
			synctest.Wait()
		})
	})
}
