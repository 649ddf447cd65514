// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"compress/flate"
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

	"github.com/sio-go/sio/internal/assert"
)

// history is one direction of a compressed connection, by the standard library.
type history struct {
	takeover bool
	text     []byte
}

func (h *history) add(message string) {
	if h.takeover {
		h.text = append(h.text, message...)
		h.text = h.text[max(0, len(h.text)-32<<10):]
	}
}

func (h *history) pack(t *testing.T, message string) []byte {
	var buf bytes.Buffer
	w, err := flate.NewWriterDict(&buf, 9, h.text)
	assert.NoError(t, err)
	_, _ = io.WriteString(w, message)
	assert.NoError(t, w.Flush())
	h.add(message)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\x00\x00\xff\xff"))
}

func (h *history) unpack(t *testing.T, data []byte) string {
	all := io.MultiReader(bytes.NewReader(data), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	message, err := io.ReadAll(flate.NewReaderDict(all, h.text))
	assert.NoError(t, err)
	h.add(string(message))
	return string(message)
}

// TestEchoTakeover tries every combination of parameters (cases 12 and 13 of conformance
// suites).
func TestEchoTakeover(t *testing.T) {
	t.Parallel()
	server, _ := serveEcho(t)
	for i := range 4 * 9 {
		offer := "permessage-deflate"
		serverTakeover, clientTakeover, window := i&1 == 0, i&2 == 0, 7+i/4
		if !serverTakeover {
			offer += "; server_no_context_takeover"
		}
		if !clientTakeover {
			offer += "; client_no_context_takeover"
		}
		if window > 7 {
			offer += fmt.Sprintf("; server_max_window_bits=%d; client_max_window_bits=%d", window, window)
		}
		t.Run(offer, func(t *testing.T) {
			t.Parallel()
			p, res := dialEcho(t, server, "Sec-WebSocket-Extensions: "+offer)
			answer := res.Header.Get("Sec-WebSocket-Extensions")
			assert.True(t, strings.HasPrefix(answer, "permessage-deflate"), "answered %q", answer)
			in := &history{takeover: !strings.Contains(answer, "server_no_context_takeover")}
			out := &history{takeover: !strings.Contains(answer, "client_no_context_takeover")}
			assert.True(t, serverTakeover || !in.takeover, "the server keeps its window: %q", answer)
			if window > 7 {
				assert.True(t, strings.Contains(answer, fmt.Sprintf("server_max_window_bits=%d", window)), "answered %q", answer)
			}
			var sizes []int
			const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
			for _, text := range []string{"", letters, strings.Repeat("0123456789", 1000), "κόσμε", strings.Repeat("x", 1<<17), letters, letters, ""} {
				f := bits(part(ws.OpText, true, string(out.pack(t, text))), 4)
				if half := len(f.Payload) / 2; half > 0 { // in fragments, with a ping between them
					rest := part(ws.OpContinuation, true, string(f.Payload[half:]))
					f = bits(part(ws.OpText, false, string(f.Payload[:half])), 4)
					p.send(f)
					p.send(part(ws.OpPing, true, "p"))
					p.want(ws.OpPong, "p")
					f = rest
				}
				p.send(f)
				f, err := ws.ReadFrame(p.r)
				assert.NoError(t, err)
				got := string(f.Payload)
				if f.Header.Rsv == 4 {
					got = in.unpack(t, f.Payload)
				}
				assert.True(t, got == text, "%d bytes, want %d", len(got), len(text))
				sizes = append(sizes, len(f.Payload))
			}
			assert.True(t, !in.takeover || sizes[6] < sizes[1], "no earlier message is referred to: %v", sizes)
		})
	}
	t.Run("a bomb", func(t *testing.T) {
		t.Parallel()
		p, _ := dialEcho(t, server, "Sec-WebSocket-Extensions: permessage-deflate")
		bomb := new(history).pack(t, strings.Repeat("x", echoLimit+1))
		p.send(bits(part(ws.OpBinary, true, string(bomb)), 4))
		p.wantClosed(ws.StatusMessageTooBig)
	})
	t.Run("corrupt", func(t *testing.T) {
		t.Parallel()
		p, _ := dialEcho(t, server, "Sec-WebSocket-Extensions: permessage-deflate")
		p.send(bits(part(ws.OpBinary, true, "\xff\xff\xff"), 4))
		p.wantClosed(ws.StatusInvalidFramePayloadData)
	})
}

// TestEchoGoodbye: after a close frame the server ends the connection by itself, and what
// still comes does not keep the peer from reading it.
func TestEchoGoodbye(t *testing.T) {
	t.Parallel()
	server, _ := serveEcho(t)
	for name, first := range map[string]ws.Frame{
		"close":     ws.NewCloseFrame(ws.NewCloseFrameBody(1002, "")),
		"violation": part(3, true, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := dialEcho(t, server)
			p.send(first)
			for range 50 {
				p.send(part(ws.OpText, true, strings.Repeat("x", 1000)))
			}
			p.want(ws.OpClose, "\x03\xea")
			rest, err := io.ReadAll(p.r) // without having ended this side
			assert.NoError(t, err)
			assert.Equal(t, len(rest), 0)
		})
	}
}

// TestEchoCloseBusy ends connections that read and write all the time.
func TestEchoCloseBusy(t *testing.T) {
	t.Parallel()
	server, e := serveEcho(t)
	for range 4 {
		p, _ := dialEcho(t, server)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			frame := ws.MustCompileFrame(ws.MaskFrame(part(ws.OpText, true, "x")))
			for {
				if _, err := p.conn.Write(frame); err != nil {
					return
				}
			}
		}()
		p.want(ws.OpText, "x")
		e.close()
		_, _ = io.Copy(io.Discard, p.r)
		<-sent
		e.mu.Lock()
		e.closed = false
		e.mu.Unlock()
	}
}

// TestServeEcho: an open connection does not hold "sio serve" back.
func TestServeEcho(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"sio", "serve", "--addr", "127.0.0.1:0", "--quiet"}, stdout, &stderr)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	assert.NoError(t, err)
	_, addr, _ := strings.Cut(line, "http://")
	addr, _, _ = strings.Cut(addr, "/")
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	assert.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, "GET /ws-echo HTTP/1.1\r\nHost: "+addr+"\r\nOrigin: http://"+addr+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	assert.NoError(t, err)
	assert.Equal(t, res.StatusCode, http.StatusSwitchingProtocols)
	p := &echoPeer{t, conn, r}
	p.send(part(ws.OpText, true, "hello"))
	p.want(ws.OpText, "hello")
	stop()
	assert.Equal(t, <-code, exitOK)
	assert.Equal(t, stderr.String(), "")
	_, err = r.ReadByte()
	assert.Error(t, err)
}

// TestEchoOrigin accepts pages of the same host only.
func TestEchoOrigin(t *testing.T) {
	t.Parallel()
	server, _ := serveEcho(t)
	for origin, status := range map[string]int{
		"http://EXAMPLE.com": 101, "https://example.com": 101, "http://example.com:81": 403,
		"http://example.com.evil": 403, "null": 403, "%": 403, "file://": 403,
	} {
		_, res := dialEcho(t, server, "Origin: "+origin)
		assert.True(t, res.StatusCode == status, "%s: %s", origin, res.Status)
	}
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ws-echo", nil)
	req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"8"}}
	new(echo).ServeHTTP(w, req)
	assert.Equal(t, w.Code, http.StatusBadRequest)
	assert.Equal(t, w.Header().Get("Sec-WebSocket-Version"), "13")
}
