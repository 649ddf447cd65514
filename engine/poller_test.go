// SPDX-License-Identifier: MIT

//go:build linux && !386 && !s390x && !sio_goroutines

package engine_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestPollerGoroutines counts goroutines with many connections, idle and stalled, and
// without any.
func TestPollerGoroutines(t *testing.T) { //nolint:paralleltest // it counts goroutines
	h := serveTCP(t, engine.Config{OutboxBytes: -1}, nil)
	wait := func(what string, ok func(n int) bool) {
		t.Helper()
		for i := 0; !ok(runtime.NumGoroutine()); i++ {
			runtime.Gosched()
			if i > 1e7 {
				buf := make([]byte, 1<<16)
				t.Fatalf("%s: %d goroutines\n%s", what, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
			}
		}
	}
	before := runtime.NumGoroutine()
	const n = 500
	sockets, receivers := make([]*socket, n), make([]*receiver, n)
	for i := range n {
		sockets[i], receivers[i] = h.connect()
	}
	few := func(now int) bool { return now <= before+runtime.GOMAXPROCS(0) }
	wait("idle", few)
	big := fmt.Sprintf("%10000000d", 0)
	for _, r := range receivers[:20] {
		assert.NoError(t, r.send(big))
	}
	wait("stalled", few)
	for i, c := range sockets {
		if i%2 == 0 {
			receivers[i].session.Close()
		}
		_ = c.conn.Close()
		<-receivers[i].ended
	}
	wait("closed", func(now int) bool { return now <= before })
	c, r := h.connect() // the sets are made anew
	assert.NoError(t, r.send("a"))
	c.want("4a")
}
