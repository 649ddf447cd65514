// SPDX-License-Identifier: MIT

package engine_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// fragments returns a message in frames of which only the last is final.
func fragments(op ws.OpCode, parts ...string) [][]byte {
	frames := make([][]byte, len(parts))
	for i, part := range parts {
		frames[i] = masked(ws.NewFrame(op, i == len(parts)-1, []byte(part)))
		op = ws.OpContinuation
	}
	return frames
}

// TestWebSocketEcho_E5_1 sends messages in all forms that RFC 6455 allows.
func TestWebSocketEcho_E5_1(t *testing.T) {
	t.Parallel()
	parts := fragments(ws.OpText, "4", "he", "", "llo")
	tests := []struct {
		name   string
		frames [][]byte
		want   []ws.Frame
	}{
		{"text", [][]byte{text("4hello")}, []ws.Frame{ws.NewTextFrame([]byte("4hello"))}},
		{"empty text message", [][]byte{text("4")}, []ws.Frame{ws.NewTextFrame([]byte("4"))}},
		{"125 bytes", [][]byte{text("4" + strings.Repeat("x", 124))}, []ws.Frame{ws.NewTextFrame([]byte("4" + strings.Repeat("x", 124)))}},
		{"126 bytes", [][]byte{text("4" + strings.Repeat("x", 125))}, []ws.Frame{ws.NewTextFrame([]byte("4" + strings.Repeat("x", 125)))}},
		{"65,536 bytes", [][]byte{text("4" + strings.Repeat("x", 65_535))}, []ws.Frame{ws.NewTextFrame([]byte("4" + strings.Repeat("x", 65_535)))}},
		{
			"binary", [][]byte{masked(ws.NewBinaryFrame([]byte{0, 1, 0xff}))},
			[]ws.Frame{ws.NewBinaryFrame([]byte{0, 1, 0xff})},
		},
		{
			"empty binary", [][]byte{masked(ws.NewBinaryFrame(nil))},
			[]ws.Frame{ws.NewBinaryFrame(nil)},
		},
		{"fragments", parts, []ws.Frame{ws.NewTextFrame([]byte("4hello"))}},
		{
			"fragments within a character", fragments(ws.OpText, "4\xe2", "\x82", "\xac"),
			[]ws.Frame{ws.NewTextFrame([]byte("4€"))},
		},
		{
			"control frames between fragments",
			[][]byte{parts[0], masked(ws.NewPingFrame([]byte("p"))), parts[1], masked(ws.NewPongFrame([]byte("q"))), parts[2], parts[3]},
			[]ws.Frame{ws.NewPongFrame([]byte("p")), ws.NewTextFrame([]byte("4hello"))},
		},
		{
			"ping", [][]byte{masked(ws.NewPingFrame(bytes.Repeat([]byte("p"), 125))), masked(ws.NewPingFrame(nil))},
			[]ws.Frame{ws.NewPongFrame(bytes.Repeat([]byte("p"), 125)), ws.NewPongFrame(nil)},
		},
		{"unsolicited pong", [][]byte{masked(ws.NewPongFrame(nil)), text("4a")}, []ws.Frame{ws.NewTextFrame([]byte("4a"))}},
		{
			"meaningless packets", [][]byte{text("6"), text("5"), text("0"), text("3"), text("3probe"), text("4a")},
			[]ws.Frame{ws.NewTextFrame([]byte("4a"))},
		},
	}
	// How the same bytes arrive must make no difference.
	ways := []struct {
		name string
		send func(t *testing.T, c *socket, frames [][]byte)
	}{
		{"frame by frame", func(_ *testing.T, c *socket, frames [][]byte) {
			for _, f := range frames {
				c.write(f)
				synctest.Wait()
			}
		}},
		{"in one write", func(_ *testing.T, c *socket, frames [][]byte) { c.write(bytes.Join(frames, nil)) }},
		{"byte by byte", func(_ *testing.T, c *socket, frames [][]byte) {
			for i, b := range bytes.Join(frames, nil) {
				c.write([]byte{b})
				if i < 1000 {
					synctest.Wait()
				}
			}
		}},
	}
	for _, tt := range tests {
		for _, way := range ways {
			t.Run(tt.name+" "+way.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					h := serve(t, engine.Config{}, echo)
					c, r := h.connect()
					way.send(t, c, tt.frames)
					for _, f := range tt.want {
						c.wantFrame(f.Header.OpCode, string(f.Payload))
					}
					r.wantOpen()
				})
			})
		}
	}
}

// TestWebSocketEarly sends frames together with the HTTP request.
func TestWebSocketEarly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, echo)
		frames := append(text("4a"), text("4b")...)
		c, a := h.upgrade("GET", direct, string(frames[:len(frames)-3]))
		assert.Equal(t, a.status, 101)
		assert.True(t, strings.HasPrefix(c.text(), "0{"), "no open packet")
		c.want("4a")
		c.write(frames[len(frames)-3:])
		c.want("4b")
	})
}

// TestWebSocketBurst sends many frames in one write: one burst, one ReceiveEnd.
func TestWebSocketBurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		c, r := h.connect()
		c.write(bytes.Repeat(text("4a"), 60)) // fewer bytes than the buffer of a connection that waits
		for range 60 {
			r.wantMessage("a", false)
		}
		synctest.Wait()
		assert.Equal(t, r.ends.Load(), int64(1))
	})
}

// header returns a frame header with the given first bytes and a mask.
func header(head ...byte) []byte { return append(head, 0, 0, 0, 0) }

func length64(op byte, n uint64) []byte {
	return header(append([]byte{0x80 | op, 0x80 | 127}, binary.BigEndian.AppendUint64(nil, n)...)...)
}

// TestWebSocketRefused_E5_2_E5_5 sends what ends a session.
func TestWebSocketRefused_E5_2_E5_5(t *testing.T) {
	t.Parallel()
	const (
		protocol, utf8, size = ws.StatusProtocolError, ws.StatusInvalidFramePayloadData, ws.StatusMessageTooBig
		violation, parse     = engine.ReasonTransportError, engine.ReasonParseError
	)
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	tests := []struct {
		name   string
		data   []byte
		code   ws.StatusCode
		reason engine.Reason
		err    string
	}{
		{"unmasked", ws.MustCompileFrame(ws.NewTextFrame([]byte("4a"))), protocol, violation, "protocol error"},
		{"RSV1", header(0xc1, 0x80), protocol, violation, "protocol error"},
		{"RSV2", header(0xa1, 0x80), protocol, violation, "protocol error"},
		{"RSV3", header(0x91, 0x80), protocol, violation, "protocol error"},
		{"RSV of a control frame", header(0xc9, 0x80), protocol, violation, "protocol error"},
		{"reserved opcode 3", header(0x83, 0x80), protocol, violation, "protocol error"},
		{"reserved opcode 15", header(0x8f, 0x80), protocol, violation, "protocol error"},
		{"continuation of nothing", header(0x80, 0x80), protocol, violation, "protocol error"},
		{"no continuation", join(fragments(ws.OpText, "4", "a")[0], text("4b")), protocol, violation, "protocol error"},
		{"fragmented control frame", header(0x09, 0x80), protocol, violation, "protocol error"},
		{"long control frame", header(0x89, 0x80|126, 0, 126), protocol, violation, "protocol error"},
		{"64-bit length with the top bit", length64(1, 1<<63), protocol, violation, "protocol error"},
		{"64-bit length", length64(1, 1<<62), size, violation, "Max payload size exceeded"},
		{"one byte too long", masked(ws.NewTextFrame(make([]byte, 101))), size, violation, "Max payload size exceeded"},
		{"binary too long", masked(ws.NewBinaryFrame(make([]byte, 101))), size, violation, "Max payload size exceeded"},
		{
			"fragments too long", join(fragments(ws.OpText, strings.Repeat("4", 60), strings.Repeat("4", 41))...),
			size, violation, "Max payload size exceeded",
		},
		{"too many fragments", join(fragments(ws.OpText, "4", "", "", "", "", "", "")...), size, violation, "too many fragments"},
		{"invalid UTF-8", text("4\xff"), utf8, violation, "UTF-8"},
		{"UTF-8 cut off", join(fragments(ws.OpText, "4", "\xe2\x82")...), utf8, violation, "UTF-8"},
		{"empty text frame", text(""), 0, parse, "empty"},
		{"unknown packet type", text("abc"), 0, parse, "unknown packet type"},
		{"E8.3 ping", text("2"), 0, violation, "invalid heartbeat direction"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{MaxPayloadBytes: 100, MaxFragments: 5}, nil)
				c, r := h.connect()
				// What follows must neither be received nor reset the connection.
				c.write(join(text("4before"), tt.data, text("4after")))
				r.wantMessage("before", false)
				c.wantClose(tt.code)
				r.wantClosed(tt.reason, tt.err)
				assert.Equal(t, len(r.got), 0)
				start := time.Now()
				c.send("4later")
				if tt.reason == violation && tt.code != 0 {
					c.wantEnd() // after a while: the peer cannot be understood any more
					assert.Equal(t, time.Since(start), time.Second)
				} else {
					c.write(masked(ws.NewCloseFrame(nil)))
					c.wantEnd()
					assert.Equal(t, time.Since(start), time.Duration(0))
				}
				assert.Equal(t, len(r.got), 0)
			})
		})
	}
}

// TestWebSocketLimits takes what is just within the limits.
func TestWebSocketLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxPayloadBytes: 100, MaxFragments: 5}, nil)
		c, r := h.connect()
		long := strings.Repeat("x", 99)
		c.send("4" + long)
		r.wantMessage(long, false)
		c.write(bytes.Join(fragments(ws.OpText, "4", "a", "b", "c", "d"), nil))
		r.wantMessage("abcd", false)
		c.sendBinary(long + "x")
		r.wantMessage(long+"x", true)
		c.write(bytes.Join(fragments(ws.OpText, "4", long), nil))
		r.wantMessage(long, false)
		r.wantOpen()
	})
}

// TestWebSocketPeerCloses_E5_4 answers the peer's close frame.
func TestWebSocketPeerCloses_E5_4(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		payload []byte
		code    ws.StatusCode // of the answer
	}{
		{"no code", nil, 0},
		{"1000", ws.NewCloseFrameBody(1000, "bye"), 1000},
		{"1001", ws.NewCloseFrameBody(1001, ""), 1001},
		{"4000", ws.NewCloseFrameBody(4000, ""), 4000},
		{"one byte", []byte{3}, 1002},
		{"1005", ws.NewCloseFrameBody(1005, ""), 1002},
		{"999", ws.NewCloseFrameBody(999, ""), 1002},
		{"reason is no UTF-8", ws.NewCloseFrameBody(1000, "\xff"), 1002},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{}, nil)
				c, r := h.connect()
				c.write(append(masked(ws.NewCloseFrame(tt.payload)), text("4late")...))
				c.wantClose(tt.code)
				c.wantEnd()
				r.wantClosed(engine.ReasonTransportClose, "")
				assert.Equal(t, len(r.got), 0)
			})
		})
	}
	t.Run("behind other frames", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			long := strings.Repeat("x", 200_000) // more than the connection holds
			assert.NoError(t, r.send(long))
			synctest.Wait()
			c.write(masked(ws.NewCloseFrame(nil)))
			r.wantClosed(engine.ReasonTransportClose, "")
			c.want("4" + long)
			c.wantClose(0)
			c.wantEnd()
		})
	})
	t.Run("vanishes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			c.send("4a")
			_ = c.conn.Close()
			r.wantMessage("a", false)
			r.wantClosed(engine.ReasonTransportClose, "")
		})
	})
	t.Run("vanishes within a frame", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			c.write(text("4hello")[:8])
			synctest.Wait()
			_ = c.conn.Close()
			r.wantClosed(engine.ReasonTransportClose, "")
			assert.Equal(t, len(r.got), 0)
		})
	})
	t.Run("B3: packet 1", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			c.write(append(text("1"), text("4late")...))
			r.wantClosed(engine.ReasonTransportClose, "")
			c.wantEnd()
			assert.Equal(t, len(r.got), 0)
		})
	})
}

// TestWebSocketClose_E5_3_E10_6 closes from the server's side.
func TestWebSocketClose_E5_3_E10_6(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
			c.send("4ignored") // E10.8
			c.wantGoodbye(0)
			assert.Equal(t, len(r.got), 0)
			assert.ErrorIs(t, r.send("late"), engine.ErrClosed)
		})
	})
	t.Run("what was queued comes first", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			long := strings.Repeat("x", 200_000)
			assert.NoError(t, r.send(long))
			assert.NoError(t, r.send("kick"))
			r.session.Close()
			assert.ErrorIs(t, r.send("late"), engine.ErrClosed)
			synctest.Wait()
			r.wantOpen()
			c.send("4ignored") // E10.8
			synctest.Wait()
			assert.Equal(t, len(r.got), 0)
			c.want("4" + long)
			c.want("4kick")
			c.wantGoodbye(0)
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
	t.Run("peer does not answer", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			r.session.Close()
			c.wantClose(0)
			start := time.Now()
			c.wantEnd()
			assert.Equal(t, time.Since(start), 5*time.Second)
		})
	})
	t.Run("peer does not read", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{PingInterval: time.Hour}, nil)
			_, r := h.connect()
			assert.NoError(t, r.send(strings.Repeat("x", 200_000)))
			start := time.Now()
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
			assert.Equal(t, time.Since(start), 30*time.Second)
		})
	})
	t.Run("from within Receive", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, func(r *receiver) {
				r.onMessage = func([]byte, bool) {
					assert.NoError(t, r.send("bye"))
					r.session.Close()
					assert.Equal(t, r.closes.Load(), int64(0)) // not while it is called
				}
			})
			c, r := h.connect()
			c.write(append(text("4a"), text("4b")...))
			c.want("4bye")
			c.wantGoodbye(0)
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
}

// TestWebSocketPause stops reading, so that the peer is slowed down.
func TestWebSocketPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		c, r := h.connect()
		r.session.Pause()
		r.session.Pause() // changes nothing
		c.send("4a")      // the read that was under way
		r.wantMessage("a", false)
		go func() {
			for range 100 {
				c.send("4" + strings.Repeat("x", 2000))
			}
		}()
		synctest.Wait()
		assert.Equal(t, len(r.got), 0)
		assert.NoError(t, r.send("b"))
		c.want("4b") // the other direction goes on
		r.session.Resume()
		r.session.Resume()
		for range 100 {
			r.wantMessage(strings.Repeat("x", 2000), false)
		}
		r.session.Pause()
		c.send("4c")
		r.wantMessage("c", false)
		c.send("4d")
		synctest.Wait()
		r.session.Close() // does not wait for Resume
		c.wantGoodbye(0)
		r.wantClosed(engine.ReasonForcedClose, "")
	})
}

// TestPingFlood_OutboxLimits checks that a peer cannot make pongs pile up.
func TestPingFlood_OutboxLimits(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]engine.Config{
		"packets": {OutboxPackets: 10},
		"bytes":   {OutboxBytes: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, cfg, nil)
				c, r := h.connect()
				assert.NoError(t, r.send(strings.Repeat("x", 200_000)))
				synctest.Wait()
				ping := masked(ws.NewPingFrame(make([]byte, 125)))
				c.write(bytes.Repeat(ping, 20))
				r.wantClosed(engine.ReasonSlowConsumer, "outbox full")
			})
		})
	}
}
