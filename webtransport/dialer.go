// SPDX-License-Identifier: MIT

package webtransport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"github.com/sio-go/sio/engine/dial"
)

// Dialer opens WebTransport sessions for package dial: its Dial is what
// dial.Config.DialWebTransport wants. The zero value is ready to use. It is safe for
// concurrent use; its fields must not be changed once it is used.
type Dialer struct {
	// TLS holds the TLS settings: whom to trust, certificates of the client, a function
	// that checks the server's certificate by its hash. The protocol is always "h3". It is
	// cloned at each Dial: do not share it with an http.Transport, which changes its own.
	// nil means the defaults.
	TLS *tls.Config
	// QUIC holds the settings of connections. Datagrams and partial delivery of streams
	// that are reset are always enabled, because WebTransport needs them. nil means the
	// defaults: among them, that a connection ends when it was silent for 30 s, which has
	// to be more than the server's ping interval.
	QUIC *quic.Config
}

// Dial opens a WebTransport session on a QUIC connection of its own, and its one stream.
// ctx limits the opening, and means nothing after it. If the server refuses, the error is a
// *dial.Error with the status.
//
// Closing the connection closes the session at once. Its method CloseWrite ends the stream
// in one direction: a server of package engine then reads what was written, and closes the
// session.
func (d *Dialer) Dial(ctx context.Context, url string, header http.Header) (net.Conn, error) {
	settings := new(tls.Config)
	if d.TLS != nil {
		settings = d.TLS.Clone()
	}
	settings.NextProtos = []string{http3.NextProtoH3}
	cfg := new(quic.Config)
	if d.QUIC != nil {
		cfg = d.QUIC.Clone()
	}
	cfg.EnableDatagrams, cfg.EnableStreamResetPartialDelivery = true, true
	t := &webtransport.Transport{TLSClientConfig: settings, QUICConfig: cfg}
	stop := func() bool { return true }
	t.DialAddr = func(ctx context.Context, addr string, settings *tls.Config, cfg *quic.Config) (*quic.Conn, error) {
		c, err := quic.DialAddrEarly(ctx, withPort(addr), settings, cfg)
		if err == nil { // waiting for the response knows no context
			stop = context.AfterFunc(ctx, func() { _ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeRequestCanceled), "") })
		}
		return c, err
	}
	defer func() { _ = t.Close() }() // ends nothing that was opened
	c, err := open(ctx, t, url, header)
	if !stop() && err == nil {
		_ = c.Close()
		err = ctx.Err()
	}
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	}
	return nil, err
}

// open opens a session and its stream.
func open(ctx context.Context, t *webtransport.Transport, url string, header http.Header) (*clientConn, error) {
	res, session, err := t.Dial(ctx, url, header)
	if err != nil {
		if res != nil && (res.StatusCode < 200 || res.StatusCode >= 300) {
			return nil, &dial.Error{Status: res.StatusCode, Code: -1}
		}
		return nil, fmt.Errorf("webtransport: %w", err)
	}
	stream, err := session.OpenStreamSync(ctx)
	if err != nil {
		_ = session.CloseWithError(0, "")
		return nil, fmt.Errorf("webtransport: %w", err)
	}
	return &clientConn{conn{Stream: stream, session: session}}, nil
}

// withPort returns an address with the port of https if it has none.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return addr + ":443" // of IPv6 addresses, URLs have the brackets
}
