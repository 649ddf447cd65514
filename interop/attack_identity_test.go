// SPDX-License-Identifier: MIT

package interop_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/sio-go/sio"
)

// identityAttacks are those by clients that are not who they seem to be.
func identityAttacks() []attack {
	return []attack{
		{
			name: "cross-site hijacking", does: "handshakes with the `Origin` of another site, over both transports",
			gets: "status 403, of an upgrade 400 `Forbidden`, before a session is made; the own origin is let in",
			foes: 4, held: 128 << 10, made: 4 << 20,
			run: func(a *foe) error {
				const refused = `{"code":4,`
				for _, origin := range []string{"http://evil.example", "https://" + a.f.addr + ".evil.example", "http://evil.example/" + a.f.addr,
					"http://" + a.f.addr + "@evil.example", "null", "http://127.0.0.1:1", "file://", "x"} {
					if err := a.dial(); err != nil {
						return err
					}
					if _, err := a.ask(a.request("GET", "polling", "", "Origin: "+origin), 403, refused); err != nil {
						return err
					}
					// A refused upgrade has status 400 and no JSON (E2.7), and ends the connection.
					if _, err := a.ask(a.request("GET", "websocket", "", append([]string{"Origin: " + origin}, switching...)...), 400, "Forbidden"); err != nil {
						return err
					}
				}
				return a.join("Origin: http://" + a.f.addr)
			},
		},
		{
			name: "session guessing", does: "100 requests with invented session ids and with the public id of another socket, over both transports",
			gets: "status 400, `Session ID unknown`",
			foes: 4, held: 128 << 10, made: 32 << 20,
			run: func(a *foe) error {
				if err := a.dial(); err != nil {
					return err
				}
				for i := range 100 {
					sid := a.f.bystander.ID()
					if i > 3 {
						sid = secret(15)
					}
					var err error
					switch i % 3 {
					case 0:
						_, err = a.ask(a.request("GET", "polling&sid="+sid, ""), 400, "Session ID unknown")
					case 1:
						_, err = a.ask(a.request("POST", "polling&sid="+sid, "41"), 400, "Session ID unknown")
					case 2:
						_, err = a.ask(a.request("GET", "websocket&sid="+sid, "", switching...), 400, "Session ID unknown")
						if err == nil {
							err = a.dial() // a refused upgrade ends the connection
						}
					}
					if err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			name: "recovery guessing", does: "50 CONNECTs with an invented `pid`, or the id of another socket as one, with `Recovery`",
			gets: "a new socket; nothing of another one",
			foes: 4, held: 128 << 10, made: 32 << 20, ends: "transport close",
			configure: func(cfg *sio.Config, _ *http.Server) { cfg.Recovery = &sio.Recovery{} },
			run: func(a *foe) error {
				for i := range 50 {
					pid := a.f.bystander.ID()
					if i > 3 {
						pid = secret(15)
					}
					if err := a.open(); err != nil {
						return err
					}
					if err := a.write(1, texts(fmt.Sprintf(`40{"pid":%q,"offset":"x"}`, pid))); err != nil {
						return err
					}
					text, err := a.text()
					if err != nil {
						return err
					}
					if !strings.HasPrefix(text, `40{"sid":"`) || strings.Contains(text, a.f.bystander.ID()) || strings.Contains(text, pid) {
						return fmt.Errorf("got %q", text)
					}
					if err := a.conn.Close(); err != nil {
						return err
					}
				}
				return nil
			},
		},
	}
}

// secret returns what looks like an id of n bytes.
func secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.URLEncoding.EncodeToString(b)
}
