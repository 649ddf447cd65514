// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// line is a connection on which a test writes requests by hand.
type line struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (h *host) line() *line {
	h.t.Helper()
	conn, err := h.dial(h.t.Context())
	assert.NoError(h.t, err)
	h.t.Cleanup(func() { _ = conn.Close() })
	return &line{h.t, conn, bufio.NewReader(conn)}
}

// write writes a request: a method, a session, and whatever follows the Host field.
func (l *line) write(method, sid, rest string) {
	l.t.Helper()
	_, err := fmt.Fprintf(l.conn, "%s /engine.io/?%s&sid=%s HTTP/1.1\r\nHost: example.com\r\n%s", method, polled, sid, rest)
	assert.NoError(l.t, err)
}

// read reads a response. An error is in the answer.
func (l *line) read() answer {
	res, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return answer{err: err}
	}
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body), res.Close, errors.Join(err, res.Body.Close())}
}

// drip writes a byte each second until the connection is closed.
func (l *line) drip(text string) (stopped <-chan time.Time) {
	done := make(chan time.Time, 1)
	go func() {
		for {
			if _, err := io.WriteString(l.conn, text); err != nil {
				done <- time.Now()
				return
			}
			time.Sleep(time.Second)
		}
	}()
	return done
}

func body(text string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(text), text) }

// TestPollingBody_E3_3_E3_11 posts what is malformed, or nearly.
func TestPollingBody_E3_3_E3_11(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		messages   []message
		err        string // "" means that the session stays
	}{
		{"not UTF-8", "4a\xffb", []message{{"a\ufffdb", false}}, ""},
		{"E3.3: cut within a character", "4a\xe2\x82", []message{{"a\ufffd", false}}, ""},
		{"character over a separator", "4a\xe2\x1e4b", []message{{"a\ufffd", false}, {"b", false}}, ""},
		{"type is not UTF-8", "\xff", nil, "unknown packet type"},
		{"zero bytes", "4\x00", []message{{"\x00", false}}, ""},
		{"standard base64", "b+/8=", []message{{"\xfb\xff", true}}, ""},
		{"URL base64", "b-_8=", []message{{"\xfb\xff", true}}, ""},
		{"base64 without padding", "b+/8", []message{{"\xfb\xff", true}}, ""},
		{"base64: too short", "bA", nil, "base64"},
		{"base64: both alphabets", "b+_8=", nil, "base64"},
		{"base64: blank", "bAQ ID", nil, "base64"},
		{"base64: padding within", "bAQ==ID", nil, "base64"},
		{"open packet", "0{}\x1e4a", []message{{"a", false}}, ""},
		{"upgrade and noop", "5\x1e6", nil, ""},
		{"probe", "3probe", nil, ""},
		{"ends with a separator", "4a\x1e", []message{{"a", false}}, "empty"},
		{"begins with a separator", "\x1e4a", nil, "empty"},
		{"unknown types", "7", nil, "unknown packet type"},
		{"revision 3", "2:4a", nil, "invalid heartbeat direction"}, // reads as a ping
		{"JSON", `{"a":1}`, nil, "unknown packet type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				sid, r := h.poll()
				h.post(sid, tt.body).want(t, 200, "ok")
				for _, m := range tt.messages {
					r.wantMessage(m.data, m.binary)
				}
				assert.Equal(t, len(r.got), 0)
				if tt.err == "" {
					r.wantOpen()
					h.post(sid, "4on").want(t, 200, "ok")
					r.wantMessage("on", false)
					return
				}
				<-r.ended
				assert.True(t, r.err != nil && strings.Contains(r.err.Error(), tt.err), "closed with %v, want %q", r.err, tt.err)
			})
		})
	}
}

// TestPollingPackets posts more packets than are allowed: the first ones count, and the
// request is answered.
func TestPollingPackets(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, query, body string }{
		{"revision 4", polled, "4a\x1eb\x1e4c\x1e4d"},
		{"E12.1: revision 3", "EIO=3&transport=polling", "2:4a2:b42:4c2:4d"},
		{"E4.3: JSONP", polled + "&j=1", "d=4a%1eb%1e4c%1e4d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				for limit, closed := range map[int]bool{3: true, 4: false, -1: false, 0: false} {
					h := serve(t, engine.Config{MaxPayloadPackets: limit, AllowEIO3: true, AllowJSONP: true}, nil)
					sid, r, _ := h.open(tt.query)
					h.post(sid, tt.body).want(t, 200, "ok")
					r.wantMessage("a", false)
					r.wantMessage("", true)
					r.wantMessage("c", false)
					if closed {
						r.wantClosed(engine.ReasonTransportError, "too many packets")
						assert.Equal(t, len(r.got), 0)
						continue
					}
					r.wantMessage("d", false)
					r.wantOpen()
				}
			})
		})
	}
}

// TestPollingManyPackets posts large payloads, and gets them back; nothing stays.
func TestPollingManyPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // not parallel: it looks at the heap
		h := serve(t, engine.Config{}, together)
		sid, r := h.poll()
		round := func(n int) {
			text := strings.Repeat("4message\x1e", n-1) + "4last"
			h.post(sid, text).want(t, 200, "ok")
			h.get(sid).want(t, 200, text)
		}
		round(300)
		round(10_000)
		_, before := usage()
		for range 10 {
			round(10_000)
		}
		_, after := usage()
		assert.True(t, after < before+1<<20, "heap of %d KiB, then %d KiB", before>>10, after>>10)
		synctest.Wait()
		assert.Equal(t, r.session.Buffered(), 0)
		r.wantOpen()
	})
}

// TestPollingSlowBody sends a body too slowly: the request ends, and with it the
// session, though it is paused, so that the heartbeat waits.
func TestPollingSlowBody(t *testing.T) {
	t.Parallel()
	for name, request := range map[string][2]string{
		"announced": {"Content-Length: 9999\r\n\r\n", "4"},
		"streamed":  {"Transfer-Encoding: chunked\r\n\r\n", "1\r\n4\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				sid, r := h.poll()
				r.session.Pause()
				l := h.line()
				start := time.Now()
				l.write("POST", sid, request[0])
				stopped := l.drip(request[1])
				a := l.read()
				a.want(t, 400, "")
				assert.True(t, a.closes, "the connection stays")
				r.wantClosed(engine.ReasonTransportError, "took too long")
				assert.Equal(t, time.Since(start), 45*time.Second)
				_ = l.conn.Close()
				<-stopped
			})
		})
	}
}

// TestPollingSlowRest_B18 refuses requests whose body comes slowly: they do not hold
// the server for long.
func TestPollingSlowRest_B18(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, request, drip string
		status                      int
	}{
		{"E3.10: announced", "POST", "Content-Length: 99999\r\n\r\n", "4", 413},
		{"E3.10: streamed", "POST", "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n", "1\r\n4\r\n", 413},
		{"E3.9", "POST", "Content-Type: application/octet-stream\r\nContent-Length: 9\r\n\r\n", "", 400},
		{"E3.5", "POST", "Content-Length: 9\r\n\r\n", "", 400},
		{"E3.4", "GET", "Content-Length: 9\r\n\r\n", "", 400},
		{"answered GET", "GET", "Content-Length: 9\r\n\r\n", "", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{MaxPayloadBytes: 10}, nil)
				sid, r := h.poll()
				switch tt.name {
				case "E3.5":
					_, first := h.postSlowly(sid)
					defer first.Close()
				case "E3.4":
					h.getLater(sid)
				case "answered GET":
					assert.NoError(t, r.send("a"))
				}
				l := h.line()
				start := time.Now()
				l.write(tt.method, sid, tt.request)
				stopped := l.drip(tt.drip)
				a := l.read()
				assert.NoError(t, a.err)
				assert.Equal(t, a.status, tt.status)
				assert.True(t, a.closes, "the connection stays")
				assert.True(t, a.status != 413 || time.Since(start) == 0, "answered after %v", time.Since(start))
				_, err := l.r.ReadByte()
				assert.ErrorIs(t, err, io.EOF)
				assert.True(t, time.Since(start) <= 6*time.Second, "held for %v", time.Since(start))
				_ = l.conn.Close()
				<-stopped
				time.Sleep(time.Second) // net/http lingers
				if tt.status == 413 {
					r.wantOpen()
				}
			})
		})
	}
}

// TestPollingGone_E3_6_E3_7 breaks connections off in every state.
func TestPollingGone_E3_6_E3_7(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, method, request, err string }{
		{"E3.6", "GET", "\r\n", "poll connection closed prematurely"},
		{"E3.7: announced", "POST", "Content-Length: 9\r\n\r\n4he", "data request connection closed prematurely"},
		{"E3.7: nothing of it came", "POST", "Content-Length: 9\r\n\r\n", "data request connection closed prematurely"},
		{"E3.7: streamed", "POST", "Transfer-Encoding: chunked\r\n\r\n3\r\n4he", "data request connection closed prematurely"},
		{"E3.7: between chunks", "POST", "Transfer-Encoding: chunked\r\n\r\n3\r\n4he\r\n", "data request connection closed prematurely"},
		{"E3.7: malformed chunk", "POST", "Transfer-Encoding: chunked\r\n\r\n3\r\n4hexx", "data request connection closed prematurely"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				sid, r := h.poll()
				l := h.line()
				l.write(tt.method, sid, tt.request)
				synctest.Wait()
				_ = l.conn.Close()
				r.wantClosed(engine.ReasonTransportError, tt.err)
				assert.Equal(t, len(r.got), 0)
				h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
			})
		})
	}
}

// TestPollingPipelined writes a POST and a GET at once.
func TestPollingPipelined(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		sid, r := h.poll()
		l := h.line()
		for range 3 {
			l.write("POST", sid, body("4a")+"GET /engine.io/?"+polled+"&sid="+sid+" HTTP/1.1\r\nHost: example.com\r\n\r\n")
			l.read().want(t, 200, "ok")
			l.read().want(t, 200, "4a")
		}
		r.wantOpen()
	})
}

// TestPollingKeepAlive uses one connection for many requests, and for hours: no
// deadline of a POST is left behind.
func TestPollingKeepAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, func(r *receiver) {
			echo(r)
			r.onEnd = func() { time.Sleep(time.Millisecond) } // net/http looks for the next request
		})
		sid, r := h.poll()
		l := h.line()
		for i := range 50 {
			text := fmt.Sprint("4", i)
			l.write("POST", sid, body(text))
			l.read().want(t, 200, "ok")
			l.write("GET", sid, "\r\n")
			a := l.read()
			a.want(t, 200, text)
			assert.True(t, !a.closes, "the connection is closed")
		}
		for range 100 {
			l.write("GET", sid, "\r\n")
			l.read().want(t, 200, "2") // pending for longer than a body may take
			l.write("POST", sid, body("3"))
			l.read().want(t, 200, "ok")
			l.write("POST", sid, body("6"))
			l.read().want(t, 200, "ok")
		}
		r.wantOpen()
		l.write("POST", sid, "Content-Length: 0\r\n\r\n")
		l.read().want(t, 200, "ok")
		r.wantClosed(engine.ReasonParseError, "empty")
		time.Sleep(time.Hour)
		l.write("GET", "", "\r\n")
		assert.Equal(t, l.read().status, 200)
		r = h.receiver()
		l.write("GET", r.session.ID(), "\r\n")
		synctest.Wait()
		r.wantOpen()
		assert.NoError(t, r.send("a"))
		l.read().want(t, 200, "4a")
	})
}

// TestPollingConcurrent_E3_4_E3_5 overlaps requests from many goroutines: each is
// answered, each session ends once.
func TestPollingConcurrent_E3_4_E3_5(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		for i := range 20 {
			sid, r := h.poll()
			var all sync.WaitGroup
			for j := range 10 {
				all.Go(func() {
					a := h.get(sid)
					assert.True(t, a.status == 200 || a.status == 400, "GET: %+v", a)
				})
				all.Go(func() {
					a := h.post(sid, "4a\x1e4b")
					assert.True(t, a.status == 200 || a.status == 400 || a.err != nil, "POST: %+v", a)
				})
				if i%4 == 0 && j == 5 {
					all.Go(r.session.Close)
				}
				if i%4 == 1 {
					all.Go(func() { _ = r.send("late") })
				}
			}
			all.Wait()
			<-r.ended
			assert.Equal(t, r.closes.Load(), int64(1))
		}
		assert.Equal(t, h.srv.Count(), 0)
	})
}

// TestPollingUpgradeConcurrent upgrades while GETs and POSTs come: the session gets over it.
func TestPollingUpgradeConcurrent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		for range 20 {
			sid, r := h.poll()
			c := h.probe(sid)
			var all sync.WaitGroup
			all.Go(func() {
				for h.get(sid).status == 200 {
				}
			})
			all.Go(func() {
				for h.post(sid, "6").status == 200 {
					time.Sleep(time.Millisecond)
				}
			})
			all.Go(func() {
				time.Sleep(150 * time.Millisecond)
				c.send("5")
			})
			all.Wait()
			assert.NoError(t, r.send("a"))
			c.want("4a")
			r.wantOpen()
		}
	})
}

// TestPollingTooLargeTCP_E3_10 posts a body over the limit over TCP: the client gets to
// read the answer, for the rest of the body does not reset the connection.
func TestPollingTooLargeTCP_E3_10(t *testing.T) {
	t.Parallel()
	h := serveTCP(t, engine.Config{MaxPayloadBytes: 10}, nil)
	sid, r := h.poll()
	for range 10 {
		h.post(sid, strings.Repeat("4", 200<<10)).want(t, 413, "")
	}
	h.post(sid, "4a").want(t, 200, "ok")
	r.wantMessage("a", false)
}
