// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// follower is how far the log was handed out. Entries come as notifications, in the order of
// the log, and are read from the table when notifications were lost.
type follower struct {
	begun bool
	last  int64 // number of the last entry
	read  int64 // number of the last one that was read from the table: its notification may come yet
}

// fresh reports whether an entry was not handed out, and notes that it is now.
func (f *follower) fresh(id int64) bool {
	if id <= f.read {
		return false
	}
	f.last, f.begun = max(f.last, id), true
	return true
}

var errGap = errors.New("postgres: the log does not reach back to where the connection was lost: messages are missing")

// catchUp hands out what came to the log while nobody listened. If that fails, the listener connects
// again.
func (d *dispatcher) catchUp() bool {
	err := d.retry(d.readLog)
	if err != nil {
		d.fail(fmt.Errorf("postgres: reading the log: %w", err))
		notify(d.again)
	}
	return err == nil
}

func (d *dispatcher) readLog(ctx context.Context) error {
	var end int64
	err := d.pool.QueryRow(ctx, d.sql.last).Scan(&end)
	if isUndefinedTable(err) {
		if err = d.sql.setup(ctx, d.pool); err == nil {
			err = d.pool.QueryRow(ctx, d.sql.last).Scan(&end)
		}
	}
	if err != nil {
		return err
	}
	f := &d.log
	if !f.begun || end < f.last { // the log is another one, or somebody has lied
		f.last, f.begun = end, true
		return nil
	}
	byNamespace := make(map[string]string)
	var names []string
	for _, k := range d.all() {
		if _, ok := byNamespace[k.peer.Namespace]; !ok {
			byNamespace[k.peer.Namespace] = k.channel
			names = append(names, k.peer.Namespace)
		}
	}
	start := f.last
	first := start > 0
	return d.entries(ctx, start, names, func(r *row) bool {
		if first && r.id != start {
			d.fail(errGap)
		}
		first = false
		if r.id == start {
			return true
		}
		a := arrival{channel: byNamespace[r.nsp], links: d.on(byNamespace[r.nsp])}
		a.uid, a.tag, a.offset = r.uid, uint64(r.tag), position{r.id, r.ms} //nolint:gosec // a count
		d.handle(&a, r.payload)
		f.read = r.id
		return true
	})
}

// row is an entry of the log.
type row struct {
	id, ms, tag int64
	nsp, uid    string
	payload     []byte
}

// entries reads an entry, without its payload, and those of some namespaces behind it, until yield
// returns false. If the first one is another, the log does not reach back so far.
func (b *Bus) entries(ctx context.Context, from int64, nsp []string, yield func(r *row) bool) error {
	rows, err := b.pool.Query(ctx, b.sql.since, from, b.cfg.MaxMessage, nsp)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.ms, &r.nsp, &r.uid, &r.tag, &r.payload); err != nil {
			return err
		}
		if !yield(&r) {
			return nil
		}
	}
	return rows.Err()
}

// undefinedTable is an SQLSTATE.
const undefinedTable = "42P01"

func isUndefinedTable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == undefinedTable
}
