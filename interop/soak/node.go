// SPDX-License-Identifier: MIT

package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// node runs the JavaScript clients until ctx ends.
func (r *run) node(ctx context.Context, cfg Config) {
	if cfg.Node == 0 {
		return
	}
	cmd := exec.Command("node", filepath.Base(cfg.Script), "--url", r.proxy.url(), //nolint:gosec,noctx // ends with its stdin
		"--clients", fmt.Sprint(cfg.Node), "--pause", fmt.Sprint(cfg.Pause.Milliseconds()), "--rooms", fmt.Sprint(Rooms))
	cmd.Dir = filepath.Dir(cfg.Script)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		r.book.violate("node: %v", err)
		return
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.book.violate("node: %v", err)
		return
	}
	if err := cmd.Start(); err != nil {
		r.book.violate("node: %v", err)
		return
	}
	go func() {
		<-ctx.Done()
		_ = stdin.Close() // it ends by itself
	}()
	done := false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Violation string
			Counts    map[string]int
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			r.book.violate("node prints %q", lines.Text())
			continue
		}
		if line.Violation != "" {
			r.book.violate("JavaScript: %s", line.Violation)
		}
		for name, n := range line.Counts {
			r.book.count(name, n)
			done = true
		}
	}
	if err := cmd.Wait(); err != nil || !done {
		r.book.violate("node ends with %v: %s", err, stderr.String())
	}
}
