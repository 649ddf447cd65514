// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// keeper makes an adapter.Log of a link.
type keeper struct{ link *link }

// Append implements adapter.Log.
func (p keeper) Append(m *adapter.Message, done func(offset string, err error)) {
	p.link.pending.add(m, done)
}

// savedSession is a session that waits to be stored.
type savedSession struct {
	nsp, pid string
	data     []byte
	keep     time.Duration
}

// Save implements adapter.Log.
func (p keeper) Save(s *adapter.Session, keep time.Duration) error {
	k := p.link
	if k.left.Load() {
		return adapter.ErrClosed
	}
	data, err := appendSession(s)
	if err != nil {
		return err
	}
	if len(data) > k.bus.cfg.MaxMessage {
		return fmt.Errorf("postgres: a session of %d bytes, the limit is %d", len(data), k.bus.cfg.MaxMessage)
	}
	return k.bus.out.push(job{link: k, session: &savedSession{k.peer.Namespace, s.PID, data, keep}})
}

// Take implements adapter.Log.
func (p keeper) Take(ctx context.Context, pid, offset string) (*adapter.Session, error) {
	at, ok := parsePosition(offset)
	if !ok {
		return nil, adapter.ErrNoSession
	}
	ctx, cancel := context.WithTimeout(ctx, p.link.bus.cfg.Timeout)
	defer cancel()
	if err := p.has(ctx, at); err != nil {
		return nil, err
	}
	// What was saved a moment ago, by the server that the client was at, may not be stored yet.
	for wait := 20 * time.Millisecond; ; wait *= 3 {
		s, err := p.take(ctx, pid)
		if !errors.Is(err, adapter.ErrNoSession) || wait > 200*time.Millisecond {
			return s, err
		}
		if !pause(ctx, wait) {
			return nil, ctx.Err()
		}
	}
}

func (p keeper) take(ctx context.Context, pid string) (*adapter.Session, error) {
	b := p.link.bus
	var data []byte
	var fresh bool
	err := b.pool.QueryRow(ctx, b.sql.take, p.link.peer.Namespace, []byte(pid)).Scan(&data, &fresh)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && !fresh:
		return nil, adapter.ErrNoSession
	case err != nil:
		return nil, fmt.Errorf("postgres: reading a session: %w", err)
	}
	s, err := parseSession(data)
	if err != nil {
		return nil, fmt.Errorf("postgres: reading a session: %w", err)
	}
	return s, nil
}

// has returns ErrNoSession if the log does not have an entry.
func (p keeper) has(ctx context.Context, at position) error {
	b := p.link.bus
	var there bool
	if err := b.pool.QueryRow(ctx, b.sql.has, at.id, at.ms, p.link.peer.Namespace).Scan(&there); err != nil {
		return fmt.Errorf("postgres: reading the log: %w", err)
	}
	if !there {
		return adapter.ErrNoSession
	}
	return nil
}

// Since implements adapter.Log.
func (p keeper) Since(ctx context.Context, offset string, yield func(m *adapter.Message) bool) error {
	at, ok := parsePosition(offset)
	if !ok {
		return adapter.ErrNoSession
	}
	k := p.link
	there := false
	err := k.bus.entries(ctx, at.id, []string{k.peer.Namespace}, func(r *row) bool {
		if !there {
			there = r.id == at.id && r.ms == at.ms && r.nsp == k.peer.Namespace
			return there
		}
		m, err := parseMessage(k.peer.Namespace, r.payload)
		if err != nil || m.Type != adapter.Broadcast || m.Request != "" {
			return true
		}
		m.Offset = position{r.id, r.ms}.String()
		return yield(m)
	})
	if err != nil {
		return fmt.Errorf("postgres: reading the log: %w", err)
	}
	if !there {
		return adapter.ErrNoSession
	}
	return nil
}

// appendSession encodes a session: an object with sid, pid, rooms and data. It is JSON, or
// MessagePack if there is binary data.
func appendSession(s *adapter.Session) ([]byte, error) {
	w := envelope.NewWriter(nil, len(s.Data.Attachments()) > 0)
	n := 3
	if s.Data.Len() > 0 {
		n++
	}
	w.Object(n)
	w.Key("sid")
	w.String(s.ID)
	w.Key("pid")
	w.String(s.PID)
	w.Key("rooms")
	w.Strings(s.Rooms)
	if s.Data.Len() > 0 {
		w.Key("data")
		w.Arg(s.Data, 0)
	}
	w.End()
	return w.Bytes()
}

var errSession = errors.New("not a session")

func parseSession(data []byte) (*adapter.Session, error) {
	s := new(adapter.Session)
	v := envelope.Sniff(data)
	if !v.IsObject() {
		return nil, errSession
	}
	err := v.Members(func(name string, v envelope.Value) (err error) {
		ok := true
		switch name {
		case "sid":
			s.ID, ok = v.Text()
		case "pid":
			s.PID, ok = v.Text()
		case "rooms":
			s.Rooms, err = v.List()
		case "data":
			s.Data, err = v.Arg()
		}
		if !ok {
			err = errSession
		}
		return err
	})
	if err == nil && (s.ID == "" || s.PID == "") {
		err = errSession
	}
	return s, err
}
