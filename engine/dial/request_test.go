// SPDX-License-Identifier: MIT

package dial_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
)

// TestURL_C4_8_C4_18 reads URLs.
func TestURL_C4_8_C4_18(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		raw  string
		cfg  dial.Config
		want string // or the error
	}{
		{"http://localhost", dial.Config{}, "http://localhost/engine.io/"},
		{"http://localhost:80", dial.Config{}, "http://localhost/engine.io/"},
		{"https://localhost:443", dial.Config{}, "https://localhost/engine.io/"},
		{"http://localhost:443", dial.Config{}, "http://localhost:443/engine.io/"},
		{"ws://localhost", dial.Config{}, "http://localhost/engine.io/"},
		{"ws://localhost:80/x?y", dial.Config{}, "http://localhost/engine.io/"},
		{"wss://localhost", dial.Config{}, "https://localhost/engine.io/"},
		{"WSS://localhost:3000/a/b/", dial.Config{}, "https://localhost:3000/engine.io/"},
		{"http://localhost:", dial.Config{}, "http://localhost/engine.io/"},
		{"http://[::1]", dial.Config{}, "http://[::1]/engine.io/"},
		{"http://[::1]:80", dial.Config{}, "http://[::1]/engine.io/"},
		{"ws://[2001:db8::8080]:8080", dial.Config{}, "http://[2001:db8::8080]:8080/engine.io/"},
		{"http://h", dial.Config{Path: "/test"}, "http://h/test/"},
		{"http://h", dial.Config{Path: "test/"}, "http://h/test/"},
		{"http://h", dial.Config{Path: "/test/", NoTrailingSlash: true}, "http://h/test"},
		{"http://h", dial.Config{NoTrailingSlash: true}, "http://h/engine.io"},
		{"http://h", dial.Config{Path: "/"}, "http://h/"},
		{"localhost:3000", dial.Config{}, `dial: scheme "localhost" of the URL is not http, https, ws or wss`},
		{"localhost", dial.Config{}, `dial: scheme "" of the URL is not http, https, ws or wss`},
		{"//localhost", dial.Config{}, `dial: scheme "" of the URL is not http, https, ws or wss`},
		{"", dial.Config{}, `dial: scheme "" of the URL is not http, https, ws or wss`},
		{"ftp://localhost", dial.Config{}, `dial: scheme "ftp" of the URL is not http, https, ws or wss`},
		{"http://", dial.Config{}, "dial: no host in the URL"},
		{"http://:80", dial.Config{}, "dial: no host in the URL"},
		{"http://[::1", dial.Config{}, "dial: invalid URL: missing ']' in host"},
		{"http://h:x", dial.Config{}, `dial: invalid URL: invalid port ":x" after host`},
		{"http://h?a=%zz", dial.Config{}, `dial: invalid query: invalid URL escape "%zz"`},
		{"http://h/" + strings.Repeat("x", 8000), dial.Config{}, "dial: URL too long"},
		{"http://h", dial.Config{Transports: []string{}}, "dial: no transports available"},
		{"http://h", dial.Config{Transports: []string{"flash"}}, "dial: no transports available"},
	} {
		t.Run(fmt.Sprintf("C4.18 %.40s %s %t", test.raw, test.cfg.Path, test.cfg.NoTrailingSlash), func(t *testing.T) {
			t.Parallel()
			d, err := dial.New(test.raw, &test.cfg)
			if err != nil {
				assert.Equal(t, err.Error(), test.want)
				return
			}
			assert.Equal(t, d.URL().String(), test.want)
			d.Close()
		})
	}
}

// queries opens sessions, exchanges a message, and returns the queries of a GET, a POST and
// the WebSocket handshake of an upgrade.
func queries(t *testing.T, cfg dial.Config) (get, post, socket url.Values) {
	t.Helper()
	n := serve(t, engine.Config{})
	sids := map[string]bool{}
	for _, cfg.DisableUpgrade = range []bool{true, false} {
		r := n.dial(cfg)
		sids[r.session.ID()] = true
		r.send("x")
		r.want("x")
		if !cfg.DisableUpgrade {
			<-r.upgraded
		}
	}
	for len(n.requests) > 0 {
		method, text, _ := strings.Cut(<-n.requests, " ")
		u, err := url.Parse(text)
		assert.NoError(t, err)
		q := u.Query()
		switch {
		case q.Get("transport") == engine.WebSocket:
			socket = q
		case method == http.MethodPost:
			post = q
		case q.Has("sid"):
			get = q
		}
	}
	for _, q := range []url.Values{get, post, socket} {
		assert.True(t, sids[q.Get("sid")], "sid %q", q.Get("sid"))
		assert.Equal(t, q["EIO"], []string{"4"})
	}
	return get, post, socket
}

// TestQuery_C4_5_C4_6_C4_7 looks at what the queries of requests hold.
func TestQuery_C4_5_C4_6_C4_7(t *testing.T) {
	random := regexp.MustCompile(`^[0-9a-z]{8}$`)
	t.Run("C4.6: by default", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			get, post, socket := queries(t, dial.Config{})
			assert.True(t, random.MatchString(get.Get("t")), "t=%s", get.Get("t"))
			assert.True(t, get.Get("t") != post.Get("t"), "the same twice: %s", get.Get("t"))
			assert.True(t, !socket.Has("t"), "t=%s", socket.Get("t"))
			assert.Equal(t, get.Get("token"), "secret") // of the URL
			assert.True(t, !get.Has("b64") && !socket.Has("b64"), "b64")
			assert.Equal(t, get.Get("transport"), engine.Polling)
		})
	})
	t.Run("C4.6: off", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			get, post, _ := queries(t, dial.Config{NoTimestamps: true})
			assert.True(t, !get.Has("t") && !post.Has("t"), "t")
		})
	})
	t.Run("C4.6: with another name, for WebSocket too", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			get, _, socket := queries(t, dial.Config{TimestampParam: "now", TimestampWebSocket: true})
			assert.True(t, random.MatchString(get.Get("now")) && random.MatchString(socket.Get("now")), "%v %v", get, socket)
			assert.True(t, !get.Has("t"), "t")
		})
	})
	t.Run("C4.5: base64", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			get, post, socket := queries(t, dial.Config{ForceBase64: true})
			assert.Equal(t, get.Get("b64")+post.Get("b64")+socket.Get("b64"), "111")
		})
	})
	t.Run("C4.7: reserved names", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			q := url.Values{"a": {"1", "ü&="}, "EIO": {"3"}, "transport": {"x"}, "sid": {"x"}, "b64": {"1"}, "t": {"x"}, "j": {"7"}}
			get, _, socket := queries(t, dial.Config{Query: q})
			for _, got := range []url.Values{get, socket} {
				assert.Equal(t, got["a"], []string{"1", "ü&="})
				assert.True(t, !got.Has("b64") && !got.Has("token"), "%v", got)
			}
			assert.True(t, random.MatchString(get.Get("t")), "t=%s", get.Get("t"))
			assert.Equal(t, q.Get("EIO"), "3") // not changed
		})
	})
}

// TestHeader_C4_9_C4_12_C4_14 looks at the header fields of requests.
func TestHeader_C4_9_C4_12_C4_14(t *testing.T) {
	for name, transports := range map[string][]string{"C4.9: polling": pollingOnly, "C4.9: websocket": webSocketOnly} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				seen := make(chan *http.Request, 10)
				srv := engine.NewServer(&engine.Config{OnSession: func(*engine.Session) engine.Receiver { return &peer{ended: make(chan struct{}), silent: true} }})
				n := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
					seen <- r.Clone(context.Background())
					srv.ServeHTTP(w, r)
				})
				defer func() { assert.NoError(t, srv.Close()) }()
				r := n.dial(dial.Config{
					Transports: transports, Protocols: []string{"one", "two"},
					Header:    http.Header{"Host": {"other.example"}, "User-Agent": {"tests"}, "X-Two": {"1", "2"}, "Upgrade": {"x"}},
					OnRequest: func(transport string, r *http.Request) { r.Header.Set("X-Transport", transport) },
				})
				r.send("x")
				idle()
				r.session.Close()
				<-r.session.Done()
				methods := ""
				for len(seen) > 0 {
					req := <-seen
					methods += req.Method + " "
					assert.Equal(t, req.Host, "other.example")
					assert.Equal(t, req.UserAgent(), "tests")
					assert.Equal(t, req.Header["X-Two"], []string{"1", "2"})
					assert.Equal(t, req.Header["X-Transport"], transports)
					user, password, _ := req.BasicAuth()
					assert.Equal(t, user+":"+password, "user:secret")
					if transports[0] == engine.WebSocket {
						assert.Equal(t, req.Header.Get("Sec-Websocket-Protocol"), "one, two")
						continue
					}
					assert.Equal(t, req.Header.Get("Accept"), "*/*") // C4.24
					if req.Method == http.MethodPost {
						assert.Equal(t, req.Header.Get("Content-Type"), "text/plain;charset=UTF-8")
					}
				}
				if transports[0] == engine.Polling {
					assert.True(t, strings.HasPrefix(methods, "GET ") && strings.Count(methods, "POST") == 2, "%s", methods)
				}
			})
		})
	}
}

// TestCookies_C4_10: cookies are kept and sent if there is a jar, over both transports.
func TestCookies_C4_10(t *testing.T) {
	for _, with := range []bool{false, true} {
		t.Run(fmt.Sprintf("C4.10: %t", with), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := serve(t, engine.Config{Cookie: func(r *http.Request, sid string) *http.Cookie {
					return &http.Cookie{Name: "io", Value: sid, Path: "/"}
				}})
				inner := n.srv
				var cfg dial.Config
				if with {
					cfg.Jar, _ = cookiejar.New(nil)
				}
				cookies := make(chan string, 10)
				cfg.OnRequest = nil
				n2 := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
					cookies <- r.Header.Get("Cookie")
					inner.ServeHTTP(w, r)
				})
				r := n2.dial(cfg)
				<-r.upgraded
				r.session.Close()
				<-r.session.Done()
				assert.Equal(t, <-cookies, "")
				for len(cookies) > 0 {
					want := ""
					if with {
						want = "io=" + r.session.ID()
					}
					assert.Equal(t, <-cookies, want)
				}
			})
		})
	}
}

// TestTryAll_C4_4: if opening fails, the next transport is tried.
func TestTryAll_C4_4(t *testing.T) {
	for _, refused := range []string{engine.Polling, engine.WebSocket} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("C4.4: %s refused, %t", refused, all), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					allowed := engine.WebSocket
					if refused == engine.WebSocket {
						allowed = engine.Polling
					}
					n := serve(t, engine.Config{Transports: []string{allowed}})
					transports := []string{refused, allowed}
					r, err := open(t, n.dialer(dial.Config{Transports: transports, TryAllTransports: all}), nil)
					assert.Equal(t, transports, []string{refused, allowed}) // not changed
					if !all {
						e := wantError[*dial.Error](t, err, map[string]string{
							engine.Polling:   `dial: polling GET http://example.com/engine.io/: status 400 Bad Request: code 0: "Transport unknown"`,
							engine.WebSocket: `dial: websocket GET ws://example.com/engine.io/: status 400 Bad Request: "Transport unknown"`,
						}[refused])
						code := engine.CodeTransportUnknown
						if refused == engine.WebSocket {
							code = -1 // E2.7: a refused upgrade has none
						}
						assert.Equal(t, *e, dial.Error{Transport: refused, Method: "GET", URL: e.URL, Status: 400, Code: code, Message: "Transport unknown"})
						return
					}
					assert.NoError(t, err)
					assert.Equal(t, r.session.Transport(), allowed)
					r.send("x")
					r.want("x")
				})
			})
		}
	}
	t.Run("C4.4: all fail", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			n := serveHTTP(t, http.NotFound)
			_, err := open(t, n.dialer(dial.Config{TryAllTransports: true}), nil)
			assert.Equal(t, err.Error(), "dial: polling GET http://example.com/engine.io/: status 404 Not Found\ndial: websocket GET ws://example.com/engine.io/: status 404 Not Found")
		})
	})
}

// TestRequestTimeout_C4_11 limits one request.
func TestRequestTimeout_C4_11(t *testing.T) {
	t.Run("C4.11: handshake", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			n := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			start := time.Now()
			_, err := open(t, n.dialer(dial.Config{RequestTimeout: 7 * time.Second}), nil)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Since(start), 7*time.Second)
		})
	})
	t.Run("C4.11: POST", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := &script{get: func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(time.Second):
					_, _ = io.WriteString(w, "6")
				case <-r.Context().Done():
				}
			}, post: func(http.ResponseWriter, string) { time.Sleep(time.Minute) }}
			r := serveScript(t, s).dial(dial.Config{RequestTimeout: 7 * time.Second})
			time.Sleep(20 * time.Second) // GETs are answered in time
			r.wantOpen()
			start := time.Now()
			r.send("x")
			r.wantClosed(engine.ReasonTransportError, "dial: polling POST http://example.com/engine.io/: context deadline exceeded")
			assert.Equal(t, time.Since(start), 7*time.Second)
		})
	})
}

// TestSplit_C4_22: a POST is no larger than the server allows, unless a packet is.
func TestSplit_C4_22(t *testing.T) {
	const limit = 20
	long := strings.Repeat("x", 30)
	for name, test := range map[string]struct {
		send []string
		want []string
	}{
		"C4.22: fits exactly":      {[]string{"12345678", "123456789"}, []string{"412345678\x1e4123456789"}},
		"C4.22: one byte too many": {[]string{"123456789", "123456789"}, []string{"4123456789", "4123456789"}},
		"C4.22: characters":        {[]string{"€€€", "€€€"}, []string{"4€€€", "4€€€"}},
		"C4.22: binary":            {[]string{"b:123456", "b:123456", "x"}, []string{"bMTIzNDU2\x1ebMTIzNDU2", "4x"}},
		"C4.22: large alone":       {[]string{"a", long, "b"}, []string{"4a", "4" + long, "4b"}},
		"C4.22: large binary":      {[]string{"b:" + long, "b"}, []string{"beHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4", "4b"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				first := make(chan struct{})
				s := &script{open: strings.Replace(hello, "1000000", fmt.Sprint(limit), 1), post: func(w http.ResponseWriter, _ string) {
					<-first
					_, _ = io.WriteString(w, "ok")
				}}
				r := serveScript(t, s).dial(dial.Config{})
				r.send("first")
				idle()
				for _, m := range test.send {
					if data, ok := strings.CutPrefix(m, "b:"); ok {
						assert.NoError(t, r.session.Send(nil, [][]byte{[]byte(data)}, dial.SendOptions{}))
						continue
					}
					r.send(m)
				}
				close(first)
				idle()
				assert.Equal(t, s.posted()[1:], test.want)
			})
		})
	}
}

// TestRedirects_C4_24: some are followed, within limits.
func TestRedirects_C4_24(t *testing.T) {
	elsewhere := func(to string, code int) http.HandlerFunc {
		s := script{open: hello}
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Referer") != "" {
				to = "/referer"
			}
			if r.URL.Path == "/engine.io/" {
				w.Header().Set("Location", to+"?"+r.URL.RawQuery)
				w.WriteHeader(code)
				return
			}
			s.ServeHTTP(w, r)
		}
	}
	t.Run("followed", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := serveHTTP(t, elsewhere("/other/", 307)).dial(dial.Config{})
			r.send("x")
			idle()
			r.wantOpen()
		})
	})
	t.Run("a POST that becomes a GET", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := serveHTTP(t, elsewhere("/other/", 302)).dial(dial.Config{})
			r.send("x")
			r.wantClosed(engine.ReasonTransportError, "dial: polling POST http://example.com/engine.io/: redirected to something else than a request of the same kind")
		})
	})
	t.Run("loop", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			n := serveHTTP(t, elsewhere("/engine.io/", 302))
			_, err := open(t, n.dialer(dial.Config{}), nil)
			wantError[*dial.Error](t, err, "dial: polling GET http://example.com/engine.io/: too many redirects")
			assert.Equal(t, len(n.requests), 10)
		})
	})
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, err := open(t, serveHTTP(t, elsewhere("/other/", 302)).dialer(dial.Config{Transports: webSocketOnly}), nil)
			e := wantError[*dial.Error](t, err, "dial: websocket GET ws://example.com/engine.io/: status 302 Found")
			assert.Equal(t, e.Status, 302)
		})
	})
}

// TestOrder_C4_1: the first of the transports opens the session.
func TestOrder_C4_1(t *testing.T) {
	for _, names := range [][]string{{"polling", "websocket"}, {"websocket", "polling"}, {"flash", "websocket"}, {"webtransport", "polling", "polling"}} {
		t.Run("C4.1: "+strings.Join(names, " "), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				given := slices.Clone(names)
				r := serve(t, engine.Config{}).dial(dial.Config{Transports: given, DisableUpgrade: true})
				want := names[0]
				if len(want) < 7 || want == "webtransport" || want == "flash" {
					want = names[1]
				}
				assert.Equal(t, r.session.Transport(), want)
				assert.Equal(t, given, names)
			})
		})
	}
}
