// SPDX-License-Identifier: MIT

package work_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/work"
)

// journal is a Runner that writes down what is called. Only what runs on the
// queue's goroutine touches lines, and the race detector checks that.
type journal struct {
	wg      sync.WaitGroup
	started atomic.Int64
	live    atomic.Int64
	lines   []string
	run     func(v int)
	burst   func(more bool)
}

func (j *journal) Go(f func()) {
	j.started.Add(1)
	j.live.Add(1)
	j.wg.Go(func() {
		defer j.live.Add(-1)
		f()
	})
}

func (j *journal) Run(v int) {
	j.lines = append(j.lines, fmt.Sprint(v))
	if j.run != nil {
		j.run(v)
	}
}

func (j *journal) Burst(more bool) {
	j.lines = append(j.lines, map[bool]string{true: "(", false: ")"}[more])
	if j.burst != nil {
		j.burst(more)
	}
}

func newQueue(j *journal) *work.Queue[int] {
	q := new(work.Queue[int])
	q.Init(j)
	return q
}

// numbers returns the decimal forms of from..to.
func numbers(from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func TestBursts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		push int
		want []string
	}{
		{"nothing", 0, nil},
		{"a lone value", 1, []string{"1"}},
		{"two", 2, []string{"(", "1", "2", ")"}},
		{"exactly one burst", 64, slices.Concat([]string{"("}, numbers(1, 64), []string{")"})},
		{"one value over", 65, slices.Concat([]string{"("}, numbers(1, 64), []string{")", "65"})},
		{"begun anew", 66, slices.Concat([]string{"("}, numbers(1, 64), []string{")", "(", "65", "66", ")"})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			q := newQueue(j)
			for i := range tt.push {
				assert.Equal(t, q.Push(i+1), i+1)
			}
			assert.Equal(t, q.Len(), tt.push)
			assert.Equal(t, j.started.Load(), 0)
			q.Wake()
			j.wg.Wait()
			assert.Equal(t, j.lines, tt.want)
			assert.Equal(t, q.Len(), 0)
			assert.Equal(t, j.started.Load(), int64(min(tt.push, 1)))
		})
	}
}

func TestOneGoroutineWhileBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{run: func(int) { time.Sleep(time.Second) }}
		q := newQueue(j)
		for i := 1; i <= 3; i++ {
			q.Push(i)
			q.Wake()
			q.Wake()
			synctest.Wait()
			assert.Equal(t, j.live.Load(), 1)
		}
		assert.Equal(t, q.Len(), 2) // the first is being run
		start := time.Now()
		j.wg.Wait()
		assert.Equal(t, time.Since(start), 3*time.Second)
		assert.Equal(t, j.started.Load(), 1)

		// Idle, there is none; the next value starts another.
		synctest.Wait()
		assert.Equal(t, j.live.Load(), 0)
		assert.Equal(t, q.Push(4), 1)
		q.Wake()
		j.wg.Wait()
		assert.Equal(t, j.started.Load(), 2)
		assert.Equal(t, j.lines, []string{"1", "(", "2", "3", ")", "4"})
	})
}

func TestPushFromCallbacks(t *testing.T) {
	t.Parallel()
	j := &journal{}
	q := newQueue(j)
	j.run = func(v int) {
		if v == 1 {
			q.Push(3) // unwoken: the goroutine must find it
		}
	}
	once := false
	j.burst = func(more bool) {
		if !more && !once {
			once = true
			q.Push(4) // after the queue was found empty
		}
	}
	q.Push(1)
	q.Push(2)
	q.Wake()
	j.wg.Wait()
	assert.Equal(t, j.lines, []string{"(", "1", "2", "3", ")", "4"})
	assert.Equal(t, j.started.Load(), 1)
}

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("while running", func(t *testing.T) {
		t.Parallel()
		j := &journal{}
		q := newQueue(j)
		var rest []int
		j.run = func(int) { rest = q.Stop() }
		for i := 1; i <= 4; i++ {
			q.Push(i)
		}
		q.Wake()
		j.wg.Wait()
		assert.Equal(t, rest, []int{2, 3, 4})
		assert.Equal(t, j.lines, []string{"(", "1", ")"})
		assert.Equal(t, q.Push(5), -1)
		assert.Equal(t, q.Len(), 0)
		assert.Equal(t, q.Stop(), nil)
		q.Wake()
		assert.Equal(t, j.started.Load(), 1)
	})
	t.Run("before the first wake", func(t *testing.T) {
		t.Parallel()
		j := &journal{}
		q := newQueue(j)
		q.Push(1)
		assert.Equal(t, q.Stop(), []int{1})
		q.Wake()
		assert.Equal(t, j.started.Load(), 0)
	})
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, newQueue(&journal{}).Stop(), nil)
	})
}

func TestGoexitHandsOver(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		at      int
		want    []string
		started int64
	}{
		{"within a burst", 1, []string{"(", "1", ")", "(", "2", "3", ")"}, 2},
		{"at the last value", 3, []string{"(", "1", "2", "3", ")"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := &journal{run: func(v int) {
				if v == tt.at {
					runtime.Goexit()
				}
			}}
			q := newQueue(j)
			for i := 1; i <= 3; i++ {
				q.Push(i)
			}
			q.Wake()
			j.wg.Wait()
			assert.Equal(t, j.lines, tt.want)
			assert.Equal(t, j.started.Load(), tt.started)
		})
	}
}

// TestManyProducers checks that nothing is lost, doubled or reordered.
func TestManyProducers(t *testing.T) {
	t.Parallel()
	const producers, each = 16, 2000
	j := &journal{}
	q := newQueue(j)
	next := make([]int, producers) // on the queue's goroutine only
	ran := 0
	j.run = func(v int) {
		p, i := v/each, v%each
		assert.True(t, next[p] == i, "producer %d: got value %d, want %d", p, i, next[p])
		next[p] = i + 1
		ran++
		j.lines = j.lines[:0]
	}
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				q.Push(p*each + i)
				if i%3 != 0 || i == each-1 {
					q.Wake()
				}
				if i%50 == p {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	j.wg.Wait()
	assert.Equal(t, ran, producers*each)
	assert.Equal(t, q.Len(), 0)
	assert.Equal(t, j.live.Load(), 0)
}

// FuzzOrder lets the input choose between pushes, wakes and waits.
func FuzzOrder(f *testing.F) {
	f.Add([]byte("ppwppppw.pw"))
	f.Add([]byte("pppppppppppppppppppppwpppppppppp.w"))
	f.Fuzz(func(t *testing.T, script []byte) {
		j := &journal{}
		var ran []int
		j.run = func(v int) { ran = append(ran, v) }
		q := newQueue(j)
		var want []int
		for _, c := range script {
			switch {
			case c == 'w':
				q.Wake()
			case c == '.':
				j.wg.Wait()
			default:
				want = append(want, len(want))
				q.Push(len(want) - 1)
			}
		}
		q.Wake()
		j.wg.Wait()
		assert.Equal(t, ran, want)
		depth := 0
		for _, line := range j.lines {
			switch line {
			case "(":
				depth++
			case ")":
				depth--
			}
			assert.True(t, depth == 0 || depth == 1, "bursts do not alternate: %v", j.lines)
		}
		assert.Equal(t, depth, 0)
	})
}

// blobs runs pointers and forgets them.
type blobs struct{ wg sync.WaitGroup }

func (b *blobs) Run(*[1024]byte) {}
func (b *blobs) Burst(bool)      {}
func (b *blobs) Go(f func())     { b.wg.Go(f) }

// TestMemoryIsLetGo checks that a queue keeps no value that has been run and
// that lone values need no new buffer.
func TestMemoryIsLetGo(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r := &blobs{}
			var q work.Queue[*[1024]byte]
			q.Init(r)
			var freed atomic.Int64
			for range n {
				v := new([1024]byte)
				runtime.AddCleanup(v, func(int) { freed.Add(1) }, 0)
				q.Push(v)
			}
			q.Wake()
			r.wg.Wait()
			for deadline := time.Now().Add(10 * time.Second); freed.Load() < int64(n) && time.Now().Before(deadline); {
				runtime.GC()
				runtime.Gosched()
			}
			assert.Equal(t, freed.Load(), int64(n))
			assert.True(t, q.Cap() <= 32, "an idle queue keeps room for %d values", q.Cap())
		})
	}
}

// TestBacklogDoesNotGrow checks that a queue that never runs empty uses the
// room at the front of its buffer again.
func TestBacklogDoesNotGrow(t *testing.T) {
	t.Parallel()
	j := &journal{}
	q := newQueue(j)
	j.run = func(v int) {
		if v < 10_000 {
			q.Push(v + 10)
		}
		// 64: the buffer may have been that of another queue before.
		assert.True(t, q.Cap() <= 64, "room for %d values with %d queued", q.Cap(), q.Len())
	}
	for v := range 10 {
		q.Push(v)
	}
	q.Wake()
	j.wg.Wait()
	assert.True(t, len(j.lines) > 10_000, "only %d lines", len(j.lines))
}

func BenchmarkLone(b *testing.B) {
	r := &blobs{}
	var q work.Queue[*[1024]byte]
	q.Init(r)
	b.ReportAllocs()
	for b.Loop() {
		q.Push(nil)
		q.Wake()
		r.wg.Wait()
	}
}

func BenchmarkBacklog(b *testing.B) {
	r := &blobs{}
	var q work.Queue[*[1024]byte]
	q.Init(r)
	b.ReportAllocs()
	for b.Loop() {
		for range 64 {
			q.Push(nil)
		}
		q.Wake()
		r.wg.Wait()
	}
}
