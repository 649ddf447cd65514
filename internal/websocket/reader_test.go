// SPDX-License-Identifier: MIT

package websocket_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/websocket"
)

// recorder is a Handler that writes down what it is told.
type recorder struct {
	events []string
	stop   string // the event after which no more is wanted
}

func (h *recorder) add(event string) bool {
	h.events = append(h.events, event)
	return event != h.stop
}

func (h *recorder) Message(data []byte, binary bool) bool {
	if binary {
		return h.add("binary " + string(data))
	}
	return h.add("text " + string(data))
}

func (h *recorder) Control(op ws.OpCode, payload []byte) bool {
	return h.add(fmt.Sprintf("%x %s", op, payload))
}

func (h *recorder) Failed(code websocket.Code, err error) {
	h.add(fmt.Sprintf("failed %d %v", code, err))
}

// frame returns a frame as yet unmasked.
func frame(op ws.OpCode, fin bool, payload string) ws.Frame {
	return ws.NewFrame(op, fin, []byte(payload))
}

// client returns frames as a client sends them.
func client(frames ...ws.Frame) []byte {
	var p []byte
	for _, f := range frames {
		p = append(p, ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{0x11, 0x22, 0xf3, 0x44}))...)
	}
	return p
}

// reserved sets the reserved bits of a frame.
func reserved(bits byte, f ws.Frame) ws.Frame {
	f.Header.Rsv = bits
	return f
}

// header is one of a frame of which the payload never comes.
func header(op ws.OpCode, n uint64) []byte {
	p := binary.BigEndian.AppendUint64([]byte{0x80 | byte(op), 0xff}, n)
	return append(p, 1, 2, 3, 4)
}

// read feeds a reader in pieces of size bytes.
func read(r *websocket.Reader, input []byte, size int) []string {
	h := &recorder{}
	r.Handler = h
	for len(input) > 0 {
		n := min(size, len(input))
		piece := append([]byte(nil), input[:n]...)
		if !r.Feed(piece) {
			break
		}
		clear(piece) // the reader must have its own copy
		input = input[n:]
	}
	return h.events
}

const (
	protocolError = "failed 1002 websocket: protocol error"
	textError     = "failed 1007 websocket: invalid UTF-8 in a text message"
	tooBig        = "failed 1009 websocket: Max payload size exceeded"
	tooMany       = "failed 1009 websocket: too many fragments"
	deflateError  = "failed 1007 websocket: malformed compressed data"
)

// TestReader checks the rules of RFC 6455, section 5, in whatever pieces the input comes.
func TestReader(t *testing.T) {
	t.Parallel()
	type frames []ws.Frame
	long, longer := strings.Repeat("m", 126), strings.Repeat("l", 65536)
	for _, c := range []struct {
		name   string
		frames frames
		head   []byte // of a frame that never comes
		want   []string
	}{
		{"5.2 text", frames{frame(ws.OpText, true, "héllo")}, nil, []string{"text héllo"}},
		{"5.2 binary", frames{frame(ws.OpBinary, true, "\xff\x00")}, nil, []string{"binary \xff\x00"}},
		{"5.2 nothing", frames{frame(ws.OpText, true, ""), frame(ws.OpBinary, true, "")}, nil, []string{"text ", "binary "}},
		{"5.2 length of 16 bits", frames{frame(ws.OpText, true, long)}, nil, []string{"text " + long}},
		{"5.2 length of 64 bits", frames{frame(ws.OpText, true, longer)}, nil, []string{"text " + longer}},
		{"5.2 reserved bit 1", frames{reserved(4, frame(ws.OpText, true, "a"))}, nil, []string{protocolError}},
		{"5.2 reserved bit 2", frames{reserved(2, frame(ws.OpText, true, "a"))}, nil, []string{protocolError}},
		{"5.2 reserved bit 3", frames{reserved(1, frame(ws.OpPing, true, ""))}, nil, []string{protocolError}},
		{"5.2 reserved opcode", frames{frame(3, true, "a")}, nil, []string{protocolError}},
		{"5.2 reserved control opcode", frames{frame(0xb, true, "")}, nil, []string{protocolError}},
		{"5.2 top bit of the length", nil, header(ws.OpText, 1<<63), []string{protocolError}},
		{"5.1 not masked", nil, ws.MustCompileFrame(ws.NewTextFrame([]byte("a"))), []string{protocolError}},
		{"5.4 fragments", frames{frame(ws.OpText, false, "a"), frame(ws.OpContinuation, false, ""), frame(ws.OpContinuation, true, "b")}, nil, []string{"text ab"}},
		{"5.4 control frames between", frames{frame(ws.OpBinary, false, "a"), frame(ws.OpPing, true, "p"), frame(ws.OpPong, true, ""), frame(ws.OpContinuation, true, "b")}, nil, []string{"9 p", "a ", "binary ab"}},
		{"5.4 a message within a message", frames{frame(ws.OpText, false, "a"), frame(ws.OpText, true, "b")}, nil, []string{protocolError}},
		{"5.4 a continuation of nothing", frames{frame(ws.OpContinuation, true, "a")}, nil, []string{protocolError}},
		{"5.4 a continuation of a whole message", frames{frame(ws.OpText, true, "a"), frame(ws.OpContinuation, true, "a")}, nil, []string{"text a", protocolError}},
		{"5.5 fragmented control frame", frames{frame(ws.OpPing, false, "")}, nil, []string{protocolError}},
		{"5.5 long control frame", frames{frame(ws.OpPing, true, long)}, nil, []string{protocolError}},
		{"5.5 longest control frame", frames{frame(ws.OpPong, true, long[1:])}, nil, []string{"a " + long[1:]}},
		{"5.5.1 close", frames{frame(ws.OpClose, true, "\x03\xe8bye")}, nil, []string{"8 \x03\xe8bye"}},
		{"5.6 not UTF-8", frames{frame(ws.OpText, true, "a\xff")}, nil, []string{textError}},
		{"5.6 surrogate", frames{frame(ws.OpText, true, "\xed\xa0\x80")}, nil, []string{textError}},
		{"5.6 cut off", frames{frame(ws.OpText, true, "\xf0\x9f\x98")}, nil, []string{textError}},
		{"5.6 characters over fragments", frames{frame(ws.OpText, false, "\xf0\x9f"), frame(ws.OpContinuation, false, "\x98"), frame(ws.OpPing, true, "\xff"), frame(ws.OpContinuation, true, "\x80!")}, nil, []string{"9 \xff", "text \U0001f600!"}},
		{"5.6 cut off by the last fragment", frames{frame(ws.OpText, false, "\xf0\x9f"), frame(ws.OpContinuation, true, "")}, nil, []string{textError}},
		{"5.6 a ping after half a character", frames{frame(ws.OpText, false, "\xce"), frame(ws.OpPing, true, ""), frame(ws.OpContinuation, true, "\xce")}, nil, []string{"9 ", textError}},
		{"10.4 one byte too many", frames{frame(ws.OpBinary, true, longer+"a")}, nil, []string{tooBig}},
		{"10.4 in fragments", frames{frame(ws.OpBinary, false, longer), frame(ws.OpContinuation, true, "a")}, nil, []string{tooBig}},
		{"10.4 largest length", nil, header(ws.OpBinary, 1<<63-1), []string{tooBig}},
		{"10.4 fragments of nothing", frames{frame(ws.OpText, false, ""), frame(ws.OpContinuation, false, ""), frame(ws.OpContinuation, false, ""), frame(ws.OpContinuation, false, ""), frame(ws.OpContinuation, true, "")}, nil, []string{tooMany}},
		{"10.4 each message has its own limit", frames{frame(ws.OpBinary, true, longer), frame(ws.OpBinary, true, "a")}, nil, []string{"binary " + longer, "binary a"}},
		{"nothing after a failure", frames{frame(3, true, ""), frame(ws.OpText, true, "a")}, nil, []string{protocolError}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			input := append(client(c.frames...), c.head...)
			for _, size := range []int{len(input), 1, 2, 3, 7, 4096} {
				r := &websocket.Reader{MaxBytes: 65536, MaxFragments: 4}
				got := read(r, input, size)
				assert.True(t, fmt.Sprint(got) == fmt.Sprint(c.want), "in pieces of %d: %.200q, want %.200q", size, got, c.want)
			}
		})
	}
}

// TestReaderClient reads what a server sends.
func TestReaderClient(t *testing.T) {
	t.Parallel()
	plain := ws.MustCompileFrame(ws.NewTextFrame([]byte("a")))
	assert.Equal(t, read(&websocket.Reader{Client: true, MaxBytes: 9, MaxFragments: 9}, plain, 9), []string{"text a"})
	masked := client(frame(ws.OpText, true, "a"))
	assert.Equal(t, read(&websocket.Reader{Client: true, MaxBytes: 9, MaxFragments: 9}, masked, 9), []string{protocolError})
}

// TestReaderStops checks that nothing is read after a handler wanted no more.
func TestReaderStops(t *testing.T) {
	t.Parallel()
	for _, stop := range []string{"text a", "8 "} {
		h := &recorder{stop: stop}
		r := &websocket.Reader{Handler: h, MaxBytes: 9, MaxFragments: 9}
		input := client(frame(ws.OpText, true, "a"))
		if stop == "8 " {
			input = client(frame(ws.OpClose, true, ""))
		}
		assert.True(t, !r.Feed(append(input, client(frame(ws.OpText, true, "b"))...)), "wants more after %q", stop)
		assert.Equal(t, h.events, []string{stop})
	}
}

// TestReaderFailsEarly checks that text is refused as soon as it cannot become valid.
func TestReaderFailsEarly(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"\xff", "ok\xf4\x90", "\xc0", "\xce\xba\xed\xa0", "\xe1x"} {
		for _, before := range []string{"", "κόσμε", "\U0001f600"} {
			text := before + bad
			r := &websocket.Reader{MaxBytes: 1 << 20, MaxFragments: 9}
			whole := client(frame(ws.OpText, true, text+strings.Repeat("x", 1000)))
			got := read(r, whole[:8+len(text)], 1) // 8 bytes of header: the rest never comes
			assert.Equal(t, got, []string{textError})
		}
	}
}

// TestReaderMemory checks that a header alone costs no more than a step, whatever it says.
func TestReaderMemory(t *testing.T) {
	const limit = 1 << 30
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := &websocket.Reader{MaxBytes: limit, MaxFragments: 2}
	got := read(r, append(header(ws.OpBinary, limit), "ab"...), 1<<20)
	runtime.ReadMemStats(&after)
	assert.Equal(t, len(got), 0)
	if took := after.TotalAlloc - before.TotalAlloc; took > 128<<10 {
		t.Errorf("a header took %d bytes", took)
	}
}

func TestAppendHeader(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		for _, compressed := range []bool{false, true} {
			h := ws.Header{Fin: true, OpCode: ws.OpBinary, Length: int64(n)}
			if compressed {
				h.Rsv = 4
			}
			var want strings.Builder
			assert.NoError(t, ws.WriteHeader(&want, h))
			assert.Equal(t, string(websocket.AppendHeader([]byte("x"), ws.OpBinary, n, compressed)), "x"+want.String())
		}
	}
}

// TestCloseReply checks the codes of RFC 6455, section 7.4.
func TestCloseReply(t *testing.T) {
	t.Parallel()
	body := func(code int, reason string) string {
		return string(ws.NewCloseFrameBody(ws.StatusCode(code), reason))
	}
	assert.Equal(t, websocket.CloseReply(nil), websocket.CloseNone)
	for payload, want := range map[string]websocket.Code{
		"\x03":                websocket.CloseProtocol,
		body(1000, "é"):       websocket.CloseNormal,
		body(1000, "\xff"):    websocket.CloseProtocol,
		body(1000, "a\xcebc"): websocket.CloseProtocol,
	} {
		assert.Equal(t, websocket.CloseReply([]byte(payload)), want)
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		assert.Equal(t, websocket.CloseReply([]byte(body(code, ""))), websocket.Code(code))
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		assert.Equal(t, websocket.CloseReply([]byte(body(code, ""))), websocket.CloseProtocol)
	}
	assert.Equal(t, websocket.AppendClose(nil, websocket.CloseNone), []byte{0x88, 0})
	assert.Equal(t, websocket.AppendClose(nil, websocket.CloseTooBig), []byte{0x88, 2, 3, 0xf1})
}

// FuzzReader reads anything, whole and in pieces, which must make no difference.
func FuzzReader(f *testing.F) {
	f.Add(client(frame(ws.OpText, false, "\xf0\x9f"), frame(ws.OpPing, true, ""), frame(ws.OpContinuation, true, "\x98\x80")), uint8(3), true)
	f.Add(client(reserved(4, frame(ws.OpText, true, "\xcaH\xcd\xc9\xc9\a\x00"))), uint8(1), true) // RFC 7692, section 7.2.3.1
	f.Add(header(ws.OpBinary, 1<<40), uint8(1), false)
	f.Fuzz(func(t *testing.T, input []byte, size uint8, deflate bool) {
		const limit = 4096
		var got [2][]string
		for i, size := range []int{len(input), 1 + int(size)} {
			r := &websocket.Reader{MaxBytes: limit, MaxFragments: 8}
			if deflate {
				r.Deflate = &websocket.Params{OutBits: 15, InTakeover: true}
			}
			got[i] = read(r, input, size)
			for _, event := range got[i] {
				if len(event) > limit+len("binary ") {
					t.Fatalf("a message of %d bytes", len(event))
				}
			}
		}
		assert.Equal(t, got[0], got[1])
	})
}

func BenchmarkReader(b *testing.B) {
	for _, n := range []int{100, 10_000, 1 << 20} {
		b.Run(fmt.Sprintf("%d bytes", n), func(b *testing.B) {
			r := &websocket.Reader{Handler: ignore{}, MaxBytes: 1 << 20, MaxFragments: 1}
			input := client(frame(ws.OpBinary, true, strings.Repeat("a", n)))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				r.Feed(input)
			}
		})
	}
}

// ignore is a Handler.
type ignore struct{}

func (ignore) Message([]byte, bool) bool      { return true }
func (ignore) Control(ws.OpCode, []byte) bool { return true }
func (ignore) Failed(websocket.Code, error)   {}
