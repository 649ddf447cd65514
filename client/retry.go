// SPDX-License-Identifier: MIT

package client

import (
	"errors"
	"slices"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
)

// The queue of SocketConfig.Retries: its first packet is sent until it is acknowledged, then
// the next one (C3.16).
//
// JS differs: C3.16, a packet keeps its acknowledgement id when it is sent again, so that a
// late answer to an earlier try counts.

// queueRetry encodes an event and puts it at the end of the queue.
func (s *Socket) queueRetry(event string, args []any, opt dial.SendOptions, done chan answer) (*outPacket, error) {
	p, err := s.withID(event, args, opt)
	if err != nil {
		return nil, err
	}
	p.done = done
	m := s.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	n := p.size()
	switch {
	case m.closed:
		return nil, ErrClosed
	case len(s.retries) >= m.cfg.BufferPackets || len(s.retries) > 0 && s.retrying+n > m.cfg.BufferBytes:
		return nil, ErrBufferFull
	}
	s.retries = append(s.retries, p)
	s.retrying += n
	s.drain()
	s.queue.Wake()
	return p, nil
}

// drain sends the first packet unless it is on its way. Manager.mu is held.
func (s *Socket) drain() {
	if !s.connected || len(s.retries) == 0 || s.retries[0].flying {
		return
	}
	p := s.retries[0]
	p.flying = true
	p.tries++
	try := p.tries
	s.await(p.id, &ack{packet: p})
	err := s.link.session.Send(p.text, p.attachments, p.opt)
	if err != nil { // that was no try
		p.flying = false
		p.tries--
		delete(s.acks, p.id)
		if errors.Is(err, engine.ErrQueueFull) {
			s.flushSoon()
		} // else the connection has just ended: with the next one
		return
	}
	if s.cfg.AckTimeout > 0 {
		p.timer = time.AfterFunc(s.cfg.AckTimeout, func() { s.expired(p, try) })
	}
	s.pushSent(p)
}

// expired runs when an answer has not come in time.
func (s *Socket) expired(p *outPacket, try int) {
	s.manager.mu.Lock()
	defer s.manager.mu.Unlock()
	if !p.flying || p.tries != try || !slices.Contains(s.retries, p) {
		return
	}
	delete(s.acks, p.id)
	s.tryAgain(p, ErrNoAnswer)
	s.drain()
	s.queue.Wake()
}

// tryAgain makes a packet ready to be sent again, or gives it up. Manager.mu is held.
func (s *Socket) tryAgain(p *outPacket, err error) {
	p.flying = false
	p.stop()
	if p.tries > s.cfg.Retries {
		s.drop(p, err)
	}
}

// drop gives a packet up. Manager.mu is held.
func (s *Socket) drop(p *outPacket, err error) {
	s.unqueue(p)
	if p.done != nil {
		p.done <- answer{err: err}
		return
	}
	m := s.manager
	m.hooks.call(func() {
		m.cfg.Logger.Warn("event dropped", "event", p.event, "namespace", s.namespace, "tries", p.tries, "err", err)
		if f := m.cfg.Hooks.Dropped; f != nil {
			f(s, p.event, err)
		}
	})
}

// unqueue takes a packet out of the queue. Manager.mu is held.
func (s *Socket) unqueue(p *outPacket) {
	p.stop()
	p.flying = false
	if i := slices.Index(s.retries, p); i >= 0 {
		s.retries = slices.Delete(s.retries, i, i+1)
		s.retrying -= p.size()
	}
	delete(s.acks, p.id)
}

func (p *outPacket) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
