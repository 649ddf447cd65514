// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/examples/internal/client"
	"github.com/sio-go/sio/internal/assert"
)

func TestPollingOverHTTP2(t *testing.T) {
	t.Parallel()
	c, srv := serve(t)
	id := connected(t, c.Poll())
	assert.Equal(t, c.Proto, "HTTP/2.0")
	assert.Equal(t, srv.Socket(id).Transport(), "polling")
	assert.True(t, srv.Socket(id).Handshake().Secure, "the handshake did not come by TLS")
	c.Send(`42["say","hello"]`)
	assert.Equal(t, c.Next(), `42["said",{"from":"`+id+`","text":"hello"}]`)
	assert.Equal(t, c.Proto, "HTTP/2.0")
}

func TestWebSocketOverHTTP1(t *testing.T) {
	t.Parallel()
	c, srv := serve(t)
	id := connected(t, c.Dial())
	assert.Equal(t, c.TLS.NegotiatedProtocol, "http/1.1")
	assert.Equal(t, srv.Socket(id).Transport(), "websocket")
	c.Send(`42["say","hello"]`)
	assert.Equal(t, c.Next(), `42["said",{"from":"`+id+`","text":"hello"}]`)
}

// The session goes from HTTP/2 to another connection with HTTP/1.1.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	c, srv := serve(t)
	id := connected(t, c.Poll())
	assert.Equal(t, c.Proto, "HTTP/2.0")
	c.Upgrade()
	assert.Equal(t, c.TLS.NegotiatedProtocol, "http/1.1")
	c.Send(`42["say","hello"]`)
	assert.Equal(t, c.Next(), `42["said",{"from":"`+id+`","text":"hello"}]`)
	assert.Equal(t, srv.Socket(id).Transport(), "websocket")
}

// The program itself offers both protocols, and ends both kinds of connections: a client
// that polls is told when it asks next.
func TestRun(t *testing.T) {
	t.Parallel()
	cert := newCertificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, l, cert) }()

	hc := trusting(t, cert)
	base := "https://" + l.Addr().String()
	polling := client.New(t, hc, base, "/socket.io/")
	websocket := client.New(t, hc, base, "/socket.io/")
	connected(t, polling.Poll())
	assert.Equal(t, polling.Proto, "HTTP/2.0")
	connected(t, websocket.Dial())
	cancel()
	websocket.Closed()
	assert.Equal(t, polling.Next(), "6")
	assert.Equal(t, polling.Next(), "1")
	assert.NoError(t, <-ended)
}

func TestMissingCertificate(t *testing.T) {
	t.Parallel()
	_, err := certificate(t.TempDir()+"/missing.pem", "")
	assert.Error(t, err)
}

// serve starts a server with a certificate of the program.
func serve(t *testing.T) (*client.Client, *sio.Server) {
	h, srv := handler()
	cert := newCertificate(t)
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{cert},
		NextProtos:   []string{"h2", "http/1.1"}, // as http.Server; httptest offers h2 alone
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = srv.Close() }) // first, for server waits for polls
	return client.New(t, trusting(t, cert), server.URL, "/socket.io/"), srv
}

func newCertificate(t *testing.T) tls.Certificate {
	cert, err := certificate("", "")
	assert.NoError(t, err)
	return cert
}

// trusting returns an HTTP client that trusts one certificate, and nothing else.
func trusting(t *testing.T, cert tls.Certificate) *http.Client {
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	assert.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	hc := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}}
	t.Cleanup(hc.CloseIdleConnections)
	return hc
}

// connected returns the socket's id from the answer to a connect packet.
func connected(t *testing.T, packet string) string {
	t.Helper()
	id, ok := strings.CutPrefix(packet, `40{"sid":"`)
	if !ok {
		t.Fatalf("got %q, want to be connected", packet)
	}
	return strings.TrimSuffix(id, `"}`)
}
