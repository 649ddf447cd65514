// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { return nil, errors.New("broken") }

// TestRegressValue: a value that cannot be encoded is an error, and nothing of its packet
// is sent: no empty packet, no header without its attachments, no acknowledgement.
func TestRegressValue(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"channel": make(chan int), "function": func() {}, "complex": 1i, "NaN": math.NaN(), "infinite": math.Inf(1),
		"marshaler": broken{}, "in a map": map[string]any{"a": make(chan int)}, "in a list": []any{1, func() {}},
		"in a struct": struct{ C chan int }{make(chan int)}, "key": map[struct{}]int{{}: 1},
		"behind binary data": []any{[]byte("attachment"), make(chan int)},
	}
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		var asked *sio.Message
		e.srv.On("ask", func(_ context.Context, _ *sio.Socket, m *sio.Message) error { asked = m; return nil })
		other := e.join()
		from := e.srv.Socket(other.sid)
		c := e.join()
		s := e.srv.Socket(c.sid)
		assert.NoError(t, s.Join("room"))
		c.send(`27["ask"]`)
		synctest.Wait()
		remote, err := e.srv.To("room").FetchSockets(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, len(remote), 1)
		with := func(emit func(string, ...any) error) func(...any) error {
			return func(args ...any) error { return emit("x", args...) }
		}
		ways := map[string]func(...any) error{
			"emit": with(s.Emit), "namespace": with(e.srv.Emit), "room": with(e.srv.To("room").Emit),
			"broadcast": with(from.Broadcast().Emit), "volatile": with(s.Volatile().Emit),
			"volatile room": with(e.srv.To("room").Volatile().Emit), "compress": with(s.Compress(false).Emit),
			"conflate": with(s.Conflate("key").Emit), "local": with(e.srv.Local().Emit), "remote": with(remote[0].Emit),
			"wait": func(args ...any) error { return s.EmitWait(t.Context(), "x", args...) },
			"send": s.Send, "reply": asked.Reply,
			"ask":     func(args ...any) error { _, err := s.EmitWithAck(t.Context(), "x", args...); return err },
			"ask all": func(args ...any) error { _, err := e.srv.EmitWithAck(t.Context(), "x", args...); return err },
			"ask remote": func(args ...any) error {
				_, err := remote[0].EmitWithAck(t.Context(), "x", args...)
				return err
			},
			"typed": func(args ...any) error { return sio.Emit(s, sio.Event[any]("x"), args[len(args)-1]) },
		}
		for way, emit := range ways {
			for name, v := range values {
				assert.True(t, emit(v) != nil, "%s, %s: no error", way, name)
				assert.True(t, emit("ok", []byte("binary"), v) != nil, "%s, %s as the last: no error", way, name)
			}
		}
		synctest.Wait()
		assert.Equal(t, s.Buffered(), 0)
		assert.Equal(t, sio.PendingAcks(s), 0)
		c.quiet()
		other.quiet()
		assert.NoError(t, asked.Reply("ok")) // it was not used up
		assert.NoError(t, s.Emit("ok", []byte("a"), []int(nil), map[string]int(nil)))
		c.want(`37["ok"]`, `51-["ok",{"_placeholder":true,"num":0},[],{}]`, "b:a")
	})
}

// TestRegressNull: no handshake and no CONNECT holds null, whatever the lists are.
func TestRegressNull(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		cfg      engine.Config
		upgrades string
	}{
		{"default", engine.Config{}, `["websocket"]`},
		{"none", engine.Config{DisableUpgrades: true}, `[]`},
		{"polling alone", engine.Config{Transports: []string{engine.Polling}}, `[]`},
		{"empty list", engine.Config{Transports: []string{}}, `["websocket"]`},
		{"zero", engine.Config{PingInterval: -1, MaxPayloadBytes: -1}, `["websocket"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.AllowEIO3 = true
			run(t, sio.Config{Engine: tt.cfg}, func(t *testing.T, e *env) {
				open := e.request("GET", "", "").body
				opens := []string{open, e.request("GET", "&EIO=3", "").body}
				if tt.name != "polling alone" {
					c := e.dial()
					c.send("0")
					assert.True(t, strings.Contains(c.open, `"upgrades":[]`), "WebSocket: %s", c.open)
					opens = append(opens, c.open, c.next())
				}
				assert.True(t, strings.Contains(open, `"upgrades":`+tt.upgrades), "polling: %s", open)
				for _, text := range opens {
					assert.True(t, !strings.Contains(text, "null"), "null: %s", text)
				}
			})
		})
	}
}

// TestRegressAcks: whatever ends the wait for an answer, nothing of it is left.
func TestRegressAcks(t *testing.T) {
	t.Parallel()
	const asks = 100
	tests := []struct {
		name string
		end  func(e *env, c *client, cancel func())
	}{
		{"answer", func(_ *env, c *client, _ func()) {
			for _, p := range c.events(2 * asks) {
				c.send("3" + strings.TrimSuffix(strings.TrimPrefix(p, "2"), `["q"]`) + "[1]")
			}
		}},
		{"timeout", func(*env, *client, func()) { time.Sleep(20 * time.Second) }},
		{"context", func(_ *env, _ *client, cancel func()) { cancel() }},
		{"DISCONNECT", func(_ *env, c *client, _ func()) { c.send("1") }},
		{"connection", func(_ *env, c *client, _ func()) { c.close() }},
		{"kick", func(e *env, c *client, _ func()) { e.srv.Socket(c.sid).Disconnect(false) }},
		{"kick and close", func(e *env, c *client, _ func()) { e.srv.Socket(c.sid).Disconnect(true) }},
		{"server", func(e *env, _ *client, _ func()) { assert.NoError(e.t, e.srv.Close()) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				c := e.join()
				s := e.srv.Socket(c.sid)
				ended, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				errs := make(chan error, 2*asks)
				for range asks {
					go func() {
						_, err := s.EmitWithAck(ended, "q")
						errs <- err
					}()
					go func() {
						answers, err := e.srv.EmitWithAck(ended, "q")
						for _, a := range answers {
							err = errors.Join(err, a.Err)
						}
						errs <- err
					}()
				}
				synctest.Wait()
				assert.Equal(t, sio.PendingAcks(s), 2*asks)
				tt.end(e, c, cancel)
				for range 2 * asks {
					err := <-errs
					assert.Equal(t, err == nil, tt.name == "answer")
				}
				synctest.Wait()
				assert.Equal(t, sio.PendingAcks(s), 0)
			})
		})
	}
}

// events reads n packets.
func (c *client) events(n int) (list []string) {
	for range n {
		list = append(list, c.next())
	}
	return list
}
