// SPDX-License-Identifier: MIT

// Package load puts load on a Socket.IO server and measures what comes of it. It speaks
// the protocol itself, as bytes that are prepared once, so that it costs less than what it
// measures.
package load

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The scenarios.
const (
	Echo      = "echo"      // an event that is sent back
	Ack       = "ack"       // an event that is acknowledged
	Binary    = "binary"    // an event with binary data that is sent back
	Broadcast = "broadcast" // an event that all connections get; operations are deliveries
	Rooms     = "rooms"     // an event for a room; operations are deliveries
	Rate      = "rate"      // acknowledged events at a fixed rate, whether or not the server keeps up
	Connect   = "connect"   // connections over WebSocket
	Upgrade   = "upgrade"   // connections by polling, and upgraded
	Idle      = "idle"      // connections that do nothing
)

// Scenarios are the names of all scenarios.
var Scenarios = []string{Echo, Ack, Binary, Broadcast, Rooms, Rate, Connect, Upgrade, Idle}

// Contract says what a server has to do for the scenarios.
const Contract = `The server has to handle these events:

  echo(data)          emit echo(data) to the sender
  bin(data)           emit bin(data) to the sender
  ack(data, callback) callback(data)
  broadcast(data)     emit broadcast(data) to all sockets of the namespace
  join(room, callback) join the room, then callback()
  room(room, data)    emit room(data) to the sockets in the room

"sio serve --quiet" does.`

// Config says what to do. Zero means the default where one is given.
type Config struct {
	URL         string        // of the server; https for Connect and Idle only
	Receivers   string        // of Broadcast: URL of another server of its cluster, at which all are but the one who sends
	Path        string        // "" means "/socket.io/"
	Namespace   string        // "" means "/"
	Scenario    string        // one of Scenarios
	Connections int           // 0 means 100
	Payload     int           // bytes of an event's data; 0 means 32
	InFlight    int           // operations that are not answered, of each connection; 0 means 1
	RoomSize    int           // connections in each room of Rooms; 0 means 10
	Rate        int           // of Rate, in operations per second; 0 means 5,000
	Idle        int           // connections besides that do nothing; not for Broadcast, which they would get
	Stalled     int           // connections besides that take part, but never read; only with messages
	Casts       int           // of Rate: broadcasts of 4 KiB a second besides, which are not measured
	Deflate     bool          // offer permessage-deflate
	Warmup      time.Duration // before the measurement; 0 means 1 s
	Duration    time.Duration // of the measurement; 0 means 5 s
	PIDs        []int         // of the server, or of those of a cluster, for their CPU time and memory; none: not measured

	// Progress is called a few times a second with what is being done; nil: not.
	Progress func(text string)
}

// ErrConfig is wrapped by the errors of settings that make no sense.
var ErrConfig = errors.New("invalid settings")

// prepare checks the settings and fills in defaults.
func (c *Config) prepare() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return fmt.Errorf("%w: URL %q", ErrConfig, c.URL)
	case !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) || u.Hostname() == "":
		return fmt.Errorf("%w: URL %q: want http://HOST:PORT", ErrConfig, c.URL)
	case !slices.Contains(Scenarios, c.Scenario):
		return fmt.Errorf("%w: unknown scenario %q: want one of %s", ErrConfig, c.Scenario, strings.Join(Scenarios, ", "))
	}
	if strings.HasSuffix(u.Scheme, "s") && c.Scenario != Connect && c.Scenario != Idle {
		return fmt.Errorf("%w: over TLS there are the scenarios %s and %s only", ErrConfig, Connect, Idle)
	}
	for _, f := range []struct {
		v   *int
		def int
	}{{&c.Connections, 100}, {&c.Payload, 32}, {&c.InFlight, 1}, {&c.RoomSize, 10}, {&c.Rate, 5000}} {
		if *f.v == 0 {
			*f.v = f.def
		}
		if *f.v < 0 {
			return fmt.Errorf("%w: negative number", ErrConfig)
		}
	}
	if c.Idle < 0 || c.Stalled < 0 || c.Casts < 0 {
		return fmt.Errorf("%w: negative number", ErrConfig)
	}
	if c.Casts > 0 && (c.Scenario != Rate || c.Deflate) {
		return fmt.Errorf("%w: broadcasts besides are for the scenario %s, and not compressed", ErrConfig, Rate)
	}
	if c.Idle > 0 && c.Scenario == Broadcast {
		return fmt.Errorf("%w: connections that do nothing would get the broadcasts, too", ErrConfig)
	}
	if c.Receivers != "" && (c.Scenario != Broadcast || c.Connections < 2 || c.Stalled > 0) {
		return fmt.Errorf("%w: receivers at another server are for the scenario %s, with 2 connections or more, and none that stall", ErrConfig, Broadcast)
	}
	if c.Path == "" {
		c.Path = "/socket.io/"
	}
	if c.Namespace == "" {
		c.Namespace = "/"
	}
	if c.Warmup == 0 {
		c.Warmup = time.Second
	}
	if c.Duration == 0 {
		c.Duration = 5 * time.Second
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return nil
}

// Run runs one scenario. If ctx ends, the result is that of what was done until then.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.prepare(); err != nil {
		return nil, err
	}
	var server processes
	for _, pid := range cfg.PIDs {
		if pid != 0 {
			server = append(server, process(pid))
		}
	}
	if _, err := server.usage(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	d, err := newDialer(&cfg)
	if err != nil {
		return nil, err
	}
	switch cfg.Scenario {
	case Connect, Upgrade:
		return runConnect(ctx, &cfg, d, server)
	case Idle:
		return runIdle(ctx, &cfg, d, server)
	}
	return runMessages(ctx, &cfg, d, server)
}
