// SPDX-License-Identifier: MIT

package webtransport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/sio-go/sio/internal/assert"
)

// TestConn uses a connection as the engine does, and beyond.
func TestConn(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NoError(t, err)
	settings := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	accepted := make(chan net.Conn, 1)
	wt := &webtransport.Server{H3: &http3.Server{TLSConfig: http3.ConfigureTLSConfig(settings)}}
	wt.H3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.True(t, isSession(r), "%s %s", r.Method, r.Proto)
		c, err := accept(wt, &guard{ResponseWriter: w}, r)
		assert.NoError(t, err)
		accepted <- c
	})
	udp, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	assert.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- wt.Serve(udp) }()
	defer func() {
		assert.NoError(t, wt.Close())
		<-done
		_ = udp.Close()
	}()

	open := func() (*webtransport.Session, net.Conn) {
		d := &webtransport.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a certificate of the test
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, session, err := d.Dial(ctx, "https://"+udp.LocalAddr().String()+"/", nil)
		assert.NoError(t, err)
		stream, err := session.OpenStream()
		assert.NoError(t, err)
		_, err = stream.Write([]byte("hello"))
		assert.NoError(t, err)
		return session, <-accepted
	}
	buf := make([]byte, 100)

	session, c := open()
	assert.Equal(t, c.LocalAddr().String(), udp.LocalAddr().String())
	assert.Equal(t, c.RemoteAddr().Network(), "udp")
	n, err := c.Read(buf)
	assert.NoError(t, err)
	assert.Equal(t, string(buf[:n]), "hello")
	assert.NoError(t, c.SetDeadline(time.Now().Add(-time.Second)))
	_, err = c.Read(buf)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = c.Write(buf)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	assert.NoError(t, c.SetDeadline(time.Time{}))
	_, err = c.Write([]byte("bye"))
	assert.NoError(t, err)
	assert.NoError(t, c.Close())
	assert.ErrorIs(t, c.Close(), net.ErrClosed)
	_, err = c.Read(buf)
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = c.Write(buf)
	assert.ErrorIs(t, err, net.ErrClosed)
	<-session.Context().Done()

	// A Write that waits ends with Close.
	_, c = open()
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(make([]byte, 16<<20))
		wrote <- err
	}()
	_, err = io.ReadFull(c, buf[:5])
	assert.NoError(t, err)
	assert.NoError(t, c.Close())
	assert.ErrorIs(t, <-wrote, net.ErrClosed)

	// The session's end is the connection's end, at once.
	session, c = open()
	_, err = io.ReadFull(c, buf[:5])
	assert.NoError(t, err)
	read := make(chan error, 1)
	go func() {
		_, err := c.Read(buf)
		read <- err
	}()
	assert.NoError(t, session.CloseWithError(3, "done"))
	assert.Equal(t, <-read, io.EOF)
	_, err = c.Write(buf)
	assert.ErrorIs(t, err, io.ErrClosedPipe)
	assert.NoError(t, c.Close())
}
