// SPDX-License-Identifier: MIT

package websocket_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/websocket"
)

// Frames of HTTP/2 (RFC 9113, section 6).
const (
	wireData     = 0
	wireHeaders  = 1
	wireReset    = 3
	wireSettings = 4
	wireEnd      = 1 // flag: end of the stream
	wireWhole    = 4 // flag: end of the headers
)

// wire is a client of HTTP/2 with one stream.
type wire struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (c *wire) send(kind, flags byte, stream uint32, payload string) {
	c.t.Helper()
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = binary.BigEndian.AppendUint32(append(head, flags), stream)
	_, err := c.conn.Write(append(head, payload...))
	assert.NoError(c.t, err)
}

// next returns the next frame of the stream, and settings.
func (c *wire) next() (kind, flags byte, payload string) {
	c.t.Helper()
	for {
		var head [9]byte
		_, err := io.ReadFull(c.r, head[:])
		assert.NoError(c.t, err)
		body := make([]byte, binary.BigEndian.Uint32(head[:])>>8)
		_, err = io.ReadFull(c.r, body)
		assert.NoError(c.t, err)
		kind, flags = head[3], head[4]
		if kind == wireSettings && flags == 0 || kind == wireReset || binary.BigEndian.Uint32(head[5:]) == 1 && kind <= wireHeaders {
			return kind, flags, string(body)
		}
	}
}

// connect sends an extended CONNECT and returns the first byte of the answer's headers:
// the status, from the static table of HPACK (RFC 7541, appendix A).
func (c *wire) connect(fields ...string) byte {
	c.t.Helper()
	fields = append([]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":path", "/", ":authority", "example.com", "sec-websocket-version", "13"}, fields...)
	var block strings.Builder
	for i, field := range fields {
		if i%2 == 0 {
			block.WriteByte(0) // a literal, not to be remembered
		}
		block.WriteByte(byte(len(field)))
		block.WriteString(field)
	}
	c.send(wireHeaders, wireWhole, 1, block.String())
	for {
		switch kind, _, payload := c.next(); kind {
		case wireHeaders:
			return payload[0]
		case wireReset:
			c.t.Fatal("the stream was reset before it was answered")
		}
	}
}

const (
	wireOK  = 0x88
	wireBad = 0x8c
)

// TestHTTP2Wire runs this test again in an environment where net/http accepts extended
// CONNECTs, which it looks up when it is initialized.
func TestHTTP2Wire(t *testing.T) {
	t.Parallel()
	if !strings.Contains(os.Getenv("GODEBUG"), "http2xconnect=1") {
		self, err := os.Executable()
		assert.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestHTTP2Wire$", "-test.timeout=1m")
		cmd.Env = append(os.Environ(), "GODEBUG=http2xconnect=1")
		out, err := cmd.CombinedOutput()
		assert.True(t, err == nil && bytes.Contains(out, []byte("PASS")), "%v\n%s", err, out)
		return
	}
	for _, test := range []struct {
		name   string
		fields []string
		status byte
		server func(t *testing.T, up *websocket.Upgrade)
		client func(t *testing.T, c *wire)
	}{
		{"both ways", nil, wireOK, func(t *testing.T, up *websocket.Upgrade) {
			var got [3]byte
			_, err := io.ReadFull(up.Conn, got[:])
			assert.NoError(t, err)
			_, err = up.Conn.Write(append(got[:], '!'))
			assert.NoError(t, err)
			assert.True(t, up.Conn.LocalAddr() != nil, "no local address")
			assert.NoError(t, up.Conn.Close())
		}, func(t *testing.T, c *wire) {
			c.send(wireData, 0, 1, "ab")
			c.send(wireData, 0, 1, "c")
			kind, _, payload := c.next()
			assert.Equal(t, kind, byte(wireData))
			assert.Equal(t, payload, "abc!")
			kind, flags, _ := c.next()
			assert.Equal(t, []byte{kind, flags & wireEnd}, []byte{wireData, wireEnd})
		}},
		{"the client ends", nil, wireOK, func(t *testing.T, up *websocket.Upgrade) {
			_, err := up.Conn.Read(make([]byte, 1))
			assert.ErrorIs(t, err, io.EOF)
		}, func(_ *testing.T, c *wire) { c.send(wireData, wireEnd, 1, "") }},
		{"the client resets", nil, wireOK, func(t *testing.T, up *websocket.Upgrade) {
			_, err := up.Conn.Write([]byte("x")) // it has been accepted
			assert.NoError(t, err)
			_, err = up.Conn.Read(make([]byte, 1))
			assert.True(t, err != nil && !errors.Is(err, io.EOF), "read: %v", err)
		}, func(_ *testing.T, c *wire) {
			c.next()
			c.send(wireReset, 0, 1, "\x00\x00\x00\x08")
		}},
		{"a deadline for reading", nil, wireOK, func(t *testing.T, up *websocket.Upgrade) {
			assert.NoError(t, up.Conn.SetReadDeadline(time.Unix(1, 0)))
			_, err := up.Conn.Read(make([]byte, 1))
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
			_, err = up.Conn.Write([]byte("x")) // still possible
			assert.NoError(t, err)
		}, func(t *testing.T, c *wire) {
			kind, _, payload := c.next()
			assert.Equal(t, kind, byte(wireData))
			assert.Equal(t, payload, "x")
		}},
		{"a deadline for writing", nil, wireOK, func(t *testing.T, up *websocket.Upgrade) {
			assert.NoError(t, up.Conn.SetWriteDeadline(time.Unix(1, 0)))
			_, err := up.Conn.Write(make([]byte, 1<<20))
			assert.Error(t, err)
		}, nil},
		{"closed while it writes", nil, wireOK, func(t *testing.T, up *websocket.Upgrade) {
			done := make(chan error)
			go func() {
				_, err := up.Conn.Write(make([]byte, 1<<20)) // more than the window of the client
				done <- err
			}()
			_, err := up.Conn.Read(make([]byte, 1)) // the client has got something
			assert.NoError(t, err)
			assert.NoError(t, up.Conn.Close())
			assert.Error(t, <-done)
			up.Wait()
		}, func(t *testing.T, c *wire) {
			kind, _, _ := c.next()
			assert.Equal(t, kind, byte(wireData))
			c.send(wireData, 0, 1, "x")
			for kind != wireReset {
				kind, _, _ = c.next()
			}
		}},
		{"a frame", []string{"sec-websocket-extensions", "permessage-deflate"}, wireOK, func(t *testing.T, up *websocket.Upgrade) {
			assert.True(t, up.Params != nil, "no compression")
			buf := make([]byte, 64)
			n, err := up.Conn.Read(buf)
			assert.NoError(t, err)
			k := new(kept)
			r := websocket.Reader{Handler: k, MaxBytes: 64, MaxFragments: 1, Deflate: up.Params}
			r.Feed(buf[:n])
			assert.Equal(t, k.messages, []string{"hello"})
		}, func(_ *testing.T, c *wire) {
			c.send(wireData, 0, 1, string(client(frame(ws.OpText, true, "hello"))))
		}},
		{"malformed extensions", []string{"sec-websocket-extensions", "a;="}, wireBad, nil, nil},
		{"another version", []string{"sec-websocket-version", "8"}, wireBad, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			served := make(chan struct{})
			h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(served)
				assert.True(t, websocket.IsUpgrade(r), "no upgrade")
				if r.Header["Sec-Websocket-Version"] = r.Header["Sec-Websocket-Version"][len(r.Header["Sec-Websocket-Version"])-1:]; websocket.Check(w.Header(), r) != nil {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				up, err := websocket.Accept(w, r, nil, &websocket.Deflate{Level: 1, WindowBits: 15}, time.Minute)
				assert.Equal(t, err == nil, test.server != nil)
				if err == nil {
					test.server(t, up)
					_ = up.Conn.Close()
					up.Wait()
				}
			}))
			h.EnableHTTP2 = true
			h.StartTLS()
			defer h.Close()
			config := h.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			config.NextProtos, config.ServerName = []string{"h2"}, "example.com"
			conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", h.Listener.Addr().String())
			assert.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			c := &wire{t, conn, bufio.NewReader(conn)}
			_, _ = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
			c.send(wireSettings, 0, 0, "")
			_, _, settings := c.next()
			assert.True(t, strings.Contains(settings, "\x00\x08\x00\x00\x00\x01"), "no extended CONNECT in the settings %x", settings)
			assert.Equal(t, c.connect(test.fields...), test.status)
			if test.client != nil {
				test.client(t, c)
			}
			<-served
		})
	}
}
