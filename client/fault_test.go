// SPDX-License-Identifier: MIT

package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// fault is what goes wrong in one direction of a connection. Nothing is ever reordered.
type fault struct {
	rnd     *rand.Rand
	piece   int           // what is written is cut into pieces of at most so many bytes
	delay   time.Duration // before each, at most
	life    int           // bytes that get through
	stall   bool          // then the connection stalls; else it is cut
	carried *atomic.Int64 // counts bytes; may be nil
}

// next waits, and returns the piece of data that is next to be carried on, and the rest.
func (f *fault) next(c *cable, data []byte) (piece, rest []byte) {
	if f == nil {
		return data, nil
	}
	n := min(len(data), 1+f.rnd.IntN(f.piece))
	if f.delay > 0 {
		time.Sleep(time.Duration(f.rnd.Int64N(int64(f.delay) + 1)))
	}
	n = min(n, f.life)
	if f.carried != nil {
		f.carried.Add(int64(n))
	}
	if f.life -= n; f.life > 0 {
		return data[:n], data[n:]
	}
	if f.stall {
		c.stalled.Store(true)
	} else {
		defer c.cut()
	}
	return data[:n], nil
}

// faults returns a source of faults.
func faults(rnd *rand.Rand) func() *fault {
	return func() *fault {
		f := &fault{
			rnd:   rand.New(rand.NewPCG(rnd.Uint64(), rnd.Uint64())),
			piece: []int{1, 7, 100, 4096}[rnd.IntN(4)],
			delay: []time.Duration{0, 0, time.Millisecond, 20 * time.Millisecond}[rnd.IntN(4)],
			life:  1 + rnd.IntN(3000),
			stall: rnd.IntN(4) == 0,
		}
		if f.piece == 1 {
			f.delay = 0
		}
		return f
	}
}

// calm ends the faults.
func (e *env) calm() {
	e.mu.Lock()
	e.faulty = nil
	all := slices.Clone(e.all)
	e.mu.Unlock()
	for _, c := range all {
		c.cut()
	}
}

// randomly runs f for several seeds and each choice of transports, on a bad network.
func randomly(t *testing.T, cfg sio.Config, f func(t *testing.T, e *env, cfg client.Config, rnd *rand.Rand)) {
	t.Helper()
	cfg.Engine = engine.Config{PingInterval: 2 * second, PingTimeout: second}
	for _, transports := range [][]string{{"websocket"}, {"polling"}, {"polling", "websocket"}} {
		for k := range 6 {
			seed := uint64(k)
			if k >= 3 {
				seed = rand.Uint64()
			}
			t.Run(fmt.Sprintf("%v seed %d", transports, seed), func(t *testing.T) {
				t.Parallel()
				run(t, cfg, func(t *testing.T, e *env) {
					rnd := rand.New(rand.NewPCG(seed, 0))
					e.faulty = faults(rand.New(rand.NewPCG(seed, 1)))
					var cfg client.Config
					cfg.Engine.Transports = transports
					cfg.ReconnectionDelay, cfg.ReconnectionDelayMax = second/10, second
					cfg.Timeout = 5 * second
					f(t, e, cfg, rnd)
				})
			})
		}
	}
}

// numbers are those that the server got.
type numbers struct {
	mu  sync.Mutex
	got []int
}

func (n *numbers) handle(_ context.Context, _ *sio.Socket, m *sio.Message) error {
	var v int
	if err := m.Bind(&v); err != nil {
		return err
	}
	n.mu.Lock()
	n.got = append(n.got, v)
	n.mu.Unlock()
	if m.HasAck() {
		return m.Reply()
	}
	return nil
}

func (n *numbers) list() []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

// With Retries, all events arrive, and in order. Some do several times, and a late copy of
// one may come by a connection that was given up: so a server forgets what it has got.
func TestFaultsRetries_C3_16(t *testing.T) {
	t.Parallel()
	randomly(t, sio.Config{}, func(t *testing.T, e *env, cfg client.Config, rnd *rand.Rand) {
		var server numbers
		e.srv.On("n", server.handle)
		cfg.Socket = client.SocketConfig{Retries: 1 << 20, AckTimeout: 4 * second}
		e.manager(cfg, func(m *client.Manager) {
			s := m.Socket("/", &cfg.Socket)
			s.Open()
			const n = 200
			for i := range n {
				assert.NoError(t, s.Emit("n", i))
				time.Sleep(time.Duration(rnd.Int64N(int64(second / 5))))
			}
			time.Sleep(time.Minute)
			e.calm()
			time.Sleep(2 * time.Minute)
			next := 0
			for _, v := range server.list() {
				assert.True(t, v <= next, "%d came before %d", v, next)
				if v == next {
					next++
				}
			}
			assert.Equal(t, next, n)
			e.mu.Lock()
			defer e.mu.Unlock()
			assert.True(t, e.dials > 1, "only %d connection", e.dials)
		})
	})
}

// Without Retries, an event arrives once at most; and if EmitWithAck says so it has.
func TestFaultsOnce_C3_14(t *testing.T) {
	t.Parallel()
	var answers atomic.Int64 // a network may be so bad that there are none
	t.Run("", func(t *testing.T) {
		randomly(t, sio.Config{}, func(t *testing.T, e *env, cfg client.Config, rnd *rand.Rand) {
			var asked, told numbers
			e.srv.On("asked", asked.handle)
			e.srv.On("told", told.handle)
			e.manager(cfg, func(m *client.Manager) {
				s := m.Socket("/", nil)
				s.Open()
				var mu sync.Mutex
				var answered []int
				var wg sync.WaitGroup
				for i := range 200 {
					wg.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
						defer cancel()
						if _, err := s.EmitWithAck(ctx, "asked", i); err == nil {
							mu.Lock()
							defer mu.Unlock()
							answered = append(answered, i)
						}
					})
					assert.NoError(t, s.Emit("told", i))
					time.Sleep(time.Duration(rnd.Int64N(int64(second / 5))))
				}
				e.calm()
				time.Sleep(time.Minute)
				wg.Wait()
				got := asked.list()
				answers.Add(int64(len(answered)))
				for _, i := range answered {
					assert.True(t, slices.Contains(got, i), "%d was answered, and has not arrived", i)
				}
				for _, list := range [][]int{got, told.list()} {
					slices.Sort(list)
					assert.Equal(t, len(slices.Compact(slices.Clone(list))), len(list))
				}
				assert.NoError(t, s.Emit("told", -1)) // it works now
				synctest.Wait()
				assert.True(t, slices.Contains(told.list(), -1), "lost")
			})
		})
	})
	assert.True(t, answers.Load() > 0, "no answers")
}

// While the server recovers the socket, broadcasts arrive once and in order.
func TestFaultsRecovery_C3_19(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	recoveries := 0
	t.Run("", func(t *testing.T) {
		randomly(t, sio.Config{Recovery: &sio.Recovery{}}, func(t *testing.T, e *env, cfg client.Config, rnd *rand.Rand) {
			e.srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Join("room") })
			e.manager(cfg, func(m *client.Manager) {
				s := m.Socket("/", nil)
				last, anew := -1, true // anew: what comes next need not follow last
				s.OnConnect(func(context.Context) error {
					if !s.Recovered() {
						anew = true
						return nil
					}
					mu.Lock()
					defer mu.Unlock()
					recoveries++
					return nil
				})
				client.On(s, "n", func(_ context.Context, _ *client.Socket, n int) error {
					assert.True(t, n > last, "%d after %d", n, last)
					assert.True(t, n == last+1 || anew, "%d follows %d", n, last)
					last, anew = n, false
					return nil
				})
				s.Open()
				const n = 300
				for i := range n {
					assert.NoError(t, e.srv.To("room").Emit("n", i))
					time.Sleep(time.Duration(rnd.Int64N(int64(second / 5))))
				}
				e.calm()
				time.Sleep(time.Minute)
				assert.NoError(t, e.srv.To("room").Emit("n", n))
				synctest.Wait()
				assert.Equal(t, last, n)
			})
		})
	})
	assert.True(t, recoveries > 10, "%d recoveries", recoveries)
}
