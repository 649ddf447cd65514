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
	System   string            `json:"system"`
	Kernel   string            `json:"kernel"`
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Pinned   bool              `json:"pinned"`
	Commit   string            `json:"commit"`
	Versions map[string]string `json:"versions"` // of the servers
}

func (l *lab) machine(ctx context.Context) machine {
	_, err := exec.LookPath("taskset")
	m := machine{
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), System: runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: command(ctx, l.bench, "uname", "-sr"), CPU: cpuModel(), Cores: runtime.NumCPU(), Pinned: err == nil && runtime.NumCPU() > 1,
		Commit: command(ctx, l.bench, "git", "rev-parse", "--short", "HEAD"), Versions: map[string]string{},
	}
	node := "Node " + strings.TrimPrefix(command(ctx, l.bench, "node", "--version"), "v")
	modules := filepath.Join(l.bench, "peers", "node", "node_modules")
	socketIO := "socket.io " + packageVersion(filepath.Join(modules, "socket.io"))
	m.Versions[nodeWS] = node + ", " + socketIO + ", ws " + packageVersion(filepath.Join(modules, "ws"))
	m.Versions[uws] = node + ", " + socketIO + ", @btc-vision/uwebsockets.js " + packageVersion(filepath.Join(modules, "@btc-vision", "uwebsockets.js"))
	m.Versions[ours] = runtime.Version()
	for peer, path := range map[string]string{
		gobwas: "github.com/gobwas/ws", gws: "github.com/lxzan/gws",
		zishang: "github.com/zishang520/socket.io/servers/socket/v3", karagenc: "github.com/karagenc/socket.io-go",
	} {
		m.Versions[peer] = path + " " + moduleVersion(l.command(peer)[0], path)
	}
	return m
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
