// SPDX-License-Identifier: MIT

package nats

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sio-go/sio/adapter"
)

// streams are where broadcasts and sessions are kept.
type streams struct {
	log, sessions jetstream.Stream
}

// apiWait is how long an answer of JetStream is waited for.
const apiWait = 5 * time.Second

// makeWait is how long it may take to find or make a stream, before that is tried again: of
// several servers that make it at once, some get no answer.
const makeWait = 1500 * time.Millisecond

// store returns the streams, which it makes if they are not there.
func (b *Bus) store(ctx context.Context) (*streams, error) {
	select { // one at a time
	case b.making <- struct{}{}:
		defer func() { <-b.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.mu.Lock()
	s := b.streams
	b.mu.Unlock()
	if s != nil {
		return s, nil
	}
	cfg := b.cfg.Log
	shape := jetstream.StreamConfig{
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		MaxAge: cfg.MaxAge, MaxBytes: cfg.MaxBytes, Replicas: cfg.Replicas, Duplicates: min(cfg.MaxAge, time.Second),
	}
	if cfg.Memory {
		shape.Storage = jetstream.MemoryStorage
	}
	log := shape
	log.Name, log.Subjects = cfg.Stream, []string{b.cfg.Prefix + ".*.log"}
	shape.Name, shape.Subjects = cfg.Stream+"_SESSIONS", []string{sessionSubject(b.cfg.Prefix, "*")}
	shape.MaxMsgsPerSubject = 1
	s = new(streams)
	var err error
	if s.log, err = b.stream(ctx, log); err == nil {
		s.sessions, err = b.stream(ctx, shape)
	}
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams = s
	return s, nil
}

func (b *Bus) stream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, makeWait)
	defer cancel()
	s, err := b.js.Stream(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = b.js.CreateStream(ctx, cfg)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another server was faster
			s, err = b.js.Stream(ctx, cfg.Name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("nats: stream %s: %w", cfg.Name, err)
	}
	return s, nil
}

// forgetStore has the streams be looked for again.
func (b *Bus) forgetStore() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams = nil
}

// state asks for the state of the log.
func (b *Bus) state(ctx context.Context) (jetstream.Stream, *jetstream.StreamInfo, error) {
	s, err := b.store(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, apiWait)
	defer cancel()
	info, err := s.log.Info(ctx)
	if err != nil {
		b.forgetStore()
		return nil, nil, fmt.Errorf("nats: stream %s: %w", b.cfg.Log.Stream, err)
	}
	return s.log, info, nil
}

// Offsets are the time in ms when the stream was made, a dash, and the number in it, so
// that they go on growing when the stream is lost and made anew.

func offset(created time.Time, seq uint64) string {
	return strconv.FormatInt(created.UnixMilli(), 10) + "-" + strconv.FormatUint(seq, 10)
}

// place returns the number that an offset has in the stream, or ErrNoSession.
func place(info *jetstream.StreamInfo, off string) (uint64, error) {
	created, number, ok := strings.Cut(off, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || created != strconv.FormatInt(info.Created.UnixMilli(), 10) ||
		seq < info.State.FirstSeq || seq > info.State.LastSeq {
		return 0, adapter.ErrNoSession
	}
	return seq, nil
}

// reader is where a link is in the log.
type reader struct {
	*link
	created time.Time
	seq     uint64
	begun   bool
}

// follow reads the log, until the link leaves.
func (k *link) follow() {
	r := reader{link: k}
	const first, most = 50 * time.Millisecond, 5 * time.Second
	pause := first
	for {
		was := r.seq
		err := r.run()
		if k.left.Load() {
			return
		}
		if r.seq != was || errors.Is(err, errAgain) {
			pause = first
		}
		if !errors.Is(err, errAgain) {
			k.mu.Lock()
			k.live, k.upAt = false, 0
			k.mu.Unlock()
			k.bus.forgetStore()
			if k.bus.conn.IsConnected() { // else it was told
				k.fail(err)
			}
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-k.ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, most)
	}
}

var (
	errAgain = errors.New("connected again")
	errGone  = errors.New("the log does not go back to where this server was")
)

// run reads the log as long as the connection lasts.
func (r *reader) run() error {
	k := r.link
	turn := k.bus.conn.Stats().Reconnects
	log, info, err := k.bus.state(k.ctx)
	if err != nil {
		return err
	}
	switch {
	case !r.begun:
		r.created, r.seq, r.begun = info.Created, info.State.LastSeq, true
	case !r.created.Equal(info.Created): // the old one was lost
		r.created, r.seq = info.Created, 0
	case info.State.FirstSeq > r.seq+1: // they were too old, or too much, before they were read
		k.fail(fmt.Errorf("nats: %w: up to %d entries", errGone, info.State.FirstSeq-r.seq-1))
		r.seq = info.State.FirstSeq - 1
	}
	k.pending.begin(k, r.created, r.seq)
	it, _, stop, err := messages(k.ctx, log, k.sub.log(), r.seq+1)
	if err != nil {
		return err
	}
	defer stop()
	defer context.AfterFunc(k.ctx, it.Stop)()
	k.mu.Lock()
	k.live = true
	k.mu.Unlock()
	k.bus.wake()
	for {
		m, err := it.Next(jetstream.NextMaxWait(time.Second))
		switch {
		case k.left.Load():
			return nil
		case k.bus.conn.Stats().Reconnects != turn:
			return errAgain
		case errors.Is(err, nats.ErrTimeout):
			continue
		case err != nil:
			return fmt.Errorf("nats: reading the log: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("nats: reading the log: %w", err)
		}
		r.seq = meta.Sequence.Stream
		x := item{subject: m.Subject(), data: m.Data(), offset: offset(r.created, r.seq)}
		if n, ok := strings.CutPrefix(m.Headers().Get(headerID), k.peer.UID+"."); ok {
			x.id, _ = strconv.ParseUint(n, 10, 64)
		}
		if !k.wait() {
			return nil
		}
		k.push(x)
	}
}

// wait waits until there is room in the queue. It returns false when the link has left.
func (k *link) wait() bool {
	for k.full() {
		select {
		case <-k.room:
		case <-k.ctx.Done():
			return false
		}
	}
	return true
}

// messages reads a subject of a stream, in order and without gaps. It also returns how many
// messages are there. The caller calls stop: a server has a limit for consumers, 1,000 for a
// stream by default, and forgets those of which it is not told only after a while.
func messages(ctx context.Context, s jetstream.Stream, subject string, from uint64) (it jetstream.MessagesContext, left uint64, stop func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, apiWait)
	defer cancel()
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		MaxResetAttempts: 3, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return nil, 0, nil, fmt.Errorf("nats: reading the log: %w", err)
	}
	remove := func() {
		// The reader tries again, or the bus closes, only after this.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if info := c.CachedInfo(); info != nil {
			_ = s.DeleteConsumer(ctx, info.Name) // else it ends by itself
		}
	}
	if info := c.CachedInfo(); info != nil {
		left = info.NumPending
	}
	// A request that got lost is noticed soon.
	it, err = c.Messages(jetstream.PullExpiry(10*time.Second), jetstream.PullHeartbeat(time.Second))
	if err != nil {
		remove()
		return nil, 0, nil, fmt.Errorf("nats: reading the log: %w", err)
	}
	return it, left, func() { it.Stop(); remove() }, nil
}
