// SPDX-License-Identifier: MIT

package postgres_test

import (
	"fmt"
	"testing"

	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/internal/assert"
)

// TestInjection has SQL where clients may write: names of namespaces, rooms and events, and
// values. It arrives as it was sent, and nothing of it is run (O3.21).
func TestInjection(t *testing.T) {
	t.Parallel()
	need(t)
	prefix := fresh()
	cfg := postgres.Config{Prefix: prefix, Table: prefix, Log: &postgres.Log{Table: prefix + "_l", Sessions: prefix + "_s"}}
	from, to := newBus(t, cfg), newBus(t, cfg)
	for i, end := range []string{`'`, `"`, `')`, `$$`, `\'`, `'::text`} {
		text := fmt.Sprintf(`/%s; CREATE TABLE %s_bad (); --`, end, prefix)
		a, b := join(t, from, text, fmt.Sprintf("a%015d", i)), join(t, to, text, fmt.Sprintf("b%015d", i))
		for _, values := range [][]any{{text}, {text, []byte(text)}} {
			msg := a.event(t, values...)
			msg.Options.Rooms, msg.Options.Except = []string{text}, []string{end}
			assert.NoError(t, a.Publish(msg))
		}
		eventually(t, text, func() bool { return len(b.events(t)) == 2 })
		got := b.messages()[0]
		assert.Equal(t, got.Options.Rooms, []string{text})
		assert.Equal(t, got.Namespace, text)
	}
	assert.Equal(t, query[int](t, "SELECT count(*) FROM pg_class WHERE relname = $1", prefix+"_bad"), 0)
	assert.Equal(t, query[int](t, "SELECT count(*) FROM "+prefix), 6) // the binary ones
}
