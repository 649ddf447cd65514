// SPDX-License-Identifier: MIT

package nats_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/adaptertest"
	sionats "github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/internal/assert"
)

// startNATS starts a server; port 0 is a free one.
func startNATS(t testing.TB, port int, dir string, more ...func(*server.Options)) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	o := &server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, JetStream: dir != "", StoreDir: dir}
	for _, f := range more {
		f(o)
	}
	s, err := server.NewServer(o)
	assert.NoError(t, err)
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

var prefixes atomic.Int32

// fresh returns a prefix that nobody else has.
func fresh() string { return fmt.Sprint("sio.test", prefixes.Add(1)) }

func port(s *server.Server) int {
	var p int
	_, _ = fmt.Sscanf(s.ClientURL(), "nats://127.0.0.1:%d", &p)
	return p
}

// suite runs the suite on servers of its own for each group that restarts it.
func suite(t *testing.T, log bool, cfg sionats.Config) {
	dir := ""
	if log {
		dir = t.TempDir()
	}
	s := startNATS(t, 0, dir)
	number := port(s)
	adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
		cfg := cfg
		cfg.Prefix = fresh()
		if log {
			cfg.Log = &sionats.Log{MaxBytes: 16 << 20}
		}
		return adaptertest.Cluster{
			New: func(t *testing.T) adapter.Bus {
				bus, err := sionats.Open(t.Context(), fmt.Sprintf("nats://127.0.0.1:%d", number), &cfg)
				assert.NoError(t, err)
				return bus
			},
			Restart: func(t *testing.T) {
				s.Shutdown()
				s.WaitForShutdown()
				s = startNATS(t, number, dir)
			},
		}
	})
}

// TestSuite runs the suite on one server of NATS.
func TestSuite(t *testing.T) {
	t.Parallel()
	t.Run("core", func(t *testing.T) {
		t.Parallel()
		suite(t, false, sionats.Config{})
	})
	t.Run("few rooms", func(t *testing.T) {
		t.Parallel()
		suite(t, false, sionats.Config{MaxRooms: 1})
	})
	t.Run("log", func(t *testing.T) {
		t.Parallel()
		suite(t, true, sionats.Config{})
	})
}

func connect(t testing.TB, s *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(s.ClientURL(), options...)
	assert.NoError(t, err)
	t.Cleanup(conn.Close)
	return conn
}
