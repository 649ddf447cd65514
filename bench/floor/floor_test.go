// SPDX-License-Identifier: MIT

package floor_test

import (
	"fmt"
	"testing"

	"github.com/sio-go/sio/bench/floor"
	"github.com/sio-go/sio/internal/assert"
)

func TestHub(t *testing.T) {
	t.Parallel()
	var hub floor.Hub[int]
	got := map[int]string{}
	say := func(p int, text string) {
		hub.Handle(p, []byte(text), func(out []byte) { got[p] += string(out) },
			func(out []byte, to func(func(int))) { to(func(q int) { got[q] += string(out) }) })
	}
	for p := range 3 {
		hub.Add(p)
	}
	for _, tt := range []struct {
		from int
		text string
		want map[int]string
	}{
		{0, `40`, map[int]string{0: floor.Joined}},
		{0, `42["echo","x"]`, map[int]string{0: `42["echo","x"]`}},
		{0, `427["ack","x"]`, map[int]string{0: `437["x"]`}},
		{1, `451-["bin",{"_placeholder":true,"num":0}]`, map[int]string{1: `451-["bin",{"_placeholder":true,"num":0}]`}},
		{0, `420["join","a"]`, map[int]string{0: `430[]`}},
		{2, `420["join","a"]`, map[int]string{2: `430[]`}},
		{0, `42["room","a","x"]`, map[int]string{0: `42["room","x"]`, 2: `42["room","x"]`}},
		{1, `42["broadcast","x"]`, map[int]string{0: `42["broadcast","x"]`, 1: `42["broadcast","x"]`, 2: `42["broadcast","x"]`}},
		{1, `3`, map[int]string{}},
	} {
		clear(got)
		say(tt.from, tt.text)
		assert.Equal(t, fmt.Sprint(got), fmt.Sprint(tt.want))
	}
	hub.Remove(0)
	clear(got)
	say(1, `42["broadcast","x"]`)
	assert.Equal(t, len(got), 2)
}
