// SPDX-License-Identifier: MIT

package client_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
)

// An idle connection over WebSocket has one goroutine.
func TestIdleGoroutines(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		e.manager(overWebSocket(), func(m *client.Manager) {
			e.connect(m.Socket("/", nil))
			time.Sleep(second)
			synctest.Wait()
			buf := make([]byte, 16<<20)
			all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
			_, bubble, _ := strings.Cut(strings.SplitN(all[0], "\n", 2)[0], "synctest bubble ")
			n := 0
			for _, stack := range all {
				head, frames, _ := strings.Cut(stack, "\n")
				if strings.HasSuffix(head, "synctest bubble "+bubble) && !strings.Contains(frames, "client_test.") &&
					(strings.Contains(frames, "/sio/client.") || strings.Contains(frames, "/engine/dial.")) {
					n++
				}
			}
			assert.Equal(t, n, 1)
		})
	})
}

const idleServer = "SIO_IDLE_SERVER"

// TestIdleServer is the server of BenchmarkIdle, in a process of its own.
func TestIdleServer(t *testing.T) {
	if os.Getenv(idleServer) == "" {
		t.Skip("the server of BenchmarkIdle")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	srv := sio.NewServer(&sio.Config{Logger: slog.New(slog.DiscardHandler)})
	server := &http.Server{Handler: srv, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark ends
		_ = srv.Close()
		_ = server.Close()
	}()
	fmt.Println(l.Addr())
	assert.ErrorIs(t, server.Serve(l), http.ErrServerClosed)
}

// BenchmarkIdle measures what an idle connection costs the client.
func BenchmarkIdle(b *testing.B) {
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestIdleServer$") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), idleServer+"=1")
	in, err := cmd.StdinPipe()
	assert.NoError(b, err)
	out, err := cmd.StdoutPipe()
	assert.NoError(b, err)
	assert.NoError(b, cmd.Start())
	defer func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}()
	addr, err := bufio.NewReader(out).ReadString('\n')
	assert.NoError(b, err)
	usage := func() (heap, stacks, goroutines float64) {
		time.Sleep(2 * time.Second) // what a connection needs for its opening only has gone
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc), float64(m.StackInuse), float64(runtime.NumGoroutine())
	}
	const n = 1000
	for b.Loop() {
		heap, stacks, goroutines := usage()
		sockets := make([]*client.Socket, n)
		cfg := overWebSocket()
		for i := range sockets {
			sockets[i], err = client.New("http://"+strings.TrimSpace(addr), &cfg)
			assert.NoError(b, err)
			assert.NoError(b, sockets[i].Connect(b.Context()))
		}
		heap2, stacks2, goroutines2 := usage()
		for _, s := range sockets {
			assert.NoError(b, s.Close())
		}
		b.ReportMetric((heap2-heap)/n, "heap-B/conn")
		b.ReportMetric((stacks2-stacks)/n, "stack-B/conn")
		b.ReportMetric((goroutines2-goroutines)/n, "goroutines/conn")
	}
	b.ReportMetric(0, "ns/op")
}
