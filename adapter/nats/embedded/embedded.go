// SPDX-License-Identifier: MIT

// Package embedded runs a NATS server within the process, so that servers form a cluster with
// nothing to install: each has one of its own, and they find each other by a list of
// addresses.
//
//	bus, err := embedded.Open(&embedded.Config{
//		Listen: ":6222", Peers: []string{"a:6222", "b:6222"}, Secret: secret,
//	}, nil)
//	...
//	srv := sio.NewServer(&sio.Config{Bus: bus})
package embedded

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	sionats "github.com/sio-go/sio/adapter/nats"
)

// Config has the settings of a Server. nil and the zero value mean the defaults: a server
// that is alone.
type Config struct {
	// Name is this server's name, another for each. "" means a random one. With Dir it
	// must be the same each time.
	Name string
	// Cluster is the name of the cluster, the same for all. "" means "sio".
	Cluster string
	// Listen is the address for other servers, such as ":6222"; port 0 is a free one. "" means
	// that no others come; it then has no Peers either.
	Listen string
	// Advertise is the address that others are told, if it is not Listen's.
	Advertise string
	// Peers are the addresses of other servers, such as "a:6222". Not all need be
	// named, as servers tell each other, and not all need be there. This server's own
	// address does no harm, so that all may have the same list.
	Peers []string
	// Secret is what servers and emitters authenticate with. "": anybody who reaches
	// Listen can take part in the cluster.
	Secret string
	// TLS is used between servers. It needs a certificate, for both ends, and the
	// authorities: RootCAs, and ClientCAs with ClientAuth if certificates are to be
	// checked. nil: they talk in the clear, the secret included.
	TLS *tls.Config

	// Clients is an address for emitters and other clients of NATS. They authenticate with
	// Secret as a token: "nats://secret@host:4222". "": none can connect.
	Clients string
	// ClientTLS is used for Clients. nil: none.
	ClientTLS *tls.Config

	// Dir is the directory for JetStream, which is needed for sionats.Config.Log. "": no
	// JetStream. With others, JetStream works as long as more than half of them are there.
	Dir string

	// MaxMessage is the size in bytes of the longest message. 0 means 1 MiB.
	MaxMessage int
	// Logger gets the warnings and errors of the NATS server. nil: they are dropped.
	Logger *slog.Logger
}

// Server is a NATS server in this process. Its methods are safe for concurrent use.
type Server struct {
	srv    *server.Server
	token  string
	closed sync.Once
}

// startWait is how long a server may take to begin.
const startWait = 30 * time.Second

// routeUser is the user's name of servers.
const routeUser = "sio"

// Start starts a server. It does not wait for others. The error says that it cannot listen,
// or that a setting is wrong.
func Start(cfg *Config) (*Server, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	s := &Server{token: c.Secret}
	if c.Clients == "" {
		s.token = rand.Text() // nobody else may come
	}
	o, err := c.options(s.token)
	if err != nil {
		return nil, err
	}
	if s.srv, err = server.NewServer(o); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	log := &logger{log: c.Logger}
	s.srv.SetLoggerV2(log, false, false, false)
	go s.srv.Start() // ends with Close
	deadline := time.Now().Add(startWait)
	for !s.srv.ReadyForConnections(100 * time.Millisecond) {
		if err := log.fatal(); err != nil || time.Now().After(deadline) {
			s.Close()
			return nil, fmt.Errorf("embedded: the server does not start: %w", errors.Join(err, log.last()))
		}
	}
	return s, nil
}

var errPeers = errors.New("embedded: Peers need Listen")

// options are those of the NATS server.
func (c *Config) options(token string) (*server.Options, error) {
	o := &server.Options{
		ServerName: c.Name, NoSigs: true,
		Host: "127.0.0.1", Port: server.RANDOM_PORT, // routes do not work without
		Authorization: token, MaxPayload: 1 << 20,
		JetStream: c.Dir != "", StoreDir: c.Dir,
		MaxPending: 64 << 20, WriteDeadline: 10 * time.Second, PingInterval: 10 * time.Second,
		TLSConfig: c.ClientTLS,
	}
	if c.MaxMessage > 0 {
		o.MaxPayload = int32(min(c.MaxMessage, 64<<20))
	}
	if o.ServerName == "" {
		o.ServerName = "sio-" + rand.Text()
	}
	var err error
	if c.Clients != "" {
		if o.Host, o.Port, err = address(c.Clients); err != nil {
			return nil, err
		}
	}
	if c.ClientTLS != nil {
		o.TLS, o.TLSTimeout = true, 5
	}
	if c.Listen == "" {
		if len(c.Peers) > 0 {
			return nil, errPeers
		}
		return o, nil
	}
	if o.Cluster.Host, o.Cluster.Port, err = address(c.Listen); err != nil {
		return nil, err
	}
	o.Cluster.Name = c.Cluster
	if o.Cluster.Name == "" {
		o.Cluster.Name = "sio"
	}
	o.Cluster.Advertise, o.Cluster.NoAdvertise = c.Advertise, true
	o.Cluster.PingInterval, o.Cluster.MaxPingsOut = 5*time.Second, 2
	o.Cluster.AuthTimeout = 5
	o.Cluster.PoolSize = -1 // one connection between two servers keeps the order of all that they tell each other
	var user *url.Userinfo
	if c.Secret != "" {
		o.Cluster.Username, o.Cluster.Password = routeUser, c.Secret
		user = url.UserPassword(routeUser, c.Secret)
	}
	if c.TLS != nil {
		o.Cluster.TLSConfig, o.Cluster.TLSTimeout = c.TLS, 5
	}
	for _, peer := range c.Peers {
		if _, _, err := net.SplitHostPort(peer); err != nil {
			return nil, fmt.Errorf("embedded: peer: %w", err)
		}
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", User: user, Host: peer})
	}
	return o, nil
}

func address(text string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(text)
	if err == nil {
		port, err = strconv.Atoi(digits)
	}
	if err != nil {
		return "", 0, fmt.Errorf("embedded: address %q: %w", text, err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// Conn returns a new connection to the server, within the process. The caller closes it.
func (s *Server) Conn(options ...nats.Option) (*nats.Conn, error) {
	options = append(append(sionats.Options(), nats.InProcessServer(s.srv), nats.Token(s.token)), options...)
	conn, err := nats.Connect("", options...)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return conn, nil
}

// Addr returns the address for other servers, or "".
func (s *Server) Addr() string {
	if a := s.srv.ClusterAddr(); a != nil {
		return a.String()
	}
	return ""
}

// Clients returns the URL for clients, without the secret. It is of use only with Config.Clients.
func (s *Server) Clients() string { return s.srv.ClientURL() }

// Peers returns the number of other servers that this one has a connection to.
func (s *Server) Peers() int {
	names := make(map[string]bool)
	routes, err := s.srv.Routez(nil)
	if err != nil {
		return 0
	}
	for _, r := range routes.Routes {
		names[r.RemoteID] = true
	}
	return len(names)
}

// Close ends the server and all its connections, and waits for that. Further calls do nothing.
func (s *Server) Close() {
	s.closed.Do(func() {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
	})
}

// Open starts a server and returns a Bus on it, which closes both. bus may be nil.
func Open(cfg *Config, bus *sionats.Config) (*sionats.Bus, error) {
	s, err := Start(cfg)
	if err != nil {
		return nil, err
	}
	conn, err := s.Conn()
	if err != nil {
		s.Close()
		return nil, err
	}
	return sionats.NewOwner(conn, bus, s.Close), nil
}
