// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// listen keeps a connection that listens, and makes it anew when it is lost (A6.8).
func (b *Bus) listen() {
	delay := backoffMin
	for b.ctx.Err() == nil {
		l := listener{bus: b, on: make(map[string]bool), turn: b.turn.Add(1)}
		err := l.run()
		if b.ctx.Err() != nil {
			return
		}
		b.turn.Add(1)
		b.fail(fmt.Errorf("postgres: listening: %w", err))
		if l.good {
			delay = backoffMin
		}
		if !pause(b.ctx, delay/2+rand.N(delay/2)) { //nolint:gosec // no secret
			return
		}
		delay = min(2*delay, backoffMax)
	}
}

// listener is one connection.
type listener struct {
	bus  *Bus
	conn *pgx.Conn
	on   map[string]bool // channels that it listens to
	good bool            // it has listened
	turn uint64
}

var (
	errAgain  = errors.New("the log could not be read")
	errPooler = errors.New("the connection does not listen any more: is there a pooler in transaction mode?")
)

// run listens until the connection is lost.
func (l *listener) run() error {
	b := l.bus
	cfg := b.pool.Config().ConnConfig.Copy()
	cfg.OnNotification = nil // pgx buffers them
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	ctx, cancel := context.WithTimeout(b.ctx, b.cfg.Timeout)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	cancel()
	if err != nil {
		return err
	}
	l.conn = conn
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	for {
		if err := l.update(); err != nil {
			return err
		}
		if err := l.wait(); err != nil {
			return err
		}
		select {
		case <-b.again:
			return errAgain
		default:
		}
		if err := l.probe(); err != nil {
			return err
		}
	}
}

// wait takes notifications, until the connection is to be probed or the channels change.
func (l *listener) wait() error {
	b := l.bus
	ctx, cancel := context.WithTimeout(b.ctx, b.cfg.Probe)
	defer cancel()
	var waker sync.WaitGroup
	defer waker.Wait()
	stop := make(chan struct{})
	defer close(stop)
	waker.Go(func() {
		select {
		case <-b.changed:
			cancel()
		case <-b.again:
			notify(b.again) // for run
			cancel()
		case <-stop:
		}
	})
	for {
		n, err := l.conn.WaitForNotification(ctx)
		switch {
		case err == nil:
			if !b.push(item{channel: n.Channel, payload: n.Payload}) {
				return b.ctx.Err()
			}
		case ctx.Err() != nil && b.ctx.Err() == nil && !l.conn.IsClosed():
			return nil
		default:
			return err
		}
	}
}

// probe asks for the number of channels, with a limit of time.
func (l *listener) probe() error {
	ctx, cancel := context.WithTimeout(l.bus.ctx, l.bus.cfg.Probe)
	defer cancel()
	var n int
	if err := l.conn.QueryRow(ctx, "SELECT count(*) FROM pg_listening_channels()").Scan(&n); err != nil {
		return err
	}
	if n != len(l.on) {
		return errPooler
	}
	return nil
}

// update listens to the channels of all links.
func (l *listener) update() error {
	b := l.bus
	want := b.channels()
	var sql strings.Builder
	for name := range want {
		if !l.on[name] {
			sql.WriteString("LISTEN " + pgx.Identifier{name}.Sanitize() + ";")
		}
	}
	for name := range l.on {
		if !want[name] {
			sql.WriteString("UNLISTEN " + pgx.Identifier{name}.Sanitize() + ";")
		}
	}
	if sql.Len() > 0 || !l.good {
		ctx, cancel := context.WithTimeout(b.ctx, b.cfg.Timeout)
		defer cancel()
		if sql.Len() > 0 {
			if _, err := l.conn.Exec(ctx, sql.String(), pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		l.on = maps.Clone(want)
		if err := l.probe(); err != nil {
			return err
		}
	}
	fresh := !l.good
	l.good = true
	// Links come to be up in the order of what is received.
	if !b.push(item{ready: true, catchUp: fresh, on: l.on, turn: l.turn}) {
		return b.ctx.Err()
	}
	return nil
}
