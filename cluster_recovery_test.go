// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// slow is a bus whose reader can be held up.
type slow struct {
	adapter.Bus
	since func() // called when the log was read

	mu   sync.Mutex
	held bool
	jobs []func()
}

func (b *slow) do(f func()) {
	b.mu.Lock()
	if b.held {
		b.jobs = append(b.jobs, f)
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	f()
}

func (b *slow) hold(on bool) {
	b.mu.Lock()
	b.held = on
	jobs := b.jobs
	if !on {
		b.jobs = nil
	}
	b.mu.Unlock()
	if on {
		return
	}
	for _, f := range jobs {
		f()
	}
	synctest.Wait()
}

func (b *slow) Join(p adapter.Peer) (adapter.Link, error) {
	p.Receiver = slowReceiver{p.Receiver, b}
	link, err := b.Bus.Join(p)
	return adapter.Combine(link, nil, nil, slowLog{link.(adapter.Log), b}), err
}

type slowReceiver struct {
	adapter.Receiver
	bus *slow
}

func (r slowReceiver) Receive(m *adapter.Message) { r.bus.do(func() { r.Receiver.Receive(m) }) }

type slowLog struct {
	adapter.Log
	bus *slow
}

func (l slowLog) Append(m *adapter.Message, done func(string, error)) {
	l.Log.Append(m, func(offset string, err error) { l.bus.do(func() { done(offset, err) }) })
}

func (l slowLog) Since(ctx context.Context, offset string, yield func(*adapter.Message) bool) error {
	err := l.Log.Since(ctx, offset, yield)
	if l.bus.since != nil {
		l.bus.since()
	}
	return err
}

// addSlow starts a server whose bus can be held up.
func (e *env) addSlow(hub *adapter.Loopback, cfg sio.Config) (*env, *slow) {
	bus := &slow{Bus: hub.Bus()}
	other := &env{t: e.t, net: memnet.Listen()}
	cfg.Bus = bus
	cfg.Logger = slog.New(slog.DiscardHandler)
	other.srv = sio.NewServer(&cfg)
	server := &http.Server{Handler: other.srv}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(other.net) })
	e.t.Cleanup(func() {
		_ = other.srv.Close()
		_ = server.Close()
		serving.Wait()
	})
	return other, bus
}

// session is what a client knows of its session.
type session struct {
	SID    string `json:"sid"`
	PID    string `json:"pid"`
	Offset string `json:"offset"`
}

// start joins "/" and returns the session.
func (c *client) start() (s session) {
	c.t.Helper()
	c.send("0")
	assert.NoError(c.t, json.Unmarshal([]byte(strings.TrimPrefix(c.next(), "0")), &s))
	return s
}

// event reads an event and returns it without its offset, which it notes.
func (c *client) event(s *session) string {
	c.t.Helper()
	text := c.next()
	at := strings.LastIndex(text, `,"`)
	if at < 0 {
		c.t.Fatalf("received %q, want an event with an offset", text)
	}
	s.Offset = strings.TrimSuffix(text[at+2:], `"]`)
	return text[:at] + "]"
}

// resume asks for a session.
func (c *client) resume(s session) {
	text, err := json.Marshal(map[string]string{"pid": s.PID, "offset": s.Offset})
	assert.NoError(c.t, err)
	c.send("0" + string(text))
}

// TestClusterRecovery_S8 has clients return to other servers.
func TestClusterRecovery_S8(t *testing.T) {
	cfg := sio.Config{Recovery: &sio.Recovery{}}
	t.Run("a server that lags behind", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		clustered(t, hub, cfg, func(t *testing.T, a *env) {
			b, bus := a.addSlow(hub, cfg)
			c := a.dial()
			s := c.start()
			assert.NoError(t, a.srv.Socket(s.SID).Join("r"))
			assert.NoError(t, a.srv.Emit("1"))
			assert.Equal(t, c.event(&s), `2["1"]`)
			c.close()
			synctest.Wait()
			bus.hold(true)
			assert.NoError(t, a.srv.To("r").Emit("2"))
			assert.NoError(t, a.srv.Except("r").Emit("not"))
			assert.NoError(t, a.srv.Volatile().Emit("not"))
			synctest.Wait()
			// What was sent while the log was read is found elsewhere.
			bus.since = func() {
				assert.NoError(t, a.srv.Emit("3"))
				synctest.Wait()
				bus.hold(false)
			}
			c = b.dial()
			c.resume(s)
			assert.Equal(t, c.event(&s), `2["2"]`)
			assert.Equal(t, c.event(&s), `2["3"]`)
			c.want(`0{"sid":"` + s.SID + `","pid":"` + s.PID + `"}`)
			c.quiet()
			assert.True(t, b.srv.Socket(s.SID).Recovered(), "not recovered")

			// And what comes late that the client has got already is not sent again.
			c.close()
			synctest.Wait()
			bus.hold(true)
			assert.NoError(t, a.srv.Emit("4"))
			assert.NoError(t, b.srv.Emit("5"))
			synctest.Wait()
			bus.since = nil
			c = b.dial()
			c.resume(s)
			assert.Equal(t, c.event(&s), `2["4"]`)
			assert.Equal(t, c.event(&s), `2["5"]`)
			c.next()
			bus.hold(false)
			c.quiet()
			assert.NoError(t, a.srv.Emit("6"))
			assert.Equal(t, c.event(&s), `2["6"]`)
		})
	})
	t.Run("order", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		clustered(t, hub, sio.Config{}, func(t *testing.T, a *env) {
			b, bus := a.addSlow(hub, cfg)
			c := b.dial()
			s := c.start()
			so := b.srv.Socket(s.SID)
			b.srv.OnAnyOutgoing(func(*sio.Socket, string, []any) {})
			synctest.Wait()
			bus.hold(true)
			assert.NoError(t, so.Emit("1"))
			assert.NoError(t, so.Volatile().Emit("2"))
			assert.NoError(t, b.srv.Local().Emit("3"))
			assert.NoError(t, b.srv.Emit("4", []byte{1}))
			b.srv.SocketsJoin("r")
			b.srv.SocketsLeave("r")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := so.EmitWithAck(ctx, "never")
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			_, err = b.srv.Local().EmitWithAck(ctx, "never")
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			answered := make(chan error, 1)
			go func() {
				_, err := so.EmitWithAck(t.Context(), "5")
				answered <- err
			}()
			synctest.Wait()
			c.quiet()
			bus.hold(false)
			assert.Equal(t, c.event(&s), `2["1"]`)
			c.want(`2["2"]`, `2["3"]`)
			assert.Equal(t, c.event(&s), `51-["4",{"_placeholder":true,"num":0}]`)
			c.want("b:\x01", `22["5"]`)
			c.send(`32[]`)
			assert.NoError(t, <-answered)
			bus.hold(true)
			assert.NoError(t, so.Emit("6"))
			so.Disconnect(false)
			c.quiet()
			bus.hold(false)
			assert.Equal(t, c.event(&s), `2["6"]`)
			c.want("1")
		})
	})
	t.Run("backend down", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		clustered(t, hub, cfg, func(t *testing.T, a *env) {
			c := a.dial()
			s := c.start()
			hub.SetDown(true)
			assert.NoError(t, a.srv.Emit("x"))
			c.want(`2["x"]`) // with no offset
			assert.Equal(t, a.srv.ClusterStats().Lost, 1)
			c.close()
			synctest.Wait()
			assert.Equal(t, a.srv.ClusterStats().Lost, 2) // the session
			s.Offset = "0"
			c = a.dial()
			c.resume(s)
			assert.True(t, !strings.Contains(c.next(), s.SID), "recovered without a backend")
		})
	})
	t.Run("too much", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		small := cfg
		small.Engine.OutboxPackets = 4
		clustered(t, hub, small, func(t *testing.T, a *env) {
			c := a.dial()
			s := c.start()
			assert.NoError(t, a.srv.Emit("x"))
			c.event(&s)
			c.close()
			synctest.Wait()
			for range 10 {
				assert.NoError(t, a.srv.Emit("x"))
			}
			synctest.Wait()
			c = a.dial()
			c.resume(s)
			assert.Equal(t, c.next(), "closed")
			synctest.Wait()
			c = a.dial()
			c.resume(session{PID: "unknown", Offset: "0"})
			assert.True(t, strings.HasPrefix(c.next(), `0{"sid":`), "not a new client")
		})
	})
	t.Run("middlewares", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		again := sio.Config{Recovery: &sio.Recovery{RunMiddlewares: true}}
		clustered(t, hub, again, func(t *testing.T, a *env) {
			enter := make(chan error, 10)
			a.srv.Use(func(ctx context.Context, s *sio.Socket) error {
				_ = s.Emit("hello")
				select {
				case err := <-enter:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			enter <- nil
			c := a.dial()
			c.send("0")
			c.want(`2["hello"]`)
			var s session
			assert.NoError(t, json.Unmarshal([]byte(c.next()[1:]), &s))
			assert.NoError(t, a.srv.Emit("x"))
			c.event(&s)
			c.close()
			synctest.Wait()
			c = a.dial()
			c.resume(s)
			c.want(`2["hello"]`)
			c.close() // before it was let in: the session is still there
			synctest.Wait()
			enter <- errors.New("no")
			c = a.dial()
			c.resume(s)
			c.want(`2["hello"]`, `4{"message":"no"}`)
		})
	})
	t.Run("S8.13", func(t *testing.T) { // without a log: at the same server
		hub := &adapter.Loopback{}
		clustered(t, hub, cfg, func(t *testing.T, a *env) {
			b := a.addTo(hub, cfg)
			c := a.dial()
			s := c.start()
			assert.NoError(t, b.srv.Emit("1"))
			assert.Equal(t, c.event(&s), `2["1"]`)
			c.close()
			synctest.Wait()
			assert.NoError(t, b.srv.Emit("2"))
			synctest.Wait()
			c = b.dial()
			c.resume(s)
			assert.True(t, !strings.Contains(c.next(), s.SID), "recovered at another server")
			c = a.dial()
			c.resume(s)
			assert.Equal(t, c.event(&s), `2["2"]`)
			c.want(`0{"sid":"` + s.SID + `","pid":"` + s.PID + `"}`)
		})
	})
}
