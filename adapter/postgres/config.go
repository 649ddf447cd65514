// SPDX-License-Identifier: MIT

package postgres

import (
	"fmt"
	"regexp"
	"time"
)

// Config has the settings of a Bus. nil and the zero value mean the defaults, which are those of
// the official adapter. Names of tables are written as in SQL: "name" or "schema.name", and in
// lower case unless they are in double quotes. The tables are made when they are missing: see Schema.
type Config struct {
	// Prefix begins the names of channels: "channelPrefix" of the official adapter. ""
	// means "socket.io".
	Prefix string
	// Table is where messages are put that a NOTIFY cannot carry. "" means "socket_io_attachments".
	Table string
	// Threshold is the size in bytes above which a message is put there. 0 and what is above 7,999, the
	// most that PostgreSQL allows, mean 7,999.
	Threshold int
	// Cleanup is how often old messages are deleted there, and how old these are. 0 means
	// 30 s; negative: they are never deleted by this server.
	Cleanup time.Duration

	// Log, if it is not nil, keeps broadcasts and sessions, so that clients can return to any
	// server. It costs a write to a table for each broadcast.
	Log *Log

	// MaxMessage is the size in bytes of the longest message that is sent or taken. 0 means 16 MiB.
	MaxMessage int
	// MaxQueue and MaxQueueBytes limit what waits to be sent: 0 means 16,384 messages and
	// 64 MiB. One message is taken in any case.
	MaxQueue      int
	MaxQueueBytes int
	// Timeout is how long PostgreSQL may take to accept or to return something. 0 means 5 s.
	Timeout time.Duration
	// Probe is how long the connection that listens may be silent before it is checked by a
	// round trip, and how long that may take before it is made anew. 0 means 5 s.
	Probe time.Duration
}

// Log has the settings of connection state recovery. Its zero value is ready to use. All servers
// in Go and emitters of a cluster should have the same. Servers in Node neither write to the log
// nor read it: a client that returns misses what they have sent while it was away.
type Log struct {
	// Table is where broadcasts are kept. "" means "socket_io_log".
	Table string
	// Sessions is where sessions are kept. "" means "socket_io_sessions".
	Sessions string
	// MaxAge is how long broadcasts are kept. It should not be less than
	// sio.Recovery.MaxDisconnection. 0 means 5 minutes.
	MaxAge time.Duration
	// MaxRows is how many broadcasts are kept, about. 0 means 100,000.
	MaxRows int
	// Async does not wait for the disk (synchronous_commit = off): faster, and if the
	// database crashes, what was sent in its last second may be missing in the log.
	Async bool
}

// EmitterConfig has the settings of an Emitter. nil and the zero value mean the defaults. They
// must be those of the servers.
type EmitterConfig struct {
	Prefix     string
	Table      string
	Threshold  int
	Log        *Log
	MaxMessage int
}

const (
	// backoffMin and backoffMax are the times between attempts to connect; a random part of up
	// to a half is taken off.
	backoffMin = 100 * time.Millisecond
	backoffMax = 5 * time.Second
	// closeWait is how long Close waits for what is queued.
	closeWait = time.Second
	// maxPayload is the longest payload of a NOTIFY.
	maxPayload = 7999
	// maxChannel is the longest name of a channel.
	maxChannel = 63
)

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// table is what the name of a table may be, since it becomes a part of statements.
var table = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*|"[^"\x00]+")(\.([A-Za-z_][A-Za-z0-9_]*|"[^"\x00]+"))?$`)

// with returns the settings with their defaults.
func (c *Config) with() (Config, error) {
	var out Config
	if c != nil {
		out = *c
	}
	def(&out.Prefix, "socket.io")
	def(&out.Table, "socket_io_attachments")
	def(&out.Cleanup, 30*time.Second)
	def(&out.MaxMessage, 16<<20)
	def(&out.MaxQueue, 16_384)
	def(&out.MaxQueueBytes, 64<<20)
	def(&out.Timeout, 5*time.Second)
	def(&out.Probe, 5*time.Second)
	if out.Threshold <= 0 || out.Threshold > maxPayload {
		out.Threshold = maxPayload
	}
	names := []string{out.Table}
	if out.Log != nil {
		log := *out.Log
		out.Log = &log
		def(&log.Table, "socket_io_log")
		def(&log.Sessions, "socket_io_sessions")
		def(&log.MaxAge, 5*time.Minute)
		def(&log.MaxRows, 100_000)
		names = append(names, log.Table, log.Sessions)
	}
	for _, name := range names {
		if !table.MatchString(name) {
			return out, fmt.Errorf("postgres: %q is not the name of a table", name)
		}
	}
	if !text(out.Prefix) {
		return out, fmt.Errorf("postgres: %q cannot be in the name of a channel", out.Prefix)
	}
	return out, nil
}

func (c *EmitterConfig) with() (Config, error) {
	if c == nil {
		c = new(EmitterConfig)
	}
	out := Config{Prefix: c.Prefix, Table: c.Table, Threshold: c.Threshold, Log: c.Log, MaxMessage: c.MaxMessage}
	return out.with()
}
