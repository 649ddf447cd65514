// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/adapter/redis"
)

// TestMixedRedis has two servers of ours and two official ones in one cluster, for each of
// the official adapters.
func TestMixedRedis(t *testing.T) {
	t.Parallel()
	program := tool(t, "redis-server", "redis-server")
	for bus, query := range map[string]string{
		"classic": "mode=classic", "sharded": "mode=sharded", "private": "mode=sharded&subscription=dynamic-private", "streams": "mode=streams",
	} {
		t.Run(bus, func(t *testing.T) {
			t.Parallel()
			backend := "redis://127.0.0.1:" + startRedis(t, program)
			mixed(t, bus, backend, backend+"?"+query)
		})
	}
}

// TestMixedRecovery has clients return to a server of the other kind.
func TestMixedRecovery(t *testing.T) {
	t.Parallel()
	program := node(t, "@socket.io/redis-streams-adapter")
	backend := "redis://127.0.0.1:" + startRedis(t, tool(t, "redis-server", "redis-server"))
	recovery := &sio.Recovery{}
	urls := []string{mixedServer(t, "go1", backend+"?mode=streams", recovery), mixedServer(t, "go2", backend+"?mode=streams", recovery)}
	foreign(t, "node", program, "mixed-recovery.mjs", "--backend", backend, "--servers", strings.Join(urls, ","))
}

// TestMixedPostgres is the same over PostgreSQL.
func TestMixedPostgres(t *testing.T) {
	t.Parallel()
	backend := startPostgres(t)
	mixed(t, "postgres", backend, backend)
}

// mixed starts two servers of ours, and the program that has the official ones and the clients.
func mixed(t *testing.T, bus, backend, address string) {
	t.Helper()
	program := node(t, "@socket.io/redis-adapter", "@socket.io/redis-streams-adapter", "@socket.io/postgres-adapter")
	urls := []string{mixedServer(t, "go1", address, nil), mixedServer(t, "go2", address, nil)}
	foreign(t, "node", program, "mixed.mjs", "--bus", bus, "--backend", backend, "--servers", strings.Join(urls, ","))
}

// openBus opens the bus of a URL.
func openBus(ctx context.Context, address string) (adapter.Bus, error) {
	if strings.HasPrefix(address, "postgres") {
		return postgres.Open(ctx, address)
	}
	return redis.Open(ctx, address)
}

func openEmitter(ctx context.Context, address string) (adapter.Emitter, io.Closer, error) {
	if strings.HasPrefix(address, "postgres") {
		return postgres.OpenEmitter(ctx, address)
	}
	return redis.OpenEmitter(ctx, address)
}

// order is what a client has a server do.
type order struct {
	Op      string   `json:"op"`
	To      []string `json:"to"`
	Except  []string `json:"except"`
	Rooms   []string `json:"rooms"`
	Local   bool     `json:"local"`
	Close   bool     `json:"close"`
	Timeout int      `json:"timeout"`
	Args    []any    `json:"args"`
}

// mixedServer starts a server of ours and returns its URL.
func mixedServer(t *testing.T, name, address string, recovery *sio.Recovery) string {
	t.Helper()
	bus, err := openBus(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	srv := sio.NewServer(&sio.Config{Bus: bus, Recovery: recovery, Logger: slog.New(slog.DiscardHandler)})
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
		web.Close()
	})
	srv.OnConnect(func(_ context.Context, s *sio.Socket) error {
		var auth struct {
			Name string `json:"name"`
		}
		if s.Recovered() {
			return nil
		}
		err := s.Handshake().Auth.Bind(&auth)
		s.SetValue("name", auth.Name)
		return err
	})
	srv.OnServerSide("ping", func(_ context.Context, args sio.Args) (any, error) {
		return []any{name, first(args)}, nil
	})
	srv.OnServerSide("note", func(_ context.Context, args sio.Args) (any, error) {
		return nil, srv.Local().Emit("noted", args)
	})
	srv.On("do", func(ctx context.Context, _ *sio.Socket, m *sio.Message) error {
		answer, err := obey(ctx, srv, address, m)
		if err != nil {
			t.Error(err)
		}
		return m.Reply(answer)
	})
	return web.URL
}

// first returns the first of some arguments.
func first(args sio.Args) (v any) {
	_ = args.Unmarshal(0, &v)
	return v
}

func obey(ctx context.Context, srv *sio.Server, address string, m *sio.Message) (any, error) {
	var o order
	if err := m.Bind(&o); err != nil {
		return nil, err
	}
	to := srv.To(o.To...).Except(o.Except...)
	if o.Local {
		to = to.Local()
	}
	switch o.Op {
	case "emit":
		return true, to.Emit("news", o.Args...)
	case "ask":
		ctx, cancel := context.WithTimeout(ctx, time.Duration(o.Timeout)*time.Millisecond)
		defer cancel()
		list, err := to.EmitWithAck(ctx, "question", o.Args...)
		answers := []any{}
		for _, a := range list {
			if a.Err != nil {
				err = a.Err
				continue
			}
			answers = append(answers, first(a.Args))
		}
		return map[string]any{"answers": answers, "failed": err != nil}, nil
	case "fetch":
		list, err := to.FetchSockets(ctx)
		out := []any{}
		for _, s := range list {
			slices.Sort(s.Rooms)
			out = append(out, map[string]any{
				"id": s.ID, "rooms": s.Rooms, "name": s.Data["name"], "secure": s.Handshake.Secure, "agent": s.Handshake.Header.Get("User-Agent"),
			})
		}
		return out, err
	case "join":
		to.SocketsJoin(o.Rooms...)
	case "leave":
		to.SocketsLeave(o.Rooms...)
	case "kick":
		to.DisconnectSockets(o.Close)
	case "servers":
		list, _ := srv.ServerSideEmitWithAck(ctx, "ping", o.Args...)
		answers := []any{} // those that came
		for _, a := range list {
			answers = append(answers, first(a))
		}
		return answers, nil
	case "tell":
		return nil, srv.ServerSideEmit("note", o.Args...)
	case "emitter":
		e, closer, err := openEmitter(ctx, address)
		if err != nil {
			return nil, err
		}
		defer func() { _ = closer.Close() }()
		return nil, e.Emit("news", o.Args...)
	default:
		return nil, fmt.Errorf("unknown order %q", o.Op)
	}
	return nil, nil
}
