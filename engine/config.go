// SPDX-License-Identifier: MIT

package engine

import (
	"log/slog"
	"net/http"
	"time"
)

// The names of the transports.
const (
	Polling   = "polling"
	WebSocket = "websocket"
)

// Config holds a server's settings. The zero value is ready to use. NewServer
// copies it: later changes have no effect.
type Config struct {
	// PingInterval is the time between a pong and the next ping. 0 means 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a pong may take before the session is closed. 0 means 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long an upgrade to WebSocket may take. 0 means 10 s.
	UpgradeTimeout time.Duration
	// MaxPayloadBytes limits the body of a POST and a WebSocket message, in bytes. It
	// is told to the client in the handshake. 0 means 1,000,000; negative: no limit.
	MaxPayloadBytes int64
	// Transports are the transports that clients may use. Empty means Polling and
	// WebSocket.
	Transports []string
	// DisableUpgrades tells clients not to upgrade, and refuses attempts.
	DisableUpgrades bool
	// OutboxBytes limits what waits to be sent to one session, in bytes. One packet of
	// any size is accepted into an empty outbox. Beyond it the session is closed with
	// ReasonTransportError. 0 means 4 MiB; negative: no limit.
	OutboxBytes int
	// OutboxPackets limits the number of packets that wait to be sent to one session.
	// 0 means 65,536; negative: no limit.
	OutboxPackets int
	// MaxFragments limits the frames that one WebSocket message may come in. 0 means
	// 16,384; negative: no limit.
	MaxFragments int
	// MaxSessions limits the sessions at one time; more are refused with status 503.
	// 0 and negative: no limit.
	MaxSessions int
	// AllowRequest decides on each handshake (a request without sid). An error refuses
	// it with CodeForbidden; its text is sent to the client. nil allows all.
	AllowRequest func(*http.Request) error
	// CheckOrigin decides whether a handshake that carries an Origin header may go on.
	// nil allows only an Origin whose host is the request's Host, which prevents
	// cross-site WebSocket hijacking.
	//
	// JS differs: the official server accepts every origin over WebSocket (E5.15).
	CheckOrigin func(*http.Request) bool
	// GenerateID returns the id of a new session. It must be unique and unguessable.
	// An error refuses the handshake with CodeBadRequest. nil means NewID.
	GenerateID func(*http.Request) (string, error)
	// OnSession is called once for each new session, before anything is sent or read,
	// and returns the receiver of its messages. Required. It must not block. A nil
	// receiver refuses the session.
	OnSession func(*Session) Receiver
	// OnRequestError, if set, is told of each refused request.
	OnRequestError func(*http.Request, *RequestError)
	// Logger gets debug records of sessions and refused requests. nil discards them.
	Logger *slog.Logger
}

const (
	noLimit = int(^uint(0) >> 1)

	// lingerTimeout is how long a closed WebSocket waits for the peer's close frame.
	lingerTimeout = 5 * time.Second
	// probeCloseTimeout is how long the close frame of a failed upgrade may take.
	probeCloseTimeout = time.Second
	// pollCloseTimeout is how long a closing polling session waits for a GET that can
	// carry the close packet (E3.19).
	pollCloseTimeout = 30 * time.Second
	// noopInterval is the time between noops that free a pending GET during an
	// upgrade (E9.3).
	noopInterval = 100 * time.Millisecond
	// holdTimeout is how long sends may be held back to be written together while a
	// handler runs.
	holdTimeout = time.Millisecond
)

func (c *Config) withDefaults() Config {
	var cfg Config
	if c != nil {
		cfg = *c
	}
	setDuration(&cfg.PingInterval, 25*time.Second)
	setDuration(&cfg.PingTimeout, 20*time.Second)
	setDuration(&cfg.UpgradeTimeout, 10*time.Second)
	cfg.MaxPayloadBytes = int64(limit(int(cfg.MaxPayloadBytes), 1_000_000))
	cfg.OutboxBytes = limit(cfg.OutboxBytes, 4<<20)
	cfg.OutboxPackets = limit(cfg.OutboxPackets, 65_536)
	cfg.MaxFragments = limit(cfg.MaxFragments, 16_384)
	cfg.MaxSessions = limit(cfg.MaxSessions, noLimit)
	if len(cfg.Transports) == 0 {
		cfg.Transports = []string{Polling, WebSocket}
	}
	if cfg.GenerateID == nil {
		cfg.GenerateID = func(*http.Request) (string, error) { return NewID(), nil }
	}
	if cfg.CheckOrigin == nil {
		cfg.CheckOrigin = sameHost
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

func setDuration(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

// limit turns a setting into a limit: 0 means def, negative means none.
func limit(n, def int) int {
	switch {
	case n == 0:
		return def
	case n < 0:
		return noLimit
	}
	return n
}
