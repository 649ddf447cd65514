// SPDX-License-Identifier: MIT

package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// role is what a process is, in the variable Env.
type role struct {
	Role string
	Addr string        // of a server: where it listens
	NATS string        // of a server: the URL
	Away time.Duration // of a server
}

const (
	roleNATS   = "nats"
	roleServer = "server"
)

// Env is the variable whose presence says that the process is one of a run, and has to call
// Main.
const Env = "SIO_SOAK"

// Main is the program of such a process. It returns the exit code.
func Main() int {
	var r role
	err := json.Unmarshal([]byte(os.Getenv(Env)), &r)
	switch {
	case err != nil:
	case r.Role == roleNATS:
		err = runNATS()
	default:
		err = runServer(r)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, broken, err)
		return 1
	}
	return 0
}

// broken begins the lines on stderr of a process that tell of a violation.
const broken = "violation:"

// process is a process of the run.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer // its end ends the process, however this one ends
	addr  string
	ended chan struct{}
	once  sync.Once
}

var errStart = errors.New("the process has ended before it was ready")

// spawn starts a process and waits until it is ready.
func (r *run) spawn(ctx context.Context, what role) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, program), ended: make(chan struct{})} //nolint:gosec // this program
	p.cmd.Env = append(os.Environ(), Env+"="+string(text))
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	diagnostics, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var pipes sync.WaitGroup
	pipes.Go(func() { r.listen(diagnostics) })
	first, err := bufio.NewReader(out).ReadString('\n')
	p.addr = strings.TrimSpace(first)
	go func() {
		pipes.Wait()
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("%w: %s", errStart, what.Role)
	}
	return p, nil
}

// listen reads what a process says of itself.
func (r *run) listen(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if text, ok := strings.CutPrefix(line, broken); ok {
			r.book.violate("%s", strings.TrimSpace(text))
		} else {
			r.Log("%s", line)
		}
	}
}

// end lets the process end by itself.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
	}
	p.kill()
}

func (p *process) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.stdin.Close()
		<-p.ended
	})
}

// stats asks a server.
func (p *process) stats(ctx context.Context) (s Stats, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/stats", nil)
	if err != nil {
		return s, err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer func() { _ = res.Body.Close() }()
	return s, json.NewDecoder(res.Body).Decode(&s)
}
