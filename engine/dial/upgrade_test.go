// SPDX-License-Identifier: MIT

package dial_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// TestUpgradeWaits_C4_20: the GET and the POST under way are waited for, whichever takes
// longer, and what is sent meanwhile is held.
func TestUpgradeWaits_C4_20(t *testing.T) {
	for _, last := range []string{"GET", "POST", "both, and Resume"} {
		t.Run("C4.20: last is "+last, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				get, post := make(gate), make(gate)
				probed := make(chan struct{})
				s := &script{
					open: helloUpgrade,
					get: func(w http.ResponseWriter, r *http.Request) {
						if get.wait(r) {
							_, _ = io.WriteString(w, "4by polling\x1e6")
						}
					},
					socket: func(c *socket) {
						c.want("2probe")
						<-probed
						c.send("3probe")
						c.want("5", "4second", "4third")
						c.send("4by websocket")
						c.wantClose(0)
					},
				}
				s.post = func(w http.ResponseWriter, _ string) {
					<-post
					_, _ = io.WriteString(w, "ok")
				}
				r := serveScript(t, s).dial(dial.Config{})
				r.send("first")
				idle()
				assert.Equal(t, r.session.Writable(), false) // a POST is under way
				close(probed)
				idle()
				r.send("second")
				assert.NoError(t, r.session.Send([]byte("dropped"), nil, dial.SendOptions{Volatile: true}))
				idle()
				assert.Equal(t, r.session.Transport(), engine.Polling)
				switch last {
				case "GET":
					close(post)
					idle()
					assert.Equal(t, len(r.upgraded), 0)
					close(get)
				case "POST":
					close(get)
					idle()
					assert.Equal(t, len(r.upgraded), 0)
					close(post)
				default:
					r.session.Pause() // the GET is read, and what it brings is handed up
					close(get)
					close(post)
					idle()
					r.session.Resume()
				}
				assert.Equal(t, <-r.upgraded, engine.WebSocket)
				r.send("third")
				r.want("by polling", "by websocket")
				assert.Equal(t, s.posted(), []string{"4first"})
				r.session.Close()
				r.wantClosed(engine.ReasonForcedClose, "")
			})
		})
	}
}

// TestUpgradeFails_C4_20: the session goes on polling.
func TestUpgradeFails_C4_20(t *testing.T) {
	for name, test := range map[string]struct {
		socket func(c *socket)
		want   string
	}{
		"C4.20: refused":            {nil, "dial: websocket GET ws://example.com/engine.io/: status 400 Bad Request"},
		"C4.20: another answer":     {func(c *socket) { c.want("2probe"); c.send("3"); c.wantEnd() }, "dial: websocket ws://example.com/engine.io/: unexpected answer to the probe"},
		"C4.20: no packet":          {func(c *socket) { c.want("2probe"); c.send("x"); c.wantEnd() }, "dial: websocket ws://example.com/engine.io/: unexpected answer to the probe"},
		"C4.20: a message":          {func(c *socket) { c.want("2probe"); c.send("4x"); c.wantEnd() }, "dial: websocket ws://example.com/engine.io/: unexpected answer to the probe"},
		"C4.20: lost":               {func(c *socket) { c.want("2probe") }, "dial: websocket ws://example.com/engine.io/: closed by the server, code 1006"},
		"C4.20: closed":             {func(c *socket) { c.want("2probe"); c.write(ws.MustCompileFrame(ws.NewCloseFrame(nil))); c.wantEnd() }, "dial: websocket ws://example.com/engine.io/: closed by the server, code 1005"},
		"C4.20: a broken frame":     {func(c *socket) { c.want("2probe"); c.write([]byte{0xff, 0}); c.wantEnd() }, "dial: websocket ws://example.com/engine.io/: websocket: protocol error"},
		"C4.20: no answer":          {func(c *socket) { c.want("2probe"); c.wantEnd() }, "dial: websocket ws://example.com/engine.io/: closed by the server, code 1006: io: read/write on closed pipe"},
		"C4.20: lost while pausing": {func(c *socket) { c.want("2probe"); c.send("3probe") }, "dial: websocket ws://example.com/engine.io/: closed by the server, code 1006"},
		"C4.20: a message too soon": {func(c *socket) { c.send("3probe", "4x"); c.want("2probe"); c.wantEnd() }, "dial: websocket ws://example.com/engine.io/: unexpected answer to the probe"},
		"C4.20: never frees the GET": {func(c *socket) { c.send("3probe"); c.want("2probe"); c.wantEnd() },
			"dial: websocket ws://example.com/engine.io/: closed by the server, code 1006: io: read/write on closed pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				get := make(chan string)
				s := &script{open: helloUpgrade, socket: test.socket, get: func(w http.ResponseWriter, r *http.Request) {
					select {
					case text := <-get:
						_, _ = io.WriteString(w, text)
					case <-r.Context().Done():
					}
				}}
				r := serveScript(t, s).dial(dial.Config{})
				err := <-r.failed
				if strings.Contains(test.want, "closed pipe") { // how a deadline looks like depends on the connection
					assert.True(t, strings.HasPrefix(err.Error(), strings.TrimSuffix(test.want, "io: read/write on closed pipe")), "%v", err)
				} else {
					assert.Equal(t, err.Error(), test.want)
				}
				r.send("hello")
				get <- "4one"
				get <- "4two"
				r.want("one", "two")
				idle()
				assert.Equal(t, s.posted(), []string{"4hello"})
				assert.Equal(t, r.session.Transport(), engine.Polling)
			})
		})
	}
}

// TestUpgradeHandshake_C4_20: what a WebSocket handshake answers is checked.
func TestUpgradeHandshake_C4_20(t *testing.T) {
	const accept = "Sec-Websocket-Accept"
	for name, test := range map[string]struct {
		change func(h http.Header)
		want   string
	}{
		"key":       {func(h http.Header) { h.Set(accept, "x") }, "Sec-WebSocket-Accept field is wrong"},
		"upgrade":   {func(h http.Header) { h.Set("Upgrade", "h2c") }, "Upgrade or Connection field is wrong"},
		"protocol":  {func(h http.Header) { h.Set("Sec-WebSocket-Protocol", "x") }, "a sub-protocol that was not offered"},
		"extension": {func(h http.Header) { h.Set("Sec-WebSocket-Extensions", "x") }, "an extension that was not offered"},
		"twice":     {func(h http.Header) { h.Set("Sec-WebSocket-Extensions", "permessage-deflate, permessage-deflate") }, "an extension that was not offered"},
		"parameter": {func(h http.Header) { h.Set("Sec-WebSocket-Extensions", "permessage-deflate; x") }, "an extension that was not offered"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
					h := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, accept: {acceptKey(r.Header.Get("Sec-Websocket-Key"))}}
					test.change(h)
					conn, _, err := http.NewResponseController(w).Hijack()
					assert.NoError(t, err)
					var text strings.Builder
					_ = h.Write(&text)
					_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n"+text.String()+"\r\n")
					_, _ = io.Copy(io.Discard, conn)
					_ = conn.Close()
				})
				_, err := open(t, n.dialer(dial.Config{Transports: webSocketOnly, Protocols: []string{"a", "b"}}), nil)
				assert.True(t, err != nil && strings.Contains(err.Error(), test.want), "%v", err)
			})
		})
	}
}

// TestCloseDuringUpgrade_C4_23 closes a session that is just moving: the upgrade is waited
// for, also if it fails, and what was sent before arrives.
func TestCloseDuringUpgrade_C4_23(t *testing.T) {
	for _, name := range []string{"completes", "fails", "never ends"} {
		t.Run("C4.23: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				get := make(gate)
				pausing, fail := make(chan struct{}), make(chan struct{})
				s := &script{open: helloUpgrade}
				s.get = func(w http.ResponseWriter, r *http.Request) {
					if get.wait(r) {
						get = nil
						_, _ = io.WriteString(w, "6")
					}
				}
				s.socket = func(c *socket) {
					c.send("3probe")
					c.want("2probe")
					close(pausing)
					if name == "fails" {
						<-fail
						return
					}
					if name == "completes" {
						c.want("5", "4before")
						c.wantClose(0)
					}
					c.drain()
				}
				r := serveScript(t, s).dial(dial.Config{})
				<-pausing
				idle()
				r.send("before")
				r.session.Close()
				assert.ErrorIs(t, r.session.Send([]byte("after"), nil, dial.SendOptions{}), engine.ErrClosed)
				idle()
				r.wantOpen()
				start := time.Now()
				switch name {
				case "completes":
					close(get)
				case "fails":
					close(fail)
					assert.Error(t, <-r.failed)
				}
				r.wantClosed(engine.ReasonForcedClose, "")
				switch name {
				case "fails":
					assert.Equal(t, s.posted(), []string{"4before", "1"})
				case "completes":
					assert.Equal(t, <-r.upgraded, engine.WebSocket)
				default:
					assert.Equal(t, time.Since(start), 5*time.Second)
					assert.Equal(t, s.posted(), []string{"1"})
				}
			})
		})
	}
}

// TestUpgradeAndTraffic_C4_20 upgrades while both sides send all the time: nothing is
// lost, and nothing changes its place.
func TestUpgradeAndTraffic_C4_20(t *testing.T) {
	for seed := range 10 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				r := n.dial(dial.Config{})
				p := <-n.peers
				var want []string
				for i := 0; ; i++ {
					want = append(want, fmt.Sprint(i))
					r.send(want[i])
					if i%(seed+1) == 0 {
						time.Sleep(time.Duration(seed) * 7 * time.Millisecond)
					}
					if r.session.Transport() == engine.WebSocket && i > 200 || i > 3000 {
						break
					}
				}
				assert.Equal(t, <-r.upgraded, engine.WebSocket)
				r.want(want...)
				assert.Equal(t, p.received(), want)
			})
		})
	}
}

// TestRememberUpgrade_C4_3 dials again after a WebSocket has worked.
func TestRememberUpgrade_C4_3(t *testing.T) {
	for _, remember := range []bool{false, true} {
		t.Run(fmt.Sprintf("C4.3: %t", remember), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				d := n.dialer(dial.Config{RememberUpgrade: remember})
				r, err := open(t, d, nil)
				assert.NoError(t, err)
				<-r.upgraded
				r.session.Close()
				<-r.ended
				r, err = open(t, d, nil)
				assert.NoError(t, err)
				assert.Equal(t, r.session.Transport() == engine.WebSocket, remember)
				if !remember {
					<-r.upgraded
					return
				}
				r.session.Abort(engine.ReasonTransportError, nil) // as after a failure
				<-r.ended
				r, err = open(t, d, nil)
				assert.NoError(t, err)
				assert.Equal(t, r.session.Transport(), engine.Polling)
				<-r.upgraded
			})
		})
	}
}

// TestNoUpgrade_C4_2: no WebSocket is opened that was not asked for, by either side.
func TestNoUpgrade_C4_2(t *testing.T) {
	for name, test := range map[string]struct {
		server engine.Config
		client dial.Config
	}{
		"C4.2: disabled":                  {engine.Config{}, dial.Config{DisableUpgrade: true}},
		"C4.2: not among the transports":  {engine.Config{}, dial.Config{Transports: pollingOnly}},
		"C4.2: not offered by the server": {engine.Config{DisableUpgrades: true}, dial.Config{}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, test.server)
				r := n.dial(test.client)
				time.Sleep(time.Minute)
				r.send("x")
				r.want("x")
				assert.Equal(t, r.session.Transport(), engine.Polling)
				for len(n.requests) > 0 {
					request := <-n.requests
					assert.True(t, !strings.Contains(request, "websocket"), "%s", request)
				}
			})
		})
	}
}
