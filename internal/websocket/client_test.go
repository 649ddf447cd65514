// SPDX-License-Identifier: MIT

package websocket_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/websocket"
)

// TestOffer opens connections with our own server, and checks forged answers.
func TestOffer(t *testing.T) {
	t.Parallel()
	s := serve(t, &websocket.Deflate{Level: 1, WindowBits: 15, ContextTakeover: true})
	offer := websocket.Offer{Protocols: []string{"one", "two"}, Deflate: &websocket.Deflate{Level: 1, Threshold: 7}}
	fields := http.Header{"Sec-Websocket-Protocol": {"x"}, "Sec-Websocket-Extensions": {"x"}}
	offer.Set(fields)
	var list []string
	for name, values := range fields {
		list = append(list, name, values[0])
	}
	res, up := s.open(list...)
	params, err := offer.Check(res.Header)
	assert.NoError(t, err)
	assert.Equal(t, *params, websocket.Params{OutBits: 15, Threshold: 7, Level: 1})
	assert.Equal(t, up.Params.InTakeover || up.Params.OutTakeover, false)
	assert.Equal(t, res.Header.Get("Sec-Websocket-Protocol"), "one")

	for _, test := range []struct {
		name, value string
		want        error
	}{
		{"Sec-Websocket-Accept", "dGhlIHNhbXBsZSBub25jZQ==", websocket.ErrAccept},
		{"Sec-Websocket-Accept", "", websocket.ErrAccept},
		{"Upgrade", "", websocket.ErrUpgrade},
		{"Upgrade", "WebSocket", nil},
		{"Connection", "keep-alive", websocket.ErrUpgrade},
		{"Connection", "keep-alive, upgrade", nil},
		{"Sec-Websocket-Protocol", "two", nil},
		{"Sec-Websocket-Protocol", "three", websocket.ErrProtocols},
		{"Sec-Websocket-Protocol", "one, two", websocket.ErrProtocols},
		{"Sec-Websocket-Extensions", "", nil},
		{"Sec-Websocket-Extensions", "permessage-deflate; client_max_window_bits=9; server_max_window_bits=10", nil},
		{"Sec-Websocket-Extensions", "permessage-deflate; client_max_window_bits=99", websocket.ErrExtensions},
		{"Sec-Websocket-Extensions", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", websocket.ErrExtensions},
		{"Sec-Websocket-Extensions", "permessage-deflate, x", websocket.ErrExtensions},
		{"Sec-Websocket-Extensions", "permessage-bzip2", websocket.ErrExtensions},
		{"Sec-Websocket-Extensions", "\"", websocket.ErrExtensions},
	} {
		h := res.Header.Clone()
		h.Set(test.name, test.value)
		if test.value == "" {
			h.Del(test.name)
		}
		_, err := offer.Check(h)
		assert.ErrorIs(t, err, test.want)
	}
	h := res.Header.Clone()
	h.Set("Sec-Websocket-Extensions", "permessage-deflate; client_max_window_bits=9")
	params, err = offer.Check(h)
	assert.NoError(t, err)
	assert.Equal(t, *params, websocket.Params{InTakeover: true, OutBits: 9, Threshold: 7, Level: 1})
	offer.Deflate = nil
	_, err = offer.Check(h)
	assert.ErrorIs(t, err, websocket.ErrExtensions)
}

// TestAppendMasked sends masked frames to a Reader, which must get them as they were.
func TestAppendMasked(t *testing.T) {
	t.Parallel()
	for _, p := range []*websocket.Params{nil, {OutBits: 15, Level: 1}, {OutBits: 9, Level: 1}, {OutBits: 15, Level: 1, OutTakeover: true, InTakeover: true}} {
		k := new(kept)
		r := websocket.Reader{Handler: k, MaxBytes: 1 << 20, MaxFragments: 1, Deflate: p}
		for _, m := range corpus() {
			var frame []byte
			if p == nil {
				half := len(m) / 2
				frame = websocket.AppendMasked([]byte("before"), ws.OpBinary, false, []byte(m[:half]), []byte(m[half:]))
			} else {
				frame = websocket.NewDeflater(p).AppendMasked([]byte("before"), ws.OpBinary, []byte(m))
			}
			frame, _ = bytes.CutPrefix(frame, []byte("before"))
			assert.True(t, r.Feed(frame), "refused: %v", k.err)
		}
		assert.Equal(t, k.messages, corpus())
	}
}
