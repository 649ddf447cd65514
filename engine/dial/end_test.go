// SPDX-License-Identifier: MIT

package dial_test

import (
	"context"
	"errors"
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

// TestHeartbeat_C4_21: pings are answered, and missed if they do not come.
func TestHeartbeat_C4_21(t *testing.T) {
	for name, transports := range map[string][]string{"polling": pollingOnly, "websocket": webSocketOnly, "upgrade": nil} {
		t.Run("C4.21: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				r := n.dial(dial.Config{Transports: transports})
				time.Sleep(time.Hour)
				r.wantOpen()
				pings := r.pings.Load()
				assert.True(t, pings > 140 && pings <= 144, "%d pings in an hour", pings)
			})
		})
	}
	quiet := func(c *socket) {
		c.send(hello)
		c.drain()
	}
	for name, cfg := range map[string]dial.Config{"polling": {}, "websocket": {Transports: webSocketOnly}} {
		t.Run("C4.21: ping timeout, "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := &script{socket: quiet}
				r := serveScript(t, s).dial(cfg)
				start := time.Now()
				time.Sleep(44 * time.Second)
				assert.Equal(t, r.session.Overdue(), false)
				<-r.ended
				assert.Equal(t, time.Since(start), 45*time.Second)
				r.wantClosed(engine.ReasonPingTimeout, "")
				if name == "polling" {
					assert.Equal(t, s.posted(), []string{"1"})
				}
				assert.Equal(t, r.session.Overdue(), false)
			})
		})
		t.Run("C4.21: paused, "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := serveScript(t, &script{socket: quiet}).dial(cfg)
				r.session.Pause()
				time.Sleep(10 * time.Minute)
				r.wantOpen()
				assert.Equal(t, r.session.Overdue(), false)
				r.session.Resume()
				start := time.Now()
				r.wantClosed(engine.ReasonPingTimeout, "")
				assert.True(t, time.Since(start) >= 45*time.Second, "after %v", time.Since(start))
			})
		})
	}
	t.Run("C4.21: the machine has slept", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := serveScript(t, &script{}).dial(dial.Config{})
			assert.Equal(t, r.session.Overdue(), false)
			dial.Sleep(r.session, time.Minute)
			assert.Equal(t, r.session.Overdue(), true)
			start := time.Now()
			<-r.ended
			assert.Equal(t, time.Since(start), 0)
			r.wantClosed(engine.ReasonPingTimeout, "")
		})
	})
}

// TestPause: what comes while the session is paused is handed up later.
func TestPause(t *testing.T) {
	for name, transports := range map[string][]string{"polling": pollingOnly, "websocket": webSocketOnly} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				r := n.dial(dial.Config{Transports: transports})
				p := <-n.peers
				idle()
				r.session.Pause()
				r.session.Pause()
				p.send("one") // is read: the read was under way
				idle()
				p.send("two")
				idle()
				assert.Equal(t, len(r.got), 1)
				r.session.Resume()
				r.session.Resume()
				r.want("one", "two")
				r.session.Pause()
				r.session.Close()
				r.wantClosed(engine.ReasonForcedClose, "")
			})
		})
	}
}

// TestClose_C4_23: what was sent before a Close arrives.
func TestClose_C4_23(t *testing.T) {
	for name, transports := range map[string][]string{"polling": pollingOnly, "websocket": webSocketOnly, "upgrade": nil} {
		t.Run("C4.23: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				r := n.dial(dial.Config{Transports: transports})
				p := <-n.peers
				want := []string{"first", "second", "b:third"}
				r.send("first")
				r.send("second", "third")
				r.session.Close()
				r.session.Close()
				assert.ErrorIs(t, r.session.Send([]byte("late"), nil, dial.SendOptions{}), engine.ErrClosed)
				assert.Equal(t, r.session.Writable(), false)
				r.wantClosed(engine.ReasonForcedClose, "")
				<-p.ended
				assert.Equal(t, p.reason, engine.ReasonTransportClose)
				assert.Equal(t, p.received(), want)
			})
		})
	}
	t.Run("C4.23: nothing to send", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := &script{}
			r := serveScript(t, s).dial(dial.Config{})
			r.session.Close()
			<-r.ended
			assert.Equal(t, s.posted(), []string{})
			<-r.session.Done()
			assert.Equal(t, s.posted(), []string{"1"})
		})
	})
	t.Run("C4.23: a server that takes nothing, polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := serveScript(t, &script{post: func(http.ResponseWriter, string) { time.Sleep(time.Hour) }}).dial(dial.Config{})
			r.send("x")
			r.session.Close()
			start := time.Now()
			r.wantClosed(engine.ReasonForcedClose, "")
			assert.Equal(t, time.Since(start), 7*time.Second)
		})
	})
	t.Run("C4.23: a server that takes nothing, websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			end := make(chan struct{})
			defer close(end)
			r := serveScript(t, &script{socket: func(c *socket) { c.send(hello); <-end }}).dial(dial.Config{Transports: webSocketOnly})
			assert.NoError(t, r.session.Send(nil, [][]byte{make([]byte, 1<<20)}, dial.SendOptions{}))
			idle()
			assert.Equal(t, r.session.Writable(), false)
			r.session.Close()
			start := time.Now()
			r.wantClosed(engine.ReasonForcedClose, "")
			assert.Equal(t, time.Since(start), 7*time.Second)
		})
	})
	t.Run("C4.23: messages come until the end", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			free := make(chan struct{})
			s := &script{get: func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-free:
					free = nil
					_, _ = io.WriteString(w, "4last")
				case <-r.Context().Done():
				}
			}}
			hold := make(chan struct{})
			s.post = func(w http.ResponseWriter, _ string) { <-hold; _, _ = io.WriteString(w, "ok") }
			r := serveScript(t, s).dial(dial.Config{})
			r.send("x")
			r.session.Close()
			close(free)
			r.want("last")
			close(hold)
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
}

// TestAbort ends sessions at once, also within a call of the receiver, and of Dial.
func TestAbort(t *testing.T) {
	cause := errors.New("tests")
	for name, transports := range map[string][]string{"polling": pollingOnly, "websocket": webSocketOnly, "upgrade": nil} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				d := n.dialer(dial.Config{Transports: transports})
				r, err := open(t, d, func(r *receiver) {
					r.onMessage = func([]byte, bool) { r.session.Abort(engine.ReasonParseError, cause) }
				})
				assert.NoError(t, err)
				r.send("x")
				r.wantClosed(engine.ReasonParseError, "tests")
				p := <-n.peers
				<-p.ended
				assert.Equal(t, p.reason, engine.ReasonTransportClose)

				r, err = open(t, d, func(r *receiver) { r.session.Abort(engine.ReasonForcedClose, cause) })
				assert.NoError(t, err)
				r.wantClosed(engine.ReasonForcedClose, "tests")
				<-(<-n.peers).ended

				r, err = open(t, d, func(r *receiver) {
					r.send("early")
					r.session.Close()
				})
				assert.NoError(t, err)
				r.wantClosed(engine.ReasonForcedClose, "")
				p = <-n.peers
				<-p.ended
				assert.Equal(t, p.received(), []string{"early"})

				_, err = d.Dial(t.Context(), func(*dial.Session) dial.Receiver { return nil })
				assert.True(t, err != nil && strings.HasSuffix(err.Error(), "no receiver"), "%v", err)
				<-(<-n.peers).ended
			})
		})
	}
}

// TestServerCloses_C4_25_C4_26 ends sessions from the other side.
func TestServerCloses_C4_25_C4_26(t *testing.T) {
	const where = "dial: polling http://example.com/engine.io/: "
	for name, test := range map[string]struct {
		answer, err string
		reason      engine.Reason
	}{
		"C4.25: a close packet":              {"4x\x1e1\x1e4lost", where + "transport closed by the server", engine.ReasonTransportClose},
		"C4.26: an unknown packet":           {"4x\x1e9", where + "wire: unknown packet type at byte 3", engine.ReasonTransportError},
		"C4.26: an empty payload":            {"", where + "wire: empty packet at byte 0", engine.ReasonTransportError},
		"C4.26: no base64":                   {"4x\x1eb!", where + "wire: malformed base64 at byte 3", engine.ReasonTransportError},
		"C4.26: HTML":                        {"<html>", where + "wire: unknown packet type at byte 0", engine.ReasonTransportError},
		"ignored: noop, pong, open, upgrade": {"6\x1e3\x1e" + hello + "\x1e5\x1e4x\x1e1", where + "transport closed by the server", engine.ReasonTransportClose},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := serveScript(t, &script{get: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, test.answer) }}).dial(dial.Config{})
				if strings.Contains(test.answer, "4x") {
					r.want("x")
				}
				r.wantClosed(test.reason, test.err)
				assert.Equal(t, r.err.Error(), test.err)
				assert.Equal(t, len(r.got), 0)
			})
		})
	}
	status := func(code int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter)
		want   string
		code   engine.Code
	}{
		"C4.24: 400 with a code":   {status(400, `{"code":1,"message":"Session ID unknown"}`), `status 400 Bad Request: code 1: "Session ID unknown"`, 1},
		"C4.24: 413":               {status(413, ""), "status 413 Request Entity Too Large", -1},
		"C4.24: 204 is no success": {status(204, ""), "status 204 No Content", -1},
		"C4.24: 201 is no success": {status(201, "ok"), `status 201 Created: "ok"`, -1},
		"C4.24: 502 with HTML":     {status(502, "<html>"), "status 502 Bad Gateway", -1},
		"C4.24: an unknown status": {status(599, strings.Repeat("x", 1<<20)), "status 599", -1},
		"C4.24: a negative code":   {status(400, `{"code":-7}`), "status 400 Bad Request", -1},
		"C4.24: no answer":         {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "connection lost before the answer", -1},
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(name+", "+method, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					s, gets := new(script), 0
					if method == "GET" {
						s.get = func(w http.ResponseWriter, _ *http.Request) {
							gets++
							test.answer(w)
						}
					} else {
						s.post = func(w http.ResponseWriter, _ string) { test.answer(w) }
					}
					r := serveScript(t, s).dial(dial.Config{})
					_ = r.session.Send([]byte("x"), nil, dial.SendOptions{})
					<-r.ended
					e := wantError[*dial.Error](t, r.err, "dial: polling "+method+" http://example.com/engine.io/: "+test.want)
					assert.Equal(t, e.Code, test.code)
					assert.True(t, e.Status == 0 || strings.Contains(test.want, "status"), "status %d", e.Status)
					r.wantClosed(engine.ReasonTransportError, test.want)
					if method == "GET" { // it is not sent again
						assert.Equal(t, gets, 1)
					}
				})
			})
		}
	}
}

// TestSocketEnds_C3_9 ends WebSockets from the other side.
func TestSocketEnds_C3_9(t *testing.T) {
	const where = "dial: websocket ws://example.com/engine.io/: "
	closing := func(code ws.StatusCode, text string) []byte {
		return ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, text)))
	}
	large := strings.Repeat("x", 2000)
	for name, test := range map[string]struct {
		send   []byte
		reply  ws.StatusCode // of the client's close frame; 0: without a code
		lost   bool          // the server hangs up instead of waiting for it
		reason engine.Reason
		err    string
	}{
		"C3.9: 1009":                {closing(1009, "too big"), 1009, false, engine.ReasonTransportClose, `closed by the server, code 1009, "too big"`},
		"C3.9: 1000":                {closing(1000, ""), 1000, false, engine.ReasonTransportClose, `closed by the server, code 1000`},
		"C3.9: no code":             {ws.MustCompileFrame(ws.NewCloseFrame(nil)), 0, false, engine.ReasonTransportClose, "closed by the server, code 1005"},
		"C3.9: a wrong code":        {closing(999, ""), 1002, false, engine.ReasonTransportClose, "closed by the server, code 999"},
		"C3.9: lost":                {nil, 0, true, engine.ReasonTransportClose, "closed by the server, code 1006"},
		"C3.9: lost within a frame": {[]byte{0x81, 100, 'x'}, 0, true, engine.ReasonTransportClose, "closed by the server, code 1006"},
		"C4.25: a close packet":     {text("1"), 0, true, engine.ReasonTransportClose, "transport closed by the server"},
		"C4.26: an unknown packet":  {text("9"), 0, false, engine.ReasonTransportError, "wire: unknown packet type at byte 0"},
		"C4.26: an empty message":   {text(""), 0, false, engine.ReasonTransportError, "wire: empty packet at byte 0"},
		"C4.26: no UTF-8":           {text("4\xff"), 1007, false, engine.ReasonTransportError, "websocket: invalid UTF-8 in a text message"},
		"C4.26: a masked frame":     {ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("4x")))), 1002, false, engine.ReasonTransportError, "websocket: protocol error"},
		"C4.26: a compressed frame": {[]byte{0xc1, 1, 0}, 1002, false, engine.ReasonTransportError, "websocket: protocol error"},
		"too large":                 {text(large), 1009, false, engine.ReasonTransportError, "payload too large: websocket: Max payload size exceeded"},
		"too large, announced":      {[]byte{0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1009, false, engine.ReasonTransportError, "payload too large: websocket: Max payload size exceeded"},
		"too many fragments":        {[]byte("\x01\x00" + strings.Repeat("\x00\x00", 17_000)), 1009, false, engine.ReasonTransportError, "websocket: too many fragments"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := &script{socket: func(c *socket) {
					c.write(append(append(text(hello), text("4first")...), test.send...))
					if !test.lost {
						c.wantClose(test.reply)
						c.wantEnd()
					}
				}}
				r := serveScript(t, s).dial(dial.Config{Transports: webSocketOnly, MaxPayloadBytes: 1000})
				r.want("first")
				r.wantClosed(test.reason, test.err)
				assert.Equal(t, r.err.Error(), where+test.err)
				assert.Equal(t, len(r.got), 0)
				var lost *dial.CloseError
				assert.Equal(t, errors.As(r.err, &lost), strings.HasPrefix(test.err, "closed"))
			})
		})
	}
	t.Run("a server that goes on after its close frame", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := &script{socket: func(c *socket) {
				c.write(append(text(hello), closing(1000, "")...))
				for {
					if _, err := c.conn.Write(make([]byte, 1000)); err != nil {
						return
					}
					time.Sleep(time.Millisecond)
				}
			}}
			r := serveScript(t, s).dial(dial.Config{Transports: webSocketOnly})
			start := time.Now()
			r.wantClosed(engine.ReasonTransportClose, "closed by the server")
			assert.Equal(t, time.Since(start).Round(time.Second), 2*time.Second)
		})
	})
}

func text(s string) []byte { return ws.MustCompileFrame(ws.NewTextFrame([]byte(s))) }

// TestContext: the context of Dial limits opening, and nothing else.
func TestContext(t *testing.T) {
	never := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	upgrades := (&script{t: t, socket: func(c *socket) { c.drain() }}).ServeHTTP
	for name, test := range map[string]struct {
		h   http.HandlerFunc
		cfg dial.Config
	}{
		"polling":                       {never, dial.Config{}},
		"websocket":                     {never, dial.Config{Transports: webSocketOnly}},
		"websocket without open packet": {upgrades, dial.Config{Transports: webSocketOnly}},
		"all":                           {never, dial.Config{TryAllTransports: true}},
		"half a body": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "0{")
			_ = http.NewResponseController(w).Flush()
			never(w, r)
		}, dial.Config{}},
		"half an error": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			_ = http.NewResponseController(w).Flush()
			never(w, r)
		}, dial.Config{}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := serveHTTP(t, test.h).dialer(test.cfg)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				_, err := d.Dial(ctx, func(*dial.Session) dial.Receiver { t.Error("opened"); return nil })
				assert.Error(t, err)
				assert.True(t, errors.Is(err, context.DeadlineExceeded) || name == "half an error", "%v", err)
				assert.Equal(t, time.Since(start), 3*time.Second)
			})
		})
	}
	for name, transports := range map[string][]string{"ended later, polling": pollingOnly, "ended later, websocket": webSocketOnly} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				ctx, cancel := context.WithCancel(t.Context())
				r := newReceiver(t)
				var err error
				r.session, err = n.dialer(dial.Config{Transports: transports}).Dial(ctx, func(*dial.Session) dial.Receiver { return r })
				assert.NoError(t, err)
				cancel()
				idle()
				r.send("x")
				r.want("x")
				time.Sleep(time.Hour)
				r.wantOpen()
				r.session.Close()
				<-r.session.Done()
			})
		})
	}
}

// TestUnknownSession: a session that the server does not know any more ends.
func TestUnknownSession(t *testing.T) {
	for name, transports := range map[string][]string{"polling": pollingOnly, "websocket": webSocketOnly} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{})
				r := n.dial(dial.Config{Transports: transports})
				(<-n.peers).session.Close()
				r.wantClosed(engine.ReasonTransportClose, "closed by the server")
			})
		})
	}
}
