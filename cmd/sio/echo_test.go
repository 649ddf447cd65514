// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// echoPeer is a client of /ws-echo that may break every rule.
type echoPeer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// dialEcho opens a connection. header holds lines.
func dialEcho(t *testing.T, server *httptest.Server, header ...string) (*echoPeer, *http.Response) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	lines := append([]string{
		"GET /ws-echo HTTP/1.1", "Host: example.com", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, header...)
	_, _ = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &echoPeer{t, conn, r}, res
}

func serveEcho(t *testing.T) (*httptest.Server, *echo) {
	t.Helper()
	e := new(echo)
	server := httptest.NewServer(newHandler("/socket.io/", http.NotFoundHandler(), e, nil))
	t.Cleanup(func() {
		e.close()
		server.Close()
	})
	return server, e
}

func (p *echoPeer) send(f ws.Frame) {
	p.t.Helper()
	if _, err := p.conn.Write(ws.MustCompileFrame(ws.MaskFrame(f))); err != nil {
		p.t.Fatal(err)
	}
}

func (p *echoPeer) want(op ws.OpCode, payload string) {
	p.t.Helper()
	f, err := ws.ReadFrame(p.r)
	if err != nil {
		p.t.Fatal(err)
	}
	if f.Header.OpCode != op || string(f.Payload) != payload || f.Header.Masked || !f.Header.Fin {
		p.t.Fatalf("got %+v %.60q, want %#x %.60q", f.Header, f.Payload, op, payload)
	}
}

// wantClosed reads a close frame with the code, 0 for none, and the end.
func (p *echoPeer) wantClosed(code ws.StatusCode) {
	p.t.Helper()
	payload := ""
	if code != 0 {
		payload = string(ws.NewCloseFrameBody(code, ""))
	}
	p.want(ws.OpClose, payload)
	p.end()
}

func (p *echoPeer) end() {
	p.t.Helper()
	_ = p.conn.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(p.r); err != nil || len(rest) > 0 {
		p.t.Fatalf("%q, %v instead of the end", rest, err)
	}
}

func part(op ws.OpCode, fin bool, payload string) ws.Frame {
	return ws.NewFrame(op, fin, []byte(payload))
}

func bits(f ws.Frame, rsv byte) ws.Frame {
	f.Header.Rsv = rsv
	return f
}

// TestEcho sends what conformance suites send.
func TestEcho(t *testing.T) {
	t.Parallel()
	server, _ := serveEcho(t)
	type frames []ws.Frame
	long := strings.Repeat("a", 125)
	closing := func(code ws.StatusCode, reason string) ws.Frame {
		return ws.NewCloseFrame(ws.NewCloseFrameBody(code, reason))
	}
	type out struct {
		op      ws.OpCode
		payload string
	}
	for _, test := range []struct {
		name string
		in   frames
		out  []out
		code int // of the close frame that follows; -1: the connection is open
	}{
		{"2 ping", frames{part(ws.OpPing, true, ""), part(ws.OpPing, true, long)}, []out{{ws.OpPong, ""}, {ws.OpPong, long}}, -1},
		{"2 long ping", frames{part(ws.OpPing, true, long+"a")}, nil, 1002},
		{"2 unasked pong", frames{part(ws.OpPong, true, "x"), part(ws.OpText, true, "y")}, []out{{ws.OpText, "y"}}, -1},
		{"3 reserved bit 1", frames{bits(part(ws.OpText, true, "x"), 4)}, nil, 1002},
		{"3 reserved bit 3", frames{part(ws.OpText, true, "ok"), bits(part(ws.OpText, true, "x"), 1)}, []out{{ws.OpText, "ok"}}, 1002},
		{"3 reserved bit of a ping", frames{bits(part(ws.OpPing, true, ""), 2)}, nil, 1002},
		{"4 reserved opcode", frames{part(3, true, "x")}, nil, 1002},
		{"4 reserved control opcode", frames{part(11, true, "x")}, nil, 1002},
		{"5 fragmented ping", frames{part(ws.OpPing, false, "x")}, nil, 1002},
		{"5 fragments", frames{part(ws.OpText, false, "a"), part(ws.OpContinuation, false, ""), part(ws.OpContinuation, true, "b")}, []out{{ws.OpText, "ab"}}, -1},
		{"5 ping between fragments", frames{part(ws.OpBinary, false, "a"), part(ws.OpPing, true, "p"), part(ws.OpContinuation, true, "b")}, []out{{ws.OpPong, "p"}, {ws.OpBinary, "ab"}}, -1},
		{"5 continuation of nothing", frames{part(ws.OpContinuation, true, "x")}, nil, 1002},
		{"5 a message within another", frames{part(ws.OpText, false, "a"), part(ws.OpText, true, "b")}, nil, 1002},
		{"6 UTF-8", frames{part(ws.OpText, true, "κόσμε \U0001f600")}, []out{{ws.OpText, "κόσμε \U0001f600"}}, -1},
		{"6 UTF-8 over fragments", frames{part(ws.OpText, false, "\xce"), part(ws.OpContinuation, true, "\xba")}, []out{{ws.OpText, "κ"}}, -1},
		{"6 invalid UTF-8", frames{part(ws.OpText, true, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80")}, nil, 1007},
		{"6 cut off", frames{part(ws.OpText, true, "\xce")}, nil, 1007},
		{"6 invalid binary is none", frames{part(ws.OpBinary, true, "\xff\xfe")}, []out{{ws.OpBinary, "\xff\xfe"}}, -1},
		{"7 close", frames{ws.NewCloseFrame(nil)}, nil, 0},
		{"7 close with a code", frames{closing(1000, "bye")}, nil, 1000},
		{"7 close, own code", frames{closing(3000, "")}, nil, 3000},
		{"7 close, own code", frames{closing(4999, "")}, nil, 4999},
		{"7 one byte", frames{ws.NewCloseFrame([]byte{3})}, nil, 1002},
		{"7 reason not UTF-8", frames{closing(1000, "\xff")}, nil, 1002},
		{"7 code 999", frames{closing(999, "")}, nil, 1002},
		{"7 code 1005", frames{closing(1005, "")}, nil, 1002},
		{"7 code 1006", frames{closing(1006, "")}, nil, 1002},
		{"7 code 1015", frames{closing(1015, "")}, nil, 1002},
		{"7 code 5000", frames{closing(5000, "")}, nil, 1002},
		{"7 nothing after close", frames{closing(1000, ""), part(ws.OpText, true, "x")}, nil, 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, res := dialEcho(t, server)
			if res.StatusCode != http.StatusSwitchingProtocols {
				t.Fatal(res.Status)
			}
			for _, f := range test.in {
				p.send(f)
			}
			for _, o := range test.out {
				p.want(o.op, o.payload)
			}
			if test.code >= 0 {
				p.wantClosed(ws.StatusCode(test.code))
				return
			}
			p.send(part(ws.OpText, true, "still here"))
			p.want(ws.OpText, "still here")
		})
	}
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 1 << 20} {
		t.Run(fmt.Sprintf("1 and 9 %d bytes", n), func(t *testing.T) {
			t.Parallel()
			p, _ := dialEcho(t, server)
			text := strings.Repeat("*", n)
			p.send(part(ws.OpText, true, text))
			p.want(ws.OpText, text)
			p.send(part(ws.OpBinary, true, text))
			p.want(ws.OpBinary, text)
		})
	}
	t.Run("9 too big", func(t *testing.T) {
		t.Parallel()
		p, _ := dialEcho(t, server)
		if err := ws.WriteHeader(p.conn, ws.Header{Fin: true, OpCode: ws.OpBinary, Masked: true, Length: echoLimit + 1}); err != nil {
			t.Fatal(err)
		}
		p.wantClosed(ws.StatusMessageTooBig)
	})
}

// TestEchoDeflate compresses (cases 12 and 13 of conformance suites).
func TestEchoDeflate(t *testing.T) {
	t.Parallel()
	server, _ := serveEcho(t)
	for offer, answer := range map[string]string{
		"permessage-deflate":                             "permessage-deflate",
		"permessage-deflate; server_max_window_bits=9":   "permessage-deflate;server_no_context_takeover;server_max_window_bits=9",
		"permessage-deflate; server_max_window_bits=15":  "permessage-deflate;server_max_window_bits=15",
		"permessage-deflate; client_max_window_bits":     "permessage-deflate",
		"permessage-deflate; server_no_context_takeover": "permessage-deflate;server_no_context_takeover",
		"permessage-deflate; client_no_context_takeover": "permessage-deflate;client_no_context_takeover",
		"permessage-deflate; bogus, permessage-deflate; server_no_context_takeover; client_no_context_takeover": "permessage-deflate;server_no_context_takeover;client_no_context_takeover",
		"x-webkit-deflate-frame": "",
	} {
		t.Run(offer, func(t *testing.T) {
			t.Parallel()
			p, res := dialEcho(t, server, "Sec-WebSocket-Extensions: "+offer)
			if got := res.Header.Get("Sec-WebSocket-Extensions"); got != answer {
				t.Fatalf("answered %q, want %q", got, answer)
			}
			if !strings.Contains(answer, "server_no_context_takeover") {
				return // what follows reads messages by themselves
			}
			text := strings.Repeat("compress me ", 1000)
			for range 3 {
				f, err := wsflate.CompressFrame(part(ws.OpText, true, text))
				if err != nil {
					t.Fatal(err)
				}
				p.send(f)
				f, err = ws.ReadFrame(p.r)
				if err != nil {
					t.Fatal(err)
				}
				if compressed, _ := wsflate.IsCompressed(f.Header); !compressed || len(f.Payload) > len(text)/10 {
					t.Fatalf("%+v, %d bytes", f.Header, len(f.Payload))
				}
				if f, err = wsflate.DecompressFrame(f); err != nil || string(f.Payload) != text {
					t.Fatalf("%v, %d bytes", err, len(f.Payload))
				}
			}
		})
	}
}

// TestEchoRefused is about what is no handshake.
func TestEchoRefused(t *testing.T) {
	t.Parallel()
	server, _ := serveEcho(t)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/ws-echo", nil)
	res, err := server.Client().Do(req)
	if err != nil || res.StatusCode != http.StatusUpgradeRequired {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	for header, status := range map[string]int{
		"Origin: https://evil.example":  403,
		"Origin: http://example.com":    101,
		"Sec-WebSocket-Version: 12":     101, // the first one counts
		"Sec-WebSocket-Protocol: a, b":  101,
		"Sec-WebSocket-Extensions: ???": 400,
	} {
		_, res := dialEcho(t, server, header)
		if res.StatusCode != status {
			t.Errorf("%s: %s", header, res.Status)
		}
	}
}

// TestEchoClose ends open connections.
func TestEchoClose(t *testing.T) {
	t.Parallel()
	server, e := serveEcho(t)
	p, _ := dialEcho(t, server)
	p.send(part(ws.OpText, true, "x"))
	p.want(ws.OpText, "x")
	e.close()
	if _, err := p.r.ReadByte(); err == nil {
		t.Fatal("still open")
	}
	later, _ := dialEcho(t, server)
	if _, err := later.r.ReadByte(); err == nil {
		t.Fatal("opened after close")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(e.open()) > 0 {
		if ctx.Err() != nil {
			t.Fatal("connections left")
		}
	}
}

func (e *echo) open() map[net.Conn]struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	open := make(map[net.Conn]struct{})
	for conn := range e.conns {
		open[conn] = struct{}{}
	}
	return open
}
