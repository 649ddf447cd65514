// SPDX-License-Identifier: MIT

package engine_test

import (
	"compress/flate"
	"io"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// inflated reads a frame and what it holds. It may be compressed, without takeover.
func (c *socket) inflated() (op ws.OpCode, text string, compressed bool) {
	c.t.Helper()
	f, err := ws.ReadFrame(c.r)
	assert.NoError(c.t, err)
	compressed, err = wsflate.IsCompressed(f.Header)
	assert.NoError(c.t, err)
	if compressed {
		f, err = wsflate.DecompressFrame(f)
		assert.NoError(c.t, err)
	}
	return f.Header.OpCode, string(f.Payload), compressed
}

func (c *socket) wantInflated(op ws.OpCode, text string, compressed bool) {
	c.t.Helper()
	gotOp, got, gotCompressed := c.inflated()
	assert.Equal(c.t, gotOp, op)
	assert.True(c.t, got == text, "got %.60q, want %.60q", got, text)
	assert.Equal(c.t, gotCompressed, compressed)
}

// deflating opens a WebSocket with compression.
func (h *host) deflating(query string) (*socket, *receiver) {
	h.t.Helper()
	c, a := h.upgrade("GET", query, "", "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
	assert.Equal(h.t, a.status, 101)
	assert.Equal(h.t, a.header.Get("Sec-WebSocket-Extensions"), "permessage-deflate;server_no_context_takeover;client_no_context_takeover")
	if strings.Contains(query, "sid=") {
		return c, nil
	}
	_, open, _ := c.inflated()
	assert.True(h.t, strings.HasPrefix(open, `0{"sid":"`), "open packet %q", open)
	return c, h.receiver()
}

// deflated returns a compressed frame as a client sends it.
func deflated(t *testing.T, f ws.Frame) []byte {
	t.Helper()
	f, err := wsflate.CompressFrame(f)
	assert.NoError(t, err)
	return masked(f)
}

var compressing = engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 100}, AllowEIO3: true, MaxPayloadBytes: 10_000}

// TestDeflate_E5_6 compresses messages from the threshold on.
func TestDeflate_E5_6(t *testing.T) {
	long := strings.Repeat("abc", 100)
	t.Run("both ways", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, echo)
			c, r := h.deflating(direct)
			c.write(deflated(t, ws.NewTextFrame([]byte("4"+long))))
			c.wantInflated(ws.OpText, "4"+long, true)
			c.write(deflated(t, ws.NewBinaryFrame([]byte(long))))
			c.wantInflated(ws.OpBinary, long, true)
			c.send("4short")
			c.wantInflated(ws.OpText, "4short", false)
			assert.NoError(t, r.send("a", long, "b"))
			c.wantInflated(ws.OpText, "4a", false)
			c.wantInflated(ws.OpBinary, long, true)
			c.wantInflated(ws.OpBinary, "b", false)
		})
	})
	t.Run("E10.3 not wanted", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, nil)
			c, r := h.deflating(direct)
			m := newMessage(long, long).WithoutCompression()
			assert.NoError(t, r.session.Send(m, engine.SendOptions{}))
			c.wantInflated(ws.OpText, "4"+long, false)
			c.wantInflated(ws.OpBinary, long, false)
		})
	})
	t.Run("not offered", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, nil)
			c, a := h.upgrade("GET", direct, "")
			assert.Equal(t, a.header.Get("Sec-WebSocket-Extensions"), "")
			c.text()
			assert.NoError(t, h.receiver().send(long))
			c.want("4" + long)
			c.write(deflated(t, ws.NewTextFrame([]byte("4"+long)))) // RSV1 then is an error
			c.wantClose(ws.StatusProtocolError)
		})
	})
	t.Run("off", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			_, a := h.upgrade("GET", direct, "", "Sec-WebSocket-Extensions", "permessage-deflate")
			assert.Equal(t, a.status, 101)
			assert.Equal(t, a.header.Get("Sec-WebSocket-Extensions"), "")
		})
	})
	t.Run("a broadcast", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, nil)
			var clients []*socket
			var sessions []*engine.Session
			for range 20 {
				c, r := h.deflating(direct)
				clients, sessions = append(clients, c), append(sessions, r.session)
			}
			plain, r := h.connect()
			sessions = append(sessions, r.session)
			m := newMessage(long)
			f := h.srv.Fanout()
			for _, s := range sessions {
				f.Send(s, m, engine.SendOptions{})
			}
			f.Flush()
			for _, c := range clients {
				c.wantInflated(ws.OpText, "4"+long, true)
			}
			plain.want("4" + long)
		})
	})
	t.Run("upgrade", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, nil)
			sid, r := h.poll()
			c, _ := h.deflating(direct + "&sid=" + sid)
			c.send("2probe")
			c.wantInflated(ws.OpText, "3probe", false)
			assert.NoError(t, r.send(long))
			c.send("5")
			c.wantInflated(ws.OpText, "4"+long, true)
		})
	})
	t.Run("E5.1 revision 3", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, nil)
			c, r := h.deflating(direct3)
			assert.NoError(t, r.send("a", long))
			c.wantInflated(ws.OpText, "4a", false)
			c.wantInflated(ws.OpBinary, "\x04"+long, true)
			c.write(deflated(t, ws.NewBinaryFrame([]byte("\x04"+long))))
			r.wantMessage(long, true)
		})
	})
	t.Run("E5.2 a bomb", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, nil)
			c, r := h.deflating(direct)
			c.write(deflated(t, ws.NewTextFrame([]byte("4"+strings.Repeat("a", 10_000)))))
			c.wantClose(ws.StatusMessageTooBig)
			r.wantClosed(engine.ReasonTransportError, "Max payload size exceeded")
		})
	})
	t.Run("E5.5 malformed", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, compressing, nil)
			c, r := h.deflating(direct)
			f := ws.NewTextFrame([]byte("\xff\xff\xff\xff"))
			f.Header.Rsv = ws.Rsv(true, false, false)
			c.write(masked(f))
			c.wantClose(ws.StatusInvalidFramePayloadData)
			r.wantClosed(engine.ReasonTransportError, "malformed compressed data")
		})
	})
}

// TestDeflateTakeover_E5_6 keeps the window: a repeated message costs a few bytes.
func TestDeflateTakeover_E5_6(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: -1, ContextTakeover: true}}
		h := serve(t, cfg, nil)
		c, a := h.upgrade("GET", direct, "", "Sec-WebSocket-Extensions", "permessage-deflate")
		assert.Equal(t, a.header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
		r := h.receiver()
		text := "the quick brown fox jumps over the lazy dog 0123456789"
		var sizes []int
		for range 3 {
			assert.NoError(t, r.send(text))
		}
		history := ""
		for i := range 4 {
			f, err := ws.ReadFrame(c.r)
			assert.NoError(t, err)
			compressed, err := wsflate.IsCompressed(f.Header)
			assert.NoError(t, err)
			plain := string(f.Payload)
			if compressed {
				data, err := io.ReadAll(inflateReader(f.Payload, history))
				assert.NoError(t, err)
				plain = string(data)
				history += plain
			}
			if i > 0 {
				assert.Equal(t, plain, "4"+text)
				sizes = append(sizes, len(f.Payload))
			}
		}
		assert.True(t, sizes[2] < 12, "the same message took %v bytes", sizes)
	})
}

// TestBase64_E1_5: a client that takes no binary data gets, and sends, text.
func TestBase64_E1_5(t *testing.T) {
	for query, want := range map[string]string{direct + "&b64=1": "bAQID", direct3 + "&b64=1": "b4AQID"} {
		t.Run(query, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{AllowEIO3: true}, echo)
				c := h.socket(query)
				c.text()
				c.send(want)
				c.want(want)
				assert.NoError(t, h.receiver().send("a", "\x01\x02\x03"))
				c.want("4a")
				c.want(want)
			})
		})
	}
}

// TestBinary3_E5_1: revision 3 has a type byte before binary data.
func TestBinary3_E5_1(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{AllowEIO3: true}, echo)
		c := h.socket(direct3)
		c.text()
		r := h.receiver()
		for _, n := range []int{0, 1, 124, 125, 126, 65534, 65535, 100_000} {
			data := strings.Repeat("x", n)
			c.sendBinary("\x04" + data)
			c.wantBinary("\x04" + data)
		}
		c.sendBinary("\x02")
		c.wantClose(0)
		r.wantClosed(engine.ReasonParseError, "unknown packet type")
	})
}

// inflateReader decompresses a message that may refer to history.
func inflateReader(payload []byte, history string) io.Reader {
	return flate.NewReaderDict(strings.NewReader(string(payload)+"\x00\x00\xff\xff\x01\x00\x00\xff\xff"), []byte(history))
}

// TestDeflateNoLimit_E5_6 is without a limit of the payload.
func TestDeflateNoLimit_E5_6(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{PerMessageDeflate: &engine.PerMessageDeflate{}, MaxPayloadBytes: -1}, nil)
		c, r := h.deflating(direct)
		long := strings.Repeat("abc", 100_000)
		c.write(deflated(t, ws.NewTextFrame([]byte("4"+long))))
		r.wantMessage(long, false)
	})
}
