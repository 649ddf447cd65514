// SPDX-License-Identifier: MIT

package adaptertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

func serverSide(e *env) {
	got := make(chan string, 100)
	for i, n := range e.nodes {
		for _, nsp := range []string{"/", "/custom"} {
			n.Of(nsp).OnServerSide("ask", func(_ context.Context, args sio.Args) (any, error) {
				var v any
				err := args.Unmarshal(0, &v)
				got <- fmt.Sprint(nsp, " ", i, " ", v)
				if data, ok := v.([]byte); ok {
					return append(data, byte(i)), err
				}
				return fmt.Sprint("server", i), err
			})
		}
	}
	next := func(n int) []string {
		var list []string
		for range n {
			select {
			case text := <-got:
				list = append(list, text)
			case <-e.long().Done():
				e.Fatalf("got %q, want %d events", list, n)
			}
		}
		slices.Sort(list)
		return list
	}
	for i, n := range e.nodes {
		a, b := min((i+1)%3, (i+2)%3), max((i+1)%3, (i+2)%3)
		e.do("emit", func() {
			assert.NoError(e, n.ServerSideEmit("ask", "x"))
			assert.Equal(e, next(2), []string{fmt.Sprint("/ ", a, " x"), fmt.Sprint("/ ", b, " x")})
			assert.NoError(e, n.Of("/custom").ServerSideEmit("ask", "y"))
			assert.Equal(e, next(2), []string{fmt.Sprint("/custom ", a, " y"), fmt.Sprint("/custom ", b, " y")})
		})
		e.do("with answers", func() {
			answers, err := n.ServerSideEmitWithAck(e.long(), "ask", 1.5)
			assert.NoError(e, err)
			assert.Equal(e, first(e, answers), []string{fmt.Sprint("server", a), fmt.Sprint("server", b)})
			next(2)
		})
		if e.cluster.TextOnly {
			continue
		}
		e.do("binary", func() {
			answers, err := n.ServerSideEmitWithAck(e.long(), "ask", []byte{7})
			assert.NoError(e, err)
			assert.Equal(e, first(e, answers), []string{fmt.Sprint([]byte{7, byte(a)}), fmt.Sprint([]byte{7, byte(b)})})
			next(2)
		})
	}
}

// first returns the first arguments, sorted.
func first(e *env, answers []sio.Args) (list []string) {
	e.Helper()
	for _, a := range answers {
		var v any
		assert.NoError(e, a.Unmarshal(0, &v))
		list = append(list, fmt.Sprint(v))
	}
	slices.Sort(list)
	return list
}
