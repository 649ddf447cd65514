// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// TestStress lets everything happen at once. It is for the race detector; what can be
// said at the end is that nothing is left, and that who connected has disconnected.
func TestStress(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{DispatchQueue: 4, MaxPendingAcks: 4}, func(t *testing.T, e *env) {
		const clients, rounds = 16, 60
		rooms := []string{"a", "b", "c"}
		room := func() string { return rooms[rand.IntN(len(rooms))] }
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Join(room()) })
		e.srv.On("do", func(c context.Context, s *sio.Socket, m *sio.Message) error {
			limited, cancel := context.WithTimeout(c, time.Second)
			defer cancel()
			switch rand.IntN(10) {
			case 0:
				s.Disconnect(rand.IntN(2) == 0)
			case 1:
				_, err := s.EmitWithAck(limited, "q", m.Args())
				return err
			case 2:
				s.Leave(room(), s.ID())
			case 3:
				return s.Join(room(), s.ID())
			case 4:
				return s.To(room()).Except(room()).Emit("x", m.Args())
			case 5:
				panic("now and then")
			case 6:
				go func() { _ = m.Reply(1) }()
			case 7:
				return e.srv.To(s.ID()).Volatile().Emit("x", s.Rooms())
			}
			return s.Emit("x", m.Args())
		})
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				for range 4 {
					c := e.dial()
					c.send(`0`)
					c.next() // most often the CONNECT
					read := make(chan struct{})
					go func() {
						defer close(read)
						for p := c.next(); p != "closed"; p = c.next() {
						}
					}()
					for n := range rounds {
						switch rand.IntN(12) {
						case 1:
							c.queueRaw(fmt.Sprintf(`43%d["a"]`, rand.IntN(50)))
						case 2:
							c.queueRaw(fmt.Sprintf(`451-%d["do",{"_placeholder":true,"num":0}]`, n)).queueBinary("x")
						case 3:
							c.flush()
						default:
							c.queueRaw(fmt.Sprintf(`42%d["do",%d]`, n, i))
						}
					}
					c.flush()
					switch rand.IntN(3) {
					case 0:
						c.send(`x`) // a violation
					case 1:
						c.send(`1`, `0`) // once more
						fallthrough
					default:
						c.close()
					}
					<-read
				}
			})
		}
		wg.Go(func() {
			for range 200 {
				_ = e.srv.Emit("all", "x")
				for _, s := range e.srv.Sockets() {
					_, _ = s.Rooms(), s.Handshake()
				}
				synctest.Wait()
			}
		})
		wg.Wait()
		assert.NoError(t, e.srv.Shutdown(t.Context()))
		assert.Equal(t, e.srv.Len(), 0)
		count := map[string]int{}
		for _, line := range e.seen.settled() {
			what, _, _ := strings.Cut(line, ":")
			count[what]++
		}
		assert.Equal(t, count["disconnect"], count["connect"])
		assert.True(t, count["connect"] >= clients, "%v", count)
	})
}

// TestPolling: what is above the transport does not notice it, but for its name and
// for volatile packets, which need a pending GET (top-25 #20).
func TestPolling(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		hc := &http.Client{Transport: &http.Transport{DialContext: e.net.DialContext}}
		defer hc.CloseIdleConnections()
		url := "http://mem.test/socket.io/?EIO=4&transport=polling"
		do := func(method, body string) string {
			r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
			assert.NoError(t, err)
			res, err := hc.Do(r)
			assert.NoError(t, err)
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			return string(text)
		}
		e.srv.On("bin", func(_ context.Context, s *sio.Socket, m *sio.Message) error { return s.Emit("bin", m.Args()) })
		open := do("GET", "")
		url += "&sid=" + strings.Split(open, `"`)[3]
		assert.Equal(t, do("POST", "40"), "ok")
		assert.True(t, strings.HasPrefix(do("GET", ""), `40{"sid":"`), "no CONNECT")
		s := e.srv.Sockets()[0]
		assert.Equal(t, s.Transport(), "polling")
		assert.NoError(t, s.Volatile().Emit("lost"))
		assert.NoError(t, e.srv.Volatile().Emit("lost"))
		assert.Equal(t, do("POST", "451-[\"bin\",{\"_placeholder\":true,\"num\":0}]\x1ebAQI="), "ok")
		assert.Equal(t, do("GET", ""), "451-[\"bin\",{\"_placeholder\":true,\"num\":0}]\x1ebAQI=")
		s.Disconnect(true)
		last := do("GET", "")
		if last == "41" { // the close packet comes with the next GET, after a noop
			last += "\x1e" + strings.TrimPrefix(do("GET", ""), "6\x1e")
		}
		assert.Equal(t, last, "41\x1e1")
		assert.Equal(t, e.seen.settled(), []string{"connect", "disconnect: server namespace disconnect"})
	})
}
