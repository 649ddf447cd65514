// SPDX-License-Identifier: MIT

package work_test

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/work"
)

func TestPool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p work.Pool
		defer p.Close()
		var mu sync.Mutex
		ran := 0
		run := func(n int) {
			hold := make(chan struct{})
			for range n {
				p.Go(func() {
					<-hold
					mu.Lock()
					defer mu.Unlock()
					ran++
				})
			}
			close(hold)
			synctest.Wait()
		}
		run(1000) // more than are kept
		run(10)
		time.Sleep(5 * time.Second) // all goroutines end
		synctest.Wait()
		run(1)
		assert.Equal(t, ran, 1011)
	})
}

func TestPoolEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p work.Pool
		done := make(chan struct{})
		p.Go(func() { defer close(done); runtime.Goexit() })
		<-done
		p.Go(func() {})
		synctest.Wait()
		p.Close()
		p.Close()
		ok := false
		p.Go(func() { ok = true })
		synctest.Wait()
		assert.True(t, ok, "a closed pool runs nothing")
		// A goroutine that is left would fail the test.
	})
}
