// SPDX-License-Identifier: MIT

package redis

import (
	"strings"
	"time"
)

// Mode says which of the official adapters the servers of a cluster are to understand.
// All servers and emitters must have the same.
type Mode uint8

// The modes.
const (
	// Classic is createAdapter of @socket.io/redis-adapter. In Redis Cluster, each node of Redis
	// gets each message.
	Classic Mode = iota
	// Sharded is createShardedAdapter of @socket.io/redis-adapter. It needs Redis 7.
	Sharded
	// Streams is @socket.io/redis-streams-adapter 0.3. Broadcasts are kept, and nothing is lost
	// while a server has lost Redis for a while.
	Streams
)

// Subscription says which rooms have a channel of their own with Sharded.
type Subscription uint8

// The official subscription modes.
const (
	// Dynamic is for rooms that are not a socket's own.
	Dynamic Subscription = iota
	// Static is for no room: a server receives all broadcasts to its namespaces.
	Static
	// DynamicPrivate is for all rooms: a server receives what is for one socket only if
	// the socket is its own. There is a subscription for each socket.
	DynamicPrivate
)

// Config has the settings of a Bus. nil and the zero value mean the defaults, which are those of
// the official adapters.
type Config struct {
	Mode Mode
	// Prefix begins all channels: "key" or "channelPrefix" of the official adapters. ""
	// means "socket.io".
	Prefix string
	// Private has answers be sent to the channel of the server that has asked, instead of
	// that of all, with Classic: "publishOnSpecificResponseChannel".
	Private bool
	// Subscription is used with Sharded.
	Subscription Subscription
	// Stream is used with Streams.
	Stream Stream

	// MaxMessage is the size in bytes of the longest message that is sent, the limit of what Redis
	// lets wait for a subscriber (client-output-buffer-limit, 32 MiB) being above it. 0 means 16 MiB.
	MaxMessage int
	// MaxQueue and MaxQueueBytes limit what waits to be sent: 0 means 16,384 messages and
	// 64 MiB. One message is taken in any case.
	MaxQueue      int
	MaxQueueBytes int
	// Timeout is how long Redis may take to accept what is sent. 0 means 5 s.
	Timeout time.Duration
	// Probe is how often a connection that is subscribed is checked by a round trip, and how long
	// that may take before it is given up and made anew. 0 means 5 s.
	Probe time.Duration
}

// Stream has the settings of Streams.
type Stream struct {
	// Name is that of the stream. "" means "socket.io".
	Name string
	// Count is the number of streams. Each namespace is in one, whose name is Name, "-" and a
	// number. 0 and 1 mean a single one called Name.
	Count int
	// MaxLen is the number of entries that each keeps, about. 0 means 10,000.
	MaxLen int
	// ReadCount is the number of entries read at once. 0 means 100.
	ReadCount int
	// SessionPrefix begins the keys of sessions. "" means "sio:session:".
	SessionPrefix string
	// Sharded has requests and answers be sent by sharded publish and subscribe:
	// "useShardedPubSub".
	Sharded bool
}

// EmitterConfig has the settings of an Emitter. nil and the zero value mean the defaults. They
// must be those of the servers.
type EmitterConfig struct {
	Mode         Mode
	Prefix       string
	Subscription Subscription
	Stream       Stream
	MaxMessage   int
}

const (
	// backoffMin and backoffMax are the times between attempts to connect; a random part of up
	// to a half is taken off.
	backoffMin = 100 * time.Millisecond
	backoffMax = 5 * time.Second
	// closeWait is how long Close waits for what is queued.
	closeWait = time.Second
)

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// with returns the settings with their defaults.
func (c *Config) with() Config {
	var out Config
	if c != nil {
		out = *c
	}
	def(&out.Prefix, "socket.io")
	def(&out.MaxMessage, 16<<20)
	def(&out.MaxQueue, 16_384)
	def(&out.MaxQueueBytes, 64<<20)
	def(&out.Timeout, 5*time.Second)
	def(&out.Probe, 5*time.Second)
	def(&out.Stream.Name, "socket.io")
	def(&out.Stream.MaxLen, 10_000)
	def(&out.Stream.ReadCount, 100)
	def(&out.Stream.SessionPrefix, "sio:session:")
	out.Stream.Count = max(out.Stream.Count, 1)
	return out
}

func (c *EmitterConfig) with() Config {
	if c == nil {
		c = new(EmitterConfig)
	}
	out := Config{Mode: c.Mode, Prefix: c.Prefix, Subscription: c.Subscription, Stream: c.Stream, MaxMessage: c.MaxMessage}
	return out.with()
}

// glob quotes what has a meaning in a pattern.
var glob = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`)
