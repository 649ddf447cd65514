// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sio-go/sio/adapter"
)

// NewEmitter returns an Emitter for programs that are no servers (A9.6). It waits for PostgreSQL with each
// message, and does not batch. The error says that the settings are wrong.
//
// JS differs: B5, messages say which namespace they are for, so that all versions of the
// official adapter take them.
func NewEmitter(pool *pgxpool.Pool, cfg *EmitterConfig) (adapter.Emitter, error) {
	c, err := cfg.with()
	if err != nil {
		return adapter.Emitter{}, err
	}
	sql := c.statements()
	return adapter.NewEmitter(func(ctx context.Context, m *adapter.Message) error {
		if !text(m.Namespace) {
			return fmt.Errorf("postgres: no channel can be named after the namespace %q", m.Namespace)
		}
		j := job{link: &link{peer: adapter.Peer{Namespace: m.Namespace}, channel: channel(c.Prefix, m.Namespace)}, uid: m.UID}
		if c.Log != nil && m.Type == adapter.Broadcast {
			j.tag = 1 // of no meaning: nobody waits for it
		}
		var err error
		if j.packed, err = c.pack(m, j.tag); err != nil {
			return err
		}
		var batch pgx.Batch
		fill(&batch, &sql, []job{j})
		err = pool.SendBatch(ctx, &batch).Close()
		if isUndefinedTable(err) {
			if err = sql.setup(ctx, pool); err == nil {
				batch = pgx.Batch{}
				fill(&batch, &sql, []job{j})
				err = pool.SendBatch(ctx, &batch).Close()
			}
		}
		if err != nil {
			return fmt.Errorf("postgres: emitting: %w", err)
		}
		return nil
	}), nil
}
