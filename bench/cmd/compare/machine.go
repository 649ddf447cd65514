// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// machine says where and with what something was measured.
type machine struct {
	Date     string            `json:"date"`
	Minutes  float64           `json:"minutes"` // that it took
	System   string            `json:"system"`
	Kernel   string            `json:"kernel"`
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Files    int               `json:"files"` // descriptors of a process
	Load     string            `json:"load"`  // of the minute before
	Pinned   bool              `json:"pinned"`
	Commit   string            `json:"commit"`
	Versions map[string]string `json:"versions"` // of the servers
}

// before notes what has to be known before anything is run.
func (m *machine) before() {
	m.Date = time.Now().UTC().Format("2006-01-02 15:04 UTC")
	text, _ := os.ReadFile("/proc/loadavg")
	m.Load, _, _ = strings.Cut(string(text), " ")
}

// describe notes the rest, with the programs built.
func (l *lab) describe(ctx context.Context, m *machine) {
	_, err := exec.LookPath("taskset")
	m.System, m.Kernel = runtime.GOOS+"/"+runtime.GOARCH, command(ctx, l.bench, "uname", "-sr")
	m.CPU, m.Cores = cpuModel(), runtime.NumCPU()
	m.Pinned = err == nil && m.Cores > 1
	m.Commit = command(ctx, l.bench, "git", "rev-parse", "--short", "HEAD")
	if command(ctx, l.bench, "git", "status", "--porcelain", "-uno") != "" {
		m.Commit += " with changes"
	}
	m.Versions = map[string]string{}
	node := "Node " + strings.TrimPrefix(command(ctx, l.bench, "node", "--version"), "v")
	modules := filepath.Join(l.bench, "peers", "node", "node_modules")
	socketIO := "socket.io " + packageVersion(filepath.Join(modules, "socket.io"))
	m.Versions[nodeWS] = node + ", " + socketIO + ", ws " + packageVersion(filepath.Join(modules, "ws"))
	m.Versions[uws] = node + ", " + socketIO + ", @btc-vision/uwebsockets.js " + packageVersion(filepath.Join(modules, "@btc-vision", "uwebsockets.js"))
	m.Versions[ours] = "commit " + m.Commit + ", " + runtime.Version()
	for peer, path := range map[string]string{
		gobwas: "github.com/gobwas/ws", gws: "github.com/lxzan/gws",
		zishang: "github.com/zishang520/socket.io/servers/socket/v3", karagenc: "github.com/karagenc/socket.io-go",
	} {
		m.Versions[peer] = path + " " + moduleVersion(l.command(peer)[0], path)
	}
}

func command(ctx context.Context, dir, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// cpuModel asks Linux.
func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, " \t:"))
		}
	}
	return "unknown"
}

// packageVersion is that of an npm package.
func packageVersion(dir string) string {
	var p struct{ Version string }
	text, err := os.ReadFile(filepath.Join(dir, "package.json")) //nolint:gosec // ours
	if err != nil || json.Unmarshal(text, &p, json.MatchCaseInsensitiveNames(true)) != nil {
		return "unknown"
	}
	return p.Version
}

// moduleVersion is that of a module in a program.
func moduleVersion(program, path string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}
