// SPDX-License-Identifier: MIT

package rooms_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/rooms"
)

func TestList(t *testing.T) {
	t.Parallel()
	var list rooms.List[int]
	m := crowd(5)
	content := func() []int {
		all := list.Snapshot()
		var each []int
		list.Each(func(v int) { each = append(each, v) })
		assert.Equal(t, each, all)
		assert.Equal(t, list.Len(), len(all))
		slices.Sort(all)
		return all
	}
	assert.Equal(t, content(), nil)
	assert.Equal(t, list.Remove(m[0]), false)
	for _, m := range m {
		assert.Equal(t, list.Add(m), true)
		assert.Equal(t, list.Add(m), false)
	}
	assert.Equal(t, content(), []int{0, 1, 2, 3, 4})
	for _, i := range []int{1, 4, 0} { // from the middle, the end, the start
		assert.Equal(t, list.Remove(m[i]), true)
		assert.Equal(t, list.Remove(m[i]), false)
	}
	assert.Equal(t, content(), []int{2, 3})
	assert.Equal(t, list.Add(m[1]), true)
	assert.Equal(t, content(), []int{1, 2, 3})
}

func TestListConcurrently(t *testing.T) {
	t.Parallel()
	var list rooms.List[int]
	var wg sync.WaitGroup
	members := crowd(800)
	for w := range 8 {
		wg.Go(func() {
			mine := members[w*100 : (w+1)*100]
			for range 20 {
				for _, m := range mine {
					assert.Equal(t, list.Add(m), true)
				}
				list.Each(func(int) {})
				for _, m := range mine {
					assert.Equal(t, list.Remove(m), true)
				}
			}
			for _, m := range mine[:w] {
				list.Add(m)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, list.Len(), 0+1+2+3+4+5+6+7)
}
