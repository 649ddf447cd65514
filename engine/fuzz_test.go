// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
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

// FuzzServeHTTP calls the handler with arbitrary requests, some for a session that
// exists: SID in the query stands for its id.
func FuzzServeHTTP(f *testing.F) {
	upgrade := "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	for _, seed := range [][4]string{
		{"GET", polled, "", ""},
		{"GET", polled + "&sid=SID", "", ""},
		{"POST", polled + "&sid=SID", "", "4hello\x1ebAQIDBA==\x1e3\x1e1"},
		{"POST", polled + "&sid=SID", "Content-Type: application/octet-stream", "4"},
		{"POST", polled + "&sid=SID", "", strings.Repeat("4", 200)},
		{"PUT", polled + "&sid=SID", "", "abc"},
		{"GET", direct, upgrade, ""},
		{"GET", direct + "&sid=SID", upgrade, ""},
		{"GET", polled, "Origin: null", ""},
		{"GET", polled, "Origin: http://[::1", ""},
		{"", "%zz;&transport=__proto__", "Connection: ,,upgrade", ""},
		{"GET", "EIO=3&EIO=4&transport=polling&sid=", upgrade, ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, query, fields, body string) {
		var receivers []*receiver
		srv := engine.NewServer(&engine.Config{MaxPayloadBytes: 100, OnSession: func(s *engine.Session) engine.Receiver {
			r := newReceiver(t, s)
			receivers = append(receivers, r)
			return r
		}})
		call := func(method, query, fields, body string) *httptest.ResponseRecorder {
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
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, r)
			if w.Code < 200 || w.Code > 599 {
				t.Fatalf("status %d", w.Code)
			}
			return w
		}
		call("GET", polled, "", "")
		if len(receivers) != 1 {
			t.Fatal("no session")
		}
		query = strings.ReplaceAll(query, "SID", receivers[0].session.ID())
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
