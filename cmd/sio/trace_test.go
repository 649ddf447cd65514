// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

func exchanges(t *testing.T, h http.Handler, id string) []exchange {
	t.Helper()
	var list []exchange
	assert.NoError(t, json.Unmarshal(get(t, h, "GET", "/playground/handshakes.json?trace="+id).Body.Bytes(), &list))
	return list
}

func TestTracePolling(t *testing.T) {
	t.Parallel()
	h := newPlayground(t)
	id := strings.Repeat("0a", 16)
	get(t, h, "GET", "/socket.io/?EIO=4&transport=polling&trace="+id, "Cookie", "secret", "X-Long", strings.Repeat("x", 9999))
	list := exchanges(t, h, id)
	assert.Equal(t, len(list), 1)
	x := list[0]
	assert.Equal(t, x.Status, http.StatusOK)
	assert.Equal(t, x.RequestHeaders, [][2]string{{"Host", "example.com"}, {"Cookie", "(hidden)"}, {"X-Long", strings.Repeat("x", maxText) + "..."}})
	assert.True(t, len(x.ResponseHeaders) >= 2, "response: %v", x.ResponseHeaders)
}

func TestTraceRefusal(t *testing.T) {
	t.Parallel()
	h := newPlayground(t)
	id := strings.Repeat("0b", 16)
	get(t, h, "GET", "/socket.io/?EIO=3&transport=polling&trace="+id) // E1.13
	assert.Equal(t, exchanges(t, h, id)[0].Status, http.StatusBadRequest)
}

func TestTraceWebSocket(t *testing.T) {
	t.Parallel()
	l := memnet.Listen()
	h := newPlayground(t)
	web := &http.Server{Handler: h}
	go func() { _ = web.Serve(l) }()
	t.Cleanup(func() { _ = web.Close() })
	conn, err := l.Dial(t.Context())
	assert.NoError(t, err)
	defer func() { _ = conn.Close() }()
	id := strings.Repeat("0c", 16)
	// The key and its answer are those of RFC 6455, section 1.3.
	_, err = fmt.Fprintf(conn, "GET /socket.io/?EIO=4&transport=websocket&trace=%s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", id)
	assert.NoError(t, err)
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	assert.NoError(t, err)
	assert.Equal(t, res.StatusCode, http.StatusSwitchingProtocols)
	frame := make([]byte, 8)
	_, err = r.Read(frame)
	assert.NoError(t, err)
	assert.True(t, strings.Contains(string(frame), `0{"s`), "first frame: %q", frame)

	x := exchanges(t, h, id)[0]
	assert.Equal(t, x.Status, http.StatusSwitchingProtocols)
	assert.Equal(t, x.ResponseHeaders, [][2]string{{"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, {"Upgrade", "websocket"}})
}

func TestTraceIsBounded(t *testing.T) {
	t.Parallel()
	traces := newTraces(http.NotFoundHandler())
	id := func(i int) string { return fmt.Sprintf("%032x", i) }
	for i := range maxTraces + 1 {
		for range maxExchanges + 1 {
			get(t, traces, "GET", "/?trace="+id(i))
		}
	}
	get(t, traces, "GET", "/?trace=short")
	get(t, traces, "GET", "/?transport=polling&sid=x&trace="+id(7777))
	assert.Equal(t, len(traces.of(id(0))), 0) // the oldest made room
	assert.Equal(t, len(traces.of(id(1))), maxExchanges)
	assert.Equal(t, len(traces.of(id(maxTraces))), maxExchanges)
	assert.Equal(t, len(traces.of("short")), 0)
	assert.Equal(t, len(traces.of(id(7777))), 0)
	assert.Equal(t, len(traces.byID), maxTraces)
	assert.Equal(t, len(traces.ids), maxTraces)
}
