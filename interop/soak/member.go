// SPDX-License-Identifier: MIT

package soak

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
)

// member is a Go client, and what it has been told.
type member struct {
	run     *run
	socket  *client.Socket
	retries bool
	ended   atomic.Bool

	mu      sync.Mutex
	current bool                      // what it gets is not what it has missed
	rooms   map[string]bool           // those that it is in for sure, or not
	asked   map[string]bool           // rooms that it wants to be in, and is not told so yet
	news    map[string]map[string]int // the last number, by room and server
	ticks   map[string]int            // by server
}

func newMember(r *run, i int) *member {
	m := &member{run: r, retries: i%3 == 0}
	m.forget()
	cfg := client.Config{
		ReconnectionDelay: 200 * time.Millisecond, ReconnectionDelayMax: 2 * time.Second, Timeout: 10 * time.Second,
		Logger: slog.New(slog.NewTextHandler(violations{r.book}, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	cfg.Hooks.HandlerError = func(s *client.Socket, err error) {
		if !errors.Is(err, client.ErrClosed) { // else it could not reply
			r.book.violate("%s: %v", s.ID(), err)
		}
	}
	switch i % 4 {
	case 0: // polling, and then WebSocket
	case 1:
		cfg.Engine = dial.Config{Transports: []string{engine.Polling}}
	default:
		cfg.Engine = dial.Config{Transports: []string{engine.WebSocket}}
	}
	if m.retries {
		cfg.Socket.Retries, cfg.Socket.AckTimeout = 1_000_000, 3*time.Second
	}
	var err error
	if m.socket, err = client.New(r.proxy.url(), &cfg); err != nil {
		r.book.violate("client.New: %v", err)
		return m
	}
	m.register()
	return m
}

// violations writes what the log says down.
type violations struct{ book *book }

func (v violations) Write(p []byte) (int, error) {
	v.book.violate("a client's log: %s", bytes.TrimSpace(p))
	return len(p), nil
}

// forget is for a client that is a new one.
func (m *member) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rooms, m.asked, m.news, m.ticks = make(map[string]bool), make(map[string]bool), make(map[string]map[string]int), make(map[string]int)
}

func (m *member) register() {
	book := m.run.book
	m.socket.OnConnect(func(context.Context) error {
		book.count("connections of Go clients", 1)
		if m.socket.Recovered() {
			book.count("recovered by Go clients", 1)
		} else {
			m.forget()
		}
		m.mu.Lock()
		m.current = true
		m.mu.Unlock()
		return nil
	})
	m.socket.OnDisconnect(func(reason client.Reason, _ error) {
		book.count("disconnected: "+string(reason), 1)
		m.mu.Lock()
		m.current = false
		for room, in := range m.rooms {
			if !in {
				delete(m.rooms, room)
			}
		}
		m.mu.Unlock()
		if reason == client.ReasonServerDisconnect && !m.ended.Load() {
			m.socket.Open()
		}
	})
	m.socket.On("joined", func(_ context.Context, _ *client.Socket, msg *client.Message) error {
		return m.moved(msg, true)
	})
	m.socket.On("left", func(_ context.Context, _ *client.Socket, msg *client.Message) error {
		return m.moved(msg, false)
	})
	m.socket.On("news", m.onNews)
	m.socket.On("tick", func(_ context.Context, _ *client.Socket, msg *client.Message) error {
		var server string
		var n int
		if err := msg.Bind(&server, &n); err != nil {
			return err
		}
		book.count("volatile events", 1)
		m.mu.Lock()
		defer m.mu.Unlock()
		if last := m.ticks[server]; n <= last {
			book.violate("%s: tick %d of %s after %d", m.socket.ID(), n, server, last)
		}
		m.ticks[server] = n
		return nil
	})
	m.socket.On("ask", func(_ context.Context, _ *client.Socket, msg *client.Message) error {
		var n int
		if err := msg.Bind(&n); err != nil {
			return err
		}
		return msg.Reply(n)
	})
}

// moved notes that the client is in a room now, or not.
func (m *member) moved(msg *client.Message, in bool) error {
	var room string
	if err := msg.Bind(&room); err != nil {
		return err
	}
	m.run.book.count("rooms joined and left", 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if was, known := m.rooms[room]; !in || !known || !was {
		delete(m.news, room)
	}
	m.rooms[room] = in
	if !in && (!m.current || m.asked[room]) {
		// What is missed is chosen by the rooms in the end (S8.7): it may have joined again, and
		// get what came in between. And it is in a room before it is told so.
		delete(m.rooms, room)
	}
	if in {
		delete(m.asked, room)
	}
	return nil
}

// onNews checks that an event of a room is the next one of its server.
func (m *member) onNews(_ context.Context, s *client.Socket, msg *client.Message) error {
	var server, room string
	var n int
	var data []byte
	if err := msg.Bind(&server, &room, &n, &data); err != nil {
		return err
	}
	book := m.run.book
	book.count("events to rooms", 1)
	if data != nil && len(data) != n%2000 {
		book.violate("%s: %d bytes with number %d", s.ID(), len(data), n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if in, known := m.rooms[room]; known && !in {
		book.violate("%s: %d of %s for %s, which it has left", s.ID(), n, server, room)
	}
	if m.news[room] == nil {
		m.news[room] = make(map[string]int)
	}
	if last, ok := m.news[room][server]; ok && n != last+1 {
		book.violate("%s (recovered: %t): %d of %s for %s after %d", s.ID(), s.Recovered(), n, server, room, last)
	}
	m.news[room][server] = n
	return nil
}

// live does this and that until ctx ends, and then leaves.
func (m *member) live(ctx context.Context) {
	if m.socket == nil {
		return
	}
	defer func() {
		m.ended.Store(true)
		_ = m.socket.Close()
	}()
	m.socket.Open()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			m.last(n)
			return
		case <-time.After(rand.N(2 * m.run.Pause)): //nolint:gosec // not a secret
			m.act(n)
		}
	}
}

// act does one thing.
func (m *member) act(n int) {
	switch dice := rand.IntN(100); { //nolint:gosec // not a secret
	case dice < 45:
		m.number(n)
	case dice < 80:
		m.move()
	case dice < 97:
		m.echo()
	case dice == 97:
		m.socket.Disconnect()
		m.socket.Open()
	}
}

// move joins a room, or leaves one if there are several.
func (m *member) move() {
	var in []string
	m.mu.Lock()
	for room, is := range m.rooms {
		if is {
			in = append(in, room)
		}
	}
	m.mu.Unlock()
	if len(in) > rand.IntN(6) { //nolint:gosec // not a secret
		_ = m.socket.Emit("leave", in[rand.IntN(len(in))]) //nolint:gosec // not a secret
		return
	}
	room := roomName(rand.IntN(Rooms)) //nolint:gosec // not a secret
	m.mu.Lock()
	if !m.rooms[room] {
		delete(m.rooms, room)
	}
	m.asked[room] = true
	m.mu.Unlock()
	_ = m.socket.Emit("join", room)
}

// number sends a numbered event and waits for its answer.
func (m *member) number(n int) bool {
	book, event, limit := m.run.book, "once", 10*time.Second
	if m.retries {
		event, limit = "again", 2*time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	args, err := m.socket.EmitWithAck(ctx, event, n)
	var got int
	switch {
	case err != nil && m.retries:
		book.violate("%s: an event that is repeated got no answer: %v", m.socket.ID(), err)
	case err != nil:
		book.count("events without an answer", 1)
	case args.Unmarshal(0, &got) != nil || got != n:
		book.violate("%s: the answer to %d is %v", m.socket.ID(), n, args)
	case m.retries:
		book.count("events answered, repeated if need be", 1)
		return true
	default:
		book.count("events answered", 1)
		return true
	}
	return false
}

// echo sends bytes and waits for them.
func (m *member) echo() {
	size := rand.IntN(300) //nolint:gosec // not a secret
	if size == 0 {
		size = 100_000
	}
	data := bytes.Repeat([]byte{byte(size)}, size)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	if m.retries {
		cancel()
		ctx, cancel = context.WithTimeout(context.Background(), 2*time.Minute)
	}
	defer cancel()
	args, err := m.socket.EmitWithAck(ctx, "echo", data)
	var got []byte
	switch {
	case err != nil:
		m.run.book.count("events without an answer", 1)
	case args.Unmarshal(0, &got) != nil || !bytes.Equal(got, data):
		m.run.book.violate("%s: %d bytes come back as %d others", m.socket.ID(), len(data), len(got))
	default:
		m.run.book.count("binary events answered", 1)
	}
}

// last checks that the client is well: it is connected soon, and is answered.
func (m *member) last(n int) {
	for range 6 {
		if m.number(n) {
			return
		}
		n++
	}
	m.run.book.violate("%s: no answer within a minute of peace", m.socket.ID())
}
