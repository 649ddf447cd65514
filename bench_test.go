// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// The benchmarks run over TCP on the loopback interface, through ServeHTTP, with
// clients that do as little as possible.

func serve(b *testing.B, srv *sio.Server) string {
	server := httptest.NewServer(srv)
	b.Cleanup(func() {
		assert.NoError(b, srv.Close())
		server.Close()
	})
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/socket.io/?EIO=4&transport=websocket"
}

func dialTCP(b *testing.B, url string) *client {
	c := dial(b, (&net.Dialer{}).DialContext, url)
	c.join("")
	return c
}

func quietServer() *sio.Server {
	return sio.NewServer(&sio.Config{Logger: slog.New(slog.DiscardHandler)})
}

func frames(n int, packet string) []byte {
	c := &client{}
	for range n {
		c.queueRaw(packet)
	}
	return c.out
}

// BenchmarkEcho is one event and its echo, one after the other (window 1) or with
// many on the way.
func BenchmarkEcho(b *testing.B) {
	for _, window := range []int{1, 64} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			srv := quietServer()
			srv.On("echo", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
				return s.Emit("echo", m.Args())
			})
			benchEcho(b, serve(b, srv), window)
		})
	}
}

// BenchmarkEchoTyped is BenchmarkEcho with a string that is decoded and encoded.
func BenchmarkEchoTyped(b *testing.B) {
	srv := quietServer()
	const echo sio.Event[string] = "echo"
	sio.On(srv, echo, func(_ context.Context, s *sio.Socket, v string) error { return sio.Emit(s, echo, v) })
	benchEcho(b, serve(b, srv), 64)
}

func benchEcho(b *testing.B, url string, window int) {
	c := dialTCP(b, url)
	batch := frames(window, `42["echo","hello, world: 32 bytes of text"]`)
	answer := ws.MustCompileFrame(ws.NewTextFrame([]byte(`42["echo","hello, world: 32 bytes of text"]`)))
	buf := make([]byte, window*len(answer))
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += window {
		if _, err := c.conn.Write(batch); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c.r, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBroadcast1000 is one event to 1,000 clients, all of which read it.
func BenchmarkBroadcast1000(b *testing.B) {
	const n = 1000
	srv := quietServer()
	srv.OnConnect(func(_ context.Context, s *sio.Socket) error { return s.Join("room") })
	url := serve(b, srv)
	size := len(ws.MustCompileFrame(ws.NewTextFrame([]byte(`42["news","hello, world: 32 bytes of text"]`))))
	var readers, received sync.WaitGroup
	for range n {
		c := dialTCP(b, url)
		readers.Go(func() {
			buf := make([]byte, size)
			for {
				if _, err := io.ReadFull(c.r, buf); err != nil {
					return
				}
				received.Done()
			}
		})
	}
	target := srv.To("room")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		received.Add(n)
		if err := target.Emit("news", "hello, world: 32 bytes of text"); err != nil {
			b.Fatal(err)
		}
		received.Wait()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/delivery")
	assert.NoError(b, srv.Close())
	readers.Wait()
}

// BenchmarkEmit is the cost of Emit alone, to a peer that reads.
func BenchmarkEmit(b *testing.B) {
	srv := quietServer()
	c := dialTCP(b, serve(b, srv))
	s := srv.Socket(c.sid)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, c.r)
	}()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := s.Emit("news", "hello, world"); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	c.close()
	<-done
}

var _ http.Handler = (*sio.Server)(nil)
