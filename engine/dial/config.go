// SPDX-License-Identifier: MIT

package dial

import (
	"context"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/sio-go/sio/engine"
)

// Config holds the settings of a Dialer. The zero value is ready to use. New copies it:
// later changes have no effect, and what it points to must not be changed. Functions are
// called by whichever goroutine it happens in, several at a time, and without any lock.
type Config struct {
	// Transports are the transports to use: engine.Polling, engine.WebSocket and, with
	// DialWebTransport, engine.WebTransport. Other names mean nothing. The first one opens
	// a session; it may upgrade to the others (C4.1), to WebTransport rather than to
	// WebSocket (C4.20). nil means all of them, in this order.
	Transports []string
	// DisableUpgrade makes sessions stay with the transport that has opened them (C4.2).
	DisableUpgrade bool
	// RememberUpgrade makes sessions begin with WebSocket, whatever the order of
	// Transports, if the last WebSocket of this Dialer worked (C4.3).
	RememberUpgrade bool
	// TryAllTransports makes Dial try the next transport if one fails (C4.4).
	TryAllTransports bool
	// ForceBase64 makes both sides send binary data as base64 in text (C4.5).
	ForceBase64 bool

	// TimestampParam names the query parameter with 8 random characters that keeps
	// requests out of caches (C4.6). "" means "t".
	TimestampParam string
	// NoTimestamps leaves it out.
	NoTimestamps bool
	// TimestampWebSocket adds it to WebSocket handshakes too.
	TimestampWebSocket bool
	// Query is added to the query of each request. The names EIO, transport, sid, b64
	// and j are overwritten or left out. nil means the query of the URL (C4.7).
	Query url.Values
	// Path is the path of all requests. A slash is added at its end. "" means
	// "/engine.io/" (C4.8). The path of the URL means nothing.
	Path string
	// NoTrailingSlash takes the slash away instead.
	NoTrailingSlash bool
	// Header is added to each request, of any transport; User-Agent works too, and so does
	// Host, but not for WebTransport (C4.9).
	Header http.Header
	// OnRequest, if set, may change each request before it is sent, for one transport only
	// or with values of the moment (C4.12).
	OnRequest func(transport string, r *http.Request)
	// Jar keeps cookies, for polling and WebSocket together (C4.10). nil: cookies are
	// neither kept nor sent.
	Jar http.CookieJar
	// Transport makes the HTTP connections, of WebSockets too: TLS settings, proxies, a
	// function that dials. nil means a clone of http.DefaultTransport that belongs to the
	// Dialer, with 64 KiB for the header of a response, and 4 s for idle connections.
	Transport *http.Transport
	// RequestTimeout limits each polling request. It has to be longer than the server's
	// ping interval, for that is how long a GET may wait (C4.11). 0 and negative: no limit
	// but that of the heartbeat.
	RequestTimeout time.Duration
	// UpgradeTimeout limits the opening and probing of each connection to which a session
	// upgrades. 0 and negative: 10 s.
	UpgradeTimeout time.Duration
	// DialWebTransport opens a WebTransport session and its one bidirectional stream:
	// Dialer.Dial of package webtransport does. The URL has no query (C4.30). The header is
	// Header with cookies and authorization. ctx is for the opening only. Close of the
	// connection closes the session. If it has a method CloseWrite() error, that ends the
	// stream in one direction: the server reads it to its end, and closes the session.
	// nil means that there is no WebTransport.
	DialWebTransport func(ctx context.Context, url string, header http.Header) (net.Conn, error)
	// NoCompression makes WebSocket handshakes offer no permessage-deflate (C4.13).
	NoCompression bool
	// CompressionThreshold is the size of a WebSocket message, in bytes, from which on it
	// is compressed, if the server has agreed. 0 means 1,024; negative: all are.
	CompressionThreshold int
	// Protocols are the sub-protocols of WebSocket handshakes, best first (C4.14).
	Protocols []string

	// MaxPayloadBytes limits a message of WebSocket and WebTransport and a polling response
	// from the server, in bytes, after decompression. Beyond it the session ends with ReasonTransportError.
	// 0 means 16 MiB; negative: no limit.
	MaxPayloadBytes int64
	// OutboxBytes limits what waits to be sent, in bytes. One message of any size is
	// accepted into an empty outbox. 0 means 4 MiB; negative: no limit.
	OutboxBytes int
	// OutboxPackets limits the packets that wait to be sent; an attachment counts as
	// one. 0 means 65,536; negative: no limit.
	OutboxPackets int
	// Logger gets debug records of sessions. nil discards them.
	Logger *slog.Logger
}

const (
	// maxURL is the length of the longest URL that New takes (C1.2).
	maxURL = 8000
	// maxFragments limits the frames that one WebSocket message may come in.
	maxFragments = 16_384
	// maxErrorBody is how much of the body of a refused request is read.
	maxErrorBody = 4 << 10
	// maxErrorText is the length of the longest text there that is taken for a message.
	maxErrorText = 200
	// maxHeader is how much of the header of a response the own transport reads.
	maxHeader = 64 << 10
	// idleTimeout is how long the own transport keeps an idle connection. Servers of Node.js
	// close theirs after 5 s; a POST that meets that would end the session.
	idleTimeout = 4 * time.Second
	// closeTimeout is how long Close may take to send what is queued.
	closeTimeout = 5 * time.Second
	// goodbyeTimeout is how long the server may take to answer that a session ends.
	goodbyeTimeout = 2 * time.Second
)

func (c *Config) withDefaults() Config {
	var cfg Config
	if c != nil {
		cfg = *c
	}
	names := cfg.Transports
	if names == nil {
		names = []string{engine.Polling, engine.WebSocket, engine.WebTransport}
	}
	cfg.Transports = nil
	for _, name := range names {
		known := name == engine.Polling || name == engine.WebSocket || name == engine.WebTransport && cfg.DialWebTransport != nil
		if known && !slices.Contains(cfg.Transports, name) {
			cfg.Transports = append(cfg.Transports, name)
		}
	}
	if cfg.TimestampParam == "" {
		cfg.TimestampParam = "t"
	}
	if cfg.UpgradeTimeout <= 0 {
		cfg.UpgradeTimeout = 10 * time.Second
	}
	switch {
	case cfg.CompressionThreshold == 0:
		cfg.CompressionThreshold = 1024
	case cfg.CompressionThreshold < 0:
		cfg.CompressionThreshold = 0
	}
	switch {
	case cfg.MaxPayloadBytes == 0:
		cfg.MaxPayloadBytes = 16 << 20
	case cfg.MaxPayloadBytes < 0:
		cfg.MaxPayloadBytes = math.MaxInt64 - 1
	}
	cfg.OutboxBytes = limit(cfg.OutboxBytes, 4<<20)
	cfg.OutboxPackets = limit(cfg.OutboxPackets, 65_536)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// limit turns a setting into a limit: 0 means def, negative means none.
func limit(n, def int) int {
	switch {
	case n == 0:
		return def
	case n < 0:
		return math.MaxInt
	}
	return n
}
