// SPDX-License-Identifier: MIT

package redis_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/redis"
	"github.com/sio-go/sio/internal/assert"
)

// proxy passes bytes to Redis, until it is stalled.
type proxy struct {
	l      net.Listener
	target string
	tasks  sync.WaitGroup

	mu      sync.Mutex
	stalled bool
	pass    chan struct{} // closed when bytes pass
	conns   []net.Conn
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	p := &proxy{l: l, target: target, pass: make(chan struct{})}
	close(p.pass)
	p.tasks.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			p.tasks.Go(func() { p.copy(in, out) })
			p.tasks.Go(func() { p.copy(out, in) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.stall(false)
		p.cut()
		p.tasks.Wait()
	})
	return p
}

func (p *proxy) copy(dst, src net.Conn) {
	defer func() { _ = dst.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		p.mu.Lock()
		pass := p.pass
		p.mu.Unlock()
		<-pass
		if _, werr := dst.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// stall has no more bytes pass, or has them pass again.
func (p *proxy) stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && !p.stalled:
		p.pass = make(chan struct{})
	case !on && p.stalled:
		close(p.pass)
	}
	p.stalled = on
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func bye(uid string) *adapter.Message {
	return &adapter.Message{Type: adapter.DisconnectSockets, UID: uid, Namespace: "/"}
}

// TestFaults has a server lose Redis in all ways, while another one does not.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]redis.Mode{"classic": redis.Classic, "sharded": redis.Sharded, "streams": redis.Streams} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := sharedRedis(t)
			p := startProxy(t, addr)
			cfg := &redis.Config{Mode: mode, Prefix: fresh(), Probe: time.Second, Timeout: time.Second, MaxQueue: 50}
			cfg.Stream.Name = cfg.Prefix
			o := option(p.l.Addr().String())
			o.ConnWriteTimeout = 2 * time.Second
			b := redis.Dial(o, cfg)
			t.Cleanup(func() { _ = b.Close() })
			k, r := join(t, b, "/", "aaaaaaaaaaaaaaaa")
			other := redis.Dial(option(addr), cfg)
			t.Cleanup(func() { _ = other.Close() })
			far, _ := join(t, other, "/", "bbbbbbbbbbbbbbbb")

			heal := func(ups int) {
				t.Helper()
				eventually(t, "Up", func() bool { return r.see(func() bool { return r.up > ups }) })
				n := 0
				r.see(func() bool { n = len(r.got); return true })
				assert.NoError(t, far.Publish(bye("bbbbbbbbbbbbbbbb")))
				eventually(t, "a message", func() bool { return r.see(func() bool { return len(r.got) > n }) })
			}
			ups := func() (n int) { r.see(func() bool { n = r.up; return true }); return n }
			failed := func() bool { return r.see(func() bool { return len(r.errs) > 0 }) }

			before := ups()
			p.cut()
			heal(before)
			assert.True(t, failed(), "nobody was told")

			// A proxy that stops passing bytes: probes find it, and nobody waits.
			before = ups()
			p.stall(true)
			full := 0
			for range 1000 {
				if errors.Is(k.Publish(bye("aaaaaaaaaaaaaaaa")), adapter.ErrQueueFull) {
					full++
				}
			}
			assert.True(t, full > 0, "the queue has no limit")
			eventually(t, "loss", func() bool {
				return r.see(func() bool {
					for _, err := range r.errs {
						if _, ok := errors.AsType[*adapter.LostError](err); ok {
							return true
						}
					}
					return false
				})
			})
			p.stall(false)
			p.cut()
			heal(before)
		})
	}
}

// TestAbsent has servers start before Redis, and with wrong credentials.
func TestAbsent(t *testing.T) {
	t.Parallel()
	s := startRedis(t, "--requirepass", "secret")
	s.stop()
	o := option(s.addr())
	o.Password = "secret"
	b := redis.Dial(o, nil)
	t.Cleanup(func() { _ = b.Close() })
	r := new(record)
	k, err := b.Join(adapter.Peer{Namespace: "/", UID: "aaaaaaaaaaaaaaaa", Receiver: r})
	assert.NoError(t, err)
	eventually(t, "an error", func() bool { return r.see(func() bool { return len(r.errs) > 0 }) })
	_, err = k.(adapter.Counter).Count(t.Context())
	assert.True(t, err != nil, "counted without Redis")
	assert.NoError(t, s.start())
	eventually(t, "Up", func() bool { return r.see(func() bool { return r.up == 1 }) })

	o.Password = "wrong"
	wrong := redis.Dial(o, nil)
	r = new(record)
	_, err = wrong.Join(adapter.Peer{Namespace: "/", UID: "bbbbbbbbbbbbbbbb", Receiver: r})
	assert.NoError(t, err)
	eventually(t, "the reason", func() bool {
		return r.see(func() bool { return len(r.errs) > 0 && strings.Contains(r.errs[0].Error(), "WRONGPASS") })
	})
	assert.NoError(t, wrong.Close())
}

// TestOpen has buses and emitters made of URLs.
func TestOpen(t *testing.T) {
	t.Parallel()
	addr := sharedRedis(t)
	for _, mode := range []string{"classic", "sharded", "streams"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := fresh()
			address := "redis://" + addr + "/?mode=" + mode + "&prefix=" + p + "&stream=" + p + "&subscription=static"
			b, err := redis.Open(t.Context(), address)
			assert.NoError(t, err)
			t.Cleanup(func() { _ = b.Close() })
			_, r := join(t, b, "/custom", "aaaaaaaaaaaaaaaa")
			ctx, cancel := context.WithCancel(t.Context())
			e, closer, err := redis.OpenEmitter(ctx, address)
			assert.NoError(t, err)
			cancel()
			var _ io.Closer = closer
			e = e.Of("custom")
			assert.NoError(t, e.To("r").Emit("ev", []byte{1}))
			assert.NoError(t, e.To("r").SocketsJoin("x"))
			assert.NoError(t, e.SocketsLeave("x"))
			assert.NoError(t, e.DisconnectSockets(true))
			assert.NoError(t, e.ServerSideEmit("sse", 1))
			want := 5
			if mode == "classic" {
				want = 4 // nobody is in the room
			}
			eventually(t, "all messages", func() bool { return r.see(func() bool { return len(r.got) == want }) })
			for _, m := range r.got {
				assert.Equal(t, m.UID, adapter.EmitterUID)
			}
			assert.NoError(t, closer.Close())
		})
	}
	for _, bad := range []string{"http://x", "redis://x/?mode=other", "redis://x/?max_len=-1", "redis://u:secret@[", "redis://x/?private=maybe"} {
		_, err := redis.Open(t.Context(), bad)
		assert.True(t, err != nil && !strings.Contains(err.Error(), "secret"), "%s: %v", bad, err)
	}
}

// TestTrimmed: a server that was away for longer than the stream reaches back says so.
func TestTrimmed(t *testing.T) {
	t.Parallel()
	addr := sharedRedis(t)
	p := startProxy(t, addr)
	cfg := &redis.Config{Mode: redis.Streams, Prefix: fresh(), Probe: time.Second, Timeout: time.Second}
	cfg.Stream.Name = cfg.Prefix
	b := redis.Dial(option(p.l.Addr().String()), cfg)
	t.Cleanup(func() { _ = b.Close() })
	_, r := join(t, b, "/", "aaaaaaaaaaaaaaaa")
	other := redis.Dial(option(addr), cfg)
	t.Cleanup(func() { _ = other.Close() })
	far, _ := join(t, other, "/", "bbbbbbbbbbbbbbbb")
	got := func(n int) func() bool {
		return func() bool { return r.see(func() bool { return len(r.got) == n }) }
	}
	said := func(text string) bool {
		return r.see(func() bool {
			return slices.ContainsFunc(r.errs, func(err error) bool { return strings.Contains(err.Error(), text) })
		})
	}
	c := client(t, addr)
	length := func() int64 {
		n, err := c.Do(t.Context(), c.B().Xlen().Key(cfg.Prefix).Build()).AsInt64()
		assert.NoError(t, err)
		return n
	}
	assert.NoError(t, far.Publish(bye("bbbbbbbbbbbbbbbb")))
	eventually(t, "a message", got(1))
	p.cut() // nothing is missed
	assert.NoError(t, far.Publish(bye("bbbbbbbbbbbbbbbb")))
	eventually(t, "a message", got(2))
	assert.True(t, !said("does not reach back"), "there was no gap")

	p.stall(true)
	eventually(t, "the end of a read", func() bool { return said("reading the stream") })
	assert.NoError(t, far.Publish(bye("bbbbbbbbbbbbbbbb")))
	eventually(t, "an entry", func() bool { return length() == 3 })
	assert.NoError(t, c.Do(t.Context(), c.B().Xtrim().Key(cfg.Prefix).Maxlen().Threshold("0").Build()).Error())
	p.cut()
	p.stall(false)
	eventually(t, "an error", func() bool { return said("does not reach back") })
	assert.NoError(t, far.Publish(bye("bbbbbbbbbbbbbbbb")))
	eventually(t, "a message", got(3))
}
