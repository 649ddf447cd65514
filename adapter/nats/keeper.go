// SPDX-License-Identifier: MIT

package nats

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// keeper makes an adapter.Log of a link.
type keeper struct{ link *link }

// Append implements adapter.Log.
func (p keeper) Append(m *adapter.Message, done func(offset string, err error)) {
	k := p.link
	data, err := k.pack(m)
	if err != nil {
		k.pending.refuse(k, err, done)
		return
	}
	if err := k.pending.send(k, data, done); err != nil {
		done("", err) // it has ended
	}
}

// Save implements adapter.Log.
func (p keeper) Save(s *adapter.Session, keep time.Duration) error {
	k := p.link
	if k.left.Load() {
		return adapter.ErrClosed
	}
	data, err := appendSession(s, time.Now().Add(keep))
	if err != nil {
		return err
	}
	if len(data) > k.bus.cfg.MaxMessage {
		return fmt.Errorf("nats: a session of %d bytes, the limit is %d", len(data), k.bus.cfg.MaxMessage)
	}
	return k.bus.out.push(job{link: k, msg: &nats.Msg{Subject: k.session(s.PID), Data: data}})
}

// sessionSubject is the subject of a session. It does not begin with a namespace, since
// those begin with a slash.
func sessionSubject(prefix, hash string) string { return prefix + ".session.pid." + hash }

// session is the subject of one of the namespace. The PID comes from a client, and may be any text.
func (k *link) session(pid string) string {
	sum := sha256.Sum256([]byte(k.peer.Namespace + "\x00" + pid))
	return sessionSubject(k.bus.cfg.Prefix, base64.RawURLEncoding.EncodeToString(sum[:]))
}

// Take implements adapter.Log.
func (p keeper) Take(ctx context.Context, pid, off string) (*adapter.Session, error) {
	k := p.link
	_, info, err := k.bus.state(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := place(info, off); err != nil {
		return nil, err
	}
	s, err := k.bus.store(ctx)
	if err != nil {
		return nil, err
	}
	// What was sent a moment ago, by the server that the client was at, may not be stored yet.
	for pause := 20 * time.Millisecond; ; pause *= 3 {
		one, err := p.take(ctx, s.sessions, pid)
		if !errors.Is(err, adapter.ErrNoSession) || pause > 100*time.Millisecond {
			return one, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// notThere is how JetStream says that there is no such message: JSSequenceNotFoundErrF. The
// library tells the code in the text only.
const notThere = "err_code=10043"

func (p keeper) take(ctx context.Context, sessions jetstream.Stream, pid string) (*adapter.Session, error) {
	m, err := sessions.GetLastMsgForSubject(ctx, p.link.session(pid))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, adapter.ErrNoSession
	}
	if err != nil {
		p.link.bus.forgetStore()
		return nil, fmt.Errorf("nats: reading a session: %w", err)
	}
	// Who deletes it has it. JetStream tells others that there is nothing to delete.
	if err := sessions.DeleteMsg(ctx, m.Sequence); err != nil {
		if errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) && strings.Contains(err.Error(), notThere) {
			return nil, adapter.ErrNoSession
		}
		return nil, fmt.Errorf("nats: taking a session: %w", err)
	}
	s, until, err := parseSession(m.Data)
	if err != nil {
		return nil, &adapter.MalformedError{Channel: m.Subject, Err: err}
	}
	if time.Now().After(until) || s.PID != pid {
		return nil, adapter.ErrNoSession
	}
	return s, nil
}

// Since implements adapter.Log.
func (p keeper) Since(ctx context.Context, off string, yield func(m *adapter.Message) bool) error {
	k := p.link
	log, info, err := k.bus.state(ctx)
	if err != nil {
		return err
	}
	seq, err := place(info, off)
	if err != nil || seq == info.State.LastSeq {
		return err
	}
	select { // when a server has gone, all of its clients come at once
	case k.bus.reading <- struct{}{}:
		defer func() { <-k.bus.reading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	it, left, stop, err := messages(ctx, log, k.sub.log(), seq+1)
	if err != nil {
		return err
	}
	defer stop()
	if left == 0 {
		return nil
	}
	created, last := info.Created, info.State.LastSeq
	for {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("nats: reading the log: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("nats: reading the log: %w", err)
		}
		if meta.Sequence.Stream > last {
			return nil
		}
		one, err := parse(k.peer.Namespace, m.Data())
		if err == nil && one.Type == adapter.Broadcast && one.Request == "" {
			one.Offset = offset(created, meta.Sequence.Stream)
			if !yield(one) {
				return nil
			}
		}
		if meta.Sequence.Stream == last || meta.NumPending == 0 {
			return nil
		}
	}
}

// appendSession encodes a session: an object with sid, pid, rooms, data and until, in ms. It is
// JSON, or MessagePack if there is binary data.
func appendSession(s *adapter.Session, until time.Time) ([]byte, error) {
	w := envelope.NewWriter(nil, len(s.Data.Attachments()) > 0)
	w.Object(5)
	w.Key("sid")
	w.String(s.ID)
	w.Key("pid")
	w.String(s.PID)
	w.Key("rooms")
	w.Strings(s.Rooms)
	w.Key("data")
	w.Arg(s.Data, 0)
	w.Key("until")
	w.Int(until.UnixMilli())
	w.End()
	return w.Bytes()
}

var errSession = errors.New("not a session")

func parseSession(data []byte) (*adapter.Session, time.Time, error) {
	s, until := new(adapter.Session), int64(0)
	v := envelope.Sniff(data)
	if !v.IsObject() {
		return nil, time.Time{}, errSession
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
		case "until":
			until, ok = v.Int()
		}
		if !ok {
			err = errSession
		}
		return err
	})
	if err == nil && (s.ID == "" || s.PID == "") {
		err = errSession
	}
	return s, time.UnixMilli(until), err
}
