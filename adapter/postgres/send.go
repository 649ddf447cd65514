// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sio-go/sio/adapter"
)

// send sends what is in the outbox, until that is closed and empty, or the bus ends.
func (b *Bus) send() {
	defer close(b.out.ended)
	for {
		batch, more := b.out.take()
		if len(batch) > 0 {
			b.sendAll(batch)
			continue
		}
		if !more {
			return
		}
		select {
		case <-b.out.wake:
		case <-b.ctx.Done():
			return
		}
	}
}

// sendAll sends jobs in order.
func (b *Bus) sendAll(batch []job) {
	ctx, cancel := context.WithTimeout(b.ctx, b.cfg.Timeout)
	defer cancel()
	err := b.try(ctx, batch)
	if err != nil && pgconn.SafeToRetry(err) && ctx.Err() == nil {
		err = b.try(ctx, batch) // the connection was dead before anything was sent
	}
	if isUndefinedTable(err) {
		if e := b.sql.setup(ctx, b.pool); e != nil {
			err = e
		} else {
			err = b.try(ctx, batch)
		}
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); !ok || len(batch) == 1 {
		if err != nil {
			lose(batch, err)
		}
		return
	}
	// Nothing of the batch was sent, because of one of the jobs.
	for i := range batch {
		if err := b.try(ctx, batch[i:i+1]); err != nil {
			lose(batch[i:i+1], err)
		}
	}
}

// try sends jobs in one round trip and one transaction: either all or none.
func (b *Bus) try(ctx context.Context, batch []job) error {
	var list pgx.Batch
	fill(&list, &b.sql, batch)
	if err := b.pool.SendBatch(ctx, &list).Close(); err != nil {
		return fmt.Errorf("postgres: sending: %w", err)
	}
	return nil
}

// fill makes the statements of jobs.
func fill(list *pgx.Batch, sql *statements, batch []job) {
	locked := false
	seen := make(map[[2]string]int)
	for i := range batch {
		j := &batch[i]
		if j.tag != 0 && !locked {
			// Entries get their numbers in the order in which they are committed, which is
			// that of the notifications.
			locked = true
			if sql.async {
				list.Queue("SELECT set_config('synchronous_commit', 'off', true)")
			}
			list.Queue("SELECT pg_advisory_xact_lock($1)", sql.lock)
		}
		switch {
		case j.session != nil:
			s := j.session
			list.Queue(sql.save, s.nsp, []byte(s.pid), s.data, s.keep.Milliseconds())
		case j.tag != 0 && j.attachment != nil:
			list.Queue(sql.logAttach, j.link.peer.Namespace, j.uid, int64(j.tag), j.data, j.attachment, j.link.channel, j.head, j.tail) //nolint:gosec // a count
		case j.tag != 0:
			list.Queue(sql.log, j.link.peer.Namespace, j.uid, int64(j.tag), j.data, j.link.channel, j.head, j.tail) //nolint:gosec // a count
		case j.attachment != nil:
			list.Queue(sql.attach, j.attachment, j.link.channel, j.head, j.tail)
		default:
			key := [2]string{j.link.channel, j.head}
			list.Queue(sql.notify, j.link.channel, j.head+blank(seen[key]))
			seen[key]++
		}
	}
}

// blank returns white space that is another one for each n. PostgreSQL drops notifications
// that are equal to others of the transaction.
func blank(n int) string {
	if n == 0 {
		return ""
	}
	var s strings.Builder
	for ; n > 0; n /= 4 {
		s.WriteByte(" \t\n\r"[n%4])
	}
	return s.String()
}

// lose tells that jobs were not done.
func lose(batch []job, err error) {
	lost := make(map[*link]*adapter.LostError)
	for i := range batch {
		switch j := &batch[i]; {
		case j.tag != 0:
			j.link.pending.fail(j.tag, err)
		case lost[j.link] == nil:
			lost[j.link] = &adapter.LostError{Count: 1, Err: err}
		default:
			lost[j.link].Count++
		}
	}
	for k, e := range lost {
		k.fail(e)
	}
}
