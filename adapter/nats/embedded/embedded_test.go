// SPDX-License-Identifier: MIT

package embedded_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/adaptertest"
	sionats "github.com/sio-go/sio/adapter/nats"
	"github.com/sio-go/sio/adapter/nats/embedded"
	"github.com/sio-go/sio/internal/assert"
)

// grid is a growing cluster of embedded servers.
type grid struct {
	cfg     embedded.Config
	servers []*embedded.Server
	ports   []string // addresses of all; nil: each has its own, and those before it as peers
}

// freePort returns an address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// start adds a server.
func (g *grid) start(t *testing.T) *embedded.Server {
	t.Helper()
	cfg := g.cfg
	cfg.Name = fmt.Sprint("node", len(g.servers))
	cfg.Listen = "127.0.0.1:0"
	for _, s := range g.servers {
		cfg.Peers = append(cfg.Peers, s.Addr())
	}
	if g.ports != nil {
		cfg.Listen, cfg.Peers = g.ports[len(g.servers)], g.ports // the own address included
	}
	if g.cfg.Dir != "" {
		cfg.Dir = t.TempDir()
	}
	s, err := embedded.Start(&cfg)
	assert.NoError(t, err)
	t.Cleanup(s.Close)
	g.servers = append(g.servers, s)
	return s
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// whole waits until all servers know each other.
func (g *grid) whole(t *testing.T) {
	t.Helper()
	eventually(t, "routes", func() bool {
		for _, s := range g.servers {
			if s.Peers() < len(g.servers)-1 {
				return false
			}
		}
		return true
	})
}

var prefixes atomic.Int32

// bus returns a bus on a server, with a prefix.
func bus(t *testing.T, s *embedded.Server, cfg sionats.Config) adapter.Bus {
	t.Helper()
	conn, err := s.Conn()
	assert.NoError(t, err)
	return sionats.NewOwner(conn, &cfg, nil)
}

// TestSuite runs the suite on three embedded servers with a secret and TLS, each bus on the next one.
func TestSuite(t *testing.T) {
	t.Parallel()
	g := &grid{cfg: embedded.Config{Secret: "between us: @/?#", TLS: certificate(t)}}
	for range 3 {
		g.start(t)
	}
	g.whole(t)
	adaptertest.Run(t, func(*testing.T) adaptertest.Cluster {
		cfg := sionats.Config{Prefix: fmt.Sprint("test", prefixes.Add(1))}
		next := 0
		return adaptertest.Cluster{New: func(t *testing.T) adapter.Bus {
			next++
			return bus(t, g.servers[next%3], cfg)
		}}
	})
}

// TestSuite_log runs the suite with a log that all three servers keep.
func TestSuite_log(t *testing.T) {
	t.Parallel()
	g := &grid{cfg: embedded.Config{Dir: "x"}} // which JetStream has only if routes are configured
	for range 3 {
		g.ports = append(g.ports, freePort(t))
	}
	for range 3 {
		g.start(t)
	}
	g.whole(t)
	adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
		cfg := sionats.Config{Prefix: fmt.Sprint("test", prefixes.Add(1)), Log: &sionats.Log{Replicas: 3, Memory: true, MaxBytes: 8 << 20}}
		assert.NoError(t, join(t, bus(t, g.servers[0], cfg), "first").Leave()) // the streams are there when the suite begins
		next := 0
		return adaptertest.Cluster{New: func(t *testing.T) adapter.Bus {
			next++
			return bus(t, g.servers[next%3], cfg)
		}}
	})
}

// certificate returns settings for both ends, with a certificate that is its own authority.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sio"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

// lockedBuffer is written by a logger.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestStart has settings that are wrong, and who is refused.
func TestStart(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]*embedded.Config{
		"peers without listen": {Peers: []string{"a:6222"}},
		"address":              {Listen: "6222"},
		"port":                 {Listen: "127.0.0.1:x"},
		"clients":              {Clients: "nowhere"},
		"peer":                 {Listen: "127.0.0.1:0", Peers: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := embedded.Open(cfg, nil)
			assert.Error(t, err)
		})
	}
	t.Run("wrong secret", func(t *testing.T) {
		a := &grid{cfg: embedded.Config{Secret: "right"}}
		first := a.start(t)
		b := &grid{cfg: embedded.Config{Secret: "wrong"}, servers: a.servers[:1:1]}
		second := b.start(t)
		a.start(t)
		a.whole(t)
		assert.Equal(t, first.Peers(), 1)
		assert.Equal(t, second.Peers(), 0)
	})
	t.Run("emitter", func(t *testing.T) {
		s, err := embedded.Start(&embedded.Config{Clients: "127.0.0.1:0", Secret: "s"})
		assert.NoError(t, err)
		t.Cleanup(s.Close)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, _, err = sionats.OpenEmitter(ctx, s.Clients())
		assert.Error(t, err)
		e, c, err := sionats.OpenEmitter(ctx, strings.Replace(s.Clients(), "//", "//s@", 1))
		assert.NoError(t, err)
		assert.NoError(t, e.To("room").Emit("hello"))
		assert.NoError(t, c.Close())
	})
	t.Run("emitter, TLS", func(t *testing.T) {
		c := certificate(t)
		var log lockedBuffer
		s, err := embedded.Start(&embedded.Config{
			Clients: "127.0.0.1:0", Secret: "s", ClientTLS: c, MaxMessage: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		assert.NoError(t, err)
		t.Cleanup(s.Close)
		assert.Equal(t, s.Addr(), "")
		e, conn, err := sionats.OpenEmitter(t.Context(), strings.Replace(s.Clients(), "//", "//s@", 1), nats.Secure(c))
		assert.NoError(t, err)
		assert.NoError(t, e.Emit("hello"))
		assert.Error(t, e.Emit("hello", strings.Repeat("x", 2000)))
		assert.NoError(t, conn.Close())
		_, _, err = sionats.OpenEmitter(t.Context(), s.Clients(), nats.Secure(c))
		assert.Error(t, err)
		eventually(t, "a line in the log", func() bool { return strings.Contains(log.String(), "nats: ") })
	})
	t.Run("cannot listen", func(t *testing.T) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		assert.NoError(t, err)
		defer func() { _ = taken.Close() }()
		for _, cfg := range []*embedded.Config{{Listen: taken.Addr().String()}, {Clients: taken.Addr().String()}} {
			_, err = embedded.Open(cfg, nil)
			assert.Error(t, err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "file")
		assert.NoError(t, os.WriteFile(name, nil, 0o600))
		_, err := embedded.Open(&embedded.Config{Dir: name}, nil)
		assert.Error(t, err)
	})
	t.Run("alone", func(t *testing.T) {
		b, err := embedded.Open(nil, nil)
		assert.NoError(t, err)
		assert.NoError(t, b.Close())
		assert.NoError(t, b.Close())
	})
}
