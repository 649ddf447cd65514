// SPDX-License-Identifier: MIT

package engine_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// byHeader takes the address from a header.
func byHeader(r *http.Request) string { return r.Header.Get("Addr") }

// connectFrom opens a session of a remote address over WebSocket.
func (h *host) connectFrom(addr string) (*socket, *receiver) {
	h.t.Helper()
	c, a := h.upgrade("GET", direct, "", "Addr", addr)
	assert.Equal(h.t, a.status, 101)
	c.text()
	return c, h.receiver()
}

// flood sends count messages, each when the one before has come, and returns how long that
// has taken.
func flood(c *socket, r *receiver, count int, text string) time.Duration {
	c.t.Helper()
	start := time.Now()
	for range count {
		c.send("4" + text)
		r.wantMessage(text, false)
	}
	return time.Since(start)
}

func wantAbout(t *testing.T, got, want time.Duration) {
	t.Helper()
	assert.True(t, got >= want-want/20 && got <= want+want/20, "it took %v, want %v", got, want)
}

func TestFlood(t *testing.T) {
	t.Parallel()
	quiet := func(f engine.Flood) engine.Config {
		return engine.Config{PingInterval: 10 * time.Second, PingTimeout: time.Second, Flood: &f}
	}
	run := func(name string, f engine.Flood, test func(t *testing.T, h *host)) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { test(t, serve(t, quiet(f), nil)) })
		})
	}
	run("no limits", engine.Flood{}, func(t *testing.T, h *host) {
		c, r := h.connect()
		wantAbout(t, flood(c, r, 1000, "x"), 0)
	})
	run("packets", engine.Flood{Packets: engine.Rate{PerSecond: 1, Burst: 5}}, func(t *testing.T, h *host) {
		c, r := h.connect()
		wantAbout(t, flood(c, r, 30, "x"), 24*time.Second) // longer than a heartbeat takes
		r.wantOpen()
	})
	run("bytes", engine.Flood{Bytes: engine.Rate{PerSecond: 1000}}, func(t *testing.T, h *host) {
		c, r := h.connect()
		wantAbout(t, flood(c, r, 21, strings.Repeat("x", 991)), 19*time.Second) // and 9 of frame and packet
	})
	run("polling", engine.Flood{Bytes: engine.Rate{PerSecond: 1000}}, func(t *testing.T, h *host) {
		sid, r := h.poll()
		start := time.Now()
		for range 3 {
			h.post(sid, "4"+strings.Repeat("x", 999)).want(t, 200, "ok")
			r.wantMessage(strings.Repeat("x", 999), false)
		}
		wantAbout(t, time.Since(start), 2*time.Second)
	})
	run("addresses", engine.Flood{
		AddrPackets: engine.Rate{PerSecond: 1}, AddrBytes: engine.Rate{PerSecond: 1e6}, Addr: byHeader,
	}, func(t *testing.T, h *host) {
		a, ra := h.connectFrom("a")
		b, rb := h.connectFrom("a")
		other, ro := h.connectFrom("b")
		free, rf := h.connectFrom("")
		start := time.Now()
		for range 5 {
			a.send("4x")
			b.send("4x")
			ra.wantMessage("x", false)
			rb.wantMessage("x", false)
		}
		wantAbout(t, time.Since(start), 7*time.Second)
		start = time.Now()
		other.send("4x")
		ro.wantMessage("x", false)
		for range 100 {
			free.send("4x")
			rf.wantMessage("x", false)
		}
		assert.Equal(t, time.Since(start), 0)
	})
	run("bytes of an address", engine.Flood{AddrBytes: engine.Rate{PerSecond: 1000}, Addr: byHeader}, func(t *testing.T, h *host) {
		a, ra := h.connectFrom("a")
		b, rb := h.connectFrom("a")
		flood(a, ra, 10, strings.Repeat("x", 991))
		wantAbout(t, flood(b, rb, 2, strings.Repeat("x", 991)), 2*time.Second)
	})
	run("both pause", engine.Flood{Packets: engine.Rate{PerSecond: 1}}, func(t *testing.T, h *host) {
		c, r := h.connect()
		c.send("41")
		c.send("42") // beyond the limit
		r.wantMessage("1", false)
		r.wantMessage("2", false)
		synctest.Wait()
		r.session.Pause()
		r.session.Resume() // that of the receiver alone
		start := time.Now()
		c.send("43")
		r.wantMessage("3", false)
		wantAbout(t, time.Since(start), time.Second)
		synctest.Wait()
		r.session.Pause()
		c.send("44")
		time.Sleep(5 * time.Second)
		assert.Equal(t, len(r.got), 0)
		r.session.Resume()
		r.wantMessage("4", false)
		c.send("45")
		r.session.Close() // does not wait
		c.wantGoodbye(0)
	})
	for name, action := range map[string]engine.FloodAction{"disconnect": engine.FloodDisconnect, "ignore": engine.FloodIgnore} {
		var asked []engine.FloodLimit
		run(name, engine.Flood{
			Packets: engine.Rate{PerSecond: 1, Burst: 10}, Bytes: engine.Rate{PerSecond: 1e-9, Burst: 1000},
			OnExceed: func(s *engine.Session, l engine.FloodLimit) engine.FloodAction {
				asked = append(asked, l)
				_ = s.Buffered() // nothing is locked
				return action
			},
		}, func(t *testing.T, h *host) {
			c, r := h.connect()
			c.write([]byte(strings.Repeat(string(text("4x")), 30)))
			if action == engine.FloodDisconnect {
				c.wantGoodbye(1008)
				r.wantClosed(engine.ReasonFlood, "too fast")
				assert.Equal(t, len(r.got), 10)
			} else {
				synctest.Wait()
				assert.Equal(t, len(r.got), 30)
				for len(r.got) > 0 {
					<-r.got
				}
				c.send("4" + strings.Repeat("y", 2000))
				r.wantMessage(strings.Repeat("y", 2000), false)
			}
			assert.Equal(t, asked[0], engine.FloodPackets)
			assert.True(t, len(asked) < 10, "asked %d times", len(asked))
		})
	}
}

// TestFloodTCP throttles connections that are polled, and others.
func TestFloodTCP(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{Flood: &engine.Flood{Bytes: engine.Rate{PerSecond: 1e6, Burst: 1000}}}, nil)
		c, r := h.connect()
		took := flood(c, r, 100, strings.Repeat("x", 3000))
		assert.True(t, took >= 250*time.Millisecond, "it took %v only", took)
		r.session.Close()
		c.wantGoodbye(0)
	})
}

func TestFloodSessions(t *testing.T) {
	t.Parallel()
	const refused = `{"code":4,"message":"Too many requests"}`
	from := func(h *host, addr string) answer { return h.do(h.t.Context(), "GET", polled, nil, "Addr", addr) }
	serveFlood := func(t *testing.T, f engine.Flood, asked *int) *host {
		f.Addr = byHeader
		return serve(t, engine.Config{Flood: &f, AllowRequest: func(*http.Request) error { *asked++; return nil }}, nil)
	}
	t.Run("handshakes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			asked := 0
			h := serveFlood(t, engine.Flood{AddrSessions: engine.Rate{PerSecond: 1, Burst: 3}}, &asked)
			for range 3 {
				assert.Equal(t, from(h, "a").status, 200)
			}
			for range 10 {
				from(h, "a").want(t, 429, refused)
			}
			assert.Equal(t, from(h, "b").status, 200)
			_, a := h.upgrade("GET", direct, "", "Addr", "a")
			a.want(t, 429, "Too many requests")
			assert.Equal(t, asked, 4)
			time.Sleep(time.Second)
			assert.Equal(t, from(h, "a").status, 200)
			from(h, "a").want(t, 429, refused)
		})
	})
	t.Run("at one time", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			asked := 0
			h := serveFlood(t, engine.Flood{MaxAddrSessions: 2, MaxAddrs: 1}, &asked)
			end := func(r *receiver) {
				h.post(r.session.ID(), "1").want(t, 200, "ok")
				<-r.ended
				synctest.Wait()
			}
			for range 3 { // sessions that have ended do not count
				assert.Equal(t, from(h, "a").status, 200)
				first := h.receiver()
				c, second := h.connectFrom("a")
				from(h, "a").want(t, 429, refused)
				for _, other := range []string{"b", "c", "d"} { // do not make it forget those that are there
					assert.Equal(t, from(h, other).status, 200)
					end(h.receiver())
				}
				from(h, "a").want(t, 429, refused)
				end(first)
				_ = c.conn.Close()
				<-second.ended
				synctest.Wait()
			}
		})
	})
	t.Run("during AllowRequest", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{
				Flood:        &engine.Flood{MaxAddrSessions: 1, Addr: byHeader},
				AllowRequest: func(*http.Request) error { time.Sleep(time.Second); return nil },
			}, nil)
			answers := make(chan int, 3)
			for range 3 {
				go func() { answers <- from(h, "a").status }()
			}
			sum := 0
			for range 3 {
				sum += <-answers
			}
			assert.Equal(t, sum, 200+429+429)
		})
	})
	t.Run("forgotten", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			asked := 0
			h := serveFlood(t, engine.Flood{AddrSessions: engine.Rate{PerSecond: 1e-6, Burst: 1}, MaxAddrs: 2}, &asked)
			enter := func(addr string) int {
				status := from(h, addr).status
				if status == 200 {
					h.receiver().session.Close()
					synctest.Wait()
					time.Sleep(time.Minute) // its client does not poll
				}
				return status
			}
			assert.Equal(t, enter("a"), 200)
			assert.Equal(t, enter("a"), 429)
			assert.Equal(t, enter("b"), 200)
			assert.Equal(t, enter("a"), 429)
			assert.Equal(t, enter("c"), 200) // b was not heard of for the longest time
			assert.Equal(t, enter("a"), 429)
			assert.Equal(t, enter("b"), 200)
		})
	})
	t.Run("refused sessions do not count", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{
				Flood:        &engine.Flood{MaxAddrSessions: 1, Addr: byHeader},
				AllowRequest: func(*http.Request) error { return errors.New("no") },
			}, nil)
			for range 3 {
				from(h, "a").want(t, 403, `{"code":4,"message":"no"}`)
			}
		})
	})
}

// TestFloodAddr takes the address of the connection.
func TestFloodAddr(t *testing.T) {
	t.Parallel()
	srv := engine.NewServer(&engine.Config{
		Flood:     &engine.Flood{MaxAddrSessions: 1},
		OnSession: func(s *engine.Session) engine.Receiver { return newReceiver(t, s) },
	})
	defer srv.Close()
	for _, tt := range []struct {
		addr   string
		status int
	}{
		{"192.0.2.1:1000", 200},
		{"192.0.2.1:1001", 429},
		{"[::ffff:192.0.2.1]:1002", 429},
		{"192.0.2.2:1000", 200},
		{"[2001:db8::1]:1000", 200},
		{"[2001:db8::ffff:1]:1000", 429},
		{"[2001:db8:0:1::1]:1000", 200},
		{"[fe80::1%eth0]:1000", 200},
		{"[fe80::2%eth1]:1000", 429},
		{"host:1", 200},
		{"host:2", 429},
		{"@", 200},
		{"@", 429},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/engine.io/?"+polled, nil)
		r.RemoteAddr = tt.addr
		srv.ServeHTTP(w, r)
		assert.True(t, w.Code == tt.status, "%s: status %d, want %d", tt.addr, w.Code, tt.status)
	}
}
