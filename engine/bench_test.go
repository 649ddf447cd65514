// SPDX-License-Identifier: MIT

package engine_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// plain is a receiver that does nothing but answer.
type plain struct {
	session *engine.Session
	echo    bool
}

func (p *plain) Receive(data []byte, _ bool) {
	if p.echo {
		_ = p.session.Send(engine.NewMessage(append(engine.NewBuffer(len(data)), data...), nil), engine.SendOptions{})
	}
}
func (p *plain) ReceiveEnd()                 {}
func (p *plain) Closed(engine.Reason, error) {}

// crowd connects n clients to a server over loopback TCP.
func crowd(b *testing.B, n int, echo bool) (*host, []*socket, []*engine.Session) {
	b.Helper()
	var sessions []*engine.Session
	h := serveTCP(b, engine.Config{OnSession: func(s *engine.Session) engine.Receiver {
		sessions = append(sessions, s)
		return &plain{s, echo}
	}}, nil)
	clients := make([]*socket, n)
	for i := range clients {
		clients[i] = h.socket(direct)
		clients[i].text()
	}
	return h, clients, sessions
}

// BenchmarkEcho sends one message at a time and waits for its echo.
func BenchmarkEcho(b *testing.B) {
	for name, burst := range map[string]int{"lone": 1, "burst100": 100} {
		b.Run(name, func(b *testing.B) {
			_, clients, _ := crowd(b, 1, true)
			c := clients[0]
			frame := text("4" + strings.Repeat("x", 99))
			out := []byte(strings.Repeat(string(frame), burst))
			in := make([]byte, burst*(len(frame)-4)) // without masks
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.conn.Write(out); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c.r, in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(burst)*float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// BenchmarkBroadcast1000 sends one message to 1000 clients and waits until all have
// it. The clients' share of the work is in the numbers too.
func BenchmarkBroadcast1000(b *testing.B) {
	const n = 1000
	h, clients, sessions := crowd(b, n, false)
	body := strings.Repeat("x", 99)
	size := len(ws.MustCompileFrame(ws.NewTextFrame([]byte("4" + body))))
	var got sync.WaitGroup
	for _, c := range clients {
		go func() {
			in := make([]byte, size)
			for {
				if _, err := io.ReadFull(c.r, in); err != nil {
					return
				}
				got.Done()
			}
		}()
	}
	b.ReportAllocs()
	for b.Loop() {
		got.Add(n)
		m := newMessage(body)
		f := h.srv.Fanout()
		for _, s := range sessions {
			f.Send(s, m, engine.SendOptions{})
		}
		f.Flush()
		got.Wait()
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	assert.Equal(b, h.srv.Count(), n)
}
