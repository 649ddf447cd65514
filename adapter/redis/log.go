// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// keeper makes a Log of a link.
type keeper struct{ link *link }

// Append implements adapter.Log.
func (k keeper) Append(m *adapter.Message, done func(offset string, err error)) {
	k.link.stream.append(k.link, m, done)
}

// Save implements adapter.Log (A5.11).
func (k keeper) Save(s *adapter.Session, keep time.Duration) error {
	w := envelope.NewWriter(nil, true)
	w.Object(4)
	w.Key("sid")
	w.String(s.ID)
	w.Key("pid")
	w.String(s.PID)
	w.Key("rooms")
	w.Strings(s.Rooms)
	w.Key("data")
	if s.Data.Len() > 0 {
		w.Arg(s.Data, 0)
	} else {
		w.Object(0)
		w.End()
	}
	w.End()
	data, err := w.Bytes()
	if err != nil {
		return err
	}
	key := k.key(s.PID)
	args := []string{"SET", key, base64.StdEncoding.EncodeToString(data), "PX", strconv.FormatInt(max(1, keep.Milliseconds()), 10)}
	return k.link.bus.out.push(job{link: k.link, args: args, key: key})
}

func (k keeper) key(pid string) string { return k.link.bus.cfg.Stream.SessionPrefix + pid }

// Take implements adapter.Log (A5.12). It goes the way that Save goes, so that it finds what was
// saved here just before.
func (k keeper) Take(ctx context.Context, pid, offset string) (*adapter.Session, error) {
	if !isID(offset) {
		return nil, adapter.ErrNoSession
	}
	select { // what comes behind the end of the log must be seen by the reader
	case <-k.link.stream.begun:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	list, err := k.page(ctx, offset, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].ID != offset {
		return nil, adapter.ErrNoSession
	}
	type result struct {
		text string
		err  error
	}
	got := make(chan result, 1)
	key := k.key(pid)
	err = k.link.bus.out.push(job{link: k.link, args: []string{"GETDEL", key}, key: key, done: func(r rueidis.RedisResult, err error) {
		var text string
		if err == nil {
			text, err = r.ToString()
		}
		got <- result{text, err}
	}})
	if err != nil {
		return nil, err
	}
	select {
	case r := <-got:
		if rueidis.IsRedisNil(r.err) {
			return nil, adapter.ErrNoSession
		}
		if r.err != nil {
			return nil, r.err
		}
		s, err := parseSession(r.text)
		if err != nil {
			k.link.bad(key, err)
			return nil, adapter.ErrNoSession
		}
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func parseSession(text string) (*adapter.Session, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	s := new(adapter.Session)
	err = envelope.Packed(data).Members(func(name string, v envelope.Value) (err error) {
		switch name {
		case "sid":
			s.ID, _ = v.Text()
		case "pid":
			s.PID, _ = v.Text()
		case "rooms":
			s.Rooms, err = v.List()
		case "data":
			if !v.Absent() {
				s.Data, err = v.Arg()
			}
		}
		return err
	})
	if err == nil && (s.ID == "" || s.PID == "") {
		err = errMember
	}
	return s, err
}

// pageLen is the number of entries that Since asks for at once.
const pageLen = 100

// Since implements adapter.Log.
//
// JS differs: A5.12, it reads to the end of the stream, however long that is.
func (k keeper) Since(ctx context.Context, offset string, yield func(m *adapter.Message) bool) error {
	if !isID(offset) {
		return adapter.ErrNoSession
	}
	for {
		list, err := k.page(ctx, offset, pageLen)
		if err != nil {
			return err
		}
		if len(list) == 0 || list[0].ID != offset {
			return adapter.ErrNoSession // trimmed, perhaps meanwhile
		}
		for _, e := range list[1:] {
			offset = e.ID
			if e.FieldValues["nsp"] != k.link.peer.Namespace || e.FieldValues["type"] != "3" {
				continue
			}
			m, err := parseEntry(e.ID, e.FieldValues)
			if err != nil {
				k.link.bad(k.link.stream.name, err)
				continue
			}
			if m.Request == "" && !yield(m) {
				return nil
			}
		}
		if len(list) < pageLen {
			return nil
		}
	}
}

// page returns entries from one on.
func (k keeper) page(ctx context.Context, from string, count int64) ([]rueidis.XRangeEntry, error) {
	client, err := k.link.bus.conn.get(ctx)
	if err != nil {
		return nil, err
	}
	cmd := client.B().Xrange().Key(k.link.stream.name).Start(from).End("+").Count(count).Build()
	return client.Do(ctx, cmd).AsXRange()
}
