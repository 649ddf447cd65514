// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sio-go/sio/adapter"
)

// Open returns a Bus for a URL: postgres://user:password@host:port/database, with the parameters
// of libpq and pgxpool (sslmode, pool_max_conns and so on; connect_timeout is 5 s here), and these of its own:
//
//   - prefix, table, threshold: as in Config;
//   - log: 1 for connection state recovery; log_table, log_sessions, log_max_age (such as
//     5m), log_max_rows, log_async (1 or 0): as in Log.
//
// The Bus closes its connections. Open does not wait for PostgreSQL; an error says that the
// URL is wrong.
func Open(ctx context.Context, address string) (*Bus, error) {
	pool, cfg, err := open(ctx, address)
	if err != nil {
		return nil, err
	}
	b, err := NewBus(pool, &cfg)
	if err != nil {
		pool.Close()
		return nil, err
	}
	b.own = true
	return b, nil
}

// OpenEmitter returns an Emitter for a URL as of Open, and what closes its connections.
func OpenEmitter(ctx context.Context, address string) (adapter.Emitter, io.Closer, error) {
	pool, cfg, err := open(ctx, address)
	if err != nil {
		return adapter.Emitter{}, nil, err
	}
	e, err := NewEmitter(pool, &EmitterConfig{Prefix: cfg.Prefix, Table: cfg.Table, Threshold: cfg.Threshold, Log: cfg.Log})
	if err != nil {
		pool.Close()
		return adapter.Emitter{}, nil, err
	}
	return e, closer{pool}, nil
}

type closer struct{ pool *pgxpool.Pool }

// Close implements io.Closer.
func (c closer) Close() error {
	c.pool.Close()
	return nil
}

var errURL = errors.New("postgres: malformed URL")

func open(ctx context.Context, address string) (*pgxpool.Pool, Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, Config{}, errURL // the error of url.Parse may have a password in it
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, Config{}, errURL
	}
	cfg, err := settings(q)
	if err != nil {
		return nil, cfg, err
	}
	if !q.Has("connect_timeout") { // pgx would hold on to a place in the pool for minutes
		q.Set("connect_timeout", "5")
	}
	u.RawQuery = q.Encode()
	poolCfg, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, cfg, fmt.Errorf("postgres: %w", err) // pgx leaves passwords out
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), poolCfg)
	if err != nil {
		return nil, cfg, fmt.Errorf("postgres: %w", err)
	}
	return pool, cfg, nil
}

// settings takes the parameters that are ours out of q.
func settings(q url.Values) (cfg Config, err error) {
	take := func(name string) string {
		text := q.Get(name)
		q.Del(name)
		return text
	}
	bad := func(name, text, want string) {
		err = fmt.Errorf("postgres: %s is %q, want %s", name, text, want)
	}
	flag := func(name string) bool {
		text := take(name)
		if text != "" && text != "0" && text != "1" {
			bad(name, text, "0 or 1")
		}
		return text == "1"
	}
	number := func(name string) int {
		text := take(name)
		if text == "" {
			return 0
		}
		n, e := strconv.Atoi(text)
		if e != nil || n <= 0 {
			bad(name, text, "a positive number")
		}
		return n
	}
	cfg.Prefix, cfg.Table, cfg.Threshold = take("prefix"), take("table"), number("threshold")
	on := flag("log")
	log := Log{Table: take("log_table"), Sessions: take("log_sessions"), MaxRows: number("log_max_rows"), Async: flag("log_async")}
	if text := take("log_max_age"); text != "" {
		d, e := time.ParseDuration(text)
		if e != nil || d <= 0 {
			bad("log_max_age", text, "a duration such as 5m")
		}
		log.MaxAge = d
	}
	if on {
		cfg.Log = &log
	}
	return cfg, err
}
