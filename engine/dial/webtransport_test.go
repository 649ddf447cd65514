// SPDX-License-Identifier: MIT

package dial_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

var (
	webTransportOnly = []string{engine.WebTransport}
	everything       = engine.Config{Transports: []string{engine.Polling, engine.WebSocket, engine.WebTransport}}
)

// TestWebTransport_C4_30 exchanges messages over a session that was opened or upgraded.
func TestWebTransport_C4_30(t *testing.T) {
	for name, transports := range map[string][]string{"direct": webTransportOnly, "upgrade": nil} {
		t.Run("C4.30: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, everything)
				d := n.webTransport()
				r := n.dial(dial.Config{Transports: transports, DialWebTransport: d.dial})
				p := <-n.peers
				if name == "upgrade" {
					assert.Equal(t, r.session.Transport(), engine.Polling)
					r.send("early")
					r.want("early")
					assert.Equal(t, <-r.upgraded, engine.WebTransport)
				}
				assert.Equal(t, r.session.Transport(), engine.WebTransport)
				assert.Equal(t, r.session.ID(), p.session.ID())
				large := strings.Repeat("0123456789", 20_000)
				for _, m := range []string{"hello", "", "€ 😀 ü", strings.Repeat("x", 124), strings.Repeat("x", 125), large} {
					r.send(m)
					r.want(m)
				}
				for _, m := range []string{"", "\x00\xff\x1e", strings.Repeat("x", 125), strings.Repeat("x", 126), large} {
					assert.NoError(t, r.session.Send(nil, [][]byte{[]byte(m)}, dial.SendOptions{}))
					r.want("b:" + m)
				}
				r.send("unit", "one", "two")
				r.want("unit", "b:one", "b:two")
				time.Sleep(time.Hour)
				r.wantOpen()
				assert.True(t, r.pings.Load() > 140, "%d pings in an hour", r.pings.Load())
				assert.Equal(t, p.session.Transport(), engine.WebTransport)
				assert.Equal(t, d.urls, []string{"https://example.com/engine.io/"})
				r.send("last", "of all")
				r.session.Close()
				r.wantClosed(engine.ReasonForcedClose, "")
				<-p.ended
				assert.Equal(t, p.reason, engine.ReasonTransportClose)
				got := p.received()
				assert.Equal(t, got[len(got)-2:], []string{"last", "b:of all"})
			})
		})
	}
}

// TestWebTransportBytes_C4_30 looks at what is written.
func TestWebTransportBytes_C4_30(t *testing.T) {
	t.Run("C4.30: direct", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			d := scripted(t, func(c *streamPeer) {
				c.want("\x010")
				for _, b := range []byte(framed(hello, false) + framed("4x", false) + framed(strings.Repeat("y", 200), true)) {
					c.write(string([]byte{b}))
				}
				c.want("\x024x", "\x83abc", "\x01b")
				c.send("2")
				c.want("\x013")
				c.send("4bye")
				c.wantEnd()
			})
			r, err := open(t, serveScript(t, &script{}).dialer(dial.Config{Transports: webTransportOnly, DialWebTransport: d.dial}), nil)
			assert.NoError(t, err)
			r.want("x", "b:"+strings.Repeat("y", 200))
			assert.NoError(t, r.session.Send([]byte("x"), [][]byte{[]byte("abc"), {}}, dial.SendOptions{}))
			r.want("bye")
			assert.Equal(t, r.pings.Load(), int64(1))
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
	t.Run("C4.30: upgrade", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			polls := make(chan struct{})
			d := scripted(t, func(c *streamPeer) {
				c.want("\x1f"+`0{"sid":"abcdefghijklmnopqr\""}`, "\x062probe")
				<-polls
				c.send("3probe")
				c.want("\x015", "\x074second")
				c.send("4third")
				c.wantEnd()
			})
			get := make(gate)
			s := &script{open: strings.NewReplacer("qrst", `qr\"`, "websocket", "webtransport").Replace(helloUpgrade)}
			s.get = func(w http.ResponseWriter, r *http.Request) {
				if get.wait(r) {
					_, _ = io.WriteString(w, "4first\x1e6")
				}
			}
			r := serveScript(t, s).dial(dial.Config{DialWebTransport: d.dial})
			idle()
			close(polls) // there is a GET under way
			idle()
			r.send("second")
			close(get)
			assert.Equal(t, <-r.upgraded, engine.WebTransport)
			r.want("first", "third")
			assert.Equal(t, s.posted(), []string{})
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
}

// TestWebTransportRequest_C4_30: the request is https, without a query, and has the header.
func TestWebTransportRequest_C4_30(t *testing.T) {
	for from, want := range map[string]string{
		"http://example.com":                     "https://example.com/x/",
		"ws://example.com:8080/?a=b":             "https://example.com:8080/x/",
		"https://me:secret@example.com:443/?a=b": "https://example.com/x/",
		"wss://[::1]:444":                        "https://[::1]:444/x/",
	} {
		t.Run(from, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := scripted(t, func(c *streamPeer) { c.send(hello); c.want("\x010"); c.wantEnd() })
				jar, err := cookiejar.New(nil)
				assert.NoError(t, err)
				site, err := url.Parse(want)
				assert.NoError(t, err)
				jar.SetCookies(site, []*http.Cookie{{Name: "a", Value: "1"}})
				var method string
				dialer, err := dial.New(from, &dial.Config{
					Path: "/x", Transports: webTransportOnly, DialWebTransport: d.dial, Jar: jar,
					Header: http.Header{"X-Mine": {"1"}, "Host": {"other"}},
					OnRequest: func(name string, r *http.Request) {
						method = name + " " + r.Method
						r.Header.Set("X-More", "2")
					},
				})
				assert.NoError(t, err)
				r, err := open(t, dialer, nil)
				assert.NoError(t, err)
				r.session.Close()
				<-r.session.Done()
				assert.Equal(t, d.urls, []string{want})
				assert.Equal(t, method, "webtransport CONNECT")
				h := http.Header{"X-Mine": {"1"}, "X-More": {"2"}, "Cookie": {"a=1"}}
				if strings.Contains(from, "secret") {
					h.Set("Authorization", "Basic bWU6c2VjcmV0")
				}
				assert.Equal(t, d.headers, []http.Header{h})
			})
		})
	}
}

// TestWebTransportOrder_C4_1: there is WebTransport if it can be dialed.
func TestWebTransportOrder_C4_1(t *testing.T) {
	for name, test := range map[string]struct {
		transports []string
		missing    bool
		want       string
	}{
		"by default":      {nil, false, engine.Polling},
		"the first":       {[]string{"webtransport", "polling"}, false, engine.WebTransport},
		"no function":     {[]string{"webtransport", "websocket"}, true, engine.WebSocket},
		"with a function": {[]string{"websocket", "webtransport"}, false, engine.WebSocket},
	} {
		t.Run("C4.1: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, everything)
				cfg := dial.Config{Transports: test.transports, DialWebTransport: n.webTransport().dial, DisableUpgrade: true}
				if test.missing {
					cfg.DialWebTransport = nil
				}
				assert.Equal(t, n.dial(cfg).session.Transport(), test.want)
			})
		})
	}
	_, err := dial.New("http://example.com", &dial.Config{Transports: webTransportOnly})
	assert.ErrorIs(t, err, dial.ErrNoTransports)
}

// TestWebTransportFirst_C4_20: WebTransport is tried before WebSocket, which gets its turn
// 200 ms later; the first that answers wins.
func TestWebTransportFirst_C4_20(t *testing.T) {
	refuse := func(context.Context, string, http.Header) (net.Conn, error) { return nil, errors.New("no UDP") }
	silent := func(ctx context.Context, _ string, _ http.Header) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	const failed = "dial: webtransport CONNECT https://example.com/engine.io/: no UDP"
	for name, test := range map[string]struct {
		dial   func(d *streams) dialFunc
		order  []string
		want   string
		after  time.Duration
		failed string
	}{
		"C4.20: WebTransport is there": {func(d *streams) dialFunc { return d.dial },
			nil, engine.WebTransport, 0, ""},
		"C4.20: whatever the order": {func(d *streams) dialFunc { return d.dial },
			[]string{"polling", "webtransport", "websocket"}, engine.WebTransport, 0, ""},
		"C4.20: refused": {func(*streams) dialFunc { return refuse },
			nil, engine.WebSocket, 200 * time.Millisecond, failed},
		"C4.20: never answers": {func(*streams) dialFunc { return silent },
			nil, engine.WebSocket, 200 * time.Millisecond, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, everything)
				start := time.Now()
				r := n.dial(dial.Config{Transports: test.order, DialWebTransport: test.dial(n.webTransport())})
				assert.Equal(t, <-r.upgraded, test.want)
				passed := time.Since(start)
				assert.True(t, passed >= test.after && passed < test.after+150*time.Millisecond, "after %v", passed)
				time.Sleep(time.Minute)
				if test.failed != "" {
					assert.Equal(t, (<-r.failed).Error(), test.failed)
				}
				assert.Equal(t, len(r.failed), 0)
				r.send("x")
				r.want("x")
				for sockets := 0; len(n.requests) > 0; {
					if strings.Contains(<-n.requests, "transport=websocket") {
						sockets++
					}
					assert.True(t, sockets == 0 || test.want == engine.WebSocket, "a WebSocket")
				}
			})
		})
	}
	t.Run("C4.20: both probe, and the loser is closed", func(t *testing.T) {
		for _, winner := range []string{engine.WebSocket, engine.WebTransport} {
			t.Run(winner, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					won := make(chan struct{})
					d := scripted(t, func(c *streamPeer) {
						c.want("\x1f"+`0{"sid":"abcdefghijklmnopqrst"}`, "\x062probe")
						if winner == engine.WebTransport {
							<-won
							c.send("3probe")
							c.want("\x015")
						}
						c.wantEnd()
					})
					s := &script{
						open: strings.Replace(helloUpgrade, `"websocket"`, `"websocket","webtransport"`, 1),
						get: func(w http.ResponseWriter, r *http.Request) {
							if gate(won).wait(r) {
								_, _ = io.WriteString(w, "6")
							}
						},
						socket: func(c *socket) {
							c.want("2probe")
							if winner == engine.WebSocket {
								<-won
								c.send("3probe")
								c.want("5")
								c.wantClose(0)
							}
							c.wantEnd()
						},
					}
					r := serveScript(t, s).dial(dial.Config{DialWebTransport: d.dial})
					time.Sleep(time.Second)
					assert.Equal(t, d.calls(), 1)
					close(won)
					assert.Equal(t, <-r.upgraded, winner)
					time.Sleep(20 * time.Second)
					assert.Equal(t, len(r.failed), 0)
					r.session.Close()
					r.wantClosed(engine.ReasonForcedClose, "")
				})
			})
		}
	})
	t.Run("C4.20: both fail", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := &script{open: strings.Replace(helloUpgrade, `"websocket"`, `"webtransport","websocket"`, 1)}
			d := scripted(t, func(c *streamPeer) { c.send("4x"); _, _ = io.Copy(io.Discard, c.r) })
			r := serveScript(t, s).dial(dial.Config{DialWebTransport: d.dial})
			assert.Equal(t, (<-r.failed).Error(), "dial: webtransport https://example.com/engine.io/: unexpected answer to the probe")
			assert.Equal(t, (<-r.failed).Error(), "dial: websocket GET ws://example.com/engine.io/: status 400 Bad Request")
			assert.Equal(t, r.session.Transport(), engine.Polling)
			r.send("x")
			idle()
			assert.Equal(t, s.posted(), []string{"4x"})
		})
	})
	t.Run("C4.23: closed before the WebSocket's turn", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			n := serve(t, everything)
			r := n.dial(dial.Config{DialWebTransport: silent})
			time.Sleep(100 * time.Millisecond)
			start := time.Now()
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
			assert.Equal(t, time.Since(start), 0)
		})
	})
}

// TestWebTransportEnds_C3_9 ends sessions from the other side, and by what cannot be read.
func TestWebTransportEnds_C3_9(t *testing.T) {
	const where = "dial: webtransport https://example.com/engine.io/: "
	for name, test := range map[string]struct {
		send   string
		reason engine.Reason
		err    string
	}{
		"E7.7: the server ends it": {"", engine.ReasonTransportClose, "transport closed by the server"},
		"E7.7: within a header":    {"\x7e\x01", engine.ReasonTransportClose, "transport closed by the server"},
		"E7.7: within a packet":    {"\x7e\x01\x00x", engine.ReasonTransportClose, "transport closed by the server"},
		"C4.25: a close packet":    {"\x011", engine.ReasonTransportClose, "transport closed by the server"},
		"C4.26: an unknown packet": {"\x019", engine.ReasonTransportError, "wire: unknown packet type at byte 0"},
		"E7.4: an empty packet":    {"\x00", engine.ReasonTransportError, "an empty packet"},
		"E7.4: an empty binary":    {"\x80", engine.ReasonTransportError, "an empty packet"},
		"E7.4: too large":          {"\x7e\x03\xe9", engine.ReasonTransportError, "payload too large: a packet of 1001 bytes"},
		"E7.4: enormous":           {"\x7f\x00\x20\x00\x00\x00\x00\x00\x00", engine.ReasonTransportError, "payload too large: a packet of 9007199254740992 bytes"},
		"E7.4: negative":           {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", engine.ReasonTransportError, "payload too large: a packet of 18446744073709551615 bytes"},
	} {
		for _, plain := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", without CloseWrite"}[plain], func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					d := scripted(t, func(c *streamPeer) {
						c.want("\x010")
						c.write(framed(hello, false) + framed("4first", false) + test.send)
						if test.reason == engine.ReasonTransportError {
							c.wantEnd()
						}
					})
					d.plain = plain
					r, err := open(t, serveScript(t, &script{}).dialer(dial.Config{Transports: webTransportOnly, DialWebTransport: d.dial, MaxPayloadBytes: 1000}), nil)
					assert.NoError(t, err)
					r.want("first")
					r.wantClosed(test.reason, test.err)
					assert.Equal(t, r.err.Error(), where+test.err)
				})
			})
		}
	}
	t.Run("text that is no UTF-8", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			d := scripted(t, func(c *streamPeer) { c.send(hello, "4a\xffb"); c.want("\x010"); c.wantEnd() })
			r, err := open(t, serveScript(t, &script{}).dialer(dial.Config{Transports: webTransportOnly, DialWebTransport: d.dial}), nil)
			assert.NoError(t, err)
			r.want("a\ufffdb")
		})
	})
	t.Run("a server that goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			d := scripted(t, func(c *streamPeer) {
				c.send(hello)
				_, _ = io.Copy(io.Discard, c.r)
				for {
					if _, err := c.conn.Write([]byte(framed("4more", false))); err != nil {
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
			r, err := open(t, serveScript(t, &script{}).dialer(dial.Config{Transports: webTransportOnly, DialWebTransport: d.dial}), nil)
			assert.NoError(t, err)
			start := time.Now()
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
			assert.Equal(t, time.Since(start).Round(time.Second), 2*time.Second)
		})
	})
}

// TestWebTransportRefused_C4_19: what is no session is an error.
func TestWebTransportRefused_C4_19(t *testing.T) {
	for name, test := range map[string]struct {
		dial func(t testing.TB) dialFunc
		want string
	}{
		"a status": {func(testing.TB) dialFunc {
			return func(context.Context, string, http.Header) (net.Conn, error) {
				return nil, &dial.Error{Status: 403, Code: 4, Message: "Forbidden"}
			}
		}, `dial: webtransport CONNECT https://example.com/engine.io/: status 403 Forbidden: code 4: "Forbidden"`},
		"closed": {func(t testing.TB) dialFunc {
			return scripted(t, func(*streamPeer) {}).dial
		}, "dial: webtransport https://example.com/engine.io/: transport closed by the server"},
		"no handshake": {func(t testing.TB) dialFunc {
			return scripted(t, func(c *streamPeer) { c.send("4x"); _, _ = io.Copy(io.Discard, c.r) }).dial
		}, "dial: webtransport https://example.com/engine.io/: malformed handshake: the first packet is of type message"},
		"too large": {func(t testing.TB) dialFunc {
			return scripted(t, func(c *streamPeer) { c.write("\x7f\x00\x00\x00\x01\x00\x00\x00\x00"); _, _ = io.Copy(io.Discard, c.r) }).dial
		}, "dial: webtransport https://example.com/engine.io/: payload too large: a packet of 4294967296 bytes"},
		"silence": {func(t testing.TB) dialFunc {
			return scripted(t, func(c *streamPeer) { _, _ = io.Copy(io.Discard, c.r) }).dial
		}, "dial: webtransport https://example.com/engine.io/: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d, err := dial.New("https://example.com", &dial.Config{Transports: webTransportOnly, DialWebTransport: test.dial(t)})
				assert.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				_, err = d.Dial(ctx, func(*dial.Session) dial.Receiver { t.Error("opened"); return nil })
				wantError[*dial.Error](t, err, test.want)
			})
		})
	}
}

// FuzzWebTransport gives a client any bytes on a stream, in any pieces.
func FuzzWebTransport(f *testing.F) {
	f.Add(true, 1, []byte("\x024x\x83abc\x012\x011"))
	f.Add(true, 3, []byte("\x7e\x00\x024x\xff\x00\x00\x00\x00\x00\x00\x00\x01a"))
	f.Add(false, 100, []byte(framed(hello, false)))
	f.Add(false, 9, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, opened bool, size int, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			d := scripted(t, func(c *streamPeer) {
				if opened {
					c.send(hello)
				}
				for rest := data; len(rest) > 0; {
					n := min(max(size, 1), len(rest))
					c.write(string(rest[:n]))
					rest = rest[n:]
				}
				time.Sleep(time.Millisecond)
			})
			dialer, err := dial.New("https://example.com", &dial.Config{Transports: webTransportOnly, DialWebTransport: d.dial, MaxPayloadBytes: 1 << 16})
			assert.NoError(t, err)
			r, err := open(t, dialer, nil)
			if err == nil {
				_ = r.session.Send([]byte("x"), [][]byte{bytes.Repeat([]byte("y"), 200)}, dial.SendOptions{})
				<-r.session.Done()
			}
		})
	})
}
