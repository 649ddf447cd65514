// SPDX-License-Identifier: MIT

package redis_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/adaptertest"
	"github.com/sio-go/sio/adapter/redis"
	"github.com/sio-go/sio/internal/assert"
)

// only has one group of the suite run.
func only(t *testing.T, group string) {
	t.Helper()
	if !strings.HasSuffix(t.Name(), "/"+group) {
		t.Skip("see TestSuite")
	}
}

// open is a cluster of buses made of a URL.
func open(address string) adaptertest.Cluster {
	return adaptertest.Cluster{New: func(t *testing.T) adapter.Bus {
		b, err := redis.Open(t.Context(), address)
		assert.NoError(t, err)
		return patient{b}
	}}
}

// told waits until a bus made of a URL has told of an error with a text.
func told(t *testing.T, address, text string) {
	t.Helper()
	b, err := redis.Open(t.Context(), address)
	assert.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	r := new(record)
	_, err = b.Join(adapter.Peer{Namespace: "/", UID: "aaaaaaaaaaaaaaaa", Receiver: r})
	assert.NoError(t, err)
	eventually(t, text, func() bool {
		return r.see(func() bool {
			for _, err := range r.errs {
				if strings.Contains(err.Error(), text) {
					return true
				}
			}
			return false
		})
	})
}

// certificate writes a certificate of 127.0.0.1 that is its own authority, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	assert.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	assert.NoError(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	assert.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	assert.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return cert, key
}

// TestTLS connects with TLS.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	s := &server{program: program(t, "redis-server"), dir: t.TempDir(), port: freePort()}
	s.args = []string{
		"--port", "0", "--tls-port", strconv.Itoa(s.port), "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", cert, "--tls-auth-clients", "no",
	}
	assert.NoError(t, s.start())
	t.Cleanup(s.stop)
	t.Run("ca", func(t *testing.T) {
		t.Parallel()
		adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
			only(t, "broadcast")
			return open("rediss://" + s.addr() + "/?ca=" + cert)
		})
	})
	t.Run("wrong ca", func(t *testing.T) {
		t.Parallel()
		other, key := certificate(t)
		told(t, "rediss://"+s.addr()+"/?ca="+other, "certificate")
		told(t, "rediss://"+s.addr(), "certificate") // those of the system
		for _, bad := range []string{"rediss://x/?ca=" + key, "rediss://x/?ca=" + key + ".none", "redis://x/?ca=" + cert} {
			_, err := redis.Open(t.Context(), bad)
			assert.True(t, err != nil && strings.Contains(err.Error(), "redis: ca"), "%s: %v", bad, err)
		}
	})
}

// TestRights runs with the rights that the guide says, and with fewer.
func TestRights(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/cluster-redis.md")
	assert.NoError(t, err)
	rights := strings.Fields(regexp.MustCompile("(?s)```\nuser sio (.*?)```").FindStringSubmatch(string(guide))[1])
	patterns := []string{"&socket.io#/#*", "&socket.io#/custom#*"} // the guide: one for each namespace
	for _, mode := range []struct{ name, fewer string }{
		{"classic", "-psubscribe"}, {"sharded", "-ssubscribe"}, {"streams", "-xread"},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			s := startRedis(t)
			c := client(t, s.addr())
			user := func(name string, more ...string) string {
				args := append([]string{"SETUSER", name}, rights...)
				if mode.name == "classic" {
					args = append(args, patterns...)
				}
				assert.NoError(t, c.Do(t.Context(), c.B().Arbitrary("ACL").Args(append(args, more...)...).Build()).Error())
				return "redis://" + name + ":secret@" + s.addr() + "/?mode=" + mode.name
			}
			full, fewer := user("full"), user("fewer", mode.fewer)
			for _, group := range []string{"broadcast", "ack", "recovery"} {
				adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
					only(t, group)
					return open(full)
				})
			}
			told(t, fewer, "NOPERM")
			told(t, user("elsewhere", "resetchannels", "resetkeys"), "NOPERM")
		})
	}
}

// TestAbandoned kills a test binary, and expects that its server ends.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	program(t, "redis-server")
	binary, err := os.Executable()
	assert.NoError(t, err)
	cmd := exec.Command(binary, "-test.run", "^$")
	cmd.Env = append(os.Environ(), "SIO_TEST_ABANDON=1")
	out, err := cmd.StdoutPipe()
	assert.NoError(t, err)
	assert.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	assert.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.NoError(t, err)
	eventually(t, "the end of the server", func() bool {
		conn, err := net.Dial("tcp", strings.TrimSpace(line))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
}

// TestSentinel has the master die, and the replica take its place.
func TestSentinel(t *testing.T) {
	t.Parallel()
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	c := client(t, replica.addr())
	eventually(t, "the replica", func() bool {
		info, _ := c.Do(t.Context(), c.B().Info().Section("replication").Build()).ToString()
		return strings.Contains(info, "master_link_status:up")
	})
	watcher := &server{program: master.program, dir: t.TempDir(), port: freePort()}
	watcher.sentinel = filepath.Join(watcher.dir, "sentinel.conf")
	assert.NoError(t, os.WriteFile(watcher.sentinel, fmt.Appendf(nil, `bind 127.0.0.1
port %d
dir %s
sentinel monitor main 127.0.0.1 %d 1
sentinel down-after-milliseconds main 1500
sentinel failover-timeout main 10000
`, watcher.port, watcher.dir, master.port), 0o600))
	assert.NoError(t, watcher.start())
	t.Cleanup(watcher.stop)
	o := option(watcher.addr())
	o.ForceSingleClient = true
	w := single(t, o)
	eventually(t, "the Sentinel's replica", func() bool {
		list, err := w.Do(t.Context(), w.B().Arbitrary("SENTINEL", "REPLICAS", "main").Build()).ToArray()
		return err == nil && len(list) == 1
	})
	dead := false
	adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
		only(t, "restart")
		cluster := open("redis://" + watcher.addr() + "/?master_set=main")
		cluster.Restart = func(t *testing.T) {
			if dead {
				return // the suite does it twice
			}
			dead = true
			master.stop()
			eventually(t, "the new master", func() bool {
				info, _ := c.Do(t.Context(), c.B().Info().Section("replication").Build()).ToString()
				return strings.Contains(info, "role:master")
			})
		}
		return cluster
	})
}
