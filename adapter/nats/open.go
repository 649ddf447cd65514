// SPDX-License-Identifier: MIT

package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sio-go/sio/adapter"
)

// Open returns a Bus with a connection of its own, which Close ends. It does not wait for the
// server, and connects again for as long as it takes.
//
// The URL is that of a NATS server, or of several with commas between: "nats://host:4222",
// "tls://user:password@a:4222,b:4222". Query parameters: prefix, max-rooms, creds (a file with
// credentials), ca, cert and key (files in PEM), log (true), stream, max-age (such as 5m),
// memory (true), replicas. cfg may be nil; parameters have precedence.
func Open(_ context.Context, rawURL string, cfg *Config, options ...nats.Option) (*Bus, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.Log != nil {
		log := *c.Log
		c.Log = &log
	}
	server, more, err := parseURL(rawURL, &c)
	if err != nil {
		return nil, err
	}
	conn, err := dial(server, append(more, options...))
	if err != nil {
		return nil, err
	}
	b := NewBus(conn, &c)
	b.own = true
	return b, nil
}

// OpenEmitter returns an emitter with a connection of its own, which closing the Closer ends. It
// connects before it returns. The URL is that of Open.
func OpenEmitter(ctx context.Context, rawURL string, options ...nats.Option) (adapter.Emitter, io.Closer, error) {
	var c Config
	server, more, err := parseURL(rawURL, &c)
	if err != nil {
		return adapter.Emitter{}, nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		more = append(more, nats.Timeout(max(time.Until(deadline), time.Millisecond)))
	}
	conn, err := nats.Connect(server, append(more, options...)...)
	if err != nil {
		return adapter.Emitter{}, nil, connectError(err)
	}
	e := NewEmitter(conn, &EmitterConfig{Prefix: c.Prefix, MaxMessage: c.MaxMessage, Log: c.Log != nil})
	return e, closer{conn}, nil
}

type closer struct{ conn *nats.Conn }

// Close implements io.Closer.
func (c closer) Close() error {
	c.conn.Close()
	return nil
}

// NewOwner is NewBus, but Close closes the connection too, and then calls after unless it
// is nil: for those who start a server of their own.
func NewOwner(conn *nats.Conn, cfg *Config, after func()) *Bus {
	b := NewBus(conn, cfg)
	b.own, b.after = true, after
	return b
}

var errUnknown = errors.New("unknown")

// dial makes a connection that does not give up.
func dial(server string, options []nats.Option) (*nats.Conn, error) {
	conn, err := nats.Connect(server, append(Options(), options...)...)
	if err != nil {
		return nil, connectError(err)
	}
	return conn, nil
}

var errURL = errors.New("nats: malformed URL")

// connectError leaves out what net/url says, which has the password in it.
func connectError(err error) error {
	if _, ok := errors.AsType[*url.Error](err); ok {
		return errURL
	}
	return fmt.Errorf("nats: %w", err)
}

// Options are those of the connections that Open makes: it need not succeed at first, never
// gives up, not even if credentials are refused, waits 100 ms to 2 s between attempts, with
// jitter, and what the network does not take for 10 s ends the connection.
func Options() []nats.Option {
	return []nats.Option{
		nats.Name("sio"),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(delay),
		nats.FlusherTimeout(10 * time.Second),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // the Bus asks for errors
	}
}

// delay is the pause before an attempt.
func delay(attempts int) time.Duration {
	d := min(100*time.Millisecond<<min(attempts, 5), 2*time.Second)
	return d/2 + rand.N(d/2)
}

func parseURL(raw string, c *Config) (server string, options []nats.Option, err error) {
	server, query, _ := strings.Cut(raw, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, fmt.Errorf("nats: %w", err)
	}
	log := func() *Log {
		if c.Log == nil {
			c.Log = new(Log)
		}
		return c.Log
	}
	if on, err := strconv.ParseBool(q.Get("log")); err == nil && on {
		log() // first, since the order of parameters is lost
	}
	var cert, key string
	for name, values := range q {
		v := values[len(values)-1]
		var err error
		switch name {
		case "prefix":
			c.Prefix = v
		case "max-rooms":
			c.MaxRooms, err = strconv.Atoi(v)
		case "creds":
			options = append(options, nats.UserCredentials(v))
		case "ca":
			options = append(options, nats.RootCAs(v))
		case "cert":
			cert = v
		case "key":
			key = v
		case "log":
			_, err = strconv.ParseBool(v)
		case "stream":
			log().Stream = v
		case "max-age":
			log().MaxAge, err = time.ParseDuration(v)
		case "memory":
			log().Memory, err = strconv.ParseBool(v)
		case "replicas":
			log().Replicas, err = strconv.Atoi(v)
		default:
			err = errUnknown
		}
		if err != nil {
			return "", nil, fmt.Errorf("nats: parameter %s: %w", name, err)
		}
	}
	if cert != "" || key != "" {
		options = append(options, nats.ClientCert(cert, key))
	}
	return server, options, nil
}
