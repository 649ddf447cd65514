// SPDX-License-Identifier: MIT

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// counting counts the Write calls of all connections that it accepts.
type counting struct {
	net.Listener
	writes atomic.Int64
}

type countingConn struct {
	net.Conn
	l *counting
}

func (l *counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{conn, l}, nil
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.l.writes.Add(1)
	return c.Conn.Write(p)
}

func serveCounting(t *testing.T, cfg engine.Config, setup func(*receiver)) (*host, *counting) {
	t.Helper()
	l := memnet.Listen()
	c := &counting{Listener: l}
	return serveOn(t, cfg, setup, c, l.Dial), c
}

var volatile = engine.SendOptions{Volatile: true}

// TestHold joins what is sent between Hold and the last Release.
func TestHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, l := serveCounting(t, engine.Config{}, nil)
		c, r := h.connect()
		s := r.session
		before := l.writes.Load()
		s.Hold()
		s.Hold()
		for i := range 10 {
			assert.NoError(t, r.send(fmt.Sprint(i), "bin"))
		}
		s.Release()
		synctest.Wait()
		assert.Equal(t, l.writes.Load(), before)
		s.Release()
		for i := range 10 {
			c.want(fmt.Sprintf("4%d", i))
			c.wantBinary("bin")
		}
		synctest.Wait()
		assert.Equal(t, l.writes.Load(), before+1)
		assert.Equal(t, s.Buffered(), 0)
		s.Release() // too many: ignored
		assert.NoError(t, r.send("a"))
		c.want("4a")
		assert.Equal(t, l.writes.Load(), before+2)
	})
}

// TestHoldTimeout does not let a slow holder delay what it has sent.
func TestHoldTimeout(t *testing.T) {
	t.Parallel()
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h, l := serveCounting(t, engine.Config{}, nil)
			c, r := h.connect()
			before := l.writes.Load()
			r.session.Hold()
			for i := range 3 {
				start := time.Now()
				assert.NoError(t, r.send("a"))
				assert.NoError(t, r.send("b"))
				c.want("4a")
				c.want("4b")
				assert.Equal(t, time.Since(start), time.Millisecond)
				assert.Equal(t, l.writes.Load(), before+int64(i+1))
			}
			assert.NoError(t, r.send("c"))
			start := time.Now()
			r.session.Flush()
			c.want("4c")
			assert.Equal(t, time.Since(start), time.Duration(0))
			r.session.Release()
		})
	})
	t.Run("polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			sid, r := h.poll()
			assert.NoError(t, r.send("a"))
			r.session.Hold()
			start := time.Now()
			h.get(sid).want(t, 200, "4a") // was sent before
			assert.Equal(t, time.Since(start), time.Duration(0))
			assert.NoError(t, r.send("b"))
			time.Sleep(time.Second) // no GET when the hold ends
			start = time.Now()
			h.get(sid).want(t, 200, "4b")
			assert.Equal(t, time.Since(start), time.Duration(0))
			pending := h.getLater(sid)
			start = time.Now()
			assert.NoError(t, r.send("c"))
			(<-pending).want(t, 200, "4c")
			assert.Equal(t, time.Since(start), time.Millisecond)
			r.session.Release()
		})
	})
}

// TestVolatile drops packets for which the peer is not ready (top-25 no. 20).
func TestVolatile(t *testing.T) {
	t.Parallel()
	t.Run("polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			sid, r := h.poll()
			assert.NoError(t, r.session.Send(newMessage("dropped", "bin"), volatile))
			assert.Equal(t, r.session.Buffered(), 0)
			pending := h.getLater(sid)
			wantPending(t, pending)
			assert.NoError(t, r.session.Send(newMessage("a", "bin"), volatile))
			(<-pending).want(t, 200, "4a\x1ebYmlu")
			assert.NoError(t, r.session.Send(newMessage("dropped"), volatile))
			assert.NoError(t, r.send("b"))
			h.get(sid).want(t, 200, "4b")
		})
	})
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			assert.NoError(t, r.session.Send(newMessage("a", "bin"), volatile))
			c.want("4a")
			c.wantBinary("bin")
			long := strings.Repeat("x", 200_000)
			assert.NoError(t, r.send(long)) // the peer is slow now
			synctest.Wait()
			assert.NoError(t, r.session.Send(newMessage("dropped"), volatile))
			f := h.srv.Fanout()
			f.Send(r.session, newMessage("dropped"), volatile)
			f.Flush()
			assert.NoError(t, r.send("b"))
			c.want("4" + long)
			c.want("4b")
			synctest.Wait()
			assert.NoError(t, r.session.Send(newMessage("c"), volatile))
			c.want("4c")
			r.session.Close()
			assert.ErrorIs(t, r.session.Send(newMessage("late"), volatile), engine.ErrClosed)
		})
	})
}

// TestQueueFull closes the session whose peer does not read, and no other.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  engine.Config
	}{
		{"bytes", engine.Config{OutboxBytes: 1000}},
		{"packets", engine.Config{OutboxPackets: 3}},
	}
	for _, tt := range tests {
		for _, fanout := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, fanout %t", tt.name, fanout), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					h := serve(t, tt.cfg, nil)
					sid, polls := h.poll()
					slow, slowR := h.connect()
					fast, fastR := h.connect()
					// One packet of any size is accepted into an empty outbox.
					long := strings.Repeat("x", 200_000)
					assert.NoError(t, polls.send(long))
					assert.NoError(t, slowR.send(long))
					synctest.Wait()
					m := newMessage(strings.Repeat("y", 400))
					for range 4 {
						f := h.srv.Fanout()
						for _, r := range []*receiver{polls, slowR, fastR} {
							if fanout {
								f.Send(r.session, m, engine.SendOptions{})
								continue
							}
							err := r.session.Send(m, engine.SendOptions{})
							switch {
							case r == fastR:
								assert.NoError(t, err)
							case err != nil && !errors.Is(err, engine.ErrQueueFull) && !errors.Is(err, engine.ErrClosed):
								t.Errorf("error %v", err)
							}
						}
						f.Flush()
						fast.want("4" + strings.Repeat("y", 400))
						synctest.Wait()
					}
					for _, r := range []*receiver{polls, slowR} {
						r.wantClosed(engine.ReasonSlowConsumer, "outbox full")
						assert.ErrorIs(t, r.err, engine.ErrQueueFull)
						err := r.send("late")
						assert.ErrorIs(t, err, engine.ErrClosed)
						assert.ErrorIs(t, err, net.ErrClosed)
						assert.Equal(t, err.Error(), "engine: session closed")
					}
					fastR.wantOpen()
					assert.Equal(t, h.srv.Count(), 1)
					h.get(sid).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
					for { // what was on its way, and then the end without a close frame
						f, err := slow.read()
						if err != nil {
							break
						}
						t.Fatalf("frame %#x of %d bytes", f.Header.OpCode, len(f.Payload))
					}
				})
			})
		}
	}
}

// TestNoLimits lets a peer be as slow as it likes.
func TestNoLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{OutboxBytes: -1, OutboxPackets: -1}, nil)
		sid, r := h.poll()
		m := newMessage(strings.Repeat("y", 100))
		for range 100_000 {
			assert.NoError(t, r.session.Send(m, engine.SendOptions{}))
		}
		assert.Equal(t, strings.Count(h.get(sid).body, "\x1e"), 99_999)
	})
}

// TestCloseFlushes sends 10 MB to a peer that reads late, and then closes.
func TestCloseFlushes_E10_6(t *testing.T) {
	t.Parallel()
	hosts := map[string]func(testing.TB, engine.Config, func(*receiver)) *host{"memory": serve, "TCP": serveTCP, "TLS": serveTLS}
	for name, serve := range hosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, engine.Config{OutboxBytes: -1}, nil)
			c, r := h.connect()
			const n, size = 160, 64 << 10
			for i := range n {
				assert.NoError(t, r.send(fmt.Sprint(i%10)+strings.Repeat("x", size)))
			}
			r.session.Close()
			assert.ErrorIs(t, r.send("late"), engine.ErrClosed)
			r.wantOpen()
			for i := range n {
				c.want("4" + fmt.Sprint(i%10) + strings.Repeat("x", size))
			}
			c.wantGoodbye(0)
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	}
}

// TestFanoutOrder broadcasts to 1000 sessions while others send to each of them.
func TestFanoutOrder(t *testing.T) {
	t.Parallel()
	const sessions, broadcasts, senders, sends = 1000, 20, 2, 10
	h := serve(t, engine.Config{}, nil)
	clients := make([]*socket, sessions)
	receivers := make([]*receiver, sessions)
	for i := range clients {
		clients[i], receivers[i] = h.connect()
	}
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for n := range sends {
				for _, r := range receivers {
					assert.NoError(t, r.send(fmt.Sprintf("%d %d", sender, n)))
				}
			}
		})
	}
	wg.Go(func() {
		for n := range broadcasts {
			m := newMessage(fmt.Sprintf("%d %d", senders, n), "bin")
			f := h.srv.Fanout()
			for _, r := range receivers {
				f.Send(r.session, m, engine.SendOptions{})
			}
			f.Flush()
		}
	})
	for part := range 10 {
		wg.Go(func() {
			for _, c := range clients[part*sessions/10 : (part+1)*sessions/10] {
				var next [senders + 1]int
				for range senders*sends + broadcasts {
					var sender, n int
					if _, err := fmt.Sscanf(c.text(), "4%d %d", &sender, &n); err != nil {
						t.Error(err)
						return
					}
					assert.Equal(t, n, next[sender])
					next[sender]++
					if sender == senders { // a packet and its attachments stay together
						c.wantBinary("bin")
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestFanoutPolling broadcasts to sessions that poll, some of them held.
func TestFanoutPolling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		pendingID, pending := h.poll()
		lateID, late := h.poll()
		heldID, held := h.poll()
		_, closed := h.poll()
		h.post(closed.session.ID(), "1").want(t, 200, "ok")
		first, second := h.getLater(pendingID), h.getLater(heldID)
		held.session.Hold()
		f := h.srv.Fanout()
		m := newMessage("a")
		for _, r := range []*receiver{pending, late, held, closed} {
			f.Send(r.session, m, engine.SendOptions{})
		}
		wantPending(t, first)
		start := time.Now()
		f.Flush()
		(<-first).want(t, 200, "4a")
		h.get(lateID).want(t, 200, "4a")
		assert.Equal(t, time.Since(start), time.Duration(0))
		(<-second).want(t, 200, "4a")
		assert.Equal(t, time.Since(start), time.Millisecond)
		held.session.Release()
	})
}

// TestStress lets everything happen at once; receivers check their calls, and no
// goroutine may be left.
func TestStress(t *testing.T) {
	t.Parallel()
	h := serve(t, engine.Config{OutboxBytes: 100_000}, func(r *receiver) {
		echo(r)
		n := 0
		onMessage := r.onMessage
		r.onMessage = func(data []byte, binary bool) {
			n++
			switch n % 7 {
			case 3:
				r.session.Hold()
			case 5:
				r.session.Release()
			}
			onMessage(data, binary)
		}
	})
	var wg, users sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	var all sync.Map
	for user := range 3 { // of the server's side
		users.Go(func() {
			m := newMessage("broadcast", "bin")
			for n := 0; ctx.Err() == nil; n++ {
				f := h.srv.Fanout()
				for s := range all.Range {
					s := s.(*engine.Session)
					f.Send(s, m, engine.SendOptions{Volatile: n%2 == 0})
					switch n % 5 {
					case user:
						_ = s.Send(m, engine.SendOptions{})
					case 3:
						s.Pause()
					case 4:
						s.Resume()
					}
				}
				f.Flush()
			}
		})
	}
	for worker := range 8 {
		wg.Go(func() {
			for round := range 12 {
				var c *socket
				var s *engine.Session
				if worker%2 == 0 {
					var r *receiver
					c, _ = h.upgrade("GET", direct, "")
					r = <-h.receivers
					s = r.session
				} else {
					a := h.do(ctx, "GET", polled, nil)
					assert.NoError(t, a.err)
					s = (<-h.receivers).session
					sid := s.ID()
					h.post(sid, "4a\x1ebAQIDBA==")
					c, _ = h.upgrade("GET", direct+"&sid="+sid, string(text("2probe"))+string(text("5")))
				}
				all.Store(s, nil)
				if c == nil { // another worker's session was closed
					continue
				}
				var reader sync.WaitGroup
				if round%3 > 0 {
					reader.Go(func() {
						for {
							if _, err := c.read(); err != nil {
								return
							}
						}
					})
				}
				for range 50 {
					if _, err := c.conn.Write(text("4hello")); err != nil {
						break
					}
				}
				switch round % 4 {
				case 0:
					s.Close()
				case 1:
					_ = c.conn.Close()
				case 2:
					_, _ = c.conn.Write(text("1"))
				}
				s.Resume()
				_ = c.conn.Close()
				reader.Wait()
				all.Delete(s)
			}
		})
	}
	wg.Wait()
	stop()
	users.Wait()
}

// TestDrain: Session.Drain waits for what was queued before it (E10.3: the callback of send).
func TestDrain(t *testing.T) {
	t.Run("E10.3 websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			c, r := h.connect()
			assert.NoError(t, r.session.Drain(t.Context()))
			big := engine.NewBinary(make([]byte, 1<<20)) // more than the network buffers
			assert.NoError(t, r.session.Send(big, engine.SendOptions{}))
			drained := make(chan error, 1)
			go func() { drained <- r.session.Drain(t.Context()) }()
			synctest.Wait()
			select {
			case err := <-drained:
				t.Fatalf("drained before the peer has read: %v", err)
			default:
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			assert.ErrorIs(t, r.session.Drain(ctx), context.DeadlineExceeded)
			c.wantBinary(string(make([]byte, 1<<20)))
			assert.NoError(t, <-drained)
		})
	})
	t.Run("E10.3 polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			sid, r := h.poll()
			r.send("a")
			drained := make(chan error, 1)
			go func() { drained <- r.session.Drain(t.Context()) }()
			synctest.Wait()
			assert.Equal(t, len(drained), 0)
			assert.Equal(t, h.get(sid).body, "4a")
			assert.NoError(t, <-drained)
		})
	})
	t.Run("E10.7 the session ends first", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serve(t, engine.Config{}, nil)
			_, r := h.poll()
			r.send("a")
			drained := make(chan error, 1)
			go func() { drained <- r.session.Drain(t.Context()) }()
			synctest.Wait()
			assert.NoError(t, h.srv.Close())
			assert.ErrorIs(t, <-drained, engine.ErrClosed)
			assert.ErrorIs(t, r.session.Drain(t.Context()), engine.ErrClosed)
		})
	})
}
