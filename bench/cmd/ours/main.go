// SPDX-License-Identifier: MIT

// Ours is a server of sio with the events of the benchmark and nothing else. It decodes
// the data of an event and encodes it again, as the other servers do.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/adapter/redis"
	"github.com/sio-go/sio/bench/host"
	"github.com/sio-go/sio/engine"
)

func main() {
	opt := host.Flags()
	cfg := &sio.Config{NoClient: true, Logger: slog.New(slog.DiscardHandler)}
	cfg.Engine.MaxPayloadBytes = 4 << 20 // that of the Node servers, too
	if opt.Deflate {
		cfg.Engine.PerMessageDeflate = &engine.PerMessageDeflate{Threshold: 512}
	}
	if opt.Bus != "" {
		bus, err := openBus(opt.Bus)
		if err != nil {
			slog.Error("joining the cluster", "err", err)
			return // compare reads no URL
		}
		cfg.Bus = bus
	}
	srv := sio.NewServer(cfg)
	serve(srv.Namespace, opt.Rooms)
	for i := range opt.Namespaces {
		serve(srv.Of(fmt.Sprintf("/n%d", i)), opt.Rooms)
	}
	_ = host.RunTLS(srv, opt.TLS) // standard input has ended
}

func openBus(address string) (adapter.Bus, error) {
	switch ctx := context.Background(); {
	case strings.HasPrefix(address, "redis:"):
		return redis.Open(ctx, address)
	case strings.HasPrefix(address, "postgres:"):
		return postgres.Open(ctx, address)
	default:
		return nats.Open(ctx, address, nil)
	}
}

func serve(ns *sio.Namespace, rooms int) {
	if rooms > 0 {
		ns.OnConnect(func(_ context.Context, s *sio.Socket) error {
			for i := range rooms {
				if err := s.Join(fmt.Sprintf("%s-%d", s.ID(), i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	sio.On(ns, "echo", func(_ context.Context, s *sio.Socket, data string) error {
		return s.Emit("echo", data)
	})
	sio.On(ns, "bin", func(_ context.Context, s *sio.Socket, data []byte) error {
		return s.Emit("bin", data)
	})
	sio.Handle(ns, "ack", func(_ context.Context, _ *sio.Socket, data string) (string, error) {
		return data, nil
	})
	sio.On(ns, "broadcast", func(_ context.Context, _ *sio.Socket, data string) error {
		return ns.Emit("broadcast", data)
	})
	sio.Handle(ns, "join", func(_ context.Context, s *sio.Socket, room string) (sio.None, error) {
		return sio.None{}, s.Join(room)
	})
	sio.On(ns, "room", func(_ context.Context, _ *sio.Socket, m sio.Args2[string, string]) error {
		return ns.To(m.A).Emit("room", m.B)
	})
}
