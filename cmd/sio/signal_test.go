// SPDX-License-Identifier: MIT

//go:build unix

package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/assert"
)

// TestMain runs the program itself for tests that need a process of their own.
func TestMain(m *testing.M) {
	if os.Getenv("SIO_TEST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestSignals: the first signal lets the clients go, the second ends the program.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, first := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		for _, again := range []bool{false, true} {
			name := first.String()
			if again {
				name += " twice"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cmd := exec.CommandContext(t.Context(), os.Args[0], "serve", "--addr", "127.0.0.1:0", "--quiet") //nolint:gosec // this program
				cmd.Env = append(os.Environ(), "SIO_TEST_MAIN=1")
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				assert.NoError(t, err)
				assert.NoError(t, cmd.Start())
				defer func() { _ = cmd.Process.Kill() }()
				line, err := bufio.NewReader(out).ReadString('\n')
				assert.NoError(t, err)
				url, _ := strings.CutPrefix(line, "sio: the playground is at http://")
				host, _, _ := strings.Cut(url, "/")
				conn, r, _, err := ws.Dial(t.Context(), "ws://"+host+"/socket.io/?EIO=4&transport=websocket")
				assert.NoError(t, err)
				defer func() { _ = conn.Close() }()
				if r == nil {
					r = bufio.NewReader(conn)
				}
				assert.NoError(t, cmd.Process.Signal(first))
				for op := ws.OpText; op != ws.OpClose; {
					f, err := ws.ReadFrame(r)
					assert.NoError(t, err)
					op = f.Header.OpCode
				}
				// It waits for the answer to its close frame, and takes nobody meanwhile.
				res, err := http.Get("http://" + host + "/socket.io/?EIO=4&transport=polling") //nolint:noctx // a test
				assert.NoError(t, err)
				assert.NoError(t, res.Body.Close())
				assert.Equal(t, res.StatusCode, http.StatusServiceUnavailable)
				if !again {
					_, err := conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(nil))))
					assert.NoError(t, err)
					assert.NoError(t, cmd.Wait())
					return
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				for err = nil; err == nil; {
					_ = cmd.Process.Signal(first) // an error if it has ended
					select {
					case err = <-ended:
						assert.Error(t, err)
					case <-time.After(100 * time.Millisecond): // the first may not be handled yet
					}
				}
				status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
				assert.True(t, status.Signaled() && status.Signal() == first, "ended with %v", cmd.ProcessState)
			})
		}
	}
}
