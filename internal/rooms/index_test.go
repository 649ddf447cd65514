// SPDX-License-Identifier: MIT

package rooms_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/rooms"
)

type (
	index  = rooms.Index[int]
	member = rooms.Member[int]
)

// crowd returns n members with the values 0 to n-1.
func crowd(n int) []*member {
	list := make([]*member, n)
	for i := range list {
		list[i] = new(member)
		list[i].Init(i)
	}
	return list
}

// yielded returns the sorted values that Each yields.
func yielded(x *index, in, except []string) (list []int) {
	x.Each(in, except, func(v int) { list = append(list, v) })
	slices.Sort(list)
	return list
}

// closed closes m and returns what it has left, with the Change.
func closed(x *index, m *member) (left []string) {
	x.Close(m, func(room string, did rooms.Change) { left = append(left, fmt.Sprint(room, " ", did)) })
	return left
}

// TestJoinLeave covers S5.10, A1.3 and A1.4: idempotent calls, join refused
// after the end, empty rooms removed.
func TestJoinLeave(t *testing.T) {
	t.Parallel()
	x, m := rooms.New[int](), crowd(2)
	join := func(m *member, room string, max int, want rooms.Change, wantOK bool) {
		t.Helper()
		did, ok := x.Join(m, room, max)
		assert.Equal(t, did, want)
		assert.Equal(t, ok, wantOK)
	}
	join(m[0], "b", 2, rooms.Turned, true)
	join(m[0], "a", 2, rooms.Turned, true)
	join(m[0], "c", 2, rooms.Nothing, false) // full
	join(m[0], "a", 2, rooms.Nothing, true)  // there already, so the limit is no matter
	join(m[0], "", 0, rooms.Turned, true)    // no limit, and any name will do
	join(m[1], "a", -1, rooms.Moved, true)
	assert.Equal(t, x.Rooms(m[0]), []string{"", "a", "b"})
	assert.Equal(t, x.Names(), []string{"", "a", "b"})
	assert.Equal(t, x.Len("a"), 2)
	assert.Equal(t, x.Len("c"), 0)
	assert.Equal(t, x.In(m[0], "a"), true)
	assert.Equal(t, x.In(m[1], "b"), false)

	assert.Equal(t, x.Leave(m[0], "a"), rooms.Moved)
	assert.Equal(t, x.Leave(m[0], "a"), rooms.Nothing)
	assert.Equal(t, x.Leave(m[0], "nowhere"), rooms.Nothing)
	assert.Equal(t, yielded(x, []string{"a"}, nil), []int{1})
	assert.Equal(t, x.Leave(m[1], "a"), rooms.Turned)
	assert.Equal(t, x.Names(), []string{"", "b"})
	assert.Equal(t, x.Rooms(m[1]), nil)

	x.Join(m[1], "b", 0)
	assert.Equal(t, closed(x, m[0]), []string{" 2", "b 1"})
	x.Leave(m[1], "b")
	assert.Equal(t, closed(x, m[0]), nil)
	assert.Equal(t, x.Names(), nil)
	join(m[0], "a", 0, rooms.Nothing, false) // closed
}

func TestManyRooms(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 7, 8, 9, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			x, m := rooms.New[int](), crowd(1)[0]
			var names []string
			for range 2 { // the second time after all were left
				names = nil
				for i := range n {
					names = append(names, fmt.Sprintf("room %04d", i))
					did, _ := x.Join(m, names[i], n)
					assert.Equal(t, did, rooms.Turned)
				}
				_, ok := x.Join(m, "one more", n)
				assert.Equal(t, ok, false)
				assert.Equal(t, x.Rooms(m), names)
				assert.Equal(t, x.Names(), names)
				for _, name := range names {
					assert.Equal(t, x.In(m, name), true)
					assert.Equal(t, x.Leave(m, name), rooms.Turned)
				}
				assert.Equal(t, x.Names(), nil)
			}
			for _, name := range names {
				x.Join(m, name, 0)
			}
			var left []string
			x.Close(m, func(room string, did rooms.Change) {
				left = append(left, room)
				assert.Equal(t, did, rooms.Turned)
			})
			assert.Equal(t, left, names)
			assert.Equal(t, x.Names(), nil)
		})
	}
}

// TestEach covers S7.2: the union of rooms, each member once, minus except.
func TestEach(t *testing.T) {
	t.Parallel()
	x, m := rooms.New[int](), crowd(30)
	var list rooms.List[int]
	for i, m := range m {
		list.Add(m)
		x.Join(m, fmt.Sprint(i), 0) // a room of its own
		for _, d := range []int{2, 3, 10} {
			if i%d == 0 {
				x.Join(m, fmt.Sprintf("by %d", d), 0)
			}
		}
	}
	tests := []struct {
		name       string
		in, except []string
		want       func(i int) bool
	}{
		{"no room", []string{}, nil, func(int) bool { return false }},
		{"an unknown room", []string{"x"}, []string{"y"}, func(int) bool { return false }},
		{"one", []string{"by 2"}, nil, func(i int) bool { return i%2 == 0 }},
		{"one, but its sender", []string{"by 2"}, []string{"4"}, func(i int) bool { return i%2 == 0 && i != 4 }},
		{"one, but somebody else", []string{"by 2"}, []string{"5"}, func(i int) bool { return i%2 == 0 }},
		{"one, but few", []string{"by 2"}, []string{"by 10", "2", "x"}, func(i int) bool { return i%2 == 0 && i%10 != 0 && i != 2 }},
		{"one, but many", []string{"by 2"}, []string{"by 10", "by 3"}, func(i int) bool { return i%2 == 0 && i%10 != 0 && i%3 != 0 }},
		{"one, but itself", []string{"by 2"}, []string{"by 2"}, func(int) bool { return false }},
		{"several", []string{"by 2", "by 3"}, nil, func(i int) bool { return i%2 == 0 || i%3 == 0 }},
		{"one twice", []string{"by 3", "by 3"}, nil, func(i int) bool { return i%3 == 0 }},
		{"several, but few", []string{"by 2", "by 3"}, []string{"6"}, func(i int) bool { return (i%2 == 0 || i%3 == 0) && i != 6 }},
		{"several, but many", []string{"by 3", "by 10", "1"}, []string{"by 2"}, func(i int) bool { return (i%3 == 0 || i == 1) && i%2 != 0 }},
		{"all", nil, nil, func(int) bool { return true }},
		{"all, but a sender", nil, []string{"7"}, func(i int) bool { return i != 7 }},
		{"all, but many", nil, []string{"by 2", "1"}, func(i int) bool { return i%2 != 0 && i != 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var want []int
			for i := range m {
				if tt.want(i) {
					want = append(want, i)
				}
			}
			for range 3 { // scratch space is used again
				var got []int
				if tt.in == nil {
					list.Each(func(int) {})
					x.EachOf(&list, tt.except, func(v int) { got = append(got, v) })
					slices.Sort(got)
				} else {
					got = yielded(x, tt.in, tt.except)
				}
				assert.Equal(t, got, want)
			}
		})
	}
}

func TestEachOfManyIsNotKept(t *testing.T) {
	t.Parallel()
	x, m := rooms.New[int](), crowd(5000)
	for _, m := range m {
		x.Join(m, "a", 0)
		x.Join(m, "b", 0)
	}
	for range 2 {
		assert.Equal(t, len(yielded(x, []string{"a", "b"}, nil)), len(m))
	}
	assert.Equal(t, yielded(x, []string{"a", "b"}, []string{"b"}), nil)
}

// TestPanicUnlocks checks that a panic of yield leaves no lock behind.
func TestPanicUnlocks(t *testing.T) {
	t.Parallel()
	x, m := rooms.New[int](), crowd(1)[0]
	x.Join(m, "a", 0)
	x.Join(m, "b", 0)
	for _, in := range [][]string{{"a"}, {"a", "b"}} {
		func() {
			defer func() { recover() }()
			x.Each(in, nil, func(int) { panic("no") })
		}()
	}
	assert.Equal(t, x.Leave(m, "a"), rooms.Turned)
	assert.Equal(t, yielded(x, []string{"a", "b"}, nil), []int{0})
}

func TestNoAllocations(t *testing.T) { // not parallel: it counts allocations
	x, m := rooms.New[int](), crowd(100)
	var list rooms.List[int]
	for i, m := range m {
		list.Add(m)
		x.Join(m, "all", 0)
		x.Join(m, fmt.Sprint(i), 0)
	}
	sum := 0
	yield := func(v int) { sum += v }
	tests := []struct {
		name string
		call func()
	}{
		{"one room", func() { x.Each([]string{"all"}, nil, yield) }},
		{"one room, but its sender", func() { x.Each([]string{"all"}, []string{"1"}, yield) }},
		{"all", func() { list.Each(yield) }},
		{"all, but a sender", func() { x.EachOf(&list, []string{"1"}, yield) }},
	}
	for _, tt := range tests {
		assert.True(t, testing.AllocsPerRun(100, tt.call) == 0, "%s: it allocates", tt.name)
	}
}

// TestMemoryIsLetGo grows rooms and members and takes them all away.
func TestMemoryIsLetGo(t *testing.T) {
	t.Parallel()
	x, m := rooms.New[int](), crowd(20_000)
	var list rooms.List[int]
	for i, m := range m {
		list.Add(m)
		x.Join(m, "all", 0)
		x.Join(m, fmt.Sprint(i), 0)
	}
	assert.True(t, x.Cap() >= 2*len(m), "cannot be that small: %d", x.Cap())
	for i, m := range m[10:] {
		if i%2 == 0 {
			x.Close(m, nil)
		} else {
			x.Leave(m, "all")
			x.Leave(m, fmt.Sprint(i+10))
		}
		list.Remove(m)
	}
	assert.Equal(t, x.Len("all"), 10)
	assert.Equal(t, yielded(x, []string{"all"}, nil), []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	assert.Equal(t, len(x.Names()), 11)
	// 32 shards keep the size of 64 rooms each at most, a slice that of 64 members.
	assert.True(t, x.Cap() <= 32*64+128, "room for %d left", x.Cap())
	assert.True(t, list.Cap() <= 64, "room for %d left", list.Cap())
}
