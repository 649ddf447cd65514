// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// TestBadServer: whatever answers, there is an error that says where, the manager tries
// again, and Close leaves nothing behind.
func TestBadServer(t *testing.T) {
	t.Parallel()
	open := `0{"sid":"abcdefghijklmnopqrst","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	// then opens a session and sends one payload.
	then := func(payload string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				_, _ = io.WriteString(w, "ok")
			case r.URL.Query().Get("sid") == "":
				_, _ = io.WriteString(w, open)
			default:
				_, _ = io.WriteString(w, payload)
			}
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		status  int
		text    string
	}{
		"HTML":               {answer(200, "<html><body>It works!</body></html>"), 0, "polling GET http://mem.test/socket.io/"},
		"nothing":            {answer(200, ""), 0, "polling"},
		"wrong JSON":         {answer(200, `0{"sid":1}`), 0, "polling"},
		"no JSON":            {answer(200, `0nonsense`), 0, "polling"},
		"no sid":             {answer(200, `0{"pingInterval":1,"pingTimeout":1}`), 0, "polling"},
		"another packet":     {answer(200, `4hello`), 0, "polling"},
		"502":                {answer(502, "Bad Gateway"), 502, "status 502"},
		"401":                {answer(401, ""), 401, "status 401"},
		"refused":            {answer(400, `{"code":5,"message":"Unsupported protocol version"}`), 400, "Unsupported protocol version"},
		"enormous handshake": {answer(200, "0"+strings.Repeat("x", 17<<20)), 0, "polling"},
		"redirect loop": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		}, 0, "redirect"},
		"a panic": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "polling"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runBad(t, c.handler, func(t *testing.T, e *env) {
				var attempts atomic.Int32
				cfg := client.Config{ReconnectionAttempts: 2}
				cfg.Hooks.Error = func(error) { attempts.Add(1) }
				cfg.Engine.Transports = []string{"polling"}
				e.manager(cfg, func(m *client.Manager) {
					err := m.Socket("/", nil).Connect(t.Context())
					d, ok := errors.AsType[*dial.Error](err)
					if !ok {
						t.Fatalf("%T: %v", err, err)
					}
					assert.Equal(t, d.Status, c.status)
					assert.True(t, strings.Contains(err.Error(), c.text), "%v", err)
					time.Sleep(second)
					assert.Equal(t, attempts.Load(), 3)
				})
			})
		})
	}
	for name, payload := range map[string]string{
		"packet":       `4x`,
		"unknown":      "9",
		"event":        `40{"sid":"a"}` + "\x1e" + `42{}`,
		"attachments":  `40{"sid":"a"}` + "\x1e" + `451-["x",{"_placeholder":true,"num":0}]` + "\x1e" + `40`,
		"too many":     `40{"sid":"a"}` + "\x1e" + `411111-["x"]`,
		"reserved":     `40{"sid":"a"}` + "\x1e" + `42["disconnect"]`,
		"bad base64":   `40{"sid":"a"}` + "\x1e" + `b!!!`,
		"closed":       `1`,
		"not a packet": "\x1e",
	} {
		t.Run("session "+name, func(t *testing.T) {
			t.Parallel()
			runBad(t, then(payload), func(t *testing.T, e *env) {
				cfg := client.Config{Hooks: e.hooked.hooks()}
				cfg.Engine.Transports = []string{"polling"}
				e.manager(cfg, func(m *client.Manager) {
					m.Socket("/", nil).Open()
					time.Sleep(10 * second)
					ended := 0
					for _, line := range e.hooked.take() {
						if strings.HasPrefix(line, "close: ") {
							ended++
						}
					}
					assert.True(t, ended > 1, "%d connections have ended", ended)
				})
			})
		})
	}
}

// A payload of very many packets would take much more memory than it has bytes.
func TestTinyPackets(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, "ok")
		case r.URL.Query().Get("sid") == "":
			_, _ = io.WriteString(w, `0{"sid":"abcdefghijklmnopqrst","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
		default:
			_, _ = io.WriteString(w, strings.Repeat("6\x1e", 1<<17)+"6")
		}
	})
	runBad(t, h, func(t *testing.T, e *env) {
		cfg := client.Config{NoReconnection: true, Hooks: e.hooked.hooks()}
		e.manager(cfg, func(m *client.Manager) {
			m.Socket("/", nil).Open()
			time.Sleep(second)
			e.wantHooks("open", "close: transport error")
		})
	})
}

// A server that sends no id speaks an old protocol (C3.5); one that never answers the
// CONNECT is waited for as long as the caller wants.
func TestBadConnect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ connect, text string }{
		{`40`, "no socket id"},
		{`40{"sid":""}`, "no socket id"},
		{`44"no"`, `namespace "/" refused: no`},
		{`44{"message":1}`, `namespace "/" refused`},
		{`6`, "context deadline exceeded"},
	} {
		sent := false
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				_, _ = io.WriteString(w, "ok")
			case r.URL.Query().Get("sid") == "":
				_, _ = io.WriteString(w, `0{"sid":"abcdefghijklmnopqrst","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
			case !sent:
				sent = true
				_, _ = fmt.Fprint(w, c.connect)
			default:
				<-r.Context().Done()
			}
		})
		runBad(t, h, func(t *testing.T, e *env) {
			e.manager(client.Config{}, func(m *client.Manager) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*second)
				defer cancel()
				err := m.Socket("/", nil).Connect(ctx)
				assert.True(t, err != nil && strings.Contains(err.Error(), c.text), "%v", err)
			})
		})
	}
}
