// SPDX-License-Identifier: MIT

package interop_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
)

// httpAttacks are those by requests that come at once.
func httpAttacks() []attack {
	return []attack{
		{
			name: "header flood", does: "5,000 header fields in a request, then one of 200 KB",
			gets: "status 431, before any middleware",
			foes: 10, held: 128 << 10, made: 8 << 20,
			run: func(a *foe) error {
				many := strings.Repeat("X-A: b\r\n", 5000) + "X-B: c"
				for _, field := range []string{many, "X-Long: " + strings.Repeat("x", 200<<10)} {
					if err := a.dial(); err != nil {
						return err
					}
					// net/http stops reading in the middle of it.
					_, _ = io.WriteString(a.conn, a.request("GET", "polling", "", field))
					status, _, err := a.answer()
					if _, reset := errors.AsType[closed](lost(err)); status != 431 && !reset {
						return fmt.Errorf("got status %d, %w", status, err)
					}
					a.units++
				}
				return nil
			},
		},
		{
			name: "header parsers", does: "15 KB of commas, blanks, quotes and semicolons as subprotocols, extensions, encodings and tokens",
			gets: "an answer: they are passed over, or refused with status 400",
			foes: 4, held: 128 << 10, made: 96 << 20, ends: "transport",
			configure: func(cfg *sio.Config, _ *http.Server) { cfg.Engine.PerMessageDeflate = &engine.PerMessageDeflate{} },
			run: func(a *foe) error {
				for _, name := range []string{"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Accept-Encoding", "Connection"} {
					for _, text := range []string{",", "a,", " ", "a ", ";", "a;a=", `"`, `a="\`, "permessage-deflate;", "permessage-deflate; server_max_window_bits=15,", "gzip;q=0.0000001,"} {
						if err := a.dial(); err != nil {
							return err
						}
						fields := append([]string{name + ": " + strings.Repeat(text, 15_000/len(text))}, switching...)
						if err := a.write(1, []byte(a.request("GET", "websocket", "", fields...))); err != nil {
							return err
						}
						res, err := http.ReadResponse(a.in, nil)
						if err != nil || res.StatusCode != 101 && res.StatusCode != 400 {
							return fmt.Errorf("%s: %.20q: %w", name, text, err)
						}
						if err := errors.Join(res.Body.Close(), a.conn.Close()); err != nil {
							return err
						}
					}
				}
				return nil
			},
		},
		{
			name: "reset connections", does: "200 handshakes, refused or not, whose connections are reset before the answer",
			gets: "nothing; the sessions end",
			foes: 4, held: 128 << 10, made: 32 << 20, ends: "transport",
			run: func(a *foe) error {
				for i := range 200 {
					if err := a.dial(); err != nil {
						return err
					}
					query := []string{"websocket&sid=nope", "websocket", "nope", "websocket"}[i%4]
					if err := a.write(1, []byte(a.request("GET", query, "", switching...)+"\xff\xff")); err != nil {
						return err
					}
					tcp, ok := a.conn.(*net.TCPConn)
					if !ok {
						return errors.New("not TCP")
					}
					if err := errors.Join(tcp.SetLinger(0), tcp.Close()); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			name: "huge bodies", does: "POSTs that announce 2 GB, and POSTs of chunks that do not end",
			gets:  "status 413 at the limit; the session stays open",
			polls: true,
			foes:  10, held: 128 << 10, made: 8 << 20,
			run: func(a *foe) error {
				query, err := a.poll()
				if err != nil {
					return err
				}
				if _, err := a.ask(a.request("POST", query, "4", "Content-Length: 2000000000"), 413, ""); err != nil {
					return err
				}
				if err := a.dial(); err != nil {
					return err
				}
				if err := a.write(0, []byte(a.request("POST", query, "", "Transfer-Encoding: chunked"))); err != nil {
					return err
				}
				chunk := []byte(fmt.Sprintf("%x\r\n%s\r\n", 100_000, strings.Repeat("x", 100_000)))
				for range 11 {
					if err := a.write(1, chunk); err != nil {
						break // it was answered, and is not read any more
					}
				}
				status, _, err := a.answer()
				if _, reset := errors.AsType[closed](lost(err)); status != 413 && !reset {
					return fmt.Errorf("got status %d, %w", status, err)
				}
				if err := a.dial(); err != nil {
					return err
				}
				_, err = a.ask(a.request("POST", query, "3"), 200, "ok")
				return err
			},
		},
		{
			name: "packet flood in a body", does: "one POST of 500,000 packets",
			gets: "the session ends beyond 65,536 packets",
			foes: 4, held: 128 << 10, made: 16 << 20, ends: "too many packets in one payload",
			run: func(a *foe) error {
				query, err := a.poll()
				if err != nil {
					return err
				}
				if _, err = a.ask(a.request("POST", query, strings.TrimSuffix(strings.Repeat("3\x1e", 499_999), "\x1e")), 200, "ok"); err != nil {
					return err
				}
				a.units = 65_537
				_, err = a.ask(a.request("GET", query, ""), 400, "Session ID unknown")
				return err
			},
		},
		{
			name: "session flood", does: "500 handshakes from one address, with `Flood.MaxAddrSessions` of 50",
			gets: "status 429 beyond the limit",
			foes: 1, held: 8 << 20, made: 64 << 20, polls: true,
			configure: func(cfg *sio.Config, _ *http.Server) {
				cfg.Engine.Flood = &engine.Flood{AddrSessions: engine.Rate{PerSecond: 1000, Burst: 1000}, MaxAddrSessions: 50}
			},
			run: func(a *foe) error {
				open := 0
				if err := a.dial(); err != nil {
					return err
				}
				for range 500 {
					if err := a.write(1, []byte(a.request("GET", "polling", ""))); err != nil {
						return err
					}
					status, body, err := a.answer()
					switch {
					case err != nil:
						return err
					case status == 200:
						open++
					case status != 429:
						return fmt.Errorf("got %d %q", status, body)
					}
				}
				if open != 49 { // the bystander is there too
					return fmt.Errorf("%d sessions were opened", open)
				}
				return nil
			},
		},
		{
			name: "event flood", does: "20,000 events as fast as it can, with the `Flood.Packets` of the guide and `FloodDisconnect`",
			gets: "close code 1008, reason `flood`",
			foes: 10, held: 128 << 10, made: 16 << 20, ends: "flood",
			configure: func(cfg *sio.Config, _ *http.Server) {
				cfg.Engine.Flood = &engine.Flood{
					Packets:  engine.Rate{PerSecond: 50, Burst: 500},
					OnExceed: func(*engine.Session, engine.FloodLimit) engine.FloodAction { return engine.FloodDisconnect },
				}
			},
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				many := texts(`42["x"]`)
				for len(many) < 1000*13 {
					many = append(many, many...)
				}
				for range 20 {
					if a.write(len(many)/13, many) != nil {
						break // it was thrown out
					}
				}
				return a.end(1008, 1006)
			},
		},
	}
}

// slowAttacks are those by peers that take their time.
func slowAttacks() []attack {
	short := func(cfg *sio.Config, web *http.Server) {
		web.ReadHeaderTimeout = time.Second
		cfg.Engine.PingInterval, cfg.Engine.PingTimeout = time.Second, 2*time.Second
		cfg.ConnectTimeout = time.Second
	}
	return []attack{
		{
			name: "slowloris, headers", does: "a header that never ends, a few bytes at a time",
			gets: "the connection is closed after `ReadHeaderTimeout`",
			foes: 30, held: 128 << 10, made: 1 << 20, configure: short,
			run: func(a *foe) error {
				if err := a.dial(); err != nil {
					return err
				}
				if err := a.write(1, []byte("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n")); err != nil {
					return err
				}
				return a.drip("X-A: b\r\n", func(err error) error {
					if status, _, _ := a.answer(); status != 0 && status != 408 && status != 400 {
						return fmt.Errorf("got status %d, %w", status, err)
					}
					return nil
				})
			},
		},
		{
			name: "slowloris, bodies", does: "a POST whose body never ends, a few bytes at a time",
			gets: "status 400 after ping interval and timeout, and the session ends",
			foes: 30, held: 128 << 10, made: 1 << 20, configure: short, ends: "ping timeout or data request took too long",
			run: func(a *foe) error {
				query, err := a.poll()
				if err != nil {
					return err
				}
				if err := a.write(1, []byte(a.request("POST", query, "4", "Content-Length: 900000"))); err != nil {
					return err
				}
				return a.drip("x", func(error) error {
					if status, _, err := a.answer(); status != 400 {
						return fmt.Errorf("got status %d, %w", status, err)
					}
					return nil
				})
			},
		},
		{
			name: "slowloris, frames", does: "a WebSocket frame that announces 1 MB, a byte at a time, and no pongs",
			gets: "no memory for what has not come; reason `ping timeout`",
			foes: 30, held: 128 << 10, made: 1 << 20, configure: short, ends: "ping timeout",
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				if err := a.write(1, head(final|opBinary, 1_000_000)); err != nil {
					return err
				}
				return a.drip("x", func(error) error { return nil })
			},
		},
		{
			name: "silent sessions", does: "a session that joins no namespace",
			gets: "the session ends after `ConnectTimeout`",
			foes: 30, held: 32 << 10, made: 1 << 20, configure: short, ends: "forced close",
			run: func(a *foe) error {
				if err := a.open(); err != nil {
					return err
				}
				return a.end()
			},
		},
		{
			name: "deaf reader", does: "asks for 500 MB of events and reads nothing",
			gets: "what waits stays below `OutboxBytes`; reason `slow consumer`",
			foes: 2, held: 1 << 20, made: 32 << 20, ends: "slow consumer",
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				for range 10 {
					if err := a.write(1, texts(`42["more"]`)); err != nil {
						break // thrown out already
					}
				}
				a.f.until("it is still there", func() bool {
					a.f.mu.Lock()
					defer a.f.mu.Unlock()
					return len(a.f.ends) > 0
				})
				return nil
			},
		},
	}
}

// drip sends text again and again, until something comes back, which gone looks at, or the
// connection is gone.
func (a *foe) drip(text string, gone func(err error) error) error {
	for end := time.Now().Add(mercy); time.Now().Before(end); {
		_ = a.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		first, err := a.in.Peek(1)
		switch {
		case err == nil && first[0] == final|opText: // a ping
			if _, _, err = a.read(); err != nil {
				return gone(err)
			}
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := a.write(1, []byte(text)); err != nil {
				return gone(err)
			}
			continue
		}
		_ = a.conn.SetReadDeadline(end)
		return gone(err)
	}
	return errors.New("the connection is still there")
}
