// SPDX-License-Identifier: MIT

package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestDraft sends drafts of all sizes to peers that read now, later and never: what a draft
// held must not be used again before it has left.
func TestDraft(t *testing.T) {
	overNetworks(t, func(t *testing.T, serve func(testing.TB, engine.Config, func(*receiver)) *host) {
		h := serve(t, engine.Config{OutboxBytes: -1}, nil)
		slow, slowR := h.connect()
		fast, fastR := h.connect()
		gone, goneR := h.connect()
		content := func(i int) string { return strings.Repeat(fmt.Sprintf("%d,", i), i*i%9000) }
		send := func(r *receiver, i int, attachment ...[]byte) error {
			m := engine.NewDraft(i % 300)
			return r.session.Send(m.Finish(append(m.Buffer(), content(i)...), attachment), engine.SendOptions{})
		}
		_ = gone.conn.Close()
		<-goneR.ended
		const n = 400
		for i := range n {
			assert.NoError(t, send(slowR, i, []byte(content(i)), nil))
			assert.NoError(t, send(fastR, i))
			assert.ErrorIs(t, send(goneR, i), engine.ErrClosed)
			fast.want("4" + content(i))
		}
		assert.True(t, slowR.session.Buffered() > 1<<20, "%d bytes wait", slowR.session.Buffered())
		for i := range n {
			slow.want("4" + content(i))
			slow.wantBinary(content(i))
			slow.wantBinary("")
		}
	})
}

// TestDraftPolling sends drafts over polling.
func TestDraftPolling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serve(t, engine.Config{}, nil)
		sid, r := h.poll()
		for _, size := range []int{0, 100, 1000, 100_000} {
			m := engine.NewDraft(size)
			text := strings.Repeat("x", size)
			assert.NoError(t, r.session.Send(m.Finish(append(m.Buffer(), text...), nil), engine.SendOptions{}))
			h.get(sid).want(t, 200, "4"+text)
		}
		engine.NewDraft(10).Discard()
	})
}
