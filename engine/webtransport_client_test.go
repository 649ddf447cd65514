// SPDX-License-Identifier: MIT

package engine_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

var allTransports = []string{engine.WebTransport, engine.Polling, engine.WebSocket}

// stream is the client's end of a WebTransport session; it may break every rule.
type stream struct {
	t    testing.TB
	conn *memnet.Conn
	r    *bufio.Reader
	done <-chan answer // of the request, once ServeWebTransport has returned
}

// webTransport begins a WebTransport session. header holds names and values in turn.
func (h *host) webTransport(header ...string) *stream {
	h.t.Helper()
	return h.webTransportAfter(0, header...)
}

// webTransportAfter is webTransport of a client that opens its stream late.
func (h *host) webTransportAfter(delay time.Duration, header ...string) *stream {
	h.t.Helper()
	client, server := memnet.Pipe()
	done := make(chan answer, 1)
	go func() { done <- h.serveWebTransport(server, delay, header...) }()
	h.t.Cleanup(func() { _ = client.Close() })
	return &stream{h.t, client, bufio.NewReader(client), done}
}

func (h *host) serveWebTransport(conn net.Conn, delay time.Duration, header ...string) answer {
	r := httptest.NewRequestWithContext(h.t.Context(), "GET", "https://example.com/engine.io/?a=b", nil)
	r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor = "CONNECT", "webtransport", 3, 0
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.srv.ServeWebTransport(w, r, func(r *http.Request) (net.Conn, error) {
		select {
		case <-r.Context().Done():
			w.WriteHeader(http.StatusGatewayTimeout)
			return nil, errors.Join(r.Context().Err(), conn.Close())
		case <-time.After(delay):
		}
		w.WriteHeader(http.StatusOK)
		return conn, nil
	})
	return answer{status: w.Code, header: w.Header(), body: w.Body.String()}
}

// framed returns a packet with its header.
func framed(data string, isBinary bool) []byte {
	return append(wire.AppendStreamHeader(nil, len(data), isBinary), data...)
}

func (c *stream) write(p []byte) {
	c.t.Helper()
	_, err := c.conn.Write(p)
	assert.NoError(c.t, err)
}

func (c *stream) send(s string)       { c.t.Helper(); c.write(framed(s, false)) }
func (c *stream) sendBinary(s string) { c.t.Helper(); c.write(framed(s, true)) }

// read returns the next packet. It knows the frames by itself (E7.3).
func (c *stream) read() (m message, err error) {
	head, err := c.r.ReadByte()
	if err != nil {
		return m, err
	}
	n := uint64(head & 0x7f)
	var long [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(c.r, long[6:])
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		_, err = io.ReadFull(c.r, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	data := make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(c.r, data)
	}
	return message{string(data), head&0x80 != 0}, err
}

func (c *stream) wantPacket(data string, isBinary bool) {
	c.t.Helper()
	m, err := c.read()
	assert.NoError(c.t, err)
	if m != (message{data, isBinary}) {
		c.t.Fatalf("got packet %.60q, binary %t, want %.60q, binary %t", m.data, m.binary, data, isBinary)
	}
}

func (c *stream) want(s string)       { c.t.Helper(); c.wantPacket(s, false) }
func (c *stream) wantBinary(s string) { c.t.Helper(); c.wantPacket(s, true) }

// wantEnd checks that the stream ends without another packet.
func (c *stream) wantEnd() {
	c.t.Helper()
	m, err := c.read()
	assert.True(c.t, errors.Is(err, io.EOF), "packet %.60q and error %v, want the end", m.data, err)
}

// openStream opens a session over WebTransport.
func (h *host) openStream() (*stream, *receiver) {
	h.t.Helper()
	c := h.webTransport()
	c.send("0")
	m, err := c.read()
	assert.NoError(h.t, err)
	assert.True(h.t, strings.HasPrefix(m.data, `0{"sid":"`) && !m.binary, "packet %+v, want an open packet", m)
	return c, h.receiver()
}

// probeStream opens a second transport for a polling session and sends a probe.
func (h *host) probeStream(sid string) *stream {
	h.t.Helper()
	c := h.webTransport()
	c.send(`0{"sid":"` + sid + `"}`)
	c.send("2probe")
	c.want("3probe")
	return c
}
