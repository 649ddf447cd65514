// SPDX-License-Identifier: MIT

package webtransport_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/sio-go/sio"
	sioclient "github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/webtransport"
)

// dialed records what a session of the client receives.
type dialed struct {
	session  *dial.Session
	got      chan string
	upgraded chan string
	failed   chan error
	pings    chan struct{}
	ended    chan struct{}
	reason   engine.Reason
	err      error
}

func (r *dialed) Receive(data []byte, binary bool) {
	text := string(data)
	if binary {
		text = "b:" + text
	}
	r.got <- text
}
func (r *dialed) ReceiveEnd()             {}
func (r *dialed) Upgraded(name string)    { r.upgraded <- name }
func (r *dialed) UpgradeFailed(err error) { r.failed <- err }
func (r *dialed) Ping() {
	select {
	case r.pings <- struct{}{}:
	default:
	}
}
func (r *dialed) Closed(reason engine.Reason, err error) {
	r.reason, r.err = reason, err
	close(r.ended)
}

func (r *dialed) send(t *testing.T, text string) {
	t.Helper()
	assert.NoError(t, r.session.Send([]byte(text), nil, dial.SendOptions{}))
}

// config returns settings of clients of the host.
func (h *host) config(transports ...string) dial.Config {
	d := &webtransport.Dialer{TLS: h.tls.Clone()}
	return dial.Config{
		Transports: transports, DialWebTransport: d.Dial,
		Transport: &http.Transport{TLSClientConfig: h.tls.Clone()},
	}
}

// open opens a session, which ends with the test.
func (h *host) open(cfg dial.Config) (*dialed, error) {
	h.t.Helper()
	h.t.Cleanup(cfg.Transport.CloseIdleConnections)
	d, err := dial.New(h.url, &cfg)
	assert.NoError(h.t, err)
	r := &dialed{
		got: make(chan string, 100), upgraded: make(chan string, 1), failed: make(chan error, 2),
		pings: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	r.session, err = d.Dial(ctx, func(s *dial.Session) dial.Receiver { r.session = s; return r })
	if err != nil {
		return nil, err
	}
	h.t.Cleanup(func() {
		r.session.Close()
		<-r.session.Done()
	})
	return r, nil
}

// TestDial_C4_30 sends text and binary of all sizes both ways.
func TestDial_C4_30(t *testing.T) {
	t.Parallel()
	for name, transports := range map[string][]string{
		"C4.30: direct":                   {engine.WebTransport},
		"C4.30: upgrade":                  {engine.Polling, engine.WebTransport},
		"C4.30: preferred over WebSocket": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, engine.Config{}, true)
			cfg := h.config(transports...)
			cfg.OnRequest = func(transport string, r *http.Request) {
				if transport == engine.WebSocket { // WebTransport may take more than the 200 ms that it is ahead
					<-r.Context().Done()
				}
			}
			r, err := h.open(cfg)
			assert.NoError(t, err)
			if name != "C4.30: direct" {
				r.send(t, "early")
				assert.Equal(t, <-r.got, "early")
				assert.Equal(t, <-r.upgraded, engine.WebTransport)
			}
			assert.Equal(t, r.session.Transport(), engine.WebTransport)
			for _, n := range []int{1, 124, 125, 126, 65_535, 65_536, 900_000} {
				data := strings.Repeat("x", n)
				r.send(t, data)
				assert.NoError(t, r.session.Send(nil, [][]byte{[]byte(data)}, dial.SendOptions{}))
				assert.True(t, <-r.got == data, "text of %d bytes", n)
				assert.True(t, <-r.got == "b:"+data, "binary of %d bytes", n)
			}
			assert.Equal(t, (<-h.receivers).session.Transport(), engine.WebTransport)
			assert.Equal(t, len(r.failed), 0)
		})
	}
}

// TestDialHeartbeat answers pings for much longer than the server waits for them.
func TestDialHeartbeat(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{PingInterval: 10 * time.Millisecond, PingTimeout: 10 * time.Second}, true)
	r, err := h.open(h.config(engine.WebTransport))
	assert.NoError(t, err)
	for range 10 {
		<-r.pings
	}
	r.send(t, "x")
	assert.Equal(t, <-r.got, "x")
}

// TestDialClose_C4_23 ends sessions from either side: what was sent before arrives.
func TestDialClose_C4_23(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 900_000)
	t.Run("C4.23: by the client", func(t *testing.T) {
		t.Parallel()
		h := serve(t, engine.Config{}, false)
		r, err := h.open(h.config(engine.WebTransport))
		assert.NoError(t, err)
		p := <-h.receivers
		r.send(t, "a")
		r.send(t, big)
		r.send(t, "b")
		r.session.Close()
		<-r.ended
		assert.Equal(t, r.reason, engine.ReasonForcedClose)
		assert.Equal(t, <-p.got, "a")
		assert.True(t, <-p.got == big, "the large message")
		assert.Equal(t, <-p.got, "b")
		p.wantClosed(t, engine.ReasonTransportClose)
		assert.NoError(t, p.err)
		<-r.session.Done()
	})
	t.Run("E7.7: by the server", func(t *testing.T) {
		t.Parallel()
		h := serve(t, engine.Config{}, false)
		r, err := h.open(h.config(engine.WebTransport))
		assert.NoError(t, err)
		p := <-h.receivers
		assert.NoError(t, p.send("a"))
		assert.NoError(t, p.send(big))
		assert.NoError(t, p.send("b"))
		p.session.Close()
		assert.Equal(t, <-r.got, "a")
		assert.True(t, <-r.got == big, "the large message")
		assert.Equal(t, <-r.got, "b")
		<-r.ended
		assert.Equal(t, r.reason, engine.ReasonTransportClose)
		assert.ErrorIs(t, r.err, dial.ErrServerClosed)
		p.wantClosed(t, engine.ReasonForcedClose)
		<-r.session.Done()
	})
	t.Run("E7.7: of QUIC", func(t *testing.T) {
		t.Parallel()
		h := serve(t, engine.Config{}, false)
		r, err := h.open(h.config(engine.WebTransport))
		assert.NoError(t, err)
		assert.NoError(t, h.wt.Close())
		<-r.ended
		assert.Equal(t, r.reason, engine.ReasonTransportClose)
		<-r.session.Done()
	})
}

// TestDialFails opens no session, and leaves nothing behind.
func TestDialFails(t *testing.T) {
	t.Parallel()
	t.Run("a status", func(t *testing.T) {
		t.Parallel()
		h := serve(t, engine.Config{Transports: []string{engine.Polling}}, false)
		_, err := h.open(h.config(engine.WebTransport))
		e, ok := errors.AsType[*dial.Error](err)
		assert.True(t, ok && e.Status == 400 && e.Transport == engine.WebTransport && e.URL == h.url, "%v", err)
	})
	t.Run("a certificate", func(t *testing.T) {
		t.Parallel()
		h := serve(t, engine.Config{}, false)
		cfg := h.config(engine.WebTransport)
		cfg.DialWebTransport = new(webtransport.Dialer).Dial
		_, err := h.open(cfg)
		assert.True(t, err != nil && strings.Contains(err.Error(), "certificate"), "%v", err)
	})
	silent := func(t *testing.T) string {
		udp, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
		assert.NoError(t, err)
		t.Cleanup(func() { _ = udp.Close() })
		return "https://" + udp.LocalAddr().String() + "/"
	}
	hanging := func(t *testing.T) (string, *host) { // takes the request, and does not answer
		end := make(chan struct{})
		h := serveWith(t, engine.Config{}, false, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-r.Context().Done():
				case <-end:
				}
			})
		})
		t.Cleanup(func() { close(end) })
		return h.url, h
	}
	for name, test := range map[string]func(t *testing.T) (string, *webtransport.Dialer){
		"nobody": func(t *testing.T) (string, *webtransport.Dialer) { return silent(t), new(webtransport.Dialer) },
		"no response": func(t *testing.T) (string, *webtransport.Dialer) {
			url, h := hanging(t)
			return url, &webtransport.Dialer{TLS: h.tls}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, d := test(t)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := d.Dial(ctx, url, nil)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
	t.Run("no port, no host", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{"https://name.invalid/", "https://[::1", "https:///"} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := new(webtransport.Dialer).Dial(ctx, url, nil)
			cancel()
			assert.Error(t, err)
		}
	})
	t.Run("C4.20: the session goes on with WebSocket", func(t *testing.T) {
		t.Parallel()
		h := serve(t, engine.Config{}, true)
		cfg := h.config()
		cfg.DialWebTransport = new(webtransport.Dialer).Dial // does not trust the certificate
		r, err := h.open(cfg)
		assert.NoError(t, err)
		assert.Equal(t, <-r.upgraded, engine.WebSocket)
		r.send(t, "x")
		assert.Equal(t, <-r.got, "x")
	})
}

// TestDialConn uses a connection as package dial does, and beyond.
func TestDialConn(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{}, true)
	d := &webtransport.Dialer{TLS: h.tls, QUIC: &quic.Config{MaxIdleTimeout: time.Minute}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	c, err := d.Dial(ctx, h.url, http.Header{"X-Mine": {"1"}})
	assert.NoError(t, err)
	cancel() // means nothing any more
	assert.Equal(t, d.TLS.NextProtos, nil)
	assert.Equal(t, d.QUIC.EnableDatagrams, false)
	assert.Equal(t, "https://"+c.RemoteAddr().String()+"/engine.io/", h.url)
	_, err = c.Write([]byte("\x010"))
	assert.NoError(t, err)
	p := <-h.receivers
	assert.Equal(t, p.session.Request().Header().Get("X-Mine"), "1")
	_, err = c.Read(make([]byte, 1000))
	assert.NoError(t, err)

	_, err = c.Write([]byte("\x024x"))
	assert.NoError(t, err)
	half, ok := c.(interface{ CloseWrite() error })
	assert.True(t, ok, "no CloseWrite")
	assert.NoError(t, half.CloseWrite())
	got, err := io.ReadAll(c)
	assert.NoError(t, err)
	assert.True(t, string(got) == "" || string(got) == "\x024x", "%q", got)
	p.wantClosed(t, engine.ReasonTransportClose)
	assert.NoError(t, c.Close())
	assert.ErrorIs(t, c.Close(), net.ErrClosed)
	_, err = c.Write([]byte("x"))
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = c.Read(make([]byte, 1))
	assert.True(t, errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF), "%v", err)
}

// TestClient_C4_30 has events of Socket.IO answered over WebTransport.
func TestClient_C4_30(t *testing.T) {
	t.Parallel()
	for name, transports := range map[string][]string{"C4.30: direct": {engine.WebTransport}, "C4.30: upgrade": {engine.Polling, engine.WebTransport}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := slog.New(slog.DiscardHandler)
			srv := sio.NewServer(&sio.Config{Logger: log, Engine: engine.Config{
				Transports: []string{engine.Polling, engine.WebSocket, engine.WebTransport},
			}})
			reasons := make(chan sio.Reason, 1)
			srv.OnDisconnect(func(_ *sio.Socket, reason sio.Reason) { reasons <- reason })
			srv.On("echo", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
				var text string
				var data []byte
				if err := m.Bind(&text, &data); err != nil {
					return err
				}
				return m.Reply(s.Transport(), text, data)
			})
			h := &host{t: t, srv: srv.Engine()}
			h.listen("/socket.io/", srv, func(h http.Handler) http.Handler { return h })
			t.Cleanup(func() { assert.NoError(t, srv.Close()) })

			upgraded := make(chan string, 1)
			cfg := sioclient.Config{Engine: h.config(transports...), Logger: log, Hooks: sioclient.Hooks{Upgrade: func(name string) { upgraded <- name }}}
			t.Cleanup(cfg.Engine.Transport.CloseIdleConnections)
			s, err := sioclient.New(strings.TrimSuffix(h.url, "/socket.io/"), &cfg)
			assert.NoError(t, err)
			defer s.Manager().Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			assert.NoError(t, s.Connect(ctx))
			if name == "C4.30: upgrade" {
				assert.Equal(t, <-upgraded, engine.WebTransport)
			}
			args, err := s.EmitWithAck(ctx, "echo", "€", []byte{0, 255})
			assert.NoError(t, err)
			var transport, text string
			var data []byte
			for i, dst := range []any{&transport, &text, &data} {
				assert.NoError(t, args.Unmarshal(i, dst))
			}
			assert.Equal(t, transport, engine.WebTransport)
			assert.Equal(t, text, "€")
			assert.Equal(t, data, []byte{0, 255})
			assert.NoError(t, s.Close())
			assert.Equal(t, <-reasons, sio.ReasonClientDisconnect)
		})
	}
}
