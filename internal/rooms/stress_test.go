// SPDX-License-Identifier: MIT

package rooms_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/rooms"
)

// TestModel compares the index with a map of sets while readers are at work.
// Every worker owns some members, so the model of each is known exactly; at
// the end all models together must be the index.
func TestModel(t *testing.T) {
	t.Parallel()
	const workers, each, steps, names = 8, 20, 6000, 40
	x := rooms.New[int]()
	members := crowd(workers * each)
	model := make([]map[string]bool, len(members))
	closed := make([]bool, len(members))

	var work, readers sync.WaitGroup
	stop := make(chan struct{})
	for r := range 2 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(r), 1))
			room := func() string { return fmt.Sprint(rnd.IntN(names)) }
			for {
				select {
				case <-stop:
					return
				default:
				}
				in := []string{room(), room(), room()}[:1+rnd.IntN(3)]
				except := []string{room(), room()}[:rnd.IntN(3)]
				seen := make(map[int]bool)
				x.Each(in, except, func(v int) {
					assert.True(t, !seen[v], "%d was yielded twice for %v except %v", v, in, except)
					seen[v] = true
				})
				x.Len(in[0])
				x.Names()
			}
		})
	}
	for w := range workers {
		work.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 2))
			for range steps {
				i := w*each + rnd.IntN(each)
				m, room := members[i], fmt.Sprint(rnd.IntN(names))
				if model[i] == nil {
					model[i] = make(map[string]bool)
				}
				switch set := model[i]; rnd.IntN(10) {
				case 0, 1, 2, 3, 4:
					did, ok := x.Join(m, room, 15)
					joined := did != rooms.Nothing
					fits := !closed[i] && (set[room] || len(set) < 15)
					assert.Equal(t, ok, fits)
					assert.Equal(t, joined, fits && !set[room])
					if joined {
						set[room] = true
					}
				case 5, 6, 7:
					assert.Equal(t, x.Leave(m, room) != rooms.Nothing, set[room])
					delete(set, room)
				case 8:
					assert.Equal(t, x.In(m, room), set[room])
				case 9:
					want := slices.Sorted(maps.Keys(set))
					if rnd.IntN(50) == 0 {
						var left []string
						x.Close(m, func(room string, _ rooms.Change) { left = append(left, room) })
						assert.Equal(t, left, want)
						closed[i], model[i] = true, nil
					} else {
						assert.Equal(t, x.Rooms(m), want)
					}
				}
			}
		})
	}
	work.Wait()
	close(stop)
	readers.Wait()

	want := make(map[string][]int)
	for i, set := range model {
		for room := range set {
			want[room] = append(want[room], i)
		}
	}
	assert.Equal(t, x.Names(), slices.Sorted(maps.Keys(want)))
	for room, list := range want {
		assert.Equal(t, yielded(x, []string{room}, nil), list)
		assert.Equal(t, x.Len(room), len(list))
	}
}

// TestJoinAgainstClose lets many goroutines join, leave and close one member:
// whatever the order, a closed member is in no room.
func TestJoinAgainstClose(t *testing.T) {
	t.Parallel()
	x := rooms.New[int]()
	for _, m := range crowd(300) {
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 12 {
					x.Join(m, fmt.Sprint(i), 0)
					if i%4 == g {
						x.Leave(m, fmt.Sprint(i))
					}
				}
			})
		}
		wg.Go(func() { x.Close(m, nil) })
		wg.Wait()
		assert.Equal(t, x.Rooms(m), nil)
		assert.Equal(t, x.Names(), nil)
	}
}

func BenchmarkJoinLeave(b *testing.B) {
	for _, n := range []int{0, 1, 20} {
		b.Run(fmt.Sprintf("in %d others", n), func(b *testing.B) {
			x := rooms.New[int]()
			m := crowd(2)
			for i := range n {
				x.Join(m[0], fmt.Sprint(i), 0)
			}
			x.Join(m[1], "room", 0)
			b.ReportAllocs()
			for b.Loop() {
				x.Join(m[0], "room", 0)
				x.Leave(m[0], "room")
			}
		})
	}
}

func BenchmarkJoinLeaveParallel(b *testing.B) {
	x := rooms.New[int]()
	b.RunParallel(func(pb *testing.PB) {
		m := crowd(1)[0]
		room := fmt.Sprint(rand.Int())
		for pb.Next() {
			x.Join(m, room, 0)
			x.Leave(m, room)
		}
	})
}

func BenchmarkConnect(b *testing.B) { // a room of its own and a shared one, then gone
	x := rooms.New[int]()
	b.ReportAllocs()
	for b.Loop() {
		m := new(member)
		x.Join(m, "0123456789abcdefghij", 0)
		x.Join(m, "lobby", 0)
		x.Close(m, nil)
	}
}

func BenchmarkEach1000(b *testing.B) {
	x, m := rooms.New[int](), crowd(1000)
	for i, m := range m {
		x.Join(m, "all", 0)
		x.Join(m, fmt.Sprint(i), 0)
		x.Join(m, fmt.Sprintf("by %d", i%20), 0)
	}
	tests := []struct {
		name       string
		in, except []string
	}{
		{"one room", []string{"all"}, nil},
		{"one room but its sender", []string{"all"}, []string{"500"}},
		{"one room but fifty", []string{"all"}, []string{"by 3"}},
		{"two rooms", []string{"all", "by 3"}, nil},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			sum := 0
			for b.Loop() {
				x.Each(tt.in, tt.except, func(v int) { sum += v })
			}
		})
	}
}
