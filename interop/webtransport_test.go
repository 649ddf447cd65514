// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	quic "github.com/quic-go/webtransport-go"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/interop/testserver"
	"github.com/sio-go/sio/webtransport"
)

// TestWebTransport runs the current client in Chromium over WebTransport.
func TestWebTransport(t *testing.T) {
	t.Parallel()
	if control {
		t.Skip("skipped: the official server needs another package for HTTP/3")
	}
	program := node(t, "playwright-core", "socket.io-client")
	chromium := tool(t, "chromium", "chromium", "chromium-browser", "google-chrome")
	pair, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(pair.cert, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(cert.Certificate[0])
	foreign(t, "node", program, "webtransport.mjs", "--chromium", chromium,
		"--url", listenAll(t, cert), "--hash", base64.StdEncoding.EncodeToString(hash[:]))
}

// listenAll serves the Socket.IO server of package testserver over all transports, on one
// port of TCP and UDP, and returns its URL. It ends with the test.
func listenAll(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	srv := testserver.New(&sio.Config{
		Engine: engine.Config{
			PingInterval: 300 * time.Millisecond,
			PingTimeout:  10 * time.Second,
			Transports:   []string{engine.Polling, engine.WebSocket, engine.WebTransport},
		},
		Logger: quiet,
	})
	tcp, udp := listenBoth(t)
	mux := http.NewServeMux()
	settings := &tls.Config{Certificates: []tls.Certificate{cert}}
	wt := &quic.Server{H3: &http3.Server{TLSConfig: http3.ConfigureTLSConfig(settings), Handler: mux}}
	mux.Handle("/socket.io/", webtransport.Handler(srv.Engine(), wt, srv))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>interop</title>")
	})
	web := &http.Server{Handler: mux, TLSConfig: settings, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	done := make(chan error, 2)
	go func() { done <- wt.Serve(udp) }()
	go func() { done <- web.ServeTLS(tcp, "", "") }()
	t.Cleanup(func() {
		if err := errors.Join(srv.Close(), wt.Close(), web.Close(), udp.Close()); err != nil {
			t.Error(err)
		}
		for range cap(done) {
			<-done
		}
	})
	return "https://" + tcp.Addr().String() + "/"
}

// listenBoth listens on a port that is free in TCP and in UDP.
func listenBoth(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	var lc net.ListenConfig
	for range 20 {
		tcp, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := lc.ListenPacket(context.Background(), "udp", tcp.Addr().String())
		if err == nil {
			return tcp, udp
		}
		_ = tcp.Close()
	}
	t.Fatal("no port is free in both TCP and UDP")
	return nil, nil
}
