// SPDX-License-Identifier: MIT

package nats_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
	sionats "github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/internal/assert"
)

// proxy passes bytes on, unless it is told to let connections hang.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	conns []net.Conn
	hang  chan struct{} // of the connections that there are; closed: they hang
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	p := &proxy{Listener: l, to: to, hang: make(chan struct{})}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			hang := p.hang
			p.mu.Unlock()
			tasks.Go(func() { pass(out, in, hang) })
			tasks.Go(func() { pass(in, out, hang) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		tasks.Wait()
	})
	return p
}

func pass(to, from net.Conn, hang chan struct{}) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-hang:
			return // and neither reads nor closes
		default:
		}
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			_ = to.Close()
			if !errors.Is(err, io.EOF) {
				_ = from.Close()
			}
			return
		}
	}
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// stall has the connections that there are pass nothing more.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.hang)
	p.hang = make(chan struct{})
}

func (p *proxy) url() string { return "nats://" + p.Addr().String() }

func open(t *testing.T, url string, cfg sionats.Config, options ...nats.Option) *member {
	t.Helper()
	bus, err := sionats.Open(t.Context(), url, &cfg, options...)
	assert.NoError(t, err)
	return join(t, bus, "/", "0123456789abcdef")
}

// TestFaults has the server away, silent or unwilling.
func TestFaults(t *testing.T) {
	t.Parallel()
	t.Run("absent at start", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		assert.NoError(t, err)
		addr := l.Addr().(*net.TCPAddr)
		_ = l.Close()
		m := open(t, "nats://"+addr.String(), sionats.Config{})
		eventually(t, "an error", func() bool {
			return m.failed(func(err error) bool { return strings.Contains(err.Error(), "not connected") })
		})
		startNATS(t, addr.Port, "")
		m.isUp(t)
	})
	t.Run("cut and stalled", func(t *testing.T) {
		s := startNATS(t, 0, "")
		p := newProxy(t, strings.TrimPrefix(s.ClientURL(), "nats://"))
		m := open(t, p.url(), sionats.Config{Probe: 300 * time.Millisecond})
		m.isUp(t)
		conn := connect(t, s)
		for i, fault := range []func(){p.cut, p.stall} {
			_, before := m.count()
			fault()
			eventually(t, "being up again", func() bool {
				_, ups := m.count()
				return ups > before
			})
			text := fmt.Sprint("after ", i)
			assert.NoError(t, sionats.NewEmitter(conn, nil).Emit(text))
			eventually(t, text, func() bool {
				list := m.texts()
				return len(list) > 0 && list[len(list)-1] == text
			})
		}
		assert.True(t, m.failed(func(err error) bool { return errors.Is(err, nats.ErrTimeout) }), "no answer was not told")
	})
	t.Run("queue full", func(t *testing.T) {
		s := startNATS(t, 0, "")
		p := newProxy(t, strings.TrimPrefix(s.ClientURL(), "nats://"))
		m := open(t, p.url(), sionats.Config{Probe: -1, MaxQueue: 8}, nats.FlusherTimeout(2*time.Second), nats.ReconnectBufSize(1))
		m.isUp(t)
		p.stall()
		big := args(t, "x", strings.Repeat("y", 1<<19))
		eventually(t, "a full queue", func() bool { return errors.Is(m.Publish(&big), adapter.ErrQueueFull) })
		eventually(t, "lost messages", func() bool {
			_ = m.Publish(&big)
			return m.failed(func(err error) bool { return errors.As(err, new(*adapter.LostError)) })
		})
	})
	t.Run("wrong credentials", func(t *testing.T) {
		s := startNATS(t, 0, "", func(o *server.Options) { o.Authorization = "right" })
		m := open(t, strings.Replace(s.ClientURL(), "//", "//wrong@", 1), sionats.Config{})
		eventually(t, "an error", func() bool {
			return m.failed(func(err error) bool {
				return strings.Contains(strings.ToLower(err.Error()), "authorization")
			})
		})
	})
	t.Run("not permitted", func(t *testing.T) {
		s := startNATS(t, 0, "", func(o *server.Options) {
			o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
				Subscribe: &server.SubjectPermission{Deny: []string{"sio.>"}},
			}}}
		})
		m := open(t, strings.Replace(s.ClientURL(), "//", "//u:p@", 1), sionats.Config{})
		eventually(t, "an error", func() bool {
			return m.failed(func(err error) bool { return errors.Is(err, nats.ErrPermissionViolation) })
		})
		_, ups := m.count()
		assert.Equal(t, ups, 0)
	})
	t.Run("least privilege", func(t *testing.T) { // as in docs/cluster-nats.md
		may := func(publish, subscribe []string) *server.Permissions {
			return &server.Permissions{
				Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
			}
		}
		s := startNATS(t, 0, t.TempDir(), func(o *server.Options) {
			o.Users = []*server.User{
				{Username: "core", Password: "p", Permissions: may([]string{"sio.>"}, []string{"sio.>"})},
				{Username: "log", Password: "p", Permissions: may([]string{"sio.>", "$JS.API.>"}, []string{"sio.>", "_INBOX.>"})},
				{Username: "emitter", Password: "p", Permissions: may([]string{"sio.*.all", "sio.*.room.*"}, []string{})},
				{Username: "keeping", Password: "p", Permissions: may([]string{"sio.*.log"}, []string{"_INBOX.>"})},
			}
		})
		url := func(user string) string { return strings.Replace(s.ClientURL(), "//", "//"+user+":p@", 1) }
		for user, sender := range map[string]string{"core": "emitter", "log": "keeping"} {
			suffix := ""
			if user == "log" {
				suffix = "?log=true"
			}
			m := open(t, url(user)+suffix, sionats.Config{})
			m.isUp(t)
			e, c, err := sionats.OpenEmitter(t.Context(), url(sender)+suffix)
			assert.NoError(t, err)
			t.Cleanup(func() { _ = c.Close() })
			assert.NoError(t, e.Emit(user))
			eventually(t, "an event", func() bool { return len(m.texts()) == 1 })
			assert.True(t, !m.failed(func(error) bool { return true }), "an error")
			assert.NoError(t, m.bus.Close())
		}
	})
	t.Run("connection closed", func(t *testing.T) {
		conn := connect(t, startNATS(t, 0, ""))
		m := join(t, sionats.NewBus(conn, nil), "/", "0123456789abcdef")
		m.isUp(t)
		conn.Close()
		assert.NoError(t, m.Publish(event(t, "x")))
		eventually(t, "an error", func() bool {
			return m.failed(func(err error) bool { return errors.Is(err, nats.ErrConnectionClosed) })
		})
	})
	t.Run("slow", func(t *testing.T) {
		s := startNATS(t, 0, "")
		r := &blocked{receiver: new(receiver), until: make(chan struct{})}
		bus := sionats.NewBus(connect(t, s), &sionats.Config{MaxQueue: 10})
		t.Cleanup(func() { _ = bus.Close() })
		t.Cleanup(func() { close(r.until) })
		_, err := bus.Join(adapter.Peer{Namespace: "/", UID: "0123456789abcdef", Receiver: r})
		assert.NoError(t, err)
		eventually(t, "the subscription", func() bool { _, ups := r.count(); return ups > 0 })
		e := sionats.NewEmitter(connect(t, s), nil)
		for range 50 {
			assert.NoError(t, e.Emit("x"))
		}
		eventually(t, "an error", func() bool {
			return r.failed(func(err error) bool { return errors.Is(err, nats.ErrSlowConsumer) })
		})
	})
}

// blocked is a receiver that waits, as it must not.
type blocked struct {
	*receiver
	until chan struct{}
}

func (b *blocked) Receive(*adapter.Message) { <-b.until }
