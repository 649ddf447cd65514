// SPDX-License-Identifier: MIT

package dial_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/engine/dial"
)

// FuzzPolling gives a client any handshake and any payload.
func FuzzPolling(f *testing.F) {
	f.Add(hello, "4x\x1e2\x1ebAAAA\x1e6", "ok")
	f.Add(helloUpgrade, "1", "")
	f.Add(`0{"sid":"x","pingInterval":1,"pingTimeout":0,"maxPayload":1}`, "", "")
	f.Add("<html>", "<html>", "<html>")
	f.Fuzz(func(t *testing.T, open1, get, post string) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{t: t, open: open1, post: func(w http.ResponseWriter, _ string) { _, _ = io.WriteString(w, post) }}
			s.get = func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(100 * time.Millisecond): // else the client polls all the time
				case <-r.Context().Done():
				}
				_, _ = io.WriteString(w, get)
			}
			r, err := open(t, serveHTTP(t, s.ServeHTTP).dialer(dial.Config{MaxPayloadBytes: 1 << 16}), nil)
			if err == nil {
				_ = r.session.Send([]byte("x"), nil, dial.SendOptions{})
				time.Sleep(time.Second)
				r.session.Close()
				<-r.session.Done()
			}
		})
	})
}

// FuzzWebSocket gives a client any bytes behind the handshake, or in its place.
func FuzzWebSocket(f *testing.F) {
	frame := func(fr ws.Frame) []byte { return ws.MustCompileFrame(fr) }
	f.Add(true, append(text("4x"), text("2")...))
	f.Add(true, append(frame(ws.NewPingFrame(nil)), frame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))...))
	f.Add(true, frame(ws.NewBinaryFrame([]byte{1, 2})))
	f.Add(false, text(hello))
	f.Add(false, []byte{0x82, 127, 0xff})
	f.Fuzz(func(t *testing.T, opened bool, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{t: t, socket: func(c *socket) {
				if opened {
					c.send(hello)
				}
				c.write(data)
				time.Sleep(time.Millisecond)
			}}
			r, err := open(t, serveHTTP(t, s.ServeHTTP).dialer(dial.Config{Transports: webSocketOnly, MaxPayloadBytes: 1 << 16}), nil)
			if err == nil {
				_ = r.session.Send([]byte("x"), nil, dial.SendOptions{})
				<-r.session.Done()
			}
		})
	})
}

// FuzzProbe gives a client that upgrades any answer to its probe.
func FuzzProbe(f *testing.F) {
	f.Add(text("3probe"))
	f.Add(append(text("3probe"), text("4x")...))
	f.Add(text("1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{t: t, open: helloUpgrade, socket: func(c *socket) {
				c.write(data)
				time.Sleep(time.Millisecond)
			}}
			r, err := open(t, serveHTTP(t, s.ServeHTTP).dialer(dial.Config{MaxPayloadBytes: 1 << 16}), nil)
			if err == nil {
				time.Sleep(time.Second)
				r.session.Close()
				<-r.session.Done()
			}
		})
	})
}
