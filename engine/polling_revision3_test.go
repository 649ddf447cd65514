// SPDX-License-Identifier: MIT

package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

const polling3 = "EIO=3&transport=polling"

// together makes what one payload brings leave together.
func together(r *receiver) {
	echo(r)
	r.session.Hold()
	r.onEnd = func() { r.session.Release(); r.session.Hold() }
}

// TestRevision3Handshake_E12_1 looks at the open packet.
func TestRevision3Handshake_E12_1(t *testing.T) {
	t.Parallel()
	for _, b64 := range []string{"", "&b64=1"} {
		t.Run("9.2: handshake"+b64, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{AllowEIO3: true}, nil)
				sid, r, a := h.open(polling3 + b64)
				assert.Equal(t, r.session.Protocol(), 3)
				assert.Equal(t, a.header.Get("Content-Type"), "text/plain; charset=UTF-8")
				length, packet, _ := strings.Cut(a.body, ":")
				assert.Equal(t, length, fmt.Sprint(len(packet)))
				assert.True(t, strings.HasPrefix(packet, `0{"sid":"`+sid+`","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000`), "packet %q", packet)
			})
		})
	}
}

// TestRevision3Echo_E12 posts payloads and reads their echo.
func TestRevision3Echo_E12(t *testing.T) {
	t.Parallel()
	const octets = "application/octet-stream"
	tests := []struct {
		name, b64, contentType, post string
		get                          string
	}{
		{"9.2: text", "&b64=1", "text/plain", "6:4hello", "6:4hello"},
		{"9.2: three packets", "&b64=1", "text/plain", "6:4test16:4test26:4test3", "6:4test16:4test26:4test3"},
		{"9.2: E12.2 mixed, base64", "&b64=1", "text/plain", "6:4hello10:b4AQIDBA==", "6:4hello10:b4AQIDBA=="},
		{"9.2: E12.3 mixed, binary", "", "text/plain", "6:4hello10:b4AQIDBA==", "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04"},
		{"E12.3: only text", "", "text/plain", "6:4hello", "6:4hello"},
		{"top-25 no. 4: UTF-16 lengths", "", "text/plain", "4:4€🦄2:4é", "4:4€🦄2:4é"},
		{"E12.3: lengths in bytes", "", "text/plain", "3:4€é6:b4//8=", "\x00\x06\xff4€é\x01\x03\xff\x04\xff\xff"},
		{"E12.3: ten bytes and more", "", octets, "\x00\x01\x00\xff4xxxxxxxxx\x01\x01\xff\x04", "\x00\x01\x00\xff4xxxxxxxxx\x01\x01\xff\x04"},
		{"E12.4: binary POST", "", octets, "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04"},
		{"E12.4: binary POST of a base64 client", "&b64=1", octets, "\x01\x05\xff\x04\x01\x02\x03\x04", "10:b4AQIDBA=="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{AllowEIO3: true}, together)
				sid, r, _ := h.open(polling3 + tt.b64)
				h.do(t.Context(), "POST", polling3+"&sid="+sid, strings.NewReader(tt.post), "Content-Type", tt.contentType).want(t, 200, "ok")
				a := h.get(sid)
				a.want(t, 200, tt.get)
				want := "text/plain; charset=UTF-8"
				if strings.ContainsAny(tt.get[:1], "\x00\x01") {
					want = octets
				}
				assert.Equal(t, a.header.Get("Content-Type"), want)
				assert.Equal(t, a.header.Get("Content-Length"), fmt.Sprint(len(tt.get)))
				r.wantOpen()
			})
		})
	}
}

// TestRevision3Ends_E12_7 looks at what ends a session.
func TestRevision3Ends_E12_7(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, post string
		reason     engine.Reason
		err        string
		pending    string
		messages   []string
	}{
		{"9.2: close", "1:1", engine.ReasonTransportClose, "", "1:6", nil},
		{"E3.13: packets after a close", "2:4a1:12:4b", engine.ReasonTransportClose, "", "1:6", []string{"a"}},
		{"E8.4: pong", "1:3", engine.ReasonTransportError, "invalid heartbeat direction", "1:1", nil},
		{"top-25 no. 6: empty", "", engine.ReasonParseError, "", "1:1", nil},
		{"E12.1: no length", "4a", engine.ReasonParseError, "", "1:1", nil},
		{"E12.1: short", "9:4a", engine.ReasonParseError, "", "1:1", nil},
		{"E12.1: after a packet", "2:4a3", engine.ReasonParseError, "", "1:1", []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serve(t, engine.Config{AllowEIO3: true}, nil)
				sid, r, _ := h.open(polling3)
				pending := h.getLater(sid)
				h.post(sid, tt.post).want(t, 200, "ok")
				(<-pending).want(t, 200, tt.pending)
				for _, m := range tt.messages {
					r.wantMessage(m, false)
				}
				<-r.ended
				assert.Equal(t, r.reason, tt.reason)
				if tt.err != "" {
					r.wantClosed(tt.reason, tt.err)
				}
				assert.Equal(t, len(r.got), 0)
				h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
			})
		})
	}
	t.Run("9.2: duplicate GET", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{AllowEIO3: true}, nil)
			sid, r, _ := h.open(polling3)
			pending := h.getLater(sid)
			h.get(sid).want(t, 400, "")
			(<-pending).want(t, 200, "1:1")
			r.wantClosed(engine.ReasonTransportError, "overlap from client")
		})
	})
	t.Run("E3.19: close without a GET", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{AllowEIO3: true}, nil)
			sid, r, _ := h.open(polling3)
			r.session.Close()
			h.get(sid).want(t, 200, "1:61:1")
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	})
	t.Run("E12.4: malformed binary", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{AllowEIO3: true}, nil)
			for _, body := range []string{"\x00\x09\xff4a", "\x02\x01\xff4", "\x00\xff", "\x00" + strings.Repeat("\x01", 400) + "\xff4a", "2:4a"} {
				sid, r, _ := h.open(polling3)
				h.do(t.Context(), "POST", polling3+"&sid="+sid, strings.NewReader(body), "Content-Type", "application/octet-stream").want(t, 200, "ok")
				<-r.ended
				assert.Equal(t, r.reason, engine.ReasonParseError)
				assert.Equal(t, len(r.got), 0)
			}
		})
	})
	t.Run("E3.9: revision 4 on the same server", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{AllowEIO3: true}, nil)
			sid, r := h.poll()
			h.do(t.Context(), "POST", polled+"&sid="+sid, strings.NewReader("4a"), "Content-Type", "application/octet-stream").want(t, 400, "")
			r.wantClosed(engine.ReasonTransportError, "invalid content")
		})
	})
}

// TestRevision3Ping_E8_4 pings for an hour, and then no more.
func TestRevision3Ping_E8_4(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{AllowEIO3: true}, nil)
		sid, r, _ := h.open(polling3)
		for range 144 {
			time.Sleep(25 * time.Second)
			pending := h.getLater(sid)
			h.post(sid, "1:2").want(t, 200, "ok")
			(<-pending).want(t, 200, "1:3")
		}
		start := time.Now()
		<-r.ended
		r.wantClosed(engine.ReasonPingTimeout, "")
		assert.Equal(t, time.Since(start), 45*time.Second)
	})
}

// TestRevision3Noop_E9_3 probes: the pending GET gets a noop.
func TestRevision3Noop_E9_3(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{AllowEIO3: true}, nil)
		sid, r, _ := h.open(polling3)
		pending := h.getLater(sid)
		c := h.socket("EIO=3&transport=websocket&sid=" + sid)
		c.send("2probe")
		c.want("3probe")
		(<-pending).want(t, 200, "1:6")
		pending = h.getLater(sid)
		c.send("5")
		(<-pending).want(t, 200, "1:1")
		synctest.Wait()
		assert.Equal(t, r.session.Transport(), engine.WebSocket)
	})
}
