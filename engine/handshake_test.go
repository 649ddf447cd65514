// SPDX-License-Identifier: MIT

package engine_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestHandshake_E1_15_E1_16_E1_18_E3_2 compares the first response with the trace of
// chapter 10, for several settings.
func TestHandshake_E1_15_E1_16_E1_18_E3_2(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		cfg          engine.Config
		polled, sock string // what follows the sid; "" means that it is refused
	}{
		{
			"defaults", engine.Config{},
			`"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
			`"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
		},
		{
			"custom", engine.Config{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond, MaxPayloadBytes: 5},
			`"upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":5}`,
			`"upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":5}`,
		},
		{
			"no upgrades", engine.Config{DisableUpgrades: true},
			`"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
			`"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
		},
		{
			"polling only", engine.Config{Transports: []string{engine.Polling}},
			`"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, "",
		},
		{
			"websocket only", engine.Config{Transports: []string{engine.WebSocket}},
			"", `"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
		},
	}
	pattern := regexp.MustCompile(`^0\{"sid":"([\w-]{20})",(.*)$`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, tt.cfg, nil)
				check := func(packet, want string) {
					t.Helper()
					r := h.receiver()
					parts := pattern.FindStringSubmatch(packet)
					if parts == nil {
						t.Fatalf("open packet %q", packet)
					}
					assert.Equal(t, parts[1], r.session.ID())
					assert.Equal(t, parts[2], want)
				}
				a := h.do(t.Context(), "GET", polled, nil)
				if tt.polled == "" {
					a.want(t, 400, `{"code":0,"message":"Transport unknown"}`)
				} else {
					assert.Equal(t, a.status, 200)
					assert.Equal(t, a.header.Get("Content-Type"), "text/plain; charset=UTF-8")
					assert.Equal(t, a.header.Get("Cache-Control"), "no-store")
					assert.Equal(t, a.header.Get("Content-Length"), strconv.Itoa(len(a.body)))
					check(a.body, tt.polled)
				}
				c, a := h.upgrade("GET", direct, "")
				if tt.sock == "" {
					a.want(t, 400, "Transport unknown")
				} else {
					assert.Equal(t, a.header.Get("Sec-Websocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
					assert.Equal(t, a.header.Get("Set-Cookie"), "")
					check(c.text(), tt.sock)
				}
			})
		})
	}
}

// request is a request that is refused.
type refusal struct {
	name, method, query string
	header              []string
	status              int
	code                engine.Code
	message             string
}

// TestRefusedPolling covers E1.4 to E1.13, E2.0 to E2.6 and B10 over plain HTTP.
func TestRefusedPolling(t *testing.T) {
	t.Parallel()
	const (
		transport = "Transport unknown"
		session   = "Session ID unknown"
		method    = "Bad handshake method"
		bad       = "Bad request"
		forbidden = "Forbidden"
		version   = "Unsupported protocol version"
	)
	tests := []refusal{
		{"E1.7 no transport", "GET", "EIO=4", nil, 400, 0, transport},
		{"E1.7 unknown transport", "GET", "EIO=4&transport=tobi", nil, 400, 0, transport},
		{"E1.7 constructor", "GET", "EIO=4&transport=constructor", nil, 400, 0, transport},
		{"E1.7 __proto__", "GET", "EIO=4&transport=__proto__", nil, 400, 0, transport},
		{"E1.7 webtransport", "GET", "EIO=4&transport=webtransport", nil, 400, 0, transport},
		{"E1.4 last transport counts", "GET", "EIO=4&transport=polling&transport=tobi", nil, 400, 0, transport},
		{"E1.6 transport before sid", "GET", "EIO=4&transport=tobi&sid=x", nil, 400, 0, transport},
		{"E1.9 unknown sid", "GET", polled + "&sid=tobi", nil, 400, 1, session},
		{"E1.9 __proto__ sid", "GET", polled + "&sid=__proto__", nil, 400, 1, session},
		{"E1.9 unknown sid of a post", "POST", polled + "&sid=tobi", nil, 400, 1, session},
		{"E1.9 other transport", "GET", direct + "&sid=POLLS", nil, 400, 3, bad},
		{"E1.9 session on websocket", "GET", polled + "&sid=SOCKET", nil, 400, 3, bad},
		{"E1.9 post to a session on websocket", "POST", polled + "&sid=SOCKET", nil, 400, 3, bad},
		{"E1.10 POST", "POST", polled, nil, 400, 2, method},
		{"E1.10 PUT", "PUT", polled, nil, 400, 2, method},
		{"E1.10 OPTIONS", "OPTIONS", polled, nil, 400, 2, method},
		{"E1.10 before EIO", "POST", "transport=polling", nil, 400, 2, method},
		{"E1.11 websocket without upgrade", "GET", direct, nil, 400, 3, bad},
		{"E1.11 Upgrade header alone", "GET", direct, []string{"Upgrade", "websocket"}, 400, 3, bad},
		{"E1.12 AllowRequest", "GET", polled + "&deny=1", nil, 403, 4, `no "entry" <é>`},
		{"E1.12 AllowRequest before EIO", "GET", "transport=polling&deny=1", nil, 403, 4, `no "entry" <é>`},
		{"E5.15 other origin", "GET", polled, []string{"Origin", "https://evil.example"}, 403, 4, forbidden},
		{"E5.15 origin null", "GET", polled, []string{"Origin", "null"}, 403, 4, forbidden},
		{"E5.15 origin is no URL", "GET", polled, []string{"Origin", "http://a b"}, 403, 4, forbidden},
		{"E1.13 no EIO", "GET", "transport=polling", nil, 400, 5, version},
		{"E1.13 EIO 3", "GET", "EIO=3&transport=polling", nil, 400, 5, version},
		{"E1.5 EIO 04", "GET", "EIO=04&transport=polling", nil, 400, 5, version},
		{"E1.4 last EIO counts", "GET", "EIO=4&EIO=3&transport=polling", nil, 400, 5, version},
		{"E1.14 GenerateID fails", "GET", polled + "&id=fail", nil, 400, 3, bad},
		{"E1.14 GenerateID repeats itself", "GET", polled + "&id=POLLS", nil, 400, 3, bad},
		{"nobody receives", "GET", polled + "&id=nobody", nil, 403, 4, forbidden},
		{"B10 PUT", "PUT", polled + "&sid=POLLS", nil, 405, 2, method},
		{"B10 DELETE", "DELETE", polled + "&sid=POLLS", nil, 405, 2, method},
		{"B10 OPTIONS", "OPTIONS", polled + "&sid=POLLS", nil, 405, 2, method},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, told := strict(t)
				a := h.do(t.Context(), tt.method, tt.query, nil, tt.header...)
				a.want(t, tt.status, `{"code":`+strconv.Itoa(int(tt.code))+`,"message":`+quoted(tt.message)+`}`)
				assert.Equal(t, a.header.Get("Content-Type"), "application/json")
				assert.Equal(t, a.header.Get("Content-Length"), strconv.Itoa(len(a.body)))
				if tt.status == 405 {
					assert.Equal(t, a.header.Get("Allow"), "GET, POST")
				}
				wantTold(t, told, tt)
				assert.Equal(t, h.srv.Count(), 2) // nothing came, nothing went
			})
		})
	}
}

// TestRefusedUpgrade covers E2.7 and E2.8: one format and status for every code.
func TestRefusedUpgrade(t *testing.T) {
	t.Parallel()
	const (
		key     = "Sec-WebSocket-Key"
		ver     = "Sec-WebSocket-Version"
		badKey  = "Missing or invalid Sec-WebSocket-Key header"
		badVer  = "Missing or invalid Sec-WebSocket-Version header"
		unknown = "Transport unknown"
	)
	tests := []refusal{
		{"E1.7 unknown transport", "GET", "EIO=4&transport=tobi", nil, 400, 0, unknown},
		{"E1.7 __proto__", "GET", "EIO=4&transport=__proto__", nil, 400, 0, unknown},
		{"E9.4 no query", "GET", "", nil, 400, 0, unknown},
		{"E1.9 unknown sid", "GET", direct + "&sid=tobi", nil, 400, 1, "Session ID unknown"},
		{"E1.10 POST", "POST", direct, nil, 400, 2, "Bad handshake method"},
		{"POST with sid", "POST", direct + "&sid=POLLS", nil, 400, 2, "Bad handshake method"},
		{"E5.11 polling", "GET", polled, nil, 400, 3, "Bad request"},
		{"E5.11 polling with sid", "GET", polled + "&sid=POLLS", nil, 400, 3, "Bad request"},
		{"E1.12 AllowRequest", "GET", direct + "&deny=1", nil, 400, 4, `no "entry" <é>`},
		{"E5.15 other origin", "GET", direct, []string{"Origin", "https://evil.example"}, 400, 4, "Forbidden"},
		{"B4 EIO 3", "GET", "EIO=3&transport=websocket", nil, 400, 5, "Unsupported protocol version"},
		{"B4 no EIO", "GET", "transport=websocket", nil, 400, 5, "Unsupported protocol version"},
		{"E2.8 no key", "GET", direct, []string{key, ""}, 400, 3, badKey},
		{"E2.8 short key", "GET", direct, []string{key, "c2hvcnQ="}, 400, 3, badKey},
		{"E2.8 key is no base64", "GET", direct, []string{key, "???????????????????????="}, 400, 3, badKey},
		{"E2.8 no version", "GET", direct, []string{ver, ""}, 400, 3, badVer},
		{"E2.8 old version", "GET", direct, []string{ver, "8"}, 400, 3, badVer},
		{"E2.8 no key with sid", "GET", direct + "&sid=POLLS", []string{key, ""}, 400, 3, badKey},
		{"E1.14 GenerateID fails", "GET", direct + "&id=fail", nil, 400, 3, "Bad request"},
		{"E1.14 GenerateID repeats itself", "GET", direct + "&id=POLLS", nil, 400, 3, "Bad request"},
		{"nobody receives", "GET", direct + "&id=nobody", nil, 400, 4, "Forbidden"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, told := strict(t)
				c, a := h.upgrade(tt.method, tt.query, "", tt.header...)
				assert.True(t, c == nil, "upgraded")
				a.want(t, tt.status, tt.message)
				assert.Equal(t, a.header.Get("Content-Type"), "text/html")
				assert.Equal(t, a.header.Get("Content-Length"), strconv.Itoa(len(a.body)))
				assert.True(t, a.closes, "the connection stays open")
				if tt.message == badVer {
					assert.Equal(t, a.header.Get(ver), "13")
				}
				wantTold(t, told, tt)
				assert.Equal(t, h.srv.Count(), 2)
			})
		})
	}
}

var errDenied = errors.New(`no "entry" <é>`)

// strict returns a host with a session POLLS and another one SOCKET, and what
// OnRequestError was told.
func strict(t *testing.T) (*host, chan *engine.RequestError) {
	told := make(chan *engine.RequestError, 1)
	receivers := make(map[string]*receiver)
	h := serve(t, engine.Config{
		AllowRequest: func(r *http.Request) error {
			if r.URL.Query().Has("deny") {
				return errDenied
			}
			return nil
		},
		GenerateID: func(r *http.Request) (string, error) {
			id := r.URL.Query().Get("id")
			if id == "fail" {
				return "", errDenied
			}
			return id, nil
		},
		OnSession: func(s *engine.Session) engine.Receiver {
			if s.ID() == "nobody" {
				return nil
			}
			r := newReceiver(t, s)
			receivers[s.ID()] = r
			return r
		},
		OnRequestError: func(r *http.Request, e *engine.RequestError) {
			assert.True(t, r != nil, "no request")
			told <- e
		},
	}, nil)
	a := h.do(t.Context(), "GET", polled+"&id=POLLS", nil)
	assert.Equal(t, a.status, 200)
	assert.True(t, strings.HasPrefix(h.socket(direct+"&id=SOCKET").text(), `0{"sid":"SOCKET"`), "another id")
	t.Cleanup(func() {
		for _, r := range receivers {
			r.wantOpen()
		}
	})
	return h, told
}

// wantTold checks E2.9.
func wantTold(t *testing.T, told <-chan *engine.RequestError, tt refusal) {
	t.Helper()
	e := <-told
	assert.Equal(t, e.Code, tt.code)
	assert.Equal(t, e.Message, tt.message)
	assert.True(t, strings.Contains(e.Error(), tt.message), "error text %q", e.Error())
	assert.True(t, len(e.Context) > 0, "no context")
	denied := strings.Contains(tt.query, "deny") || strings.Contains(tt.query, "id=fail")
	assert.Equal(t, errors.Is(e, errDenied), denied)
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// TestRefusedOtherProtocol wants another protocol than WebSocket: a proxy may take the
// connection for a tunnel, so that it ends.
func TestRefusedOtherProtocol(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		_, a := h.upgrade("GET", direct, "", "Upgrade", "h2c")
		a.want(t, 400, `{"code":3,"message":"Bad request"}`)
		assert.True(t, a.closes, "the connection stays open")
		assert.Equal(t, h.srv.Count(), 0)
	})
}

// TestHeadIsRefused covers E1.10 and B10 for HEAD, whose answer has no body.
func TestHeadIsRefused_E1_10_B10(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		h.do(t.Context(), "HEAD", polled, nil).want(t, 400, "")
		sid, r := h.poll()
		h.do(t.Context(), "HEAD", polled+"&sid="+sid, nil).want(t, 405, "")
		r.wantOpen()
	})
}

// TestInvalidOrigin_E1_8 calls the handler itself: net/http lets no such header pass.
func TestInvalidOrigin_E1_8(t *testing.T) {
	t.Parallel()
	srv := engine.NewServer(&engine.Config{OnSession: func(s *engine.Session) engine.Receiver { return newReceiver(t, s) }})
	for _, origin := range []string{"a\x00", "\x7f", "http://example.com\n", "\x1f"} {
		r := httptest.NewRequest("GET", "http://example.com/?"+polled, nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		assert.Equal(t, w.Code, 400)
		assert.Equal(t, w.Body.String(), `{"code":3,"message":"Bad request"}`)
	}
	assert.Equal(t, srv.Count(), 0)
	assert.NoError(t, srv.Close())
}

// TestAccepted covers requests at the border of what is refused.
func TestAccepted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		header      []string
	}{
		{"E1.4 last EIO counts", "EIO=3&EIO=4&transport=polling", nil},
		{"E1.4 last transport counts", "EIO=4&transport=tobi&transport=polling", nil},
		{"E1.5 other parameters", polled + "&t=abc&b64=1&token=x", nil},
		{"E1.6 empty sid", polled + "&sid=", nil},
		{"same origin", polled, []string{"Origin", "http://example.com"}},
		{"same host, other scheme and case", polled, []string{"Origin", "https://EXAMPLE.com"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				a := h.do(t.Context(), "GET", tt.query, nil, tt.header...)
				assert.Equal(t, a.status, 200)
				r := h.receiver()
				assert.Equal(t, r.session.Request().URL().RawQuery, tt.query)
				assert.Equal(t, h.srv.Count(), 1)
				assert.True(t, h.srv.Session(r.session.ID()) == r.session, "session not found")
			})
		})
	}
}

// TestCheckOrigin lets a configured origin in, on both transports.
func TestCheckOrigin_E5_15(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "https://good.example" }}, nil)
		good, bad := []string{"Origin", "https://good.example"}, []string{"Origin", "http://example.com"}
		assert.Equal(t, h.do(t.Context(), "GET", polled, nil, good...).status, 200)
		assert.Equal(t, h.do(t.Context(), "GET", polled, nil, bad...).status, 403)
		assert.Equal(t, h.do(t.Context(), "GET", polled, nil).status, 200) // no browser
		_, a := h.upgrade("GET", direct, "", good...)
		assert.Equal(t, a.status, 101)
		_, a = h.upgrade("GET", direct, "", bad...)
		assert.Equal(t, a.status, 400)
	})
}

// TestSubprotocol_E5_7 checks that the first subprotocol offered is chosen.
func TestSubprotocol_E5_7(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		_, a := h.upgrade("GET", direct, "", "Sec-WebSocket-Protocol", "my-protocol, other")
		assert.Equal(t, a.status, 101)
		assert.Equal(t, a.header.Get("Sec-Websocket-Protocol"), "my-protocol")
		_, a = h.upgrade("GET", direct, "")
		assert.Equal(t, a.header.Values("Sec-Websocket-Protocol"), []string(nil))
		_, a = h.upgrade("GET", direct, "", "Sec-WebSocket-Extensions", "permessage-deflate") // E5.6
		assert.Equal(t, a.status, 101)
		assert.Equal(t, a.header.Values("Sec-Websocket-Extensions"), []string(nil))
	})
}

// TestMaxSessions frees a place when a session ends.
func TestMaxSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxSessions: 2}, nil)
		_, first := h.poll()
		h.connect()
		const unavailable = "Service unavailable"
		h.do(t.Context(), "GET", polled, nil).want(t, 503, `{"code":4,"message":"`+unavailable+`"}`)
		_, a := h.upgrade("GET", direct, "")
		a.want(t, 503, unavailable)
		assert.Equal(t, h.srv.Count(), 2)
		first.session.Close()
		h.get(first.session.ID()).want(t, 200, "6\x1e1")
		h.connect()
		assert.Equal(t, h.srv.Count(), 2)
	})
}

// TestRequest checks what a session remembers of its request (E1.20, E10.12).
func TestRequest_E1_20_E10_12(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, engine.Config{}, nil)
	before := time.Now()
	c, a := h.upgrade("GET", direct+"&token=1", "", "X-Custom", "yes")
	assert.NoError(t, a.err)
	s := h.receiver().session
	r := s.Request()
	assert.Equal(t, r.Header().Get("X-Custom"), "yes")
	assert.Equal(t, r.URL().Query().Get("token"), "1")
	assert.Equal(t, r.Host(), "example.com")
	assert.Equal(t, r.RemoteAddr(), c.conn.LocalAddr().String())
	assert.True(t, r.TLS() != nil && r.TLS().Version == tls.VersionTLS13, "TLS state %v", r.TLS())
	assert.True(t, !r.Time().Before(before) && time.Since(r.Time()) < time.Minute, "time %v", r.Time())
	assert.Equal(t, s.Transport(), engine.WebSocket)
	assert.Equal(t, s.Protocol(), 4)
}

// TestSendInOnSession_E1_17 sends behind the open packet, before OnSession returns.
func TestSendInOnSession_E1_17(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, func(r *receiver) { assert.NoError(t, r.send("welcome")) })
		a := h.do(t.Context(), "GET", polled, nil)
		assert.True(t, strings.HasSuffix(a.body, "}\x1e4welcome"), "body %q", a.body)
		c, _ := h.connect()
		c.want("4welcome")
	})
}

// TestEndInOnSession ends sessions before their receivers are known.
func TestEndInOnSession(t *testing.T) {
	t.Parallel()
	t.Run("close", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, func(r *receiver) { r.session.Close() })
			a := h.do(t.Context(), "GET", polled, nil)
			assert.True(t, strings.HasSuffix(a.body, "}"), "body %q", a.body)
			polls := h.receiver()
			h.get(polls.session.ID()).want(t, 200, "6\x1e1")
			polls.wantClosed(engine.ReasonForcedClose, "")
			c, r := h.connect()
			c.wantGoodbye(0)
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
	t.Run("queue full", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{OutboxBytes: 1}, func(r *receiver) { assert.ErrorIs(t, r.send("welcome"), engine.ErrQueueFull) })
			assert.Equal(t, h.do(t.Context(), "GET", polled, nil).status, 503)
			h.receiver().wantClosed(engine.ReasonSlowConsumer, "outbox full")
			_, a := h.upgrade("GET", direct, "")
			assert.Equal(t, a.status, 503)
			h.receiver().wantClosed(engine.ReasonSlowConsumer, "outbox full")
			assert.Equal(t, h.srv.Count(), 0)
		})
	})
}

// TestNotHijackable checks that a session ends whose connection cannot be taken over.
func TestNotHijackable(t *testing.T) {
	t.Parallel()
	var r *receiver
	srv := engine.NewServer(&engine.Config{OnSession: func(s *engine.Session) engine.Receiver {
		r = newReceiver(t, s)
		return r
	}})
	req := httptest.NewRequest("GET", "http://example.com/?"+direct, nil)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, req)
	assert.Equal(t, w.Code, 500)
	<-r.ended
	assert.Equal(t, r.reason, engine.ReasonTransportError)
	assert.Equal(t, srv.Count(), 0)
	assert.NoError(t, srv.Close())
}

// TestNewID checks top-25 no. 1.
func TestNewID(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^[\w-]{20}$`)
	seen := make(map[string]bool)
	var ones [96]int // how often each of the random bits is set
	for range 1000 {
		id := engine.NewID()
		raw, err := base64.RawURLEncoding.DecodeString(id)
		assert.NoError(t, err)
		for i := range ones {
			ones[i] += int(raw[i/8] >> (i % 8) & 1)
		}
		assert.True(t, pattern.MatchString(id), "id %q", id)
		assert.True(t, !seen[id], "id %q twice", id)
		seen[id] = true
	}
	for i, n := range ones {
		assert.True(t, n > 350 && n < 650, "bit %d was set in %d ids", i, n)
	}
}

func TestOnSessionIsRequired(t *testing.T) {
	t.Parallel()
	defer func() { assert.True(t, recover() != nil, "no panic") }()
	engine.NewServer(nil)
}
