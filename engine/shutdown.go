// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"math/rand/v2"
	"time"
)

// ClosingReceiver is a Receiver that wants to know that the server is about to close its
// session.
type ClosingReceiver interface {
	Receiver
	// Closing is called by Server.Shutdown and Server.Close before they close the session.
	// Both may call it; Receive may run meanwhile, and the session may have ended.
	Closing()
}

// Shutdown refuses new sessions with status 503, closes all sessions after sending what is
// queued, in batches spread over Config.ShutdownSpread, and waits for their end. Sessions
// whose turn has not come go on. If ctx ends first it closes what is left like Close and
// returns ctx's error. A client that polls and does not ask again within 2 s of its turn is
// taken to be gone; one that does not answer the close frame of its WebSocket is waited for
// 5 s.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.mu.Lock()
	srv.closed = true
	var empty chan struct{}
	if len(srv.sessions) > 0 {
		if srv.empty == nil {
			srv.empty = make(chan struct{})
		}
		empty = srv.empty
	}
	srv.mu.Unlock()
	srv.closeInBatches(ctx, empty)
	ended := make(chan struct{})
	go func() { // ends with Close at the latest
		if empty != nil {
			<-empty
		}
		srv.goroutines.Wait() // peers still read what was sent, and answer the close frame
		close(ended)
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = srv.Close()
	<-ended
	return err
}

const (
	// batchPause is the least time between two batches of sessions that Shutdown closes, give
	// or take a half.
	batchPause = 100 * time.Millisecond
	// spreadEach and spreadMost are the default of Config.ShutdownSpread, atOnce is how many
	// sessions it does not spread.
	spreadEach = time.Millisecond
	spreadMost = 10 * time.Second
	atOnce     = 100
)

// closeInBatches closes all sessions, unless ctx or the last session ends before.
func (srv *Server) closeInBatches(ctx context.Context, empty <-chan struct{}) {
	left := srv.all()
	rand.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	end := time.Now().Add(srv.spread(ctx, len(left)))
	for len(left) > 0 {
		n, remaining := len(left), time.Until(end)
		pause := max(batchPause, remaining/time.Duration(n)) // one by one if they are few
		if remaining > batchPause {
			n = max(1, int(float64(n)*float64(pause)/float64(remaining)))
		}
		for _, s := range left[:n] {
			s.tellClosing()
			s.closeWithin(pollShutdownTimeout)
		}
		clear(left[:n])
		left = left[n:]
		if len(left) == 0 {
			return
		}
		timer := time.NewTimer(pause/2 + rand.N(pause)) //nolint:gosec // not a secret
		select {
		case <-timer.C:
		case <-empty:
			left = nil
		case <-ctx.Done():
			left = nil
		}
		timer.Stop()
	}
}

// spread returns over which time n sessions are closed.
func (srv *Server) spread(ctx context.Context, n int) time.Duration {
	d := srv.cfg.ShutdownSpread
	switch {
	case d == 0 && n > atOnce:
		d = min(time.Duration(n)*spreadEach, spreadMost)
	case d == 0:
		return 0
	}
	if deadline, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(deadline)*3/4)
	}
	return d
}

// isClosed reports whether new sessions are refused.
func (srv *Server) isClosed() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.closed
}

// tellClosing tells a receiver that wants to know that the server closes the session.
func (s *Session) tellClosing() {
	s.mu.Lock()
	r, ok := s.receiver.(ClosingReceiver)
	s.mu.Unlock()
	if ok {
		r.Closing()
	}
}

// Close refuses new sessions with status 503, ends all sessions at once with
// ReasonForcedClose, drops what is queued (E10.9), and waits for the server's
// goroutines.
func (srv *Server) Close() error {
	srv.mu.Lock()
	srv.closed = true
	srv.mu.Unlock()
	for _, s := range srv.all() {
		s.tellClosing()
		s.abort(ReasonForcedClose, nil)
	}
	srv.mu.Lock()
	srv.endShutdownLocked() // start refuses from now on
	for d := range srv.sockets {
		d.stream.hangUp()
	}
	srv.mu.Unlock()
	srv.poller.each(func(d *duplex) { d.stream.hangUp() })
	srv.goroutines.Wait()
	srv.poller.wait()
	srv.flusher.wait()
	return nil
}

func (srv *Server) all() []*Session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	all := make([]*Session, 0, len(srv.sessions))
	for _, s := range srv.sessions {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}
