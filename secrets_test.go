// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/assert"
)

// TestLogsKeepSecrets has a server log what it can, and looks for session ids and the
// secrets of recovery in it.
func TestLogsKeepSecrets(t *testing.T) {
	t.Parallel()
	var log journal
	cfg := sio.Config{
		Logger:   slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Recovery: &sio.Recovery{},
		Engine:   engine.Config{OutboxPackets: 2},
	}
	var secrets []string
	run(t, cfg, func(t *testing.T, e *env) {
		e.srv.Use(func(_ context.Context, s *sio.Socket) error {
			secrets = append(secrets, s.Session().ID())
			return nil
		})
		e.srv.On("fail", func(context.Context, *sio.Socket, *sio.Message) error { return errors.New("failed") })
		e.srv.On("panic", func(context.Context, *sio.Socket, *sio.Message) error { panic("oh") })
		for _, packets := range []string{`2["fail"]`, `2["panic"]`, "9", `2["fail"`, ""} {
			sid := e.poll()
			e.request("POST", "&sid="+sid, "40")
			greeting := e.request("GET", "&sid="+sid, "").body
			_, pid, _ := strings.Cut(greeting, `"pid":"`)
			pid, _, _ = strings.Cut(pid, `"`)
			assert.Equal(t, len(pid), 20)
			secrets = append(secrets, sid, pid)
			c := e.upgrade(sid)
			c.send(packets)
			time.Sleep(time.Second)
			_ = c.conn.Close()
			back := e.dial()
			back.send(`0{"pid":"`+pid+`","offset":"unknown"}`, "0")
			synctest.Wait()
			e.request("GET", "&sid="+sid, "")
			e.request("POST", "&sid="+sid[:19]+"-", "4")
		}
	})
	text := log.String()
	assert.True(t, strings.Count(text, "\n") > 20, "the log has too little in it:\n%s", text)
	for _, secret := range secrets {
		assert.True(t, !strings.Contains(text, secret), "%s is in the log:\n%s", secret, text)
	}
}

// journal collects what is logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
