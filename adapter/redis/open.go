// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
)

// Open returns a Bus for a URL: redis://user:password@host:port/db, rediss:// with TLS, or
// unix:///path of a socket, also with valkey and valkeys; further addresses of a Cluster,
// or of Sentinels, as parameters "addr", and "master_set" for Sentinels. Parameters of the
// Bus:
//
//   - mode: classic (default), sharded or streams;
//   - prefix, subscription (dynamic, static, dynamic-private), private (1 or 0);
//   - stream, stream_count, max_len, session_prefix, sharded (1 or 0);
//   - ca: with TLS, a file of the certificates to trust instead of those of the system.
//
// An error says that the URL is wrong. Open does not wait for Redis: see Dial.
func Open(_ context.Context, address string) (*Bus, error) {
	option, cfg, err := parse(address)
	if err != nil {
		return nil, err
	}
	return Dial(option, &cfg), nil
}

// OpenEmitter returns an Emitter for a URL as of Open, and what closes its client. It waits
// for Redis; ctx limits that.
func OpenEmitter(ctx context.Context, address string) (adapter.Emitter, io.Closer, error) {
	option, cfg, err := parse(address)
	if err != nil {
		return adapter.Emitter{}, nil, err
	}
	dial, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, cancel)
	bind(dial, &option)
	client, err := rueidis.NewClient(option)
	if !stop() && err == nil { // dial has ended, and nothing could be connected later
		client.Close()
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return adapter.Emitter{}, nil, fmt.Errorf("redis: connecting: %w", err)
	}
	e := EmitterConfig{Mode: cfg.Mode, Prefix: cfg.Prefix, Subscription: cfg.Subscription, Stream: cfg.Stream}
	return NewEmitter(client, &e), closer{client, cancel}, nil
}

// closer closes a client.
type closer struct {
	client rueidis.Client
	cancel context.CancelFunc // of connecting
}

// Close implements io.Closer.
func (c closer) Close() error {
	c.client.Close()
	c.cancel()
	return nil
}

// parse reads a URL.
func parse(address string) (rueidis.ClientOption, Config, error) {
	var option rueidis.ClientOption
	u, err := url.Parse(address)
	if err != nil {
		return option, Config{}, errURL // err has the password
	}
	if u.Path == "/" {
		u.Path = "" // no number of a database
	}
	if option, err = rueidis.ParseURL(u.String()); err != nil {
		return option, Config{}, err
	}
	cfg, err := settings(u.Query())
	if err != nil {
		return option, cfg, err
	}
	if err := trust(&option, u.Query().Get("ca")); err != nil {
		return option, cfg, err
	}
	option.DisableCache = true
	def(&option.Dialer.Timeout, 3*time.Second)
	def(&option.ConnWriteTimeout, 5*time.Second)
	option.Sentinel.Dialer, option.Sentinel.TLSConfig = option.Dialer, option.TLSConfig
	return option, cfg, nil
}

// trust has TLS trust the authorities in a file instead of those of the system.
func trust(option *rueidis.ClientOption, file string) error {
	if file == "" {
		return nil
	}
	if option.TLSConfig == nil {
		return errors.New("redis: ca without TLS")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("redis: ca: %w", err)
	}
	option.TLSConfig.RootCAs = x509.NewCertPool()
	if !option.TLSConfig.RootCAs.AppendCertsFromPEM(data) {
		return fmt.Errorf("redis: ca: no certificate in %s", file)
	}
	return nil
}

var errURL = errors.New("redis: malformed URL")

// settings reads the parameters of a Bus.
func settings(q url.Values) (cfg Config, err error) {
	choose := func(name string, values ...string) (n uint8) {
		text := q.Get(name)
		for i, v := range values {
			if text == v || text == "" {
				return uint8(i)
			}
		}
		err = fmt.Errorf("redis: %s is %q, want one of %s", name, text, strings.Join(values, ", "))
		return 0
	}
	number := func(name string) int {
		text := q.Get(name)
		if text == "" {
			return 0
		}
		n, e := strconv.Atoi(text)
		if e != nil || n <= 0 {
			err = fmt.Errorf("redis: %s is %q, want a positive number", name, text)
		}
		return n
	}
	cfg.Mode = Mode(choose("mode", "classic", "sharded", "streams"))
	cfg.Subscription = Subscription(choose("subscription", "dynamic", "static", "dynamic-private"))
	cfg.Private = choose("private", "0", "1") == 1
	cfg.Prefix = q.Get("prefix")
	cfg.Stream = Stream{
		Name: q.Get("stream"), Count: number("stream_count"), MaxLen: number("max_len"),
		SessionPrefix: q.Get("session_prefix"), Sharded: choose("sharded", "0", "1") == 1,
	}
	return cfg, err
}
