// SPDX-License-Identifier: MIT

package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/internal/assert"
)

// receiver writes down what a bus tells.
type receiver struct {
	mu   sync.Mutex
	got  []*adapter.Message
	errs []error
	ups  int
}

func (r *receiver) Receive(m *adapter.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
}

func (r *receiver) Up() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ups++
}

func (r *receiver) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *receiver) upCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ups
}

func (r *receiver) messages() []*adapter.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

// failed reports whether an error was told that ok is content with.
func (r *receiver) failed(ok func(error) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.errs {
		if ok(err) {
			return true
		}
	}
	return false
}

// malformed returns how many messages were none.
func (r *receiver) malformed() (n int) {
	r.failed(func(err error) bool {
		if _, ok := errors.AsType[*adapter.MalformedError](err); ok {
			n++
		}
		return false
	})
	return n
}

// lost returns how many messages were lost.
func (r *receiver) lost() (n int) {
	r.failed(func(err error) bool {
		if e, ok := errors.AsType[*adapter.LostError](err); ok {
			n += e.Count
		}
		return false
	})
	return n
}

// events returns the events that have come, in JSON.
func (r *receiver) events(t testing.TB) []string {
	t.Helper()
	list := []string{}
	for _, m := range r.messages() {
		list = append(list, text(t, m))
	}
	return list
}

func text(t testing.TB, m *adapter.Message) string {
	t.Helper()
	var s strings.Builder
	for i := range m.Args.Len() {
		var v any
		assert.NoError(t, m.Args.Unmarshal(i, &v))
		b, err := json.Marshal(v)
		assert.NoError(t, err)
		s.Write(b)
	}
	return s.String()
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

const (
	uid  = "0123456789abcdef" // of a member
	peer = "fedcba9876543210" // of another
)

// member is a bus with one link.
type member struct {
	adapter.Link
	*receiver
	bus *postgres.Bus
	nsp string
	uid string
}

// join makes a member that is up.
func join(t testing.TB, bus *postgres.Bus, nsp, uid string) *member {
	t.Helper()
	m := enter(t, bus, nsp, uid)
	eventually(t, "the subscription", func() bool { return m.upCount() > 0 })
	return m
}

// enter makes a member.
func enter(t testing.TB, bus *postgres.Bus, nsp, uid string) *member {
	t.Helper()
	t.Cleanup(func() { _ = bus.Close() })
	r := new(receiver)
	link, err := bus.Join(adapter.Peer{Namespace: nsp, UID: uid, Receiver: r})
	assert.NoError(t, err)
	return &member{link, r, bus, nsp, uid}
}

// newBus makes a bus on the shared server.
func newBus(t testing.TB, cfg postgres.Config) *postgres.Bus {
	t.Helper()
	bus, err := postgres.NewBus(pool(t, nil), &cfg)
	assert.NoError(t, err)
	return bus
}

// event makes a broadcast of a member.
func (m *member) event(t testing.TB, v ...any) *adapter.Message {
	t.Helper()
	list, err := adapter.Args(v...)
	assert.NoError(t, err)
	return &adapter.Message{Type: adapter.Broadcast, UID: m.uid, Namespace: m.nsp, Args: list}
}

// raw listens to a channel as any program can.
func raw(t *testing.T, channel string) *pgx.Conn {
	t.Helper()
	need(t)
	conn, err := pgx.Connect(t.Context(), shared.url())
	assert.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "LISTEN "+pgx.Identifier{channel}.Sanitize())
	assert.NoError(t, err)
	return conn
}

// next returns the next notification.
func next(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	n, err := conn.WaitForNotification(ctx)
	assert.NoError(t, err)
	return n.Payload
}

func execute(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := pool(t, nil).Exec(t.Context(), sql, args...)
	assert.NoError(t, err)
}

// query returns a single value.
func query[T any](t *testing.T, sql string, args ...any) (v T) {
	t.Helper()
	assert.NoError(t, pool(t, nil).QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

// proxy passes bytes on, unless it is told to let connections hang.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	conns []net.Conn
	hung  bool          // new connections hang, too
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

// stall has the connections pass nothing more: those that there are, and new ones if all is set.
func (p *proxy) stall(all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.hang)
	if p.hung = all; !all {
		p.hang = make(chan struct{})
	}
}

// heal lets new connections pass.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hung {
		p.hung, p.hang = false, make(chan struct{})
	}
}

func (p *proxy) url(user string) string {
	return "postgres://" + user + "@" + p.Addr().String() + "/postgres?sslmode=disable&connect_timeout=2"
}
