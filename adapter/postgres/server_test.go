// SPDX-License-Identifier: MIT

package postgres_test

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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sio-go/sio/internal/assert"
)

// shared is the server that most tests share; nil if there are no programs.
var shared *server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if _, err := program("initdb"); err != nil {
		return m.Run()
	}
	s, err := newServer()
	if s != nil {
		defer s.remove()
	}
	if err == nil {
		err = s.start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared = s
	return m.Run()
}

// program finds one of PostgreSQL, which Debian does not have in PATH.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	list, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is good
	if len(list) == 0 {
		return "", fmt.Errorf("%s is missing", name)
	}
	return slices.Max(list), nil
}

// server is a PostgreSQL that can be ended and started again at the same port.
type server struct {
	dir  string
	port int
	cred *syscall.SysProcAttr // PostgreSQL refuses to run as root
	cmd  *exec.Cmd
}

// newServer makes a directory for a server, which start starts.
func newServer() (*server, error) {
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, port: freePort(), cred: &syscall.SysProcAttr{}}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return s, err
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2, os.Chown(dir, uid, gid)); err != nil {
			return s, err
		}
		s.cred.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)} //nolint:gosec // of a user
	}
	initdb, err := program("initdb")
	if err != nil {
		return s, err
	}
	cmd := exec.Command(initdb, "-D", s.data(), "-U", "sio", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
	cmd.SysProcAttr, cmd.Dir = s.cred, dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return s, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s, nil
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// startPostgres starts a server of the test's own.
func startPostgres(t *testing.T) *server {
	t.Helper()
	need(t)
	s, err := newServer()
	if s != nil {
		t.Cleanup(s.remove)
	}
	assert.NoError(t, err)
	assert.NoError(t, s.start())
	return s
}

// need skips a test if there are no programs.
func need(t testing.TB) {
	t.Helper()
	if _, err := program("initdb"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *server) url() string { return "postgres://sio@" + s.addr() + "/postgres?sslmode=disable" }

// start starts the server, and waits until it can be used.
func (s *server) start() error {
	postgres, err := program("postgres")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(postgres, "-D", s.data(), "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories="+s.dir, "-c", "fsync=off", "-c", "max_connections=200")
	s.cmd.SysProcAttr, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.cred, s.dir, log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 400 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, s.url())
		if err == nil {
			_ = conn.Close(ctx)
			cancel()
			return nil
		}
		cancel()
		time.Sleep(50 * time.Millisecond)
	}
	s.stop(syscall.SIGQUIT)
	return errors.New("postgres does not listen")
}

// stop ends the server: SIGQUIT as if it crashed, SIGINT in order.
func (s *server) stop(how syscall.Signal) {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(how)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) remove() {
	s.stop(syscall.SIGQUIT)
	_ = os.RemoveAll(s.dir)
}

// pool connects, to the shared server if s is nil.
func pool(t testing.TB, s *server) *pgxpool.Pool {
	t.Helper()
	if s == nil {
		need(t)
		s = shared
	}
	return poolAt(t, s.url())
}

func poolAt(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(t.Context(), url)
	assert.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

var prefixes atomic.Int64

// fresh returns a prefix that no other test has, for channels and tables.
func fresh() string { return fmt.Sprintf("sio%d", prefixes.Add(1)) }
