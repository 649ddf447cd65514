// SPDX-License-Identifier: MIT

package interop_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sio-go/sio/interop/soak"
)

// control makes the tests run against the official server.
var control = os.Getenv("SIO_CONTROL") == "1"

// A fleet is the servers under test, at these paths of both URLs:
//
//	/engine.io/  Engine.IO that echoes; heartbeat 300 ms/200 ms
//	/engine3/    the same, with clients of revision 3 admitted
//	/echo/       the same with 400 ms/10 s and 2 MB, for clients
//	/deflate/    the same with permessage-deflate, each message by itself
//	/takeover/   the same with permessage-deflate and context takeover
//	/fast/       Socket.IO; 300 ms/200 ms and a connectTimeout of 1 s
//	/socket.io/  Socket.IO of package testserver; 1 s/10 s, revision 3 admitted
//	/msgpack/    the same with MessagePack, without revision 3
type fleet struct {
	plain  string // ends in a slash, as does
	secure string // HTTPS
}

var (
	startFleet = sync.OnceValues(func() (fleet, error) {
		if control {
			return startControl()
		}
		return startOurs()
	})
	startPlayground = sync.OnceValues(func() (string, error) {
		if control {
			f, err := startFleet()
			return f.plain, err
		}
		return startServe(context.Background())
	})

	stopsMu sync.Mutex
	stops   []func()
)

// atExit has TestMain call stop, the last first.
func atExit(stop func()) {
	stopsMu.Lock()
	defer stopsMu.Unlock()
	stops = append(stops, stop)
}

func TestMain(m *testing.M) {
	code := 0
	switch {
	case os.Getenv(soak.Env) != "":
		code = soak.Main()
	case os.Getenv(serverEnv) != "":
		code = serveAll()
	default:
		code = m.Run()
	}
	for _, stop := range slices.Backward(stops) {
		stop()
	}
	os.Exit(code)
}

// servers returns the servers of package testserver, which the first call starts.
func servers(t *testing.T) fleet {
	t.Helper()
	f, err := startFleet()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// playground returns the URL of `sio serve`, which the first call builds and starts.
func playground(t *testing.T) string {
	t.Helper()
	base, err := startPlayground()
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// startServe builds sio and runs `sio serve` on a free port.
func startServe(ctx context.Context) (base string, err error) {
	dir, err := os.MkdirTemp("", "sio-interop-")
	if err != nil {
		return "", err
	}
	atExit(func() { _ = os.RemoveAll(dir) })
	bin := filepath.Join(dir, "sio")
	if out, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", bin, "../cmd/sio").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ../cmd/sio: %w\n%s", err, out)
	}
	out, err := start(exec.CommandContext(ctx, bin, "serve", "--addr", "127.0.0.1:0"))
	if err != nil {
		return "", err
	}
	urls, err := printed(out, 1, "sio serve")
	if err != nil {
		return "", err
	}
	return urls[0], nil
}

// startControl runs the official server.
func startControl() (fleet, error) {
	pair, err := certificate()
	if err != nil {
		return fleet{}, err
	}
	cmd := exec.CommandContext(context.Background(), "node", "reference.mjs", "--cert", pair.cert, "--key", pair.key)
	cmd.Dir = "node"
	out, err := start(cmd)
	if err != nil {
		return fleet{}, err
	}
	urls, err := printed(out, 2, "node reference.mjs")
	if err != nil {
		return fleet{}, err
	}
	return fleet{urls[0], urls[1]}, nil
}

// start runs a server as a child process that ends with the tests, and returns
// what it prints.
func start(cmd *exec.Cmd) (io.Reader, error) {
	// The control reads its standard input until it ends: so it does not outlive
	// this process even if that is killed. (scripts/interop.sh sees to `sio serve`.)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Both outputs on one pipe: where the URL is printed is not part of the contract.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = w.Close()
	atExit(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return r, nil
}

var aURL = regexp.MustCompile(`https?://[\w.:\[\]-]+:\d+`)

// printed reads until n lines with a URL were printed, returns these, and goes on
// reading in the background.
func printed(r io.Reader, n int, who string) ([]string, error) {
	found := make(chan []string, 1)
	go func() {
		defer close(found)
		var log []byte
		var urls []string
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			log = append(append(log, lines.Bytes()...), '\n')
			if u := aURL.FindString(lines.Text()); u != "" {
				urls = append(urls, u+"/")
			}
			if len(urls) == n {
				found <- urls
				_, _ = io.Copy(io.Discard, r)
				return
			}
		}
		fmt.Fprintf(os.Stderr, "%s ended:\n%s", who, log)
	}()
	select {
	case urls, ok := <-found:
		if !ok {
			return nil, fmt.Errorf("%s ended before it printed its URL", who)
		}
		return urls, nil
	case <-time.After(20 * time.Second):
		return nil, fmt.Errorf("%s printed no URL within 20 s", who)
	}
}

// tool returns the path of a program that a test needs, or ends the test: as
// skipped, or as failed with CI=true.
func tool(t *testing.T, what string, candidates ...string) string {
	t.Helper()
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil {
			return path
		}
	}
	missing(t, what)
	return ""
}

// dependency ends the test like tool, unless the path is there.
func dependency(t *testing.T, what, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		missing(t, what)
	}
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing: %s; run `make setup`", what)
	}
	t.Skipf("skipped: %s is not installed; run `make setup`", what)
}

// foreign runs a program that reports cases as lines of JSON, and makes each a
// subtest. Its outcome counts only if it reported all of its cases.
func foreign(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	foreignIn(t, nil, dir, program, args...)
}

// foreignIn is foreign with more in the environment.
func foreignIn(t *testing.T, env []string, dir, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	var errs tail
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ran, done := 0, -1
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l struct {
			Case, Error, Note string
			OK                bool
			MS                int
			Done              *int
		}
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			t.Logf("%s", lines.Bytes())
			continue
		}
		switch {
		case l.Done != nil:
			done = *l.Done
		case l.Note != "":
			t.Log(l.Note)
		default:
			ran++
			t.Run(l.Case, func(t *testing.T) {
				if !l.OK {
					t.Errorf("after %d ms: %s", l.MS, l.Error)
				}
			})
		}
	}
	err = cmd.Wait()
	if err != nil || ran == 0 || ran != done {
		t.Errorf("%s: %d cases reported, %d announced, %v\n%s", filepath.Base(program), ran, done, err, errs.text())
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p...)
	w.buf = w.buf[max(0, len(w.buf)-8<<10):]
	return len(p), nil
}

func (w *tail) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.buf)
}
