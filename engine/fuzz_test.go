// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/memnet"
)

// FuzzFrames feeds arbitrary bytes in chunks of arbitrary size to a server's
// WebSocket. Whatever they are, the session ends exactly once; its receiver checks
// the order of the calls.
func FuzzFrames(f *testing.F) {
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	for _, seed := range [][]byte{
		text("4hello"),
		text("2"), text("1"), text(""), text("abc"),
		join(fragments(ws.OpText, "4he", "", "llo")...),
		join(fragments(ws.OpBinary, "\x01", "\x02")[0], masked(ws.NewPingFrame([]byte("p"))), text("4a")),
		masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "bye"))),
		masked(ws.NewCloseFrame([]byte{3})),
		text("4\xff"),
		header(0xc1, 0x80), header(0x83, 0x80), header(0x80, 0x80), header(0x09, 0x80),
		length64(1, 1<<63), length64(2, 1<<62), length64(2, 1<<20),
		header(0x89, 0x80|126, 0, 126),
		[]byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		f.Add(seed, uint16(1), uint16(0))
		f.Add(seed, uint16(0), uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, chunk, early uint16) {
		h := serve(t, engine.Config{MaxPayloadBytes: 1000, MaxFragments: 10}, echo)
		first := data[:min(int(early), len(data))]
		c, a := h.upgrade("GET", direct, string(first))
		if c == nil {
			t.Fatalf("refused: %+v", a)
		}
		r := h.receiver()
		go func() { _, _ = io.Copy(io.Discard, c.r) }()
		step := int(chunk)
		for rest := data[len(first):]; len(rest) > 0; {
			if step == 0 {
				step = len(rest)
			}
			n := min(step, len(rest))
			if _, err := c.conn.Write(rest[:n]); err != nil {
				break
			}
			rest = rest[n:]
		}
		_ = c.conn.Close()
		select {
		case <-r.ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the session does not end")
		}
		if n := r.closes.Load(); n != 1 {
			t.Fatalf("Closed was called %d times", n)
		}
	})
}

// takeover is a recorder whose connection can be taken over. The peer sends sent, and
// reads nothing.
type takeover struct {
	*httptest.ResponseRecorder
	sent string
	peer net.Conn // nil before
}

func (w *takeover) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	peer, conn := memnet.Pipe()
	w.peer = peer
	go func() { _, _ = io.WriteString(peer, w.sent) }()
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

// FuzzServeHTTP calls the handler with arbitrary requests, some for a session that
// exists: SID in the query stands for its id. The bits of features turn on what the
// server can do besides.
func FuzzServeHTTP(f *testing.F) {
	const (
		eio3 = 1 << iota
		cors
		credentials
		middleware
		initialPacket
		cookie
		webSocketOnly
		noUpgrades
	)
	upgrade := "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	for _, seed := range [][4]string{
		{"GET", polled, "", ""},
		{"GET", polled + "&sid=SID", "", ""},
		{"GET", polled + "&sid=SID", "Accept-Encoding: gzip;q=0, br, *;q=x", ""},
		{"POST", polled + "&sid=SID", "", "4hello\x1ebAQIDBA==\x1e3\x1e1"},
		{"POST", polled + "&sid=SID", "Content-Type: application/octet-stream", "4"},
		{"POST", polled + "&sid=SID", "", strings.Repeat("4", 200)},
		{"PUT", polled + "&sid=SID", "", "abc"},
		{"GET", direct, upgrade, string(text("4hello")) + string(text("1"))},
		{"GET", direct + "&sid=SID", upgrade, string(text("2probe")) + string(text("5")) + string(text("4a"))},
		{"GET", direct, upgrade + "\nSec-WebSocket-Protocol: a, b\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "\xff"},
		{"GET", polled, "Origin: null", ""},
		{"GET", polled, "Origin: http://[::1", ""},
		{"", "%zz;&transport=__proto__", "Connection: ,,upgrade", ""},
		{"GET", "EIO=3&EIO=4&transport=polling&sid=", upgrade, ""},
		{"GET", "transport=polling&j=1&b64=1", "", ""},
		{"GET", "transport=polling&j=0;alert(1)", "Origin: https://page.example", ""},
		{"POST", "transport=polling&j=0&sid=SID", "Content-Type: application/x-www-form-urlencoded", "d=1%3A4\\n"},
		{"POST", "transport=polling&sid=SID", "", "6:4hello2:1"},
		{"POST", "transport=polling&sid=SID", "Content-Type: application/octet-stream", "\x00\x02\xff4a\x01\x03\xff\x04\x01\x02"},
		{"GET", "transport=websocket", upgrade, string(text("2")) + string(text("b4AQID"))},
		{"OPTIONS", polled, "Origin: https://page.example\nAccess-Control-Request-Method: PUT\nAccess-Control-Request-Headers: x-a,,x-b", ""},
		{"OPTIONS", "", "Origin: \x00", ""},
		{"CONNECT", direct, upgrade, ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], uint8(0))
		f.Add(seed[0], seed[1], seed[2], seed[3], uint8(0x3f))
		f.Add(seed[0], seed[1], seed[2], seed[3], uint8(eio3|middleware|noUpgrades))
		f.Add(seed[0], seed[1], seed[2], seed[3], uint8(webSocketOnly))
	}
	f.Fuzz(func(t *testing.T, method, query, fields, body string, features uint8) {
		var receivers []*receiver
		has := func(bit uint8) bool { return features&bit != 0 }
		cfg := &engine.Config{
			MaxPayloadBytes: 100, MaxHeaderBytes: 1000, AllowEIO3: has(eio3), DisableUpgrades: has(noUpgrades),
			HTTPCompressionThreshold: 50,
			OnSession: func(s *engine.Session) engine.Receiver {
				r := newReceiver(t, s)
				echo(r)
				receivers = append(receivers, r)
				return r
			},
		}
		if has(cors) {
			cfg.CORS = &engine.CORS{Origins: []string{"https://*.example"}, Credentials: has(credentials)}
		}
		if has(initialPacket) {
			cfg.InitialPacket = newMessage("a", "\x00")
		}
		if has(cookie) {
			cfg.Cookie = engine.DefaultCookie
		}
		if has(webSocketOnly) {
			cfg.Transports = []string{engine.WebSocket}
		}
		srv := engine.NewServer(cfg)
		if has(middleware) {
			srv.Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(&committer{inner: w, commit: func(h http.Header) int { h.Set("X-A", "1"); return 0 }}, r)
				})
			})
		}
		call := func(method, query, fields, body string) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // no GET waits
			r := (&http.Request{
				Method: method, URL: &url.URL{Path: "/engine.io/", RawQuery: query}, Header: make(http.Header),
				Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "example.com", RemoteAddr: "192.0.2.1:1",
				Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
			}).WithContext(ctx)
			for line := range strings.Lines(fields) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				r.Header.Add(name, value)
			}
			w := &takeover{ResponseRecorder: httptest.NewRecorder(), sent: body}
			srv.ServeHTTP(w, r)
			if w.Code < 200 || w.Code > 599 {
				t.Fatalf("status %d", w.Code)
			}
			if w.peer != nil {
				t.Cleanup(func() { _ = w.peer.Close() })
			}
		}
		sid := "none"
		call("GET", polled, "", "")
		if len(receivers) == 1 {
			sid = receivers[0].session.ID()
		} else if !has(webSocketOnly) {
			t.Fatal("no session")
		}
		query = strings.ReplaceAll(query, "SID", sid)
		for range 2 {
			call(method, query, fields, body)
		}
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
		for _, r := range receivers {
			if n := r.closes.Load(); n != 1 {
				t.Fatalf("Closed was called %d times", n)
			}
		}
		if n := srv.Count(); n != 0 {
			t.Fatalf("%d sessions are left", n)
		}
	})
}
