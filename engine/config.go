// SPDX-License-Identifier: MIT

package engine

import (
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/sio-go/sio/internal/websocket"
)

// The names of the transports.
const (
	Polling      = "polling"
	WebSocket    = "websocket"
	WebTransport = "webtransport"
)

// Config holds a server's settings. The zero value, with OnSession, is ready to use.
// NewServer copies it: later changes have no effect. Functions are called by whichever
// goroutine it happens in, several at a time, and without any lock.
type Config struct {
	// PingInterval is the time between a pong and the next ping. It is told to the client
	// in whole milliseconds. 0 and negative: 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a pong may take before the session is closed, and the
	// response of a poll to be taken. It is told to the client in whole milliseconds.
	// 0 and negative: 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long an upgrade to WebSocket may take, from the switch of
	// protocols on. 0 and negative: 10 s.
	UpgradeTimeout time.Duration
	// HandshakeTimeout is how long opening a session may take: it bounds the context of
	// the request that AllowRequest and GenerateID get, and the time in which the peer of
	// a WebSocket must take the response. If the context ends the handshake is refused
	// with status 503 and CodeBadRequest, whatever the function returns. 0 means 10 s;
	// negative: no limit.
	HandshakeTimeout time.Duration
	// Transports are the transports that clients may use: Polling, WebSocket and, with
	// Server.ServeWebTransport, WebTransport. Other names mean nothing. Empty: Polling and
	// WebSocket.
	Transports []string
	// DisableUpgrades tells clients not to upgrade, and refuses attempts (JS differs: B9,
	// the official server lets them upgrade).
	DisableUpgrades bool
	// AllowJSONP admits clients that poll by script elements (E4.1): some of revision 3 in
	// browsers without CORS. A script has no Origin, so that any page may open a session
	// with the cookies of its visitor, and read it.
	AllowJSONP bool
	// AllowEIO3 admits clients of protocol revision 3: Socket.IO 2 and older. Without it
	// they are refused with CodeUnsupportedVersion.
	AllowEIO3 bool

	// MaxPayloadBytes limits the body of a POST and a WebSocket message, in bytes, after
	// decompression. It is told to the client in the handshake. 0 means 1,000,000;
	// negative: no limit.
	MaxPayloadBytes int64
	// MaxPayloadPackets limits the packets in the body of one POST. 0 means 65,536;
	// negative: no limit.
	MaxPayloadPackets int
	// MaxHeaderBytes limits the URL and the header fields of a request, in bytes; larger
	// ones get status 431 and CodeBadRequest before any middleware sees them. It is not
	// exact: the request line's method and version are not counted. http.Server's field of
	// the same name bounds what is read at all. 0 means 16 KiB; negative: no limit.
	MaxHeaderBytes int
	// OutboxBytes limits what waits to be sent to one session, in bytes. One packet of
	// any size is accepted into an empty outbox. Beyond it the session is closed with
	// ReasonSlowConsumer, or what SendOptions.Overflow says happens. 0 means 4 MiB;
	// negative: no limit.
	OutboxBytes int
	// OutboxPackets limits the number of packets that wait to be sent to one session.
	// 0 means 65,536; negative: no limit.
	OutboxPackets int
	// MaxFragments limits the frames that one WebSocket message may come in. 0 means
	// 16,384; negative: no limit.
	MaxFragments int
	// MaxSessions limits the sessions at one time; more are refused with status 503 and
	// CodeForbidden. 0 and negative: no limit.
	MaxSessions int
	// ShutdownSpread is over which time Server.Shutdown closes the sessions, in batches at
	// random moments, so that not all clients come to other servers at once. It takes at most
	// three quarters of the time that Shutdown's ctx leaves. 0 means 1 ms for each session,
	// at most 10 s, and none up to 100 sessions; negative: all are closed at once.
	ShutdownSpread time.Duration
	// Flood limits how fast clients may send, and connections by remote address. nil: off.
	Flood *Flood
	// PerMessageDeflate compresses WebSocket messages, if the client can. nil: off,
	// which is best for small messages (E5.6).
	PerMessageDeflate *PerMessageDeflate
	// HTTPCompressionThreshold is the size of a polling response, in bytes, from which
	// on it is compressed if the client accepts zstd, gzip or deflate (E3.14).
	// 0 means 1,024; negative: never.
	HTTPCompressionThreshold int
	// Cookie, if set, returns a cookie for the response to each handshake, for load
	// balancers that keep a client on one server. It may return nil: none. DefaultCookie is
	// that of the official server. nil: no cookies.
	//
	// JS differs: E5.14, a WebSocket handshake gets the cookie too.
	Cookie func(r *http.Request, sid string) *http.Cookie
	// CORS lets pages of other origins use the server. nil: none.
	CORS *CORS
	// InitialPacket is sent to each client right behind the handshake, in the same
	// response (E1.17). nil: none.
	InitialPacket *Message

	// AllowRequest decides on each handshake (a request without sid). An error refuses
	// it with CodeForbidden; its text is sent to the client. It may block: see
	// HandshakeTimeout. nil allows all.
	AllowRequest func(*http.Request) error
	// CheckOrigin decides whether a handshake that carries an Origin header may go on;
	// false refuses it with CodeForbidden. nil allows an Origin whose host is the request's
	// Host, and those that CORS allows, which prevents cross-site WebSocket hijacking.
	//
	// JS differs: the official server accepts every origin over WebSocket (E5.15).
	CheckOrigin func(*http.Request) bool
	// GenerateID returns the id of a new session. It must be unique and unguessable. An
	// error, or an id in use, refuses the handshake with CodeBadRequest. It may block: see
	// HandshakeTimeout. nil means NewID.
	GenerateID func(*http.Request) (string, error)
	// OnSession is called once for each new session, before anything is sent or read,
	// and returns the receiver of its messages. Required. It must not block. A nil
	// receiver refuses the session with CodeForbidden.
	OnSession func(*Session) Receiver
	// OnUpgrade, if set, is told of each session that has moved to WebSocket. It must not
	// block.
	OnUpgrade func(*Session)
	// OnClose, if set, is told of each session that has ended, before its receiver is. err
	// is the cause, or nil. It must not block.
	OnClose func(s *Session, reason Reason, err error)
	// OnRequestError, if set, is told of each refused request before it is answered (E2.9).
	// What goes wrong within a session comes with OnClose instead.
	OnRequestError func(*http.Request, *RequestError)
	// OnInitialHeaders, if set, may change the header of the response that opens a session,
	// polling or WebSocket, before OnHeaders does (E6.3).
	OnInitialHeaders func(http.Header, *http.Request)
	// OnHeaders, if set, may change the header of every response to a poll or a POST of a
	// session, and of every response that switches to WebSocket (E6.4). Refusals have only
	// what middlewares add.
	OnHeaders func(http.Header, *http.Request)
	// Logger gets debug records of sessions and refused requests. nil discards them.
	Logger *slog.Logger
}

// PerMessageDeflate says how WebSocket messages are compressed (RFC 7692). The zero
// value is ready to use.
type PerMessageDeflate struct {
	// Threshold is the size of a message, in bytes, from which on it is compressed.
	// 0 means 1,024; negative: all are.
	Threshold int
	// Level is that of compress/flate, 1 to 9. 0 and negative: 1, the fastest.
	Level int
	// WindowBits limits the window, as the base-2 logarithm of its size in bytes: 9 to 15.
	// 0 and negative: 15.
	WindowBits int
	// ContextTakeover keeps the window from one message to the next, if the client wants
	// that: small messages that resemble each other compress far better, for up to
	// 64 KiB of memory for each connection. A broadcast then is compressed once for each
	// recipient instead of once.
	ContextTakeover bool
}

const (
	noLimit = int(^uint(0) >> 1)

	// lingerTimeout is how long a closed WebSocket waits for the peer's close frame.
	lingerTimeout = 5 * time.Second
	// failTimeout is that of a peer that broke the protocol, or does not answer pings.
	failTimeout = time.Second
	// probeCloseTimeout is how long the close frame of a failed upgrade may take.
	probeCloseTimeout = time.Second
	// pollCloseTimeout is how long a closing polling session waits for a GET that can
	// carry the close packet (E3.19).
	pollCloseTimeout = 30 * time.Second
	// pollShutdownTimeout is that of a server that shuts down: a client that is there polls
	// all the time.
	pollShutdownTimeout = 2 * time.Second
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
	switch {
	case cfg.HandshakeTimeout == 0:
		cfg.HandshakeTimeout = 10 * time.Second
	case cfg.HandshakeTimeout < 0:
		cfg.HandshakeTimeout = math.MaxInt64
	}
	cfg.MaxPayloadPackets = limit(cfg.MaxPayloadPackets, 65_536)
	cfg.MaxHeaderBytes = limit(cfg.MaxHeaderBytes, 16<<10)
	cfg.HTTPCompressionThreshold = limit(cfg.HTTPCompressionThreshold, 1024)
	switch {
	case cfg.MaxPayloadBytes == 0:
		cfg.MaxPayloadBytes = 1_000_000
	case cfg.MaxPayloadBytes < 0:
		cfg.MaxPayloadBytes = math.MaxInt64
	}
	cfg.OutboxBytes = limit(cfg.OutboxBytes, 4<<20)
	cfg.OutboxPackets = limit(cfg.OutboxPackets, 65_536)
	cfg.MaxFragments = limit(cfg.MaxFragments, 16_384)
	cfg.MaxSessions = limit(cfg.MaxSessions, noLimit)
	if len(cfg.Transports) == 0 {
		cfg.Transports = []string{Polling, WebSocket}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// settings returns d with its defaults. nil stays nil.
func (d *PerMessageDeflate) settings() *websocket.Deflate {
	if d == nil {
		return nil
	}
	s := &websocket.Deflate{Threshold: d.Threshold, Level: max(1, min(d.Level, 9)), WindowBits: 15, ContextTakeover: d.ContextTakeover}
	switch {
	case d.Threshold == 0:
		s.Threshold = 1024
	case d.Threshold < 0:
		s.Threshold = 0
	}
	if d.WindowBits > 0 {
		s.WindowBits = max(9, min(d.WindowBits, 15))
	}
	return s
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
