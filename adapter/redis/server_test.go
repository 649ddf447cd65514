// SPDX-License-Identifier: MIT

package redis_test

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/internal/assert"
)

// shared is the address of the server that most tests share; "" if there is no redis-server.
var shared string

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "12") // the suites wait most of the time
	os.Exit(run(m))
}

func run(m *testing.M) int {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := &server{program: program, dir: dir, port: freePort()}
	if err := s.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer s.stop()
	shared = s.addr()
	if os.Getenv("SIO_TEST_ABANDON") != "" {
		fmt.Println(shared)
		select {}
	}
	return m.Run()
}

// server is a redis-server that can be ended and started again at the same port.
type server struct {
	program, dir string
	port         int
	args         []string
	sentinel     string // its configuration, if it is a Sentinel
	cmd          *exec.Cmd
	alive        io.Closer // when it is closed, by whatever end of this process, the server ends
}

// watch runs a program, and kills it when its own standard input ends.
const watch = `"$@" & pid=$!; cat >/dev/null; kill -9 $pid; wait $pid`

// startRedis starts a server of the test's own.
func startRedis(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{program: program(t, "redis-server"), dir: t.TempDir(), port: freePort(), args: args}
	assert.NoError(t, s.start())
	t.Cleanup(s.stop)
	return s
}

// sharedRedis returns the address of the shared server.
func sharedRedis(t *testing.T) string {
	t.Helper()
	program(t, "redis-server")
	return shared
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing", name)
		}
		t.Skipf("%s is missing", name)
	}
	return path
}

func freePort() int {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if port < 50_000 { // the bus of a cluster is 10,000 higher
			return port
		}
	}
}

func (s *server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// start starts the server, and waits until it listens.
func (s *server) start() error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	args := append([]string{"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--save", "", "--appendonly", "no", "--dir", s.dir}, s.args...)
	if s.sentinel != "" {
		args = []string{s.sentinel, "--sentinel"}
	}
	s.cmd = exec.Command("sh", append([]string{"-c", watch, "sh", s.program}, args...)...)
	s.cmd.Stdout = log
	if s.alive, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 200 {
		conn, err := net.Dial("tcp", s.addr())
		if err == nil {
			return conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return fmt.Errorf("%s does not listen", s.program)
}

func (s *server) stop() {
	if s.cmd != nil {
		_ = s.alive.Close()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// option returns how to connect.
func option(addr string) rueidis.ClientOption {
	return rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, Dialer: net.Dialer{Timeout: 5 * time.Second}}
}

// client connects.
func client(t *testing.T, addr string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(option(addr))
	assert.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

var prefixes atomic.Int64

// fresh returns a prefix that no other test has.
func fresh() string { return fmt.Sprintf("sio%d", prefixes.Add(1)) }

func single(t *testing.T, o rueidis.ClientOption) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(o)
	assert.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
