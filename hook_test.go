// SPDX-License-Identifier: MIT

package sio_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// watcher is a hook for what the engine tells of.
type watcher struct{ seen *recorder }

func (w watcher) HookRefuse(r *http.Request, err *engine.RequestError) {
	w.seen.add("refused %s: %d %s", r.Method, err.Code, err.Message)
}
func (w watcher) HookUpgrade(s *engine.Session) { w.seen.add("upgraded: %s", s.Transport()) }
func (w watcher) HookSessionClose(s *engine.Session, reason engine.Reason, err error) {
	w.seen.add("closed: %s, %s, %t", s.Transport(), reason, err != nil)
}

// clumsy is a hook that panics.
type clumsy struct{}

func (clumsy) HookRefuse(*http.Request, *engine.RequestError)         { panic("refuse") }
func (clumsy) HookUpgrade(*engine.Session)                            { panic("upgrade") }
func (clumsy) HookSessionClose(*engine.Session, engine.Reason, error) { panic("close") }

// TestEngineHooks: refused requests (E2.9), upgrades, ends of sessions. The functions of
// the engine's settings are called too, and first.
func TestEngineHooks(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		t.Run(map[bool]string{true: "with functions", false: "without"}[own], func(t *testing.T) {
			t.Parallel()
			var cfg sio.Config
			seen := &recorder{}
			want := func(lines ...string) {
				t.Helper()
				if own {
					lines = append([]string{"own"}, lines...)
				}
				assert.Equal(t, seen.settled(), lines)
			}
			if own {
				cfg.Engine.OnRequestError = func(*http.Request, *engine.RequestError) { seen.add("own") }
				cfg.Engine.OnUpgrade = func(*engine.Session) { seen.add("own") }
				cfg.Engine.OnClose = func(*engine.Session, engine.Reason, error) { seen.add("own") }
			}
			cfg.Hooks = []sio.Hook{clumsy{}, watcher{seen}} // a panic does not keep the next from being called
			run(t, cfg, func(t *testing.T, e *env) {
				assert.Equal(t, e.request(http.MethodGet, "&sid=nobody", "").StatusCode, http.StatusBadRequest)
				want("refused GET: 1 Session ID unknown")
				assert.Equal(t, e.request(http.MethodPut, "", "").StatusCode, http.StatusBadRequest)
				want("refused PUT: 2 Bad handshake method")

				c := e.upgrade(e.poll())
				want("upgraded: websocket")
				c.join("")
				c.send(`0`) // the violation is told of by the older hook
				c.want("closed")
				want("closed: websocket, forced close, false")
				e.dial().close()
				synctest.Wait()
				want("closed: websocket, transport close, false")
			})
		})
	}
}
