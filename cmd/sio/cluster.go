// SPDX-License-Identifier: MIT

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/nats"
	embeddednats "github.com/sio-go/sio/adapter/nats/embedded"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/adapter/redis"
)

// cluster says how "sio serve" takes part in a cluster.
type cluster struct {
	url     string
	listen  string
	peers   []string
	secret  string
	forward string
}

// secretVariable is the environment variable with what the servers of a cluster share. A flag
// could be read by other users of the machine.
const secretVariable = "SIO_CLUSTER_SECRET"

const clusterUsage = "take part in the cluster at `URL`: redis://, rediss:// (?mode=classic, sharded or streams), postgres://, nats://, or the word embedded"

// clusterFlags are those of "sio serve".
func clusterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cluster", Usage: clusterUsage},
		&cli.StringFlag{Name: "cluster-listen", Usage: "embedded: listen on `HOST:PORT` for other servers, which need " + secretVariable},
		&cli.StringSliceFlag{Name: "cluster-peers", Usage: "embedded: the `HOST:PORT`s of other servers, with commas between"},
		&cli.StringFlag{Name: "forward", Usage: "hand polling requests on to the server that has their session; `URL` is where the others reach this one; needs " + secretVariable},
	}
}

func clusterOf(cmd *cli.Command) cluster {
	return cluster{
		url: cmd.String("cluster"), listen: cmd.String("cluster-listen"), peers: cmd.StringSlice("cluster-peers"),
		forward: cmd.String("forward"), secret: os.Getenv(secretVariable),
	}
}

var errNoCluster = errors.New("--cluster is missing")

// check looks at the flags' values before anything is done.
func (c *cluster) check() error {
	kind, err := scheme(c.url)
	switch {
	case err != nil:
		return fmt.Errorf("invalid value %q for --cluster: %w", c.url, err)
	case kind != "embedded" && (c.listen != "" || len(c.peers) > 0):
		return errors.New("--cluster-listen and --cluster-peers are for --cluster embedded")
	case kind == "" && c.forward != "":
		return fmt.Errorf("--forward: %w", errNoCluster)
	case c.forward != "" && len(c.secret) < 16:
		return fmt.Errorf("--forward: %s must be set, to 16 bytes or more", secretVariable)
	}
	if u, err := url.Parse(c.forward); c.forward != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "") {
		return fmt.Errorf("invalid value %q for --forward: want http://HOST:PORT", c.forward)
	}
	return nil
}

// scheme returns which bus a URL names: redis, postgres, nats, embedded, or "".
func scheme(address string) (string, error) {
	if address == "" || address == "embedded" {
		return address, nil
	}
	name, _, found := strings.Cut(address, "://")
	switch {
	case !found:
	case slices.Contains([]string{"redis", "rediss", "valkey", "valkeys", "unix"}, name):
		return "redis", nil
	case slices.Contains([]string{"nats", "tls", "ws", "wss"}, name):
		return "nats", nil
	case name == "postgres", name == "postgresql":
		return "postgres", nil
	}
	return "", errors.New("want redis://HOST:PORT, postgres://HOST:PORT/NAME, nats://HOST:PORT or embedded")
}

// open returns the bus; nil if there is none.
func (c *cluster) open(ctx context.Context, log *slog.Logger) (adapter.Bus, error) {
	kind, err := scheme(c.url)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "redis":
		return redis.Open(ctx, c.url)
	case "nats":
		return nats.Open(ctx, c.url, nil)
	case "postgres":
		return postgres.Open(ctx, c.url)
	case "embedded":
		return embeddednats.Open(&embeddednats.Config{Listen: c.listen, Peers: c.peers, Secret: c.secret, Logger: log}, nil)
	}
	return nil, nil //nolint:nilnil // no cluster is no error
}

// join adds to the settings of a server what makes it part of the cluster.
func (c *cluster) join(ctx context.Context, cfg *sio.Config) error {
	bus, err := c.open(ctx, cfg.Logger)
	if err != nil || bus == nil {
		return err
	}
	cfg.Bus = bus
	if c.forward != "" {
		cfg.Forward = &sio.Forward{Address: c.forward, Secret: []byte(c.secret)}
	}
	return nil
}

// openEmitter returns an emitter for a cluster.
func openEmitter(ctx context.Context, address string) (adapter.Emitter, io.Closer, error) {
	kind, err := scheme(address)
	switch {
	case err != nil:
		return adapter.Emitter{}, nil, err
	case kind == "redis":
		return redis.OpenEmitter(ctx, address)
	case kind == "nats":
		return nats.OpenEmitter(ctx, address)
	case kind == "postgres":
		return postgres.OpenEmitter(ctx, address)
	case kind == "embedded":
		err = errors.New("servers with an embedded bus take no emitters: use another one")
	default:
		err = errNoCluster
	}
	return adapter.Emitter{}, nil, err
}

// members is what a playground knows of the other servers of its cluster.
type members struct {
	name string // of this server
	ns   *sio.Namespace
}

// membership is what a client is told of the cluster.
type membership struct {
	Server  string   `json:"server"`
	Servers []string `json:"servers"`
}

// membersEvent asks other servers for their names.
const membersEvent = "playground:name"

// newMembers makes a namespace answer other servers.
func newMembers(ns *sio.Namespace, name string) *members {
	ns.OnServerSide(membersEvent, func(context.Context, sio.Args) (any, error) { return name, nil })
	return &members{name, ns}
}

// of asks all servers. Those that do not answer within a second are left out.
func (m *members) of(ctx context.Context) membership {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	list := []string{m.name}
	answers, _ := m.ns.ServerSideEmitWithAck(ctx, membersEvent) // with those that came, if there is an error
	for _, a := range answers {
		var name string
		if a.Unmarshal(0, &name) == nil {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return membership{m.name, slices.Compact(list)}
}

// serverName is the name of a server that listens on an address.
func serverName(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	host, _ := os.Hostname()
	return net.JoinHostPort(cmp.Or(host, "localhost"), fmt.Sprint(tcp.Port))
}
