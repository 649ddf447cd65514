// SPDX-License-Identifier: MIT

package alarm_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/internal/alarm"
	"github.com/sio-go/sio/internal/assert"
)

// bell notes when it was rung.
type bell struct {
	mu   sync.Mutex
	rung []time.Duration
	at   func() time.Duration
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung = append(b.rung, b.at())
}

// times returns when it was rung, once nothing moves any more.
func (b *bell) times() []time.Duration {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.rung)
}

type (
	clock = alarm.Clock[*bell]
	entry = alarm.Entry[*bell]
)

func bubble(t *testing.T, f func(t *testing.T, c *clock)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, alarm.NewClock((*bell).ring)) })
}

func TestOnTime(t *testing.T) {
	bubble(t, func(t *testing.T, c *clock) {
		e := &entry{Owner: &bell{at: c.Now}}
		c.Disarm(e)
		c.Arm(e, time.Second)
		assert.Equal(t, c.Len(), 1)
		time.Sleep(time.Minute)
		assert.Equal(t, e.Owner.times(), []time.Duration{time.Second})
		assert.Equal(t, c.Len(), 0)

		c.Arm(e, c.In(2*time.Second))
		c.Arm(e, c.In(time.Second)) // sooner
		c.Arm(e, c.In(3*time.Second))
		time.Sleep(time.Minute)
		assert.Equal(t, e.Owner.times()[1:], []time.Duration{time.Minute + 3*time.Second})

		c.Arm(e, c.In(time.Second))
		c.Disarm(e)
		c.Disarm(e)
		time.Sleep(time.Minute)
		assert.Equal(t, len(e.Owner.times()), 2)

		c.Arm(e, 0) // past
		assert.Equal(t, e.Owner.times()[2:], []time.Duration{3 * time.Minute})
	})
}

// TestRandomly compares with what was asked for. Some alarms are set from within a ring.
func TestRandomly(t *testing.T) {
	bubble(t, func(t *testing.T, c *clock) {
		rnd := rand.New(rand.NewPCG(1, 2))
		entries := make([]entry, 500)
		want := make([][]time.Duration, len(entries))
		due := make([]time.Duration, len(entries)) // 0: not armed
		for i := range entries {
			entries[i].Owner = &bell{at: c.Now}
		}
		for range 20_000 {
			i := rnd.IntN(len(entries))
			if rnd.IntN(4) == 0 {
				c.Disarm(&entries[i])
				due[i] = 0
			} else {
				due[i] = c.In(1 + time.Duration(rnd.Int64N(int64(10*time.Second))))
				c.Arm(&entries[i], due[i])
			}
			if rnd.IntN(20) == 0 {
				time.Sleep(time.Duration(rnd.Int64N(int64(time.Second))))
				synctest.Wait()
				for i, at := range due {
					if at != 0 && at <= c.Now() {
						want[i] = append(want[i], at)
						due[i] = 0
					}
				}
			}
		}
		for i := range entries {
			c.Disarm(&entries[i])
			assert.Equal(t, entries[i].Owner.times(), want[i])
		}
		assert.Equal(t, c.Len(), 0)
	})
}

// TestAlone: a ring that takes its time does not delay others.
func TestAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		var mu sync.Mutex
		hold := make(chan struct{})
		c := alarm.NewClock(func(name string) {
			if name == "slow" {
				<-hold
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
		})
		for i, name := range []string{"slow", "slow", "a", "b"} {
			c.Arm(&alarm.Entry[string]{Owner: name}, time.Duration(1+i/3)*time.Second)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, slices.Clone(order), []string{"a", "b"})
		close(hold)
		synctest.Wait()
		assert.Equal(t, order, []string{"a", "b", "slow", "slow"})
	})
}

// TestFarAway: the latest time there is does not come at once, also where a clock of the
// world outside is used in a bubble, where it is the year 2000.
func TestFarAway(t *testing.T) {
	t.Parallel()
	c := alarm.NewClock((*bell).ring)
	synctest.Test(t, func(t *testing.T) {
		never, soon := &entry{Owner: &bell{at: c.Now}}, &entry{Owner: &bell{at: c.Now}}
		assert.Equal(t, alarm.NewClock((*bell).ring).In(math.MaxInt64), math.MaxInt64)
		c.Arm(never, math.MaxInt64)
		c.Arm(soon, c.In(time.Hour))
		want := c.In(time.Hour)
		time.Sleep(1000 * time.Hour)
		assert.Equal(t, soon.Owner.times(), []time.Duration{want})
		assert.Equal(t, len(never.Owner.times()), 0)
		c.Disarm(never)
	})
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	c := alarm.NewClock((*bell).ring)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			mine := make([]entry, 50)
			for i := range mine {
				mine[i].Owner = &bell{at: c.Now}
			}
			for range 20 {
				for i := range mine {
					c.Arm(&mine[i], c.In(time.Duration(i)*time.Microsecond))
				}
				runtime.Gosched()
				for i := range mine {
					c.Disarm(&mine[i])
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, c.Len(), 0)
}

func BenchmarkArm(b *testing.B) {
	c := alarm.NewClock(func(int) {})
	entries := make([]alarm.Entry[int], 100_000)
	for i := range entries {
		c.Arm(&entries[i], c.In(time.Hour+time.Duration(i)))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.Arm(&entries[i%len(entries)], c.In(2*time.Hour))
		i++
	}
	for i := range entries {
		c.Disarm(&entries[i])
	}
}
