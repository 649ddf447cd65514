// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	embeddednats "github.com/sio-go/sio/adapter/nats/embedded"
	"github.com/sio-go/sio/client"
	"github.com/sio-go/sio/internal/assert"
)

// serving runs "sio serve" until the test ends, and returns its URL, without the slash.
func serving(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	var stderr safeBuffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, append([]string{"sio", "serve", "--addr", "127.0.0.1:0", "--quiet"}, args...), stdout, &stderr)
		_ = stdout.Close()
	}()
	t.Cleanup(func() {
		stop()
		assert.Equal(t, <-done, exitOK)
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	url, _ := strings.CutPrefix(line, "sio: the playground is at ")
	url, _, _ = strings.Cut(url, "/ (")
	return url
}

type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// wantServers waits until a server knows so many servers of its cluster.
func wantServers(t *testing.T, url string, n int) {
	t.Helper()
	var config struct{ Cluster membership }
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(url + "/playground/config.json")
		assert.NoError(t, err)
		err = json.NewDecoder(res.Body).Decode(&config)
		_ = res.Body.Close()
		assert.NoError(t, err)
		if len(config.Cluster.Servers) == n {
			assert.Equal(t, "http://"+config.Cluster.Server, url)
			return
		}
	}
	t.Fatalf("%s: servers %q, want %d", url, config.Cluster.Servers, n)
}

// listener is a client that notes the broadcasts it gets.
type listener struct {
	*client.Socket
	got chan string
}

func listen(t *testing.T, url string) *listener {
	t.Helper()
	s, err := client.New(url, nil)
	assert.NoError(t, err)
	l := &listener{s, make(chan string, 100)}
	note := func(_ context.Context, _ *client.Socket, m *client.Message) error {
		var text string
		if err := m.Bind(&text); err != nil {
			return err
		}
		l.got <- m.Event() + " " + text
		return nil
	}
	s.On("broadcast", note)
	s.On("news", note)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	assert.NoError(t, s.Connect(ctx))
	t.Cleanup(func() { _ = s.Close() })
	return l
}

func (l *listener) want(t *testing.T, text string) {
	t.Helper()
	select {
	case got := <-l.got:
		assert.Equal(t, got, text)
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing came, want %q", text)
	}
}

// freeAddr returns an address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestServeEmbedded(t *testing.T) {
	t.Setenv(secretVariable, "the same for all servers")
	a, b := freeAddr(t), freeAddr(t)
	first := serving(t, "--cluster", "embedded", "--cluster-listen", a, "--cluster-peers", b)
	second := serving(t, "--cluster", "embedded", "--cluster-listen", b, "--cluster-peers", a+","+b)
	wantServers(t, first, 2)
	wantServers(t, second, 2)
	l, m := listen(t, first), listen(t, second)
	assert.NoError(t, m.Emit("broadcast", "from the other server"))
	l.want(t, "broadcast from the other server")

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	args, err := l.EmitWithAck(ctx, "whoami")
	assert.NoError(t, err)
	var who struct {
		Server string `json:"server"`
	}
	assert.NoError(t, args.Unmarshal(0, &who))
	assert.Equal(t, "http://"+who.Server, first)
}

func TestServeForward(t *testing.T) {
	t.Setenv(secretVariable, "the same for all servers")
	nats, err := embeddednats.Start(&embeddednats.Config{Clients: "127.0.0.1:0"})
	assert.NoError(t, err)
	t.Cleanup(nats.Close)
	a, b := freeAddr(t), freeAddr(t)
	first := serving(t, "--cluster", nats.Clients(), "--addr", a, "--forward", "http://"+a)
	second := serving(t, "--cluster", nats.Clients(), "--addr", b, "--forward", "http://"+b)
	wantServers(t, first, 2)
	get := func(url string) (status int, body string) {
		res, err := http.Get(url)
		assert.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		return res.StatusCode, string(text)
	}
	_, open := get(first + "/socket.io/?EIO=4&transport=polling")
	var handshake struct{ SID string }
	assert.NoError(t, json.Unmarshal([]byte(open[1:]), &handshake))
	res, err := http.Post(second+"/socket.io/?EIO=4&transport=polling&sid="+handshake.SID, "text/plain", strings.NewReader("40"))
	assert.NoError(t, err)
	_ = res.Body.Close()
	assert.Equal(t, res.StatusCode, http.StatusOK)
	status, body := get(second + "/socket.io/?EIO=4&transport=polling&sid=" + handshake.SID)
	assert.True(t, status == http.StatusOK && strings.HasPrefix(body, `40{"sid":`), "%d %s", status, body)
}

func TestEmit(t *testing.T) {
	t.Parallel()
	nats, err := embeddednats.Start(&embeddednats.Config{Clients: "127.0.0.1:0"})
	assert.NoError(t, err)
	t.Cleanup(nats.Close)
	url := serving(t, "--cluster", nats.Clients())
	wantServers(t, url, 1)
	in, out := listen(t, url), listen(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = in.EmitWithAck(ctx, "join", "a room")
	assert.NoError(t, err)
	for _, args := range [][]string{
		{"--room", "a room", "news", `"to the room"`},
		{"--except", "a room", "news", `not JSON`},
		{"news", `"for all"`, `{"more": [1]}`},
	} {
		var stderr bytes.Buffer
		code := run(ctx, append([]string{"sio", "emit", "--cluster", nats.Clients()}, args...), io.Discard, &stderr)
		assert.Equal(t, fmt.Sprint(code, stderr.String()), "0")
	}
	in.want(t, "news to the room")
	in.want(t, "news for all")
	out.want(t, "news not JSON")
	out.want(t, "news for all")

	var stderr bytes.Buffer
	code := run(ctx, []string{"sio", "emit", "--cluster", nats.Clients(), "connect"}, io.Discard, &stderr)
	assert.Equal(t, code, exitFailure)
	assert.Equal(t, strings.Count(stderr.String(), "\n"), 1)
	assert.True(t, strings.HasPrefix(stderr.String(), "sio emit: "), "stderr: %s", &stderr)
}

func TestEmitNobody(t *testing.T) {
	t.Parallel()
	for url, why := range map[string]string{"nats://" + freeAddr(t): "no servers available", "redis://" + freeAddr(t): "refused"} {
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"sio", "emit", "--cluster", url, "news"}, io.Discard, &stderr)
		assert.Equal(t, code, exitFailure)
		assert.True(t, strings.HasPrefix(stderr.String(), "sio emit: ") && strings.Contains(stderr.String(), why), "stderr: %s", &stderr)
		assert.Equal(t, strings.Count(stderr.String(), "\n"), 1)
	}
}
