// SPDX-License-Identifier: MIT

package adapter

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// loopLog is what a Loopback keeps of one namespace.
type loopLog struct {
	first    int // position of messages[0]
	messages []*Message
	sessions map[string]loopSession
}

type loopSession struct {
	session *Session
	until   time.Time
}

// log returns the log of a namespace. mu is held.
func (l *Loopback) log(nsp string) *loopLog {
	log := l.logs[nsp]
	if log == nil {
		if l.logs == nil {
			l.logs = make(map[string]*loopLog)
		}
		log = &loopLog{sessions: make(map[string]loopSession)}
		l.logs[nsp] = log
	}
	return log
}

// at returns the index of the message at offset, or -1.
func (log *loopLog) at(offset string) int {
	n, err := strconv.Atoi(offset)
	if i := n - log.first; err == nil && i >= 0 && i < len(log.messages) {
		return i
	}
	return -1
}

// loopKeeper makes a Log of a link.
type loopKeeper struct{ link *loopLink }

// Append implements Log.
func (k loopKeeper) Append(m *Message, done func(offset string, err error)) {
	link, hub := k.link, k.link.hub
	hub.mu.Lock()
	_, joined := hub.links[link]
	if !joined {
		hub.mu.Unlock()
		done("", ErrClosed)
		return
	}
	defer hub.mu.Unlock()
	if hub.down || !link.room() {
		link.push(loopJob{done: done, err: errDown})
		return
	}
	log := hub.log(m.Namespace)
	kept := *m
	kept.Offset = strconv.Itoa(log.first + len(log.messages))
	log.messages = append(log.messages, &kept)
	if len(log.messages) == 2*loopbackQueue { // half at a time
		log.messages = slices.Clone(log.messages[loopbackQueue:])
		log.first += loopbackQueue
	}
	link.push(loopJob{done: done, offset: kept.Offset})
	_ = hub.spread(link, &kept, "") // who misses it has a full queue
}

// Save implements Log.
func (k loopKeeper) Save(s *Session, keep time.Duration) error {
	hub := k.link.hub
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.down {
		return errDown
	}
	log := hub.log(k.link.peer.Namespace)
	now := time.Now()
	for pid, old := range log.sessions {
		if now.After(old.until) {
			delete(log.sessions, pid)
		}
	}
	log.sessions[s.PID] = loopSession{s, now.Add(keep)}
	return nil
}

// Take implements Log.
func (k loopKeeper) Take(_ context.Context, pid, offset string) (*Session, error) {
	hub := k.link.hub
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.down {
		return nil, errDown
	}
	log := hub.log(k.link.peer.Namespace)
	s, ok := log.sessions[pid]
	if !ok || time.Now().After(s.until) || log.at(offset) < 0 {
		return nil, ErrNoSession
	}
	delete(log.sessions, pid)
	return s.session, nil
}

// Since implements Log.
func (k loopKeeper) Since(_ context.Context, offset string, yield func(m *Message) bool) error {
	hub := k.link.hub
	hub.mu.Lock()
	log := hub.log(k.link.peer.Namespace)
	i := log.at(offset)
	var list []*Message
	if i >= 0 {
		list = slices.Clone(log.messages[i+1:])
	}
	down := hub.down
	hub.mu.Unlock()
	switch {
	case down:
		return errDown
	case i < 0:
		return ErrNoSession
	}
	for _, m := range list {
		if !yield(m) {
			break
		}
	}
	return nil
}
