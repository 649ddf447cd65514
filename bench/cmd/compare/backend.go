// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/sio-go/sio/adapter/nats/embedded"
)

// backends are what connects servers. Each is started when it is needed, and ends with the run.
type backends struct {
	urls map[string]string // by bus
	ends []func()
}

func (b *backends) stop() {
	for _, end := range slices.Backward(b.ends) {
		end()
	}
}

// backend returns the URL of a bus, and starts what is behind it.
func (b *bench) backend(ctx context.Context, bus string) (string, error) {
	if address := b.backends.urls[bus]; address != "" {
		return address, nil
	}
	var address string
	var err error
	switch bus {
	case "nats":
		address, err = b.backends.nats()
	case "postgres":
		address, err = b.backends.postgres(ctx)
	default:
		mode := map[string]string{"redis": "classic", "sharded": "sharded", "streams": "streams"}[bus]
		if address, err = b.backends.redis(); err == nil {
			address += "?mode=" + mode
		}
	}
	if err != nil {
		return "", err
	}
	if b.backends.urls == nil {
		b.backends.urls = map[string]string{}
	}
	b.backends.urls[bus] = address
	return address, nil
}

func (b *backends) nats() (string, error) {
	s, err := embedded.Start(&embedded.Config{Clients: "127.0.0.1:0"})
	if err != nil {
		return "", err
	}
	b.ends = append(b.ends, s.Close)
	return s.Clients(), nil
}

func (b *backends) redis() (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no") //nolint:gosec // ours
	return "redis://127.0.0.1:" + port, b.run(cmd, port)
}

// postgres starts a PostgreSQL, which refuses to run as root.
func (b *backends) postgres(ctx context.Context) (string, error) {
	initdb, err := exec.LookPath("initdb")
	if err != nil { // Debian does not have it in PATH
		list, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(list) == 0 {
			return "", err
		}
		initdb = slices.Max(list)
	}
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		return "", err
	}
	b.ends = append(b.ends, func() { _ = os.RemoveAll(dir) })
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		other, err := user.Lookup("postgres")
		if err != nil {
			return "", err
		}
		uid, err1 := strconv.ParseUint(other.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(other.Gid, 10, 32)
		if err := errors.Join(err1, err2, os.Chown(dir, int(uid), int(gid))); err != nil { //nolint:gosec // of a user
			return "", err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	files := filepath.Join(dir, "data")
	cmd := exec.CommandContext(ctx, initdb, "-D", files, "-U", "sio", "-A", "trust", "-N", "-E", "UTF8", "--locale=C") //nolint:gosec // found
	cmd.SysProcAttr, cmd.Dir = attr, dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	cmd = exec.Command(filepath.Join(filepath.Dir(initdb), "postgres"), "-D", files, "-p", port, //nolint:gosec // found
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir)
	cmd.SysProcAttr, cmd.Dir = attr, dir
	return "postgres://sio@127.0.0.1:" + port + "/postgres?sslmode=disable", b.run(cmd, port)
}

// run starts a program, and waits until it listens.
func (b *backends) run(cmd *exec.Cmd, port string) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	b.ends = append(b.ends, func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // PostgreSQL ends its children
		late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
	})
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for range 200 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			return conn.Close()
		}
		<-ticks.C
	}
	return fmt.Errorf("%s does not listen", cmd.Path)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
