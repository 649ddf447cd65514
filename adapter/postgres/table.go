// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statements are those of a Bus.
type statements struct {
	tables []string // names
	schema []string // of each table

	notify, attach, fetch, clean           string
	log, logAttach, last, since, has, trim string
	save, take, expire                     string
	lock                                   int64 // of the log, for pg_advisory_xact_lock
	async                                  bool
}

func (c *Config) statements() statements {
	s := statements{
		tables: []string{c.Table},
		// A6.2
		schema: []string{"CREATE TABLE IF NOT EXISTS " + c.Table +
			" (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)"},
		notify: "SELECT pg_notify($1, $2)",
		attach: "WITH a AS (INSERT INTO " + c.Table + " (payload) VALUES ($1) RETURNING id) SELECT pg_notify($2, $3 || a.id || $4) FROM a",
		fetch:  "SELECT CASE WHEN octet_length(payload) <= $2 THEN payload END, octet_length(payload) FROM " + c.Table + " WHERE id = $1",
		clean:  "DELETE FROM " + c.Table + " WHERE created_at < now() - $1 * interval '1 millisecond'",
	}
	if c.Log == nil {
		return s
	}
	log, sessions := c.Log.Table, c.Log.Sessions
	s.tables = append(s.tables, log, sessions)
	s.schema = append(s.schema,
		"CREATE TABLE IF NOT EXISTS "+log+" (id bigserial PRIMARY KEY, "+
			"ms bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, "+
			"nsp text NOT NULL, uid text NOT NULL, tag bigint NOT NULL, payload bytea NOT NULL)",
		"CREATE TABLE IF NOT EXISTS "+sessions+
			" (nsp text, pid bytea, expires_at timestamptz NOT NULL, payload bytea NOT NULL, PRIMARY KEY (nsp, pid))")
	entry := "l AS (INSERT INTO " + log + " (nsp, uid, tag, payload) VALUES ($1, $2, $3, $4) RETURNING id, ms)"
	s.log = "WITH " + entry + " SELECT pg_notify($5, $6 || l.id || '-' || l.ms || $7) FROM l"
	s.logAttach = "WITH " + entry + ", a AS (INSERT INTO " + c.Table + " (payload) VALUES ($5) RETURNING id) " +
		"SELECT pg_notify($6, $7 || a.id || $8 || l.id || '-' || l.ms || '\"}') FROM l, a"
	s.last = "SELECT coalesce(max(id), 0) FROM " + log
	s.has = "SELECT EXISTS (SELECT FROM " + log + " WHERE id = $1 AND ms = $2 AND nsp = $3)"
	s.since = "SELECT id, ms, nsp, uid, tag, CASE WHEN id > $1 AND octet_length(payload) <= $2 THEN payload END FROM " + log +
		" WHERE id >= $1 AND (id = $1 OR nsp = ANY($3)) ORDER BY id"
	// Always a beginning of the log, so that what is left has no gaps.
	s.trim = "DELETE FROM " + log + " WHERE id <= greatest((SELECT max(id) - $1 FROM " + log + "), " +
		"(SELECT max(id) FROM " + log + " WHERE ms < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $2))"
	s.save = "INSERT INTO " + sessions + " (nsp, pid, payload, expires_at) VALUES ($1, $2, $3, now() + $4 * interval '1 millisecond') " +
		"ON CONFLICT (nsp, pid) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at"
	s.take = "DELETE FROM " + sessions + " WHERE nsp = $1 AND pid = $2 RETURNING payload, expires_at > now()"
	s.expire = "DELETE FROM " + sessions + " WHERE expires_at < now()"
	sum := sha256.Sum256([]byte("sio log " + log))
	s.lock = int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any number will do
	s.async = c.Log.Async
	return s
}

// Schema returns the statements that make the tables, to be run by somebody who may. A Bus
// does so itself when it needs a table that is missing, if its user may.
func Schema(cfg *Config) (string, error) {
	c, err := cfg.with()
	if err != nil {
		return "", err
	}
	return strings.Join(c.statements().schema, ";\n") + ";\n", nil
}

// setup makes the tables that are missing.
func (s *statements) setup(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// Without a lock, several servers would do it at once, and all but one fail.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", setupLock); err != nil {
			return fmt.Errorf("postgres: making tables: %w", err)
		}
		for i, name := range s.tables {
			// CREATE TABLE IF NOT EXISTS needs the right to create even if the table exists.
			var there bool
			if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil {
				return fmt.Errorf("postgres: looking for table %s: %w", name, err)
			}
			if there {
				continue
			}
			if _, err := tx.Exec(ctx, s.schema[i]); err != nil {
				return fmt.Errorf("postgres: making table %s: %w", name, err)
			}
		}
		return nil
	})
}

// setupLock is any number.
const setupLock int64 = 0x73696f2073657475

// clean deletes what is old, now and then (A6.7).
func (b *Bus) clean() {
	every := b.cfg.Cleanup
	if every < 0 {
		every = 30 * time.Second
		if b.cfg.Log == nil {
			return
		}
	}
	for pause(b.ctx, every) {
		if b.cfg.Cleanup > 0 {
			b.delete(b.sql.clean, b.cfg.Cleanup.Milliseconds())
		}
		if log := b.cfg.Log; log != nil {
			b.delete(b.sql.trim, int64(log.MaxRows), log.MaxAge.Milliseconds())
			b.delete(b.sql.expire)
		}
	}
}

func (b *Bus) delete(sql string, args ...any) {
	ctx, cancel := context.WithTimeout(b.ctx, b.cfg.Timeout)
	defer cancel()
	if _, err := b.pool.Exec(ctx, sql, args...); err != nil && !isUndefinedTable(err) {
		b.fail(fmt.Errorf("postgres: deleting what is old: %w", err))
	}
}
