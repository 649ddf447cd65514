// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The servers.
const (
	ours     = "sio"
	uws      = "Node µWS"
	nodeWS   = "Node ws"
	zishang  = "zishang520"
	karagenc = "karagenc"
	gobwas   = "gobwas loop"
	gws      = "gws loop"
)

// peers are all servers, in the order of the tables.
var peers = []string{ours, uws, nodeWS, zishang, karagenc, gobwas, gws}

// lab has the programs.
type lab struct {
	bench string // directory of the module
	bin   string // of what was built
}

// build builds all programs. It returns why a peer is left out.
func (l *lab) build(ctx context.Context, progress func(string)) (map[string]string, error) {
	if err := os.MkdirAll(l.bin, 0o750); err != nil {
		return nil, err
	}
	out := map[string]string{}
	goBuild := func(dir, name, pkg string) error {
		progress("building " + name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(l.bin, name), pkg) //nolint:gosec // ours
		cmd.Dir = dir
		if strings.Contains(dir, "peers") {
			cmd.Env = append(os.Environ(), "GOWORK=off")
		}
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", name, err, text)
		}
		return nil
	}
	err := errors.Join(
		goBuild(filepath.Join(l.bench, "..", "cmd", "sio"), "sio", "."),
		goBuild(l.bench, "ours", "./cmd/ours"),
		goBuild(l.bench, "gobwas", "./cmd/gobwas"),
		goBuild(l.bench, "gws", "./cmd/gws"),
	)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{zishang, karagenc} {
		if err := goBuild(filepath.Join(l.bench, "peers", name), name, "."); err != nil {
			out[name] = err.Error()
		}
	}
	for name, flag := range map[string]string{nodeWS: "--check", uws: "--uws"} {
		cmd := exec.CommandContext(ctx, "node", l.script(), flag, "--check") //nolint:gosec // ours
		if text, err := cmd.CombinedOutput(); err != nil {
			out[name] = "it does not load: " + firstError(string(text), err)
		}
	}
	return out, nil
}

// firstError returns the line of an output that says what is wrong.
func firstError(text string, err error) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "Error:") {
			return strings.TrimSpace(line)
		}
	}
	return err.Error()
}

func (l *lab) script() string { return filepath.Join(l.bench, "peers", "node", "server.mjs") }

// command returns a server's program and its arguments.
func (l *lab) command(peer string) []string {
	switch peer {
	case ours:
		return []string{filepath.Join(l.bin, "ours")}
	case uws:
		return []string{"node", l.script(), "--uws"}
	case nodeWS:
		return []string{"node", l.script()}
	case gobwas, gws:
		return []string{filepath.Join(l.bin, strings.TrimSuffix(peer, " loop"))}
	}
	return []string{filepath.Join(l.bin, peer)}
}

// layout says which cores a program gets.
type layout struct {
	server, generator string // for taskset; "" means any
	cores             int    // of the server
}

// layoutFor returns the layout for a server with a number of cores on this machine.
func layoutFor(cores int) layout {
	n := runtime.NumCPU()
	_, err := exec.LookPath("taskset")
	switch {
	case err != nil || n < 2:
		return layout{"", "", cores}
	case cores == 1:
		return layout{"0", "1", 1}
	case n == 2:
		return layout{"0,1", "0,1", 2} // the two have to share
	}
	return layout{"0,1", fmt.Sprintf("2-%d", n-1), 2}
}

// pinned puts taskset in front of a command.
func pinned(cpus string, command []string) []string {
	if cpus == "" {
		return command
	}
	return append([]string{"taskset", "-c", cpus}, command...)
}

// server is a server that runs.
type server struct {
	cmd   *exec.Cmd
	stdin io.Closer
	url   string
}

const startTimeout = 20 * time.Second

// start starts a server.
func (l *lab) start(ctx context.Context, peer string, on layout, args []string) (*server, error) {
	command := pinned(on.server, append(l.command(peer), args...))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // ours
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", on.cores), "NODE_ENV=production")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	errs := new(head)
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, stdin: stdin}
	late := time.AfterFunc(startTimeout, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	out := bufio.NewReader(stdout)
	line, err := out.ReadString('\n')
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("it does not start: %s", firstError(string(*errs), err))
	}
	s.url = strings.TrimSpace(line)
	return s, nil
}

// head keeps the beginning of what is written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), 4<<10-len(*h))]...)
	return len(p), nil
}

// stop ends a server.
func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}
