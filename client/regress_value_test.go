// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
)

// TestRegressValue: a value that cannot be encoded is an error, and nothing of its packet
// is sent.
func TestRegressValue(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
			s.OnAny(func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
				e.log.add("server got %s %d", m.Event(), m.Args().Len())
				return nil
			})
			return nil
		})
		values := []any{
			make(chan int), func() {}, 1i, math.NaN(), []any{[]byte("binary"), make(chan int)}, map[string]any{"a": func() {}},
			struct{ C chan int }{make(chan int)},
		}
		retrying := overWebSocket()
		retrying.Socket.Retries = 2
		for _, cfg := range []client.Config{overWebSocket(), transports("polling"), retrying} {
			e.socket(cfg, func(s *client.Socket) {
				var asked *client.Message
				s.On("ask", func(_ context.Context, _ *client.Socket, m *client.Message) error { asked = m; return nil })
				try := func() {
					for i, v := range values {
						assert.True(t, s.Emit("x", v) != nil, "emit %d", i)
						assert.True(t, s.Send("ok", v) != nil, "send %d", i)
						assert.True(t, s.Volatile().Emit("x", v) != nil, "volatile %d", i)
						_, err := s.EmitWithAck(t.Context(), "x", v)
						assert.True(t, err != nil, "ask %d", i)
						if asked != nil {
							assert.True(t, asked.Reply("ok", v) != nil, "reply %d", i)
						}
					}
					assert.Equal(t, client.PendingAcks(s), 0)
				}
				try() // what waits for a connection
				e.connect(s)
				answered := make(chan error, 1)
				go func() {
					_, err := e.srv.Socket(s.ID()).EmitWithAck(t.Context(), "ask")
					answered <- err
				}()
				synctest.Wait()
				try()
				e.want("connect")
				assert.NoError(t, asked.Reply("ok")) // it was not used up
				assert.NoError(t, <-answered)
				synctest.Wait() // the POST ends: a volatile event needs that
				assert.NoError(t, s.Volatile().Emit("y", []int(nil)))
				e.want("server got y 1")
			})
			e.log.take()
		}
	})
	t.Run("auth", func(t *testing.T) {
		t.Parallel()
		run(t, sio.Config{}, func(t *testing.T, e *env) {
			cfg := overWebSocket()
			cfg.Socket.Auth = map[string]any{"token": make(chan int)}
			e.socket(cfg, func(s *client.Socket) {
				assert.Error(t, s.Connect(t.Context()))
				assert.Equal(t, e.srv.Len(), 0)
			})
		})
	})
}

// TestRegressAcks: whatever ends the wait for an answer, nothing of it is left.
func TestRegressAcks(t *testing.T) {
	t.Parallel()
	const asks = 100
	for name, end := range map[string]func(e *env, s *client.Socket, cancel func()){
		"timeout":            func(*env, *client.Socket, func()) { time.Sleep(20 * second) },
		"context":            func(_ *env, _ *client.Socket, cancel func()) { cancel() },
		"disconnect":         func(_ *env, s *client.Socket, _ func()) { s.Disconnect() },
		"server disconnects": func(e *env, s *client.Socket, _ func()) { e.srv.Socket(s.ID()).Disconnect(true) },
		"connection":         func(e *env, _ *client.Socket, _ func()) { e.cut() },
		"close":              func(e *env, s *client.Socket, _ func()) { assert.NoError(e.t, s.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, sio.Config{}, func(t *testing.T, e *env) {
				cfg := overWebSocket()
				e.socket(cfg, func(s *client.Socket) {
					e.connect(s)
					ended, cancel := context.WithTimeout(t.Context(), 10*second)
					defer cancel()
					errs := make(chan error, asks)
					for range asks {
						go func() {
							_, err := s.EmitWithAck(ended, "nobody")
							errs <- err
						}()
					}
					synctest.Wait()
					assert.Equal(t, client.PendingAcks(s), asks)
					end(e, s, cancel)
					for range asks {
						assert.True(t, <-errs != nil, "an answer")
					}
					assert.Equal(t, client.PendingAcks(s), 0)
				})
			})
		})
	}
}

// FuzzReceive: whatever a server sends behind the CONNECT, a line for each packet, ends at
// most the connection, and the manager can be closed.
func FuzzReceive(f *testing.F) {
	for _, seed := range []string{
		`42["a",1]`, `42/x,["a"]`, "41\n42[\"a\"]", "451-[\"a\",{\"_placeholder\":true,\"num\":0}]\nbAQID", "430[1]", "431-0[{\"_placeholder\":true,\"num\":0}]\nbAQ==",
		`44{"message":"no"}`, `40{"sid":"again"}`, `420["a"]`, `42[`, `4`, `49`, `2`, `3`, `1`, `6`, `0{}`, `x`, "bAQID", `42["connect"]`, `42[1]`, `450-["a"]`, `4599999999999999999999-["a"]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		gets := 0
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(w, "ok")
				return
			}
			switch gets++; gets {
			case 1:
				_, _ = io.WriteString(w, `0{"sid":"abcdefghijklmnopqrst","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
			case 2:
				_, _ = io.WriteString(w, `40{"sid":"abc","pid":"def"}`)
			case 3:
				_, _ = fmt.Fprint(w, strings.ReplaceAll(script, "\n", "\x1e"))
			default:
				<-r.Context().Done()
			}
		})
		runBad(t, h, func(t *testing.T, e *env) {
			e.manager(client.Config{NoReconnection: true}, func(m *client.Manager) {
				s := m.Socket("/", nil)
				s.OnAny(func(_ context.Context, _ *client.Socket, m *client.Message) error { _ = m.Reply(m.Args()); return nil })
				s.Open()
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), second)
					defer cancel()
					_, _ = s.EmitWithAck(ctx, "q")
				}()
				time.Sleep(time.Minute)
				assert.Equal(t, client.PendingAcks(s), 0)
			})
		})
	})
}

// FuzzURL: NewManager makes no connection, and takes any text or refuses it.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"http://host", "https://host:1/ns?a=b", "ws://[::1]:80/", "wss://host", "host", ":8080", "", "http://", "ftp://host", "http://user:pass@host/%zz", "http://host/a/b/#c", "//host/ns", "http://host:99999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rawURL string) {
		m, err := client.NewManager(rawURL, nil)
		if (m == nil) != (err != nil) {
			t.Fatalf("%v, and an error: %v", m, err)
		}
		if m != nil {
			assert.NoError(t, m.Close())
		}
	})
}
