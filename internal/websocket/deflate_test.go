// SPDX-License-Identifier: MIT

package websocket_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/websocket"
)

// kept collects messages.
type kept struct {
	messages []string
	err      error
}

func (k *kept) Message(data []byte, _ bool) bool {
	k.messages = append(k.messages, string(data))
	return true
}
func (k *kept) Control(ws.OpCode, []byte) bool     { return true }
func (k *kept) Failed(_ websocket.Code, err error) { k.err = err }

// corpus is messages of all sorts, more than a window together.
func corpus() []string {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 40_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	list := []string{"", "a", `["event",{"user":"ada","text":"hello"}]`, `["event",{"user":"ada","text":"hello"}]`, string(noise), strings.Repeat("abc", 20_000)}
	for i := range 300 {
		list = append(list, fmt.Sprintf(`["event",{"user":"ada","n":%d,"text":%q}]`, i, strings.Repeat("x", i)))
	}
	return append(list, string(noise[:100]), `["event",{"user":"ada","text":"hello"}]`, "")
}

// TestDeflater sends messages to a Reader, which must get them as they were.
func TestDeflater(t *testing.T) {
	t.Parallel()
	for _, p := range []websocket.Params{
		{OutBits: 15, Level: 1},
		{OutBits: 15, Level: 9},
		{OutBits: 15, Level: 6, OutTakeover: true, InTakeover: true},
		{OutBits: 15, Level: 1, OutTakeover: true, InTakeover: true},
		{OutBits: 15, Level: 1, OutTakeover: true, InTakeover: true, Threshold: 100},
		{OutBits: 12, Level: 1},
		{OutBits: 9, Level: 1, Threshold: 1000},
		{OutBits: 8, Level: 1},
	} {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			t.Parallel()
			d := websocket.NewDeflater(&p)
			k := new(kept)
			r := websocket.Reader{Handler: k, MaxBytes: 1 << 20, MaxFragments: 1, Client: true, Deflate: &p}
			sent, size := 0, 0
			for _, m := range corpus() {
				frame := d.AppendFrame(nil, ws.OpBinary, []byte(m))
				if len(m) < p.Threshold {
					assert.Equal(t, frame[0], byte(0x82))
				}
				assert.True(t, len(frame) <= len(m)+30 || p.OutTakeover, "%d bytes became %d", len(m), len(frame))
				sent, size = sent+len(frame), size+len(m)
				assert.True(t, r.Feed(frame), "refused: %v", k.err)
			}
			assert.Equal(t, k.messages, corpus())
			t.Logf("%d bytes became %d", size, sent)
			assert.True(t, sent < size/2 || p.Threshold > 0, "%d bytes became %d", size, sent)
		})
	}
}

// TestDeflaterTakeover: a message that came before costs nearly nothing, also to another
// decompressor.
func TestDeflaterTakeover(t *testing.T) {
	t.Parallel()
	p := &websocket.Params{OutBits: 15, Level: 1, OutTakeover: true}
	d := websocket.NewDeflater(p)
	history := ""
	for i, m := range []string{"0123456789abcdefghijklmnopqrstuvwxyz", strings.Repeat("-", 40_000), "0123456789abcdefghijklmnopqrstuvwxyz", "0123456789abcdefghijklmnopqrstuvwxyz"} {
		f, err := ws.ReadFrame(bytes.NewReader(d.AppendFrame(nil, ws.OpText, []byte(m))))
		assert.NoError(t, err)
		plain, err := io.ReadAll(flate.NewReaderDict(strings.NewReader(string(f.Payload)+"\x00\x00\xff\xff\x01\x00\x00\xff\xff"), []byte(history)))
		assert.NoError(t, err)
		assert.Equal(t, string(plain), m)
		history += m
		history = history[max(0, len(history)-32<<10):]
		assert.Equal(t, len(f.Payload) < 12, i == 3)
	}
}

func compressed(data string) []byte {
	f := frame(ws.OpBinary, true, data)
	f.Header.Rsv = 4
	return client(f)
}

// pack compresses without a flush's end.
func pack(text string, final bool) string {
	var buf bytes.Buffer
	w, _ := flate.NewWriter(&buf, 9)
	_, _ = w.Write([]byte(text))
	if final {
		_ = w.Close()
		return buf.String()
	}
	_ = w.Flush()
	return strings.TrimSuffix(buf.String(), "\x00\x00\xff\xff")
}

// TestInflate is about what peers send.
func TestInflate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data, want string
		err        error
	}{
		"nothing":             {"", "", nil},
		"an empty block":      {"\x00", "", nil},
		"text":                {pack("hello", false), "hello", nil},
		"a final block":       {pack("hello", true), "hello", nil},
		"two final blocks":    {pack("hello", true) + pack(" again", true), "hello again", nil},
		"many final blocks":   {strings.Repeat(pack("", true), 100), "", websocket.ErrDeflate},
		"at the limit":        {pack(strings.Repeat("a", 1000), false), strings.Repeat("a", 1000), nil},
		"beyond the limit":    {pack(strings.Repeat("a", 1001), false), "", websocket.ErrTooBig},
		"reserved block type": {"\x06", "", websocket.ErrDeflate},
		"garbage":             {"\xff\xff\xff\xff", "", websocket.ErrDeflate},
		"cut off":             {pack("hello, hello, hello", false)[:6], "", websocket.ErrDeflate},
		"too far back":        {"\x4a\x84\x01\x00\x02\x02\x02\x02", "", websocket.ErrDeflate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, takeover := range []bool{false, true} {
				k := new(kept)
				r := websocket.Reader{Handler: k, MaxBytes: 1000, MaxFragments: 1, Deflate: &websocket.Params{OutBits: 15, Level: 1, InTakeover: takeover}}
				r.Feed(compressed(test.data))
				if test.err != nil {
					assert.ErrorIs(t, k.err, test.err)
					continue
				}
				assert.NoError(t, k.err)
				assert.Equal(t, k.messages, []string{test.want})
			}
		})
	}
	t.Run("an interleaved plain message", func(t *testing.T) {
		t.Parallel()
		k := new(kept)
		r := websocket.Reader{Handler: k, MaxBytes: 1000, MaxFragments: 9, Deflate: &websocket.Params{OutBits: 15, Level: 1}}
		packed := pack("hello", false)
		first := frame(ws.OpText, false, packed[:3])
		first.Header.Rsv = 4
		r.Feed(client(first, frame(ws.OpPing, true, ""), frame(ws.OpContinuation, true, packed[3:]), frame(ws.OpText, true, "plain")))
		assert.NoError(t, k.err)
		assert.Equal(t, k.messages, []string{"hello", "plain"})
		next := frame(ws.OpContinuation, true, "x")
		next.Header.Rsv = 4
		r.Feed(client(frame(ws.OpText, false, "a"), next))
		assert.ErrorIs(t, k.err, websocket.ErrProtocol)
	})
}

// TestBomb: what inflates to a gigabyte takes no more than the limit.
func TestBomb(t *testing.T) {
	bomb := pack(strings.Repeat("a", 100<<20), false)
	k := new(kept)
	r := websocket.Reader{Handler: k, MaxBytes: 1 << 20, MaxFragments: 1, Deflate: &websocket.Params{OutBits: 15, Level: 1}}
	input := compressed(bomb)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.Feed(input)
	runtime.ReadMemStats(&after)
	assert.ErrorIs(t, k.err, websocket.ErrTooBig)
	assert.True(t, after.TotalAlloc-before.TotalAlloc < 8<<20, "%d bytes taken for %d", after.TotalAlloc-before.TotalAlloc, len(input))
}

func TestShared(t *testing.T) {
	t.Parallel()
	var none *websocket.Params
	assert.Equal(t, none.Shared(), false)
	assert.Equal(t, (&websocket.Params{OutBits: 15}).Shared(), true)
	assert.Equal(t, (&websocket.Params{OutBits: 14}).Shared(), false)
	assert.Equal(t, (&websocket.Params{OutBits: 15, OutTakeover: true}).Shared(), false)
}

// TestNegotiation answers offers (RFC 7692, section 7.1).
func TestNegotiation(t *testing.T) {
	t.Parallel()
	takeover := websocket.Deflate{Level: 1, WindowBits: 15, ContextTakeover: true}
	plain := websocket.Deflate{Level: 1, WindowBits: 15}
	small := websocket.Deflate{Level: 1, WindowBits: 10, ContextTakeover: true}
	const none = "server_no_context_takeover;client_no_context_takeover"
	for _, test := range []struct {
		name, offer string
		d           *websocket.Deflate
		want        string
		params      websocket.Params
	}{
		{"off", "permessage-deflate", nil, "", websocket.Params{}},
		{"not offered", "", &takeover, "", websocket.Params{}},
		{"another extension", "x", &takeover, "", websocket.Params{}},
		{"simple", "permessage-deflate", &takeover, "permessage-deflate", websocket.Params{OutTakeover: true, InTakeover: true, OutBits: 15, Level: 1}},
		{"no takeover here", "permessage-deflate", &plain, "permessage-deflate;" + none, websocket.Params{OutBits: 15, Level: 1}},
		{"no takeover there", "permessage-deflate; " + strings.ReplaceAll(none, ";", "; "), &takeover, "permessage-deflate;" + none, websocket.Params{OutBits: 15, Level: 1}},
		{"bits of the server", "permessage-deflate; server_max_window_bits=10", &plain, "permessage-deflate;" + none + ";server_max_window_bits=10", websocket.Params{OutBits: 10, Level: 1}},
		{"bits of the server with takeover", "permessage-deflate; server_max_window_bits=8", &takeover, "permessage-deflate;server_no_context_takeover;server_max_window_bits=8", websocket.Params{InTakeover: true, OutBits: 8, Level: 1}},
		{"all bits of the server", "permessage-deflate; server_max_window_bits=15", &takeover, "permessage-deflate;server_max_window_bits=15", websocket.Params{OutTakeover: true, InTakeover: true, OutBits: 15, Level: 1}},
		{"our bits", "permessage-deflate", &small, "permessage-deflate;server_no_context_takeover;server_max_window_bits=10", websocket.Params{InTakeover: true, OutBits: 10, Level: 1}},
		{"our bits, for the client too", "permessage-deflate; client_max_window_bits", &small, "permessage-deflate;server_no_context_takeover;server_max_window_bits=10;client_max_window_bits=10", websocket.Params{InTakeover: true, OutBits: 10, Level: 1}},
		{"fewer bits of the client", "permessage-deflate; client_max_window_bits=9", &small, "permessage-deflate;server_no_context_takeover;server_max_window_bits=10;client_max_window_bits=9", websocket.Params{InTakeover: true, OutBits: 10, Level: 1}},
		{"bits of the client", "permessage-deflate; client_max_window_bits=9", &takeover, "permessage-deflate", websocket.Params{OutTakeover: true, InTakeover: true, OutBits: 15, Level: 1}},
		{"bits out of range", "permessage-deflate; server_max_window_bits=16", &takeover, "", websocket.Params{}},
		{"bits without a value", "permessage-deflate; server_max_window_bits", &takeover, "", websocket.Params{}},
		{"unknown parameter", "permessage-deflate; x", &takeover, "", websocket.Params{}},
		{"twice the same parameter", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", &takeover, "", websocket.Params{}},
		{"the second offer", "permessage-deflate; x=1, permessage-deflate; server_no_context_takeover, permessage-deflate", &takeover, "permessage-deflate;server_no_context_takeover", websocket.Params{InTakeover: true, OutBits: 15, Level: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.d)
			res, up := s.open("Sec-WebSocket-Extensions", test.offer)
			assert.Equal(t, strings.ReplaceAll(res.Header.Get("Sec-WebSocket-Extensions"), "; ", ";"), test.want)
			if test.want == "" {
				assert.True(t, up.Params == nil, "params %+v", up.Params)
			} else {
				assert.Equal(t, *up.Params, test.params)
			}
			assert.Equal(t, res.StatusCode, http.StatusSwitchingProtocols)
		})
	}
}

func FuzzDeflate(f *testing.F) {
	f.Add([]byte("hello hello hello"), []byte("hello"), uint8(15), true)
	f.Add([]byte(strings.Repeat("a", 300)), []byte{}, uint8(9), false)
	f.Fuzz(func(t *testing.T, first, second []byte, bits uint8, takeover bool) {
		p := &websocket.Params{OutBits: 8 + int(bits)%8, Level: 1 + int(bits/8)%9}
		p.OutTakeover = takeover && p.OutBits == 15
		p.InTakeover = p.OutTakeover
		d := websocket.NewDeflater(p)
		k := new(kept)
		r := websocket.Reader{Handler: k, MaxBytes: 1 << 20, MaxFragments: 1, Client: true, Deflate: p}
		want := []string{}
		for range 3 {
			for _, m := range [][]byte{first, second} {
				want = append(want, string(m))
				if !r.Feed(d.AppendFrame(nil, ws.OpBinary, m)) {
					t.Fatal(k.err)
				}
			}
		}
		assert.Equal(t, k.messages, want)
	})
}

func BenchmarkDeflater(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		for _, takeover := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d bytes, takeover %t", n, takeover), func(b *testing.B) {
				d := websocket.NewDeflater(&websocket.Params{OutBits: 15, Level: 1, OutTakeover: takeover})
				payload := []byte(strings.Repeat(`{"user":"ada","text":"hello"},`, n/30+1)[:n])
				b.SetBytes(int64(n))
				b.ReportAllocs()
				var buf []byte
				for b.Loop() {
					buf = d.AppendFrame(buf[:0], ws.OpText, payload)
				}
			})
		}
	}
}
