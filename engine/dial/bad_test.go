// SPDX-License-Identifier: MIT

package dial_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// TestHandshake_C4_19 opens sessions with servers that make no sense, by both transports.
func TestHandshake_C4_19(t *testing.T) {
	for name, test := range map[string]struct{ packet, want string }{
		"HTML":                 {"<!doctype html><title>Welcome</title>", `malformed handshake: "<!doctype html><title>Welcome</title>": wire: unknown packet type at byte 0`},
		"nothing":              {"", `malformed handshake: "": wire: empty packet at byte 0`},
		"another packet":       {"4hello", "malformed handshake: the first packet is of type message"},
		"binary":               {"bAAAA", "malformed handshake: the first packet is of type message"},
		"an error":             {`44{"message":"x"}`, "malformed handshake: the first packet is of type message"},
		"revision 3":           {`96:0{"sid":"x"}2:40`, `malformed handshake: "96:0{\"sid\":\"x\"}2:40": wire: unknown packet type at byte 0`},
		"no JSON":              {"0", `malformed handshake: no JSON: ""`},
		"half of it":           {`0{"sid":"x"`, `malformed handshake: no JSON: "{\"sid\":\"x\""`},
		"another value":        {`0[1]`, `malformed handshake: no JSON: "[1]"`},
		"types":                {`0{"sid":1}`, `malformed handshake: no JSON: "{\"sid\":1}"`},
		"no sid":               {`0{"pingInterval":1,"pingTimeout":1}`, "malformed handshake: no sid"},
		"a large sid":          {`0{"sid":"` + strings.Repeat("x", 5000) + `","pingInterval":1,"pingTimeout":1}`, "malformed handshake: a sid of 5000 bytes"},
		"no interval":          {`0{"sid":"x"}`, "malformed handshake: pingInterval 0"},
		"a negative interval":  {`0{"sid":"x","pingInterval":-1,"pingTimeout":1}`, "malformed handshake: pingInterval -1"},
		"a huge interval":      {`0{"sid":"x","pingInterval":1e300,"pingTimeout":1}`, "malformed handshake: pingInterval 1e+300"},
		"a negative timeout":   {`0{"sid":"x","pingInterval":1,"pingTimeout":-5}`, "malformed handshake: pingTimeout -5"},
		"a huge timeout":       {`0{"sid":"x","pingInterval":1,"pingTimeout":2147483648}`, "malformed handshake: pingTimeout 2.147483648e+09"},
		"maxPayload 0":         {`0{"sid":"x","pingInterval":1,"pingTimeout":1,"maxPayload":0}`, "malformed handshake: maxPayload 0"},
		"maxPayload negative":  {`0{"sid":"x","pingInterval":1,"pingTimeout":1,"maxPayload":-1}`, "malformed handshake: maxPayload -1"},
		"maxPayload, a text":   {`0{"sid":"x","pingInterval":1,"pingTimeout":1,"maxPayload":"1"}`, `malformed handshake: no JSON: "{\"sid\":\"x\",\"pingInterval\":1,\"pingTimeout\":1,\"maxPayload\":\"1\""`},
		"larger than accepted": {"0" + strings.Repeat(" ", 70_000) + "{}", "malformed handshake: 70002 bytes"},
		"larger than allowed":  {"0" + strings.Repeat(" ", 200_000) + "{}", "payload too large"},
	} {
		t.Run("C4.19: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serveScript(t, &script{open: test.packet, socket: func(c *socket) {
					c.send(test.packet)
					c.drain()
				}})
				if test.packet == "" {
					n = serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
				}
				_, err := open(t, n.dialer(dial.Config{MaxPayloadBytes: 100_000}), nil)
				e := wantError[*dial.Error](t, err, "dial: polling GET http://example.com/engine.io/: "+test.want)
				assert.Equal(t, *e, dial.Error{Transport: engine.Polling, Method: "GET", URL: "http://example.com/engine.io/", Code: -1, Err: e.Err})
				tooLarge := test.want == "payload too large"
				assert.Equal(t, errors.Is(err, dial.ErrHandshake), !tooLarge)
				assert.Equal(t, errors.Is(err, dial.ErrTooLarge), tooLarge)
				if test.packet == "" {
					return
				}
				_, err = open(t, n.dialer(dial.Config{MaxPayloadBytes: 100_000, Transports: webSocketOnly}), nil)
				assert.Equal(t, errors.Is(err, dial.ErrHandshake), !tooLarge)
				assert.Equal(t, errors.Is(err, dial.ErrTooLarge), tooLarge)
				assert.True(t, strings.HasPrefix(err.Error(), "dial: websocket ws://example.com/engine.io/: "), "%v", err)
			})
		})
	}
	for name, packet := range map[string]string{
		"old: no maxPayload": `0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`,
		"numbers":            `0{"sid":"x","pingInterval":25e3,"pingTimeout":0.0,"maxPayload":1e99,"more":{"x":[]}}`,
	} {
		t.Run("C4.19: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := serveScript(t, &script{open: packet}).dial(dial.Config{})
				h := r.session.Handshake()
				assert.Equal(t, h.PingInterval, 25_000)
				assert.True(t, h.MaxPayload == 0 || h.MaxPayload == 1<<53, "%d", h.MaxPayload)
			})
		})
	}
	t.Run("C4.19: packets behind it", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := serveScript(t, &script{open: hello + "\x1e4one\x1ebdHdv"}).dial(dial.Config{})
			r.want("one", "b:two")
		})
	})
}

// TestNoServer: what cannot be reached is an error that says what.
func TestNoServer(t *testing.T) {
	for name, transports := range map[string][]string{"polling": pollingOnly, "websocket": webSocketOnly} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serveHTTP(t, http.NotFound)
				assert.NoError(t, n.listener.Close())
				_, err := open(t, n.dialer(dial.Config{Transports: transports}), nil)
				scheme := map[string]string{"polling": "http", "websocket": "ws"}[name]
				wantError[*dial.Error](t, err, "dial: "+name+" GET "+scheme+"://example.com/engine.io/: dial mem mem:0: connect: connection refused")
			})
		})
		t.Run(name+", no HTTP", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
					conn, _, err := http.NewResponseController(w).Hijack()
					assert.NoError(t, err)
					_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
					_ = conn.Close()
				})
				_, err := open(t, n.dialer(dial.Config{Transports: transports}), nil)
				assert.True(t, err != nil && strings.Contains(err.Error(), "malformed HTTP"), "%v", err)
			})
		})
	}
}

// TestEndless: a body, or a header, without an end takes no more memory than is allowed.
func TestEndless(t *testing.T) {
	const limit = 1 << 20
	chunk := strings.Repeat(" ", 64<<10)
	endless := func(w io.Writer) {
		for range 10_000 { // 640 MB
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}
	for name, test := range map[string]struct {
		h    http.HandlerFunc
		cfg  dial.Config
		want string
	}{
		"polling": {func(w http.ResponseWriter, _ *http.Request) { endless(w) }, dial.Config{}, "payload too large"},
		"announced": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(1<<40))
			endless(w)
		}, dial.Config{}, "payload too large"},
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			endless(w)
		}, dial.Config{}, "status 500 Internal Server Error"},
		"header": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			assert.NoError(t, err)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
			endless(conn)
			_ = conn.Close()
		}, dial.Config{}, "server response headers exceeded 65536 bytes; aborted"},
		"websocket": {(&script{t: t, socket: func(c *socket) {
			c.write([]byte{0x01, 1, '0'})
			frame := append([]byte{0, 127, 0, 0, 0, 0, 0, 1, 0, 0}, chunk...)
			for range 10_000 {
				if _, err := c.conn.Write(frame); err != nil {
					return
				}
			}
		}}).ServeHTTP, dial.Config{Transports: webSocketOnly}, "payload too large: websocket: Max payload size exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			// Not in parallel: memory is measured.
			n := serveHTTP(t, test.h)
			test.cfg.MaxPayloadBytes = limit
			test.cfg.Transport = n.transport()
			test.cfg.Transport.MaxResponseHeaderBytes = 64 << 10
			d := n.dialer(test.cfg)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := open(t, d, nil)
			runtime.ReadMemStats(&after)
			assert.True(t, err != nil && strings.HasSuffix(err.Error(), test.want), "%v", err)
			taken := after.TotalAlloc - before.TotalAlloc
			assert.True(t, taken < 32*limit, "%d bytes taken", taken)
		})
	}
}
