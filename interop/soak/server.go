// SPDX-License-Identifier: MIT

package soak

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/adapter/nats/embedded"
	"github.com/sio-go/sio/engine"
)

// secret is that of the cluster.
const secret = "the-secret-of-a-soak"

// Stats is what a server tells.
type Stats struct {
	Memory
	Counts map[string]int64
}

// lifetime returns a context that ends with a signal, or with the process that has started this
// one.
func lifetime() (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel
}

func ready(addr string) { _, _ = fmt.Println(addr) }

// runNATS is the process that has the log.
func runNATS() error {
	ctx, cancel := lifetime()
	defer cancel()
	dir, err := os.MkdirTemp("", "sio-soak-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := embedded.Start(&embedded.Config{Clients: "127.0.0.1:0", Secret: secret, Dir: dir})
	if err != nil {
		return err
	}
	defer s.Close()
	ready("nats://" + secret + "@" + strings.TrimPrefix(s.Clients(), "nats://"))
	<-ctx.Done()
	return nil
}

// server is the process of a server.
type server struct {
	io   *sio.Server
	name string // another one after each start
	away time.Duration

	mu   sync.Mutex
	last map[string]*progress // by the id of the socket
	joined, left, echoed, asked, unasked,
	handled, recovered, opened atomic.Int64
}

// progress is how far the events of a socket have come.
type progress struct {
	once, again int
	used        time.Time
}

func runServer(r role) error {
	ctx, cancel := lifetime()
	defer cancel()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", r.Addr)
	if err != nil {
		return err
	}
	logs := slog.New(slog.NewTextHandler(&watch{to: os.Stderr}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	bus, err := nats.Open(ctx, r.NATS, &nats.Config{Log: &nats.Log{MaxAge: max(4*r.Away, 30*time.Second)}})
	if err != nil {
		return err
	}
	s := &server{name: rand.Text()[:8], away: r.Away, last: make(map[string]*progress)}
	s.io = sio.NewServer(&sio.Config{
		Bus: bus, Logger: logs,
		Forward:  &sio.Forward{Address: "http://" + listener.Addr().String(), Secret: []byte(secret)},
		Recovery: &sio.Recovery{MaxDisconnection: r.Away},
		Engine:   engine.Config{PingInterval: 3 * time.Second, PingTimeout: 5 * time.Second, ShutdownSpread: 3 * time.Second},
	})
	s.register()
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s.io)
	mux.HandleFunc("/stats", s.stats)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(logs.Handler(), slog.LevelInfo)}
	go func() { _ = web.Serve(listener) }()
	ready(listener.Addr().String())

	var tasks sync.WaitGroup
	for _, task := range []func(context.Context){s.publish, s.ask, s.kick, s.sweep} {
		tasks.Go(func() { task(ctx) })
	}
	tasks.Wait()
	limited, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.io.Shutdown(limited); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	return web.Close()
}

// watch makes each record of level error a violation: none is to happen.
type watch struct{ to io.Writer }

func (w *watch) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("level=ERROR")) {
		p = append([]byte(broken+" "), p...)
	}
	_, err := w.to.Write(p)
	return len(p), err
}

func (s *server) violate(format string, args ...any) {
	_, _ = fmt.Fprintln(os.Stderr, broken, fmt.Sprintf(format, args...))
}

// register adds what clients may ask for.
func (s *server) register() {
	s.io.OnConnect(func(_ context.Context, c *sio.Socket) error {
		s.opened.Add(1)
		if c.Recovered() {
			s.recovered.Add(1)
		}
		return nil
	})
	// Rooms: the answer is an event, so that its place among the others is known.
	s.io.On("join", func(_ context.Context, c *sio.Socket, m *sio.Message) error {
		var room string
		if err := m.Bind(&room); err != nil {
			return err
		}
		s.joined.Add(1)
		if err := c.Join(room); err != nil {
			return err
		}
		return errors.Join(c.Emit("joined", room), done(m))
	})
	s.io.On("leave", func(_ context.Context, c *sio.Socket, m *sio.Message) error {
		var room string
		if err := m.Bind(&room); err != nil {
			return err
		}
		s.left.Add(1)
		c.Leave(room)
		return errors.Join(c.Emit("left", room), done(m))
	})
	s.io.On("echo", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var data []byte
		if err := m.Bind(&data); err != nil {
			return err
		}
		s.echoed.Add(1)
		return m.Reply(data)
	})
	s.io.On("once", func(_ context.Context, c *sio.Socket, m *sio.Message) error {
		return s.number(c, m, func(p *progress, n int) (last int, ok bool) {
			last, p.once = p.once, n
			return last, n > last
		})
	})
	s.io.On("again", func(_ context.Context, c *sio.Socket, m *sio.Message) error {
		return s.number(c, m, func(p *progress, n int) (last int, ok bool) {
			last, p.again = p.again, n
			return last, n >= last // it may be repeated
		})
	})
}

// done acknowledges what is repeated until it is.
func done(m *sio.Message) error {
	if !m.HasAck() {
		return nil
	}
	return m.Reply()
}

// number handles a numbered event.
func (s *server) number(c *sio.Socket, m *sio.Message, advance func(*progress, int) (int, bool)) error {
	var n int
	if err := m.Bind(&n); err != nil {
		return err
	}
	s.handled.Add(1)
	s.mu.Lock()
	p := s.last[c.ID()]
	if p == nil {
		p = new(progress)
		s.last[c.ID()] = p
	}
	p.used = time.Now()
	last, ok := advance(p, n)
	s.mu.Unlock()
	if !ok {
		s.violate("%s: event %q %d after %d", c.ID(), m.Event(), n, last)
	}
	return m.Reply(n)
}

// Rooms is how many there are.
const Rooms = 100

// publish sends numbered events to all rooms, and volatile ones to all clients.
func (s *server) publish(ctx context.Context) {
	var numbers [Rooms]int
	s.every(ctx, 25*time.Millisecond, func(i int) {
		room := mathrand.IntN(Rooms) //nolint:gosec // not a secret
		numbers[room]++
		var data any // often nil: a client has to know which argument is the last of ours
		if i%5 == 0 {
			data = make([]byte, numbers[room]%2000)
		}
		if err := s.io.To(roomName(room)).Emit("news", s.name, roomName(room), numbers[room], data); err != nil {
			s.violate("publishing: %v", err)
		}
		if i%80 == 0 {
			_ = s.io.Volatile().Emit("tick", s.name, i)
		}
	})
}

func roomName(n int) string { return fmt.Sprintf("room %d", n) }

// ask asks clients.
func (s *server) ask(ctx context.Context) {
	slots := make(chan struct{}, 64)
	s.every(ctx, 20*time.Millisecond, func(n int) {
		c := s.pick()
		if c == nil {
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			return
		}
		go func() {
			defer func() { <-slots }()
			limited, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			args, err := c.EmitWithAck(limited, "ask", n)
			var got int
			switch {
			case err != nil:
				s.unasked.Add(1)
			case args.Unmarshal(0, &got) != nil || got != n:
				s.violate("%s answers %v to %d", c.ID(), args, n)
			default:
				s.asked.Add(1)
			}
		}()
	})
}

// kick disconnects clients.
func (s *server) kick(ctx context.Context) {
	s.every(ctx, time.Second, func(int) {
		if c := s.pick(); c != nil {
			c.Disconnect(true)
		}
	})
}

// sweep forgets sockets that cannot return.
func (s *server) sweep(ctx context.Context) {
	s.every(ctx, time.Second, func(int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for id, p := range s.last {
			if time.Since(p.used) > 2*s.away && s.io.Socket(id) == nil {
				delete(s.last, id)
			}
		}
	})
}

// pick returns a connected socket, or nil.
func (s *server) pick() *sio.Socket {
	all := s.io.Sockets()
	if len(all) == 0 {
		return nil
	}
	return all[mathrand.IntN(len(all))] //nolint:gosec // not a secret
}

// every calls f until ctx ends.
func (s *server) every(ctx context.Context, pause time.Duration, f func(n int)) {
	t := time.NewTicker(pause)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f(n)
		}
	}
}

func (s *server) stats(w http.ResponseWriter, _ *http.Request) {
	m := memory()
	m.Sessions = s.io.Engine().Count()
	_ = json.NewEncoder(w).Encode(Stats{m, map[string]int64{
		"connected": s.opened.Load(), "recovered": s.recovered.Load(), "handled": s.handled.Load(),
		"joined": s.joined.Load(), "left": s.left.Load(), "echoed": s.echoed.Load(),
		"asked": s.asked.Load(), "unasked": s.unasked.Load(),
	}})
}
