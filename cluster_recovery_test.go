// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/internal/assert"
)

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
			c := a.dial()
			s := c.start()
			assert.NoError(t, a.srv.Socket(s.SID).Join("r"))
			assert.NoError(t, a.srv.Emit("1"))
			assert.Equal(t, c.event(&s), `2["1"]`)
			b, bus := a.addSlow(hub, cfg) // which does not know "1", and has to ask the log
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
			d, bus := a.addSlow(hub, cfg)
			synctest.Wait()
			bus.hold(true)
			assert.NoError(t, a.srv.Emit("4"))
			assert.NoError(t, b.srv.Emit("5"))
			synctest.Wait()
			c = d.dial()
			c.resume(s)
			assert.Equal(t, c.event(&s), `2["4"]`)
			assert.Equal(t, c.event(&s), `2["5"]`)
			c.next()
			bus.hold(false)
			c.quiet()

			// A server that remembers where the client was does not ask the log: it is told.
			c.close()
			synctest.Wait()
			bus.hold(true)
			bus.since = func() { t.Error("the log is asked") }
			assert.NoError(t, a.srv.To("r").Emit("6"))
			assert.NoError(t, a.srv.Except("r").Emit("not"))
			assert.NoError(t, a.srv.Volatile().Emit("not"))
			synctest.Wait()
			c = d.dial()
			c.resume(s)
			c.next()
			bus.hold(false)
			assert.Equal(t, c.event(&s), `2["6"]`)
			c.close()
			synctest.Wait()
			assert.NoError(t, a.srv.To("r").Emit("7"))
			assert.NoError(t, a.srv.Except("r").Emit("not"))
			assert.NoError(t, a.srv.Emit("8"))
			synctest.Wait()
			c = d.dial()
			c.resume(s)
			assert.Equal(t, c.event(&s), `2["7"]`)
			assert.Equal(t, c.event(&s), `2["8"]`)
			c.next()
			c.quiet()
			assert.NoError(t, a.srv.Emit("9"))
			assert.Equal(t, c.event(&s), `2["9"]`)
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
			c.resume(s) // which would be too much again
			assert.True(t, strings.HasPrefix(c.next(), `0{"sid":`), "not a new client")
			c = a.dial()
			c.resume(session{PID: "unknown", Offset: "0"})
			assert.True(t, strings.HasPrefix(c.next(), `0{"sid":`), "not a new client")
		})
	})
	t.Run("too much meanwhile", func(t *testing.T) {
		hub := &adapter.Loopback{Keeps: true}
		small := cfg
		small.Engine.OutboxPackets = 4
		clustered(t, hub, cfg, func(t *testing.T, a *env) {
			c := a.dial()
			s := c.start()
			assert.NoError(t, a.srv.Socket(s.SID).Join("r"))
			assert.NoError(t, a.srv.Emit("x"))
			c.event(&s)
			c.close()
			b, bus := a.addSlow(hub, small) // which asks the log
			synctest.Wait()
			emit := func(n int, room string) func() {
				return func() {
					for range n {
						assert.NoError(t, a.srv.To(room).Emit("x"))
					}
					synctest.Wait()
				}
			}
			bus.since = emit(10, "not for this one")
			c = b.dial()
			c.resume(s)
			c.want(`0{"sid":"` + s.SID + `","pid":"` + s.PID + `"}`)
			c.close()
			synctest.Wait()
			bus.since = emit(5, "r")
			c = b.dial()
			c.resume(s)
			assert.Equal(t, c.next(), "closed")
			synctest.Wait()
			bus.since = nil
			c = b.dial()
			c.resume(s)
			first := c.next()
			assert.True(t, strings.HasPrefix(first, `0{"sid":`) && !strings.Contains(first, s.SID), "not a new client: %s", first)
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
