// SPDX-License-Identifier: MIT

package memnet_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

func TestListener(t *testing.T) {
	t.Parallel()
	l := memnet.Listen()
	assert.Equal(t, l.Addr().String(), "mem:0")
	for i := 1; i <= 2; i++ {
		client, err := l.Dial(t.Context()) // Accept comes later
		assert.NoError(t, err)
		server, err := l.Accept()
		assert.NoError(t, err)
		assert.Equal(t, client.LocalAddr().String(), fmt.Sprintf("mem:%d", i))
		assert.Equal(t, server.RemoteAddr(), client.LocalAddr())
		assert.Equal(t, client.RemoteAddr(), l.Addr())
		assert.Equal(t, server.LocalAddr(), l.Addr())
		assert.NoError(t, write(client, 3))
		_, err = read(server, 3)
		assert.NoError(t, err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Dial(canceled)
	assert.ErrorIs(t, err, context.Canceled)

	pending, err := l.DialContext(t.Context(), "tcp", "example:80")
	assert.NoError(t, err)
	assert.NoError(t, l.Close())
	_, err = read(pending, 1)
	assert.ErrorIs(t, err, io.EOF)
	_, err = l.Dial(t.Context())
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = l.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.ErrorIs(t, l.Close(), net.ErrClosed)
}

func TestCloseWakesAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen()
		done := make(chan error, 2)
		for range cap(done) {
			go func() { _, err := l.Accept(); done <- err }()
		}
		synctest.Wait()
		assert.Equal(t, len(done), 0)
		assert.NoError(t, l.Close())
		assert.ErrorIs(t, <-done, net.ErrClosed)
		assert.ErrorIs(t, <-done, net.ErrClosed)
	})
}

// serve runs an HTTP server and returns a client of it. Both are ended within
// the bubble, when its main function has returned.
func serve(t *testing.T, h http.HandlerFunc) (*memnet.Listener, *http.Client) {
	l := memnet.Listen()
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	done := make(chan error)
	go func() { done <- srv.Serve(l) }()
	transport := &http.Transport{DialContext: l.DialContext, IdleConnTimeout: time.Hour}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, srv.Close())
		assert.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return l, &http.Client{Transport: transport}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			select { // a long poll
			case <-time.After(25 * time.Second):
			case <-r.Context().Done(): // the server noticed that the client is gone
				return
			}
			fmt.Fprintf(w, "%s %s", r.RemoteAddr, strings.ToUpper(string(body)))
		})
		start := time.Now()
		for range 2 { // on one connection
			res, err := client.Post("http://host/path", "text/plain", strings.NewReader(strings.Repeat("x", 200_000)))
			assert.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			assert.NoError(t, res.Body.Close())
			assert.Equal(t, string(body), "mem:1 "+strings.Repeat("X", 200_000))
		}
		assert.Equal(t, time.Since(start), 50*time.Second)

		// The client's deadline ends a request.
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "http://host/", nil)
		assert.NoError(t, err)
		_, err = client.Do(req)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Since(start), 53*time.Second)

		// The server's deadline ends a connection that says nothing.
		silent, err := l.Dial(t.Context())
		assert.NoError(t, err)
		_, err = read(silent, 1)
		assert.ErrorIs(t, err, io.EOF)
		assert.Equal(t, time.Since(start), 58*time.Second)
		silent.Close()
	})
}

func TestHijack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		_, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			assert.NoError(t, err)
			assert.NoError(t, conn.SetDeadline(time.Time{}))
			fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
			assert.NoError(t, rw.Flush())
			go func() {
				for {
					assert.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
					line, err := rw.ReadString('\n')
					if err != nil {
						conn.Close()
						ended <- err
						return
					}
					conn.Write([]byte(strings.ToUpper(line)))
				}
			}()
		})
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://host/", nil)
		assert.NoError(t, err)
		req.Header.Set("Connection", "upgrade")
		req.Header.Set("Upgrade", "echo")
		res, err := client.Do(req)
		assert.NoError(t, err)
		assert.Equal(t, res.StatusCode, http.StatusSwitchingProtocols)
		conn := res.Body.(io.ReadWriteCloser)
		lines := bufio.NewReader(conn)
		start := time.Now()
		for range 3 {
			time.Sleep(20 * time.Second)
			_, err = fmt.Fprintln(conn, "hello")
			assert.NoError(t, err)
			line, err := lines.ReadString('\n')
			assert.NoError(t, err)
			assert.Equal(t, line, "HELLO\n")
		}
		_, err = lines.ReadString('\n')
		assert.ErrorIs(t, err, io.EOF)
		assert.Equal(t, time.Since(start), 90*time.Second)
		assert.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
		conn.Close()
	})
}
