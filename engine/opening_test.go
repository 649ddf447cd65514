// SPDX-License-Identifier: MIT

package engine_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestRevision_E1_5_E1_13_E11_14 opens sessions of both revisions, over both transports.
func TestRevision_E1_5_E1_13_E11_14(t *testing.T) {
	t.Parallel()
	tests := []struct {
		eio   string
		want  int
		allow bool // needs AllowEIO3
	}{
		{"EIO=4&", 4, false},
		{"EIO=3&EIO=4&", 4, false},
		{"EIO=3&", 3, true},
		{"EIO=4&EIO=3&", 3, true},
		{"EIO=04&", 3, true},
		{"EIO=5&", 3, true},
		{"EIO=&", 3, true},
		{"", 3, true},
	}
	for _, tt := range tests {
		t.Run(tt.eio, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				for _, allow := range []bool{true, false} {
					told := make(chan *engine.RequestError, 2)
					h := serve(t, engine.Config{AllowEIO3: allow, OnRequestError: func(_ *http.Request, e *engine.RequestError) { told <- e }}, nil)
					refused := tt.allow && !allow
					for _, transport := range []string{engine.Polling, engine.WebSocket} {
						query := tt.eio + "transport=" + transport
						a := answer{}
						if transport == engine.Polling {
							a = h.do(t.Context(), "GET", query, nil)
						} else {
							_, a = h.upgrade("GET", query, "") // B4: refused before the switch
						}
						assert.Equal(t, a.status == 400, refused)
						if refused {
							e := <-told
							assert.Equal(t, e.Code, engine.CodeUnsupportedVersion)
							assert.Equal(t, e.Context, map[string]any{"protocol": 3})
							continue
						}
						s := h.receiver().session
						assert.Equal(t, s.Protocol(), tt.want)
						assert.Equal(t, s.Transport(), transport)
					}
				}
			})
		})
	}
}

// TestRevisionOfSession_E1_5 keeps the revision of the handshake, whatever later requests
// say.
func TestRevisionOfSession_E1_5(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{AllowEIO3: true}, nil)
		assert.Equal(t, h.do(t.Context(), "GET", "EIO=3&transport=polling", nil).status, 200)
		r := h.receiver()
		h.post(r.session.ID(), "2:4a").want(t, 200, "ok") // EIO=4
		r.wantMessage("a", false)
		_, r = h.poll()
		h.do(t.Context(), "POST", "EIO=3&transport=polling&sid="+r.session.ID(), strings.NewReader("4b")).want(t, 200, "ok")
		r.wantMessage("b", false)
	})
}

// TestInitialPacket_E1_17 sends it behind the open packet and before what the receiver
// sends, to each client.
func TestInitialPacket_E1_17(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{AllowEIO3: true, InitialPacket: newMessage("faster!", "\x01\x02")},
			func(r *receiver) { assert.NoError(t, r.send("welcome")) })
		for range 2 {
			a := h.do(t.Context(), "GET", polled, nil)
			assert.Equal(t, a.status, 200)
			_, rest, _ := strings.Cut(a.body, "}")
			assert.Equal(t, rest, "\x1e4faster!\x1ebAQI=\x1e4welcome")
			c, _ := h.connect()
			c.want("4faster!")
			c.wantBinary("\x01\x02")
			c.want("4welcome")
		}
		a := h.do(t.Context(), "GET", "transport=polling&b64=1", nil)
		_, rest, _ := strings.Cut(a.body, "}")
		assert.Equal(t, rest, "8:4faster!6:b4AQI=8:4welcome")
	})
}

// TestContext_E2_0_E2_5_E2_9 checks what OnRequestError is told of each code, with the
// keys of the official server.
func TestContext_E2_0_E2_5_E2_9(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, query string
		header              []string
		want                map[string]any
	}{
		{"E2.0", "GET", "transport=tobi", nil, map[string]any{"transport": "tobi"}},
		{"E2.1", "GET", polled + "&sid=abc", nil, map[string]any{"sid": "abc"}},
		{"E2.2", "OPTIONS", polled, nil, map[string]any{"method": "OPTIONS"}},
		{"B10", "PUT", polled + "&sid=POLLS", nil, map[string]any{"method": "PUT"}},
		{"E2.3 E1.11", "GET", direct, nil, map[string]any{"name": "TRANSPORT_HANDSHAKE_ERROR"}},
		{"E2.3 E1.9", "GET", direct + "&sid=POLLS", nil,
			map[string]any{"name": "TRANSPORT_MISMATCH", "transport": "websocket", "previousTransport": "polling"}},
		{"E2.3 E1.9 other way", "GET", polled + "&sid=SOCKET", nil,
			map[string]any{"name": "TRANSPORT_MISMATCH", "transport": "polling", "previousTransport": "websocket"}},
		{"E2.3 E1.14", "GET", polled + "&id=fail", nil, map[string]any{"name": "ID_GENERATION_ERROR", "error": errDenied}},
		{"E2.4 E1.12", "GET", polled + "&deny=1", nil, map[string]any{"message": errDenied.Error()}},
		{"E2.4 E5.15", "GET", polled, []string{"Origin", page}, map[string]any{"origin": page}},
		{"E2.5", "GET", "EIO=3&transport=polling", nil, map[string]any{"protocol": 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, told := strict(t)
				h.do(t.Context(), tt.method, tt.query, nil, tt.header...)
				assert.Equal(t, (<-told).Context, tt.want)
			})
		})
	}
	t.Run("E2.3 E1.8", func(t *testing.T) {
		t.Parallel()
		var told *engine.RequestError
		srv := engine.NewServer(&engine.Config{
			OnSession:      func(*engine.Session) engine.Receiver { return nil },
			OnRequestError: func(_ *http.Request, e *engine.RequestError) { told = e },
		})
		r := httptest.NewRequest("GET", "/?"+polled, nil)
		r.Header.Set("Origin", "\x01")
		srv.ServeHTTP(httptest.NewRecorder(), r)
		assert.Equal(t, told.Context, map[string]any{"name": "INVALID_ORIGIN", "origin": "\x01"})
		assert.NoError(t, srv.Close())
	})
}

// TestPath_E1_2 serves any path: where the server is mounted decides.
func TestPath_E1_2(t *testing.T) {
	t.Parallel()
	srv := engine.NewServer(&engine.Config{OnSession: func(s *engine.Session) engine.Receiver { return newReceiver(t, s) }})
	for _, path := range []string{"/", "/engine.io", "/engine.io/", "/engine.io/any/thing"} {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest("GET", "http://example.com"+path+"?"+polled, nil))
		assert.Equal(t, w.Code, 200)
	}
	assert.NoError(t, srv.Close())
}

// TestTransports_E1_7_E1_16_E5_13 names transports that there are not, or that do not
// come this way.
func TestTransports_E1_7_E1_16_E5_13(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{Transports: []string{engine.WebTransport, "__proto__", engine.Polling}}, nil)
		for _, name := range []string{engine.WebTransport, "__proto__", engine.WebSocket} {
			h.do(t.Context(), "GET", "EIO=4&transport="+name, nil).want(t, 400, `{"code":0,"message":"Transport unknown"}`)
			_, a := h.upgrade("GET", "EIO=4&transport="+name, "")
			a.want(t, 400, "Transport unknown")
		}
		a := h.do(t.Context(), "GET", polled, nil)
		assert.True(t, strings.Contains(a.body, `"upgrades":["webtransport"]`), "body %q", a.body)
	})
}

// TestConnectionClose checks that a client that wants no other request gets none (9.4).
func TestConnectionClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		a := h.do(t.Context(), "GET", polled, nil, "Connection", "close")
		assert.Equal(t, a.status, 200)
		assert.True(t, a.closes, "the connection stays open")
		r := h.receiver()
		h.post(r.session.ID(), "4a").want(t, 200, "ok")
		r.wantMessage("a", false)
		r.wantOpen()
	})
}
