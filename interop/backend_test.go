// SPDX-License-Identifier: MIT

package interop_test

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// backend starts the program of a backend and waits until it listens on the port.
func backend(t *testing.T, cmd *exec.Cmd, port string) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // PostgreSQL ends its children
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
	})
	for range 600 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not listen", cmd.Path)
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// startRedis starts a server on a free port, which it returns.
func startRedis(t *testing.T, program string) string {
	t.Helper()
	port := freePort(t)
	backend(t, exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir()), port)
	return port
}

// startPostgres starts a PostgreSQL, which refuses to run as root, and returns its URL.
func startPostgres(t *testing.T) string {
	t.Helper()
	// Debian does not have the programs in PATH.
	list, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(list)
	slices.Reverse(list)
	initdb := tool(t, "initdb of PostgreSQL", append([]string{"initdb"}, list...)...)
	dir, err := os.MkdirTemp("", "postgres") //nolint:usetesting // the directory above that of the test is for root only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		other, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(other.Uid)
		gid, _ := strconv.Atoi(other.Gid)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	cmd := exec.Command(initdb, "-D", data, "-U", "sio", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
	cmd.SysProcAttr, cmd.Dir = attr, dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	cmd = exec.Command(filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir, "-c", "fsync=off")
	cmd.SysProcAttr, cmd.Dir = attr, dir
	backend(t, cmd, port)
	return "postgres://sio@127.0.0.1:" + port + "/postgres?sslmode=disable"
}
