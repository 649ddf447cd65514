// SPDX-License-Identifier: MIT

package client

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/packet"
)

// Config holds the settings of a manager and of the socket that New returns. The zero
// value is ready to use. It is copied: later changes have no effect.
type Config struct {
	// Engine holds the settings of the connection: transports, query, header fields,
	// cookies, TLS, proxies, compression, limits. Its Path "" means "/socket.io/". Its
	// Logger is Logger by default.
	Engine dial.Config
	// Codec is how packets are encoded: the server must use the same. nil means the
	// format of the Socket.IO protocol; msgpack.Codec is for servers with the parser of
	// socket.io-msgpack-parser.
	Codec packet.Codec

	// NoReconnection switches reconnecting off.
	NoReconnection bool
	// ReconnectionAttempts is how often the manager tries to reconnect before it gives up.
	// 0 and negative mean without end (C2.3).
	ReconnectionAttempts int
	// ReconnectionDelay is the delay before the first attempt to reconnect. It doubles
	// with each further one. 0 and negative mean 1 s (C2.4).
	ReconnectionDelay time.Duration
	// ReconnectionDelayMax limits the delay. 0 and negative mean 5 s (C2.5).
	ReconnectionDelayMax time.Duration
	// RandomizationFactor is the part of a delay by which it is made shorter or longer at
	// random, at most 1. 0 means 0.5; negative: none (C2.6).
	RandomizationFactor float64
	// Timeout limits one attempt to connect. 0 means 20 s; negative: no limit (C2.7).
	Timeout time.Duration

	// Socket holds the settings of the socket that New returns. NewManager ignores it.
	Socket SocketConfig
	// Hooks are told what happens.
	Hooks Hooks
	// Logger gets panics at level error, errors of handlers and dropped events at level
	// warn, and the connection's ups and downs at level debug. nil means slog.Default().
	Logger *slog.Logger

	// BufferPackets limits the packets of one socket that wait for a connection.
	// 0 means 1,024; negative: no limit.
	BufferPackets int
	// BufferBytes limits them by their size. 0 means 4 MiB; negative: no limit.
	BufferBytes int
	// DispatchQueue is the number of events of one socket that may wait for its
	// handlers. When so many wait, nothing more is read until half of them are handled;
	// while EmitWithAck waits, the limit is 8 times as high, because the answer comes
	// behind the events. A server whose pings are not read in time closes the connection.
	// This side does too, if an answer is awaited then: it would never come to a handler.
	// 0 means 1,024; negative: no limit.
	DispatchQueue int
	// MaxPendingAcks limits the answers that EmitWithAck may await at a time on one socket.
	// 0 means 1,024; negative: no limit.
	MaxPendingAcks int
	// MaxAttachments limits the binary attachments of one packet from the server.
	// 0 means 10; negative: no limit.
	MaxAttachments int
	// MaxDepth limits how deep the JSON of a packet from the server is nested.
	// 0 and negative mean 1,000.
	MaxDepth int
}

// SocketConfig holds the settings of one socket. The zero value is ready to use.
type SocketConfig struct {
	// Auth is sent to the server with each CONNECT: a struct, a map, or what else JSON
	// makes an object of. nil: nothing is sent.
	Auth any
	// AuthFunc is called for each CONNECT and returns what to send in place of Auth, for
	// example a new token. It may wait; ctx ends with the connection. Its error is
	// the error of Connect, and leaves the socket inactive. It must not call Close, which
	// waits for it.
	AuthFunc func(ctx context.Context) (any, error)
	// Retries, if positive, makes Emit and EmitWithAck send events one at a time, each
	// after the one before was acknowledged, and up to Retries times again if it is not
	// acknowledged within AckTimeout. Handlers of the server must acknowledge all events,
	// and may get one several times (C3.16). 0 and negative mean that events are sent once.
	Retries int
	// AckTimeout limits how long EmitWithAck waits for an answer, besides its context.
	// 0 means 10 s if Retries is set, and no limit else.
	AckTimeout time.Duration
}

// Hooks are told what happens to a connection. Each may be nil. They are called one at a
// time and in order, on a goroutine of their own, and may call whatever they like. If they
// do not return for so long that 1,024 calls are waiting, further ones are left out.
type Hooks struct {
	// Open: the connection was opened.
	Open func()
	// Close: it has ended.
	Close func(reason Reason, err error)
	// Error: an attempt to open it failed.
	Error func(err error)
	// Ping: the server has sent a ping.
	Ping func()
	// Upgrade: the connection has moved to another transport.
	Upgrade func(transport string)
	// UpgradeError: it could not move to a transport. It stays where it is, or moves to
	// another one.
	UpgradeError func(err error)
	// ReconnectAttempt: the n-th attempt to reconnect begins, counted from 1.
	ReconnectAttempt func(n int)
	// Reconnect: the n-th attempt has succeeded.
	Reconnect func(n int)
	// ReconnectError: an attempt has failed.
	ReconnectError func(err error)
	// ReconnectFailed: the last attempt has failed. It comes before its ReconnectError
	// (C2.14).
	ReconnectFailed func()
	// HandlerError: a handler has returned an error, or has panicked (*PanicError).
	HandlerError func(s *Socket, err error)
	// Dropped: an event was given up, because it was not acknowledged (SocketConfig.Retries).
	Dropped func(s *Socket, event string, err error)
}

func (c *Config) withDefaults() Config {
	var cfg Config
	if c != nil {
		cfg = *c
	}
	if cfg.Engine.Path == "" {
		cfg.Engine.Path = "/socket.io/"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Engine.Logger == nil {
		cfg.Engine.Logger = cfg.Logger
	}
	if cfg.ReconnectionAttempts <= 0 {
		cfg.ReconnectionAttempts = math.MaxInt
	}
	if cfg.ReconnectionDelay <= 0 {
		cfg.ReconnectionDelay = time.Second
	}
	if cfg.ReconnectionDelayMax <= 0 {
		cfg.ReconnectionDelayMax = 5 * time.Second
	}
	switch {
	case cfg.RandomizationFactor == 0:
		cfg.RandomizationFactor = 0.5
	case cfg.RandomizationFactor < 0 || cfg.RandomizationFactor > 1 || math.IsNaN(cfg.RandomizationFactor):
		cfg.RandomizationFactor = 0
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	setLimit(&cfg.BufferPackets, 1024)
	setLimit(&cfg.BufferBytes, 4<<20)
	setLimit(&cfg.DispatchQueue, 1024)
	setLimit(&cfg.MaxPendingAcks, 1024)
	return cfg
}

func (c *SocketConfig) withDefaults() SocketConfig {
	var cfg SocketConfig
	if c != nil {
		cfg = *c
	}
	cfg.Retries = max(cfg.Retries, 0)
	if cfg.Retries > 0 && cfg.AckTimeout == 0 {
		cfg.AckTimeout = 10 * time.Second
	}
	return cfg
}

// asking is how much longer a queue may be while the server is being asked.
const asking = 8

// setLimit turns a setting into a limit: 0 means def, negative means none.
func setLimit(n *int, def int) {
	switch {
	case *n == 0:
		*n = def
	case *n < 0, *n > math.MaxInt/asking:
		*n = math.MaxInt / asking
	}
}
