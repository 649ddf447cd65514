// SPDX-License-Identifier: MIT

package nats

import (
	"time"
)

// Config has the settings of a Bus. nil and the zero value mean the defaults. All servers and
// emitters of a cluster must have the same Prefix, and all or none a Log.
type Config struct {
	// Prefix begins all subjects. It may have dots, but no empty tokens, wildcards or
	// white space. "" means "sio".
	Prefix string

	// MaxRooms is the number of rooms of a namespace with a subscription of their own. If
	// this server has more, it receives what is sent to any room of the namespace. 0 means
	// 10,000; negative: none has a subscription of its own.
	MaxRooms int

	// MaxMessage is the size in bytes of the longest message that is sent. The limit of the
	// NATS server, 1 MiB by default, holds too. 0 means 1 MiB.
	MaxMessage int

	// MaxQueue and MaxQueueBytes limit what waits to be sent, and in the same way what was
	// received and waits to be handled: 0 means 16,384 messages and 64 MiB.
	MaxQueue      int
	MaxQueueBytes int

	// Probe is how often the connection is checked by a round trip to the server, and how
	// long that may take before the connection is given up and made anew. 0 means 10 s;
	// negative: the pings of the connection itself have to do.
	Probe time.Duration

	// Log has broadcasts and sessions be kept by JetStream. nil: they are not.
	Log *Log
}

// Log says how broadcasts and sessions are kept. The zero value means the defaults. The
// settings take effect when the first server makes the streams; streams that are there are
// used as they are.
type Log struct {
	// Stream is the name of the stream of broadcasts. That of sessions has "_SESSIONS"
	// behind it. "" means the Prefix in upper case, with underscores for what a name of a
	// stream cannot have: "SIO".
	Stream string
	// MaxAge is how long broadcasts and sessions are kept. It should be longer than
	// sio.Recovery.MaxDisconnection. 0 means 5 minutes.
	MaxAge time.Duration
	// MaxBytes limits each of the two streams. The oldest entries are dropped. 0 means 256 MiB.
	MaxBytes int64
	// Memory has the streams be kept in memory instead of files.
	Memory bool
	// Replicas is the number of NATS servers that keep each entry: 1, 3 or 5. 0 means 1.
	Replicas int
}

const (
	defaultPrefix = "sio"
	// ackWait is how long an entry of the log may take to come back.
	ackWait = 10 * time.Second
	// closeWait is how long Close waits for what is queued.
	closeWait = time.Second
	// intake is the number of messages between the connection's reader and the queue.
	intake = 2048
)

func def[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// with returns the settings with their defaults.
func (c *Config) with() Config {
	var out Config
	if c != nil {
		out = *c
	}
	if out.Prefix == "" {
		out.Prefix = defaultPrefix
	}
	def(&out.MaxRooms, 10_000)
	def(&out.MaxMessage, 1<<20)
	def(&out.MaxQueue, 16_384)
	def(&out.MaxQueueBytes, 64<<20)
	def(&out.Probe, 10*time.Second)
	if out.Log != nil {
		log := *out.Log
		if log.Stream == "" {
			log.Stream = streamName(out.Prefix)
		}
		def(&log.MaxAge, 5*time.Minute)
		def(&log.MaxBytes, 256<<20)
		def(&log.Replicas, 1)
		out.Log = &log
	}
	return out
}
