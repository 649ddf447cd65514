// SPDX-License-Identifier: MIT

package testserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sio-go/sio"
)

// choice is a Target as a client writes it.
type choice struct {
	Nsp      string   `json:"nsp"`
	From     string   `json:"from"` // a socket id: To and Except of this socket
	Self     string   `json:"self"` // a socket id: this socket alone
	Rooms    []string `json:"rooms"`
	Except   []string `json:"except"`
	Volatile bool     `json:"volatile"`
	Plain    bool     `json:"plain"` // not compressed
	Timeout  int      `json:"timeout"`
}

func (c choice) target(srv *sio.Server) (sio.Target, error) {
	ns := srv.Of(c.Nsp)
	t := ns.Compress(!c.Plain)
	if id := c.From + c.Self; id != "" {
		s := ns.Socket(id)
		if s == nil {
			return t, fmt.Errorf("no socket %s in %s", id, c.Nsp)
		}
		t = s.Broadcast().Compress(!c.Plain)
		if c.Self != "" {
			t = s.Compress(!c.Plain)
		}
	}
	if len(c.Rooms) > 0 {
		t = t.To(c.Rooms...)
	}
	if len(c.Except) > 0 {
		t = t.Except(c.Except...)
	}
	if c.Volatile {
		t = t.Volatile()
	}
	return t.Timeout(time.Duration(c.Timeout) * time.Millisecond), nil
}

// desk registers the orders. p is the parent of the tests' namespaces.
func (o *office) desk(srv *sio.Server, p *sio.ParentNamespace) {
	ns := srv.Of("/desk")
	// to registers an order that has to do with a choice of sockets.
	to := func(event string, do func(ctx context.Context, t sio.Target, m *sio.Message) (any, error)) {
		ns.On(event, func(ctx context.Context, _ *sio.Socket, m *sio.Message) error {
			var c choice
			if err := m.Bind(&c); err != nil {
				return err
			}
			t, err := c.target(srv)
			if err != nil {
				return err
			}
			answer, err := do(ctx, t, m)
			return errors.Join(err, m.Reply(answer))
		})
	}
	to("emit", func(_ context.Context, t sio.Target, m *sio.Message) (any, error) {
		var event string
		err := m.Bind(nil, &event)
		return nil, errors.Join(err, t.Emit(event, m.Args().Slice(2, m.Args().Len())))
	})
	to("stream", func(ctx context.Context, t sio.Target, m *sio.Message) (any, error) {
		var event string
		var n, wait int
		err := m.Bind(nil, &event, &n, &wait)
		for i := range n {
			err = errors.Join(err, t.Emit(event, i))
			pause(ctx, wait)
		}
		return nil, err
	})
	to("regular-then-volatile", func(_ context.Context, t sio.Target, m *sio.Message) (any, error) {
		return nil, errors.Join(t.Emit("regular"), t.Volatile().Emit("volatile"))
	})
	to("ask", askAll)
	to("fetch", func(ctx context.Context, t sio.Target, _ *sio.Message) (any, error) {
		sockets, err := t.FetchSockets(ctx)
		list := []map[string]any{}
		for _, s := range sockets {
			list = append(list, map[string]any{"id": s.ID, "rooms": s.Rooms, "data": s.Data, "address": s.Handshake.Address})
		}
		return list, err
	})
	to("join", func(_ context.Context, t sio.Target, m *sio.Message) (any, error) {
		var rooms []string
		err := m.Bind(nil, &rooms)
		t.SocketsJoin(rooms...)
		return nil, err
	})
	to("leave", func(_ context.Context, t sio.Target, m *sio.Message) (any, error) {
		var rooms []string
		err := m.Bind(nil, &rooms)
		t.SocketsLeave(rooms...)
		return nil, err
	})
	to("disconnect-sockets", func(_ context.Context, t sio.Target, m *sio.Message) (any, error) {
		var closeConn bool
		err := m.Bind(nil, &closeConn)
		t.DisconnectSockets(closeConn)
		return nil, err
	})
	ns.On("parent", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var room, event string
		if err := m.Bind(&room, &event); err != nil {
			return err
		}
		t := p.All()
		if room != "" {
			t = p.To(room)
		}
		return errors.Join(t.Emit(event, m.Args().Slice(2, m.Args().Len())), m.Reply())
	})
	ns.On("exists", func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
		var name string
		err := m.Bind(&name)
		return errors.Join(err, m.Reply(slices.ContainsFunc(p.Namespaces(), func(ns *sio.Namespace) bool { return ns.Name() == name })))
	})
	o.tell(ns)
}

// askAll replies with the first arguments of the answers, and whether time was over.
func askAll(ctx context.Context, t sio.Target, m *sio.Message) (any, error) {
	var event string
	if err := m.Bind(nil, &event); err != nil {
		return nil, err
	}
	answers, late := t.EmitWithAck(ctx, event, m.Args().Slice(2, m.Args().Len()))
	if late != nil && !errors.Is(late, context.DeadlineExceeded) {
		return nil, late
	}
	list := make([]any, 0, len(answers))
	for _, a := range answers {
		var v any
		if a.Err != nil {
			v = map[string]string{"error": a.Err.Error()}
		} else if err := a.Args.Unmarshal(0, &v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return map[string]any{"answers": list, "late": late != nil}, nil
}

// tell registers questions for what was seen.
func (o *office) tell(ns *sio.Namespace) {
	// by registers a question for what is kept under a name.
	by := func(event string, get func(name string) any) {
		ns.On(event, func(_ context.Context, _ *sio.Socket, m *sio.Message) error {
			var name string
			if err := m.Bind(&name); err != nil {
				return err
			}
			o.mu.Lock()
			v := get(name)
			o.mu.Unlock()
			return m.Reply(v)
		})
	}
	by("runs", func(name string) any { return o.runs[name] })
	by("heard", func(name string) any { return append([]string{}, o.heard[name]...) })
	by("end", func(id string) any {
		if e := o.ends[id]; e != nil {
			return *e
		}
		return end{Rooms: []string{}}
	})
}
