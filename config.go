// SPDX-License-Identifier: MIT

package sio

import (
	"io/fs"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// Config holds a server's settings. The zero value is ready to use. NewServer
// copies it: later changes have no effect.
type Config struct {
	// Path is where requests must begin, with or without a slash at its end. "" means
	// "/socket.io/". What is below it matches too: "/socket.io/", "/socket.io/anything".
	// Other requests get status 404, "/socket.io" among them (E1.1, E1.2).
	Path string
	// NoTrailingSlash makes Path itself match as well: "/socket.io", "/socket.io/" and
	// "/socket.io/anything", but not "/socket.iofoo". A ServeMux needs both patterns,
	// "/socket.io" and "/socket.io/" (E11.17).
	NoTrailingSlash bool
	// Client has the files of the official client for browsers, for example an embed.FS or
	// os.DirFS("node_modules/socket.io-client/dist"). Those of "socket.io.js",
	// "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js", and of the same
	// with ".map", that are in its root are read by NewServer and served below Path. nil
	// means that requests for them are redirected to cdn.socket.io. HTTP middlewares do not
	// see either, Engine.CORS applies.
	Client fs.FS
	// NoClient switches Client and the redirects off: such requests get status 400 like all
	// that the engine does not know.
	NoClient bool
	// ConnectTimeout is how long a client may stay without having joined a namespace
	// before its connection is closed. 0 means 45 s; negative: no limit.
	ConnectTimeout time.Duration
	// Engine holds the settings of the transports: heartbeat, payload and outbox
	// limits, origins, compression. Its OnSession must be nil; its Logger is Logger by
	// default. With AllowEIO3 clients of Socket.IO 2 are admitted: they are joined to
	// "/" without asking for it, cannot send an auth object but a query with the name of
	// another namespace (Handshake.Auth has it as an object of strings), and get only
	// the data or the message of a ConnectError. See also Socket.ID.
	Engine engine.Config
	// Logger gets panics at level error, errors of handlers at level warn, and what
	// clients do wrong at level debug. nil means slog.Default(), so that a panic is
	// never silent; slog.DiscardHandler discards all.
	Logger *slog.Logger
	// Recovery lets clients return to their sockets after their connections broke. nil:
	// off.
	Recovery *Recovery
	// Bus makes this server one of a cluster: what is sent to rooms reaches the sockets of
	// all servers, and FetchSockets, SocketsJoin, SocketsLeave, DisconnectSockets,
	// EmitWithAck and ServerSideEmit concern all. adapter.Loopback has one for servers of
	// the same process; backends have modules of their own. The server closes it. nil: this
	// server is alone.
	//
	// With Recovery, clients can return to any server if the Bus keeps broadcasts (see
	// adapter.Log), and else only to the server that they came from.
	Bus adapter.Bus
	// BusTiming says how long other servers are waited for. The zero value means the
	// defaults.
	BusTiming BusTiming
	// Forward lets clients poll without sticky sessions, at a cost. nil: they need them.
	Forward *Forward
	// CleanupEmptyNamespaces makes the server forget a namespace that a ParentNamespace
	// has made when its last socket has gone, with what Recovery keeps for it: a client that
	// was alone in it returns as a new one. It is made again on demand.
	CleanupEmptyNamespaces bool
	// MaxDynamicNamespaces limits the namespaces that clients make by asking a
	// ParentNamespace for them. At the limit one that has no sockets makes room, with what
	// Recovery keeps for it; if there is none, clients are refused. 0 means 10,000;
	// negative: no limit.
	MaxDynamicNamespaces int
	// Codec is how packets are encoded; all clients must use the same. nil means the
	// format of the Socket.IO protocol, which every client uses unless it is told
	// otherwise. msgpack.Codec of package packet/msgpack is for clients with the option
	// parser of socket.io-msgpack-parser (X1.1).
	//
	// packet.NewJSON is the format of the protocol with options of package json for the
	// values of this program, and msgpack.New takes them too; clients notice nothing:
	//
	//	Codec: packet.NewJSON(json.MatchCaseInsensitiveNames(true), json.RejectUnknownMembers(true))
	//
	// What a handler's argument then refuses goes to ErrorHook. Functions of
	// json.WithMarshalers run wherever a value is encoded: in the handler, or in who calls
	// Emit.
	Codec packet.Codec
	// Hooks observe the server. nil: none.
	Hooks []Hook

	// Overflow says what becomes of an event for a client that does not take what was sent
	// before, when as much waits as Engine.OutboxBytes and Engine.OutboxPackets allow.
	// Socket.SetOverflow changes it for one socket. Packets of the protocol and answers are
	// not dropped: for them the connection is closed. The zero value is OverflowDisconnect.
	Overflow Overflow

	// MaxAttachments limits the binary attachments of one packet from a client.
	// 0 means 10; negative: no limit.
	MaxAttachments int
	// MaxDepth limits how deep the JSON of a packet from a client is nested.
	// 0 and negative mean 1,000.
	MaxDepth int
	// DispatchQueue is the number of events of one socket that may wait for its
	// handlers. When so many wait, the client's connection is not read until half of
	// them are handled. While EmitWithAck waits for the same client, the limit is 8
	// times as high, because the answer comes behind the events. What has been read
	// already is still taken, so that one read (at most Engine.MaxPayloadBytes) may
	// exceed the limit. 0 means 256; negative: no limit.
	DispatchQueue int
	// DispatchBytes limits the events that wait in the same way, by the bytes of their
	// packets, attachments included. 0 means 1 MiB; negative: no limit.
	DispatchBytes int
	// MaxPendingAcks limits the answers of one socket that EmitWithAck may await at a
	// time. 0 means 1,024; negative: no limit.
	MaxPendingAcks int
	// MaxRooms limits the rooms that one socket may be in, its own not counted.
	// 0 means 1,024; negative: no limit.
	MaxRooms int
	// MaxNamespaces limits the namespaces that one connection may be in at a time,
	// those that it is about to join, and those it has left while a handler is still
	// running, included. 0 means 64; negative: no limit.
	MaxNamespaces int
}

// BusTiming has the times of a cluster. Those of heartbeats count only if the Bus cannot
// tell how many servers there are; they should be the same on all servers. 0 and negative
// mean the default.
type BusTiming struct {
	// Request is how long other servers have to answer if the context of FetchSockets or
	// ServerSideEmitWithAck has no deadline, and to tell how many clients they ask for
	// EmitWithAck. The default is 5 s.
	Request time.Duration
	// HeartbeatInterval is the longest time in which a server says nothing. The default
	// is 5 s.
	HeartbeatInterval time.Duration
	// HeartbeatTimeout is how long a server that says nothing is believed to be there. The
	// default is 10 s.
	HeartbeatTimeout time.Duration
}

// asking is how much longer a queue may be while its client is being asked.
const asking = 8

func (c *Config) withDefaults() Config {
	var cfg Config
	if c != nil {
		cfg = *c
	}
	if cfg.Path == "" {
		cfg.Path = "/socket.io/"
	}
	cfg.Path = strings.TrimSuffix(cfg.Path, "/") // E1.1
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 45 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Engine.Logger == nil {
		cfg.Engine.Logger = cfg.Logger
	}
	cfg.Recovery = cfg.Recovery.withDefaults()
	setLimit(&cfg.DispatchQueue, 256)
	setLimit(&cfg.DispatchBytes, 1<<20)
	setLimit(&cfg.MaxPendingAcks, 1024)
	setLimit(&cfg.MaxRooms, 1024)
	setLimit(&cfg.MaxNamespaces, 64)
	setLimit(&cfg.MaxDynamicNamespaces, 10_000)
	return cfg
}

// matches reports whether the server handles requests for a path.
//
// JS differs: E1.2, without the slash the official server compares raw prefixes, so that
// it takes "/socket.iofoo" too.
func (c *Config) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, c.Path)
	return ok && (strings.HasPrefix(rest, "/") || rest == "" && c.NoTrailingSlash)
}

// setLimit turns a setting into a limit: 0 means def, negative means none, which
// leaves room for a multiplication by asking.
func setLimit(n *int, def int) {
	switch {
	case *n == 0:
		*n = def
	case *n < 0, *n > math.MaxInt/asking:
		*n = math.MaxInt / asking
	}
}
