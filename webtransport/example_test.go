// SPDX-License-Identifier: MIT

package webtransport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/quic-go/quic-go/http3"
	quic "github.com/quic-go/webtransport-go"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/webtransport"
)

// A Socket.IO server on port 443 that offers all transports: polling and WebSocket over
// TCP, polling and WebTransport over UDP.
//
// In a page, with a certificate that the browser trusts:
//
//	const socket = io({ transports: ["polling", "websocket", "webtransport"] });
func Example() {
	certificate, err := tls.LoadX509KeyPair("cert.pem", "key.pem")
	if err != nil {
		log.Fatal(err)
	}
	settings := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}

	io := sio.NewServer(&sio.Config{Engine: engine.Config{
		Transports: []string{engine.Polling, engine.WebSocket, engine.WebTransport},
	}})
	io.On("hello", func(_ context.Context, s *sio.Socket, m *sio.Message) error {
		return m.Reply("hello over " + s.Transport())
	})

	mux := http.NewServeMux()
	wt := &quic.Server{H3: &http3.Server{Addr: ":443", TLSConfig: http3.ConfigureTLSConfig(settings), Handler: mux}}
	mux.Handle("/socket.io/", webtransport.Handler(io.Engine(), wt, io))
	web := &http.Server{Addr: ":443", TLSConfig: settings, Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	failed := make(chan error, 2)
	go func() { failed <- wt.ListenAndServe() }()
	go func() { failed <- web.ListenAndServeTLS("", "") }()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	select {
	case err := <-failed:
		log.Print(err)
	case <-interrupted.Done():
	}

	// The sessions first: they say goodbye.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(io.Shutdown(ctx), wt.Close(), web.Shutdown(ctx)); err != nil {
		log.Print(err)
	}
}
