// SPDX-License-Identifier: MIT

package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// tunnel makes WebSockets pass proxies. A http.Transport uses CONNECT for https only; a
// WebSocket without TLS needs it too, because proxies that forward plain requests leave
// out the fields that switch protocols (RFC 6455, section 4.1).
type tunnel struct {
	direct *http.Transport

	mu   sync.Mutex
	byID map[string]*http.Transport // for each proxy
}

func newTunnel(t *http.Transport) *tunnel { return &tunnel{direct: t} }

// maxProxies limits the transports that are kept, should Proxy return ever new ones.
const maxProxies = 16

// RoundTrip implements http.RoundTripper.
func (t *tunnel) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.direct.Proxy == nil || r.URL.Scheme != "http" {
		return t.direct.RoundTrip(r)
	}
	proxy, err := t.direct.Proxy(r)
	if err != nil {
		return nil, err
	}
	if proxy == nil || proxy.Scheme != "http" && proxy.Scheme != "https" {
		return t.direct.RoundTrip(r)
	}
	return t.through(proxy).RoundTrip(r)
}

// through returns the transport that reaches everything by CONNECT to a proxy.
func (t *tunnel) through(proxy *url.URL) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if through := t.byID[proxy.String()]; through != nil {
		return through
	}
	through := t.direct.Clone()
	through.Proxy = nil
	through.DisableKeepAlives = true
	through.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
		return t.connect(ctx, proxy, addr)
	}
	if t.byID == nil || len(t.byID) >= maxProxies {
		t.byID = make(map[string]*http.Transport)
	}
	t.byID[proxy.String()] = through
	return through
}

// connect opens a connection through a proxy (RFC 9110, section 9.3.6).
func (t *tunnel) connect(ctx context.Context, proxy *url.URL, addr string) (net.Conn, error) {
	conn, err := t.dialProxy(ctx, proxy)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", proxy.Host, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	tunnelled, err := t.handshake(ctx, conn, proxy, addr)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("proxy %s: %w", proxy.Host, err)
	}
	return tunnelled, nil
}

// handshake sends CONNECT and reads the answer.
func (t *tunnel) handshake(ctx context.Context, conn net.Conn, proxy *url.URL, addr string) (net.Conn, error) {
	header := t.direct.ProxyConnectHeader.Clone()
	if f := t.direct.GetProxyConnectHeader; f != nil {
		var err error
		if header, err = f(ctx, proxy, addr); err != nil {
			return nil, err
		}
	}
	if header == nil {
		header = make(http.Header)
	}
	if user := proxy.User; user != nil && header.Get("Proxy-Authorization") == "" {
		password, _ := user.Password()
		header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: header}
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.LimitReader(conn, maxHeader))
	res, err := http.ReadResponse(in, r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d to CONNECT", res.StatusCode)
	}
	if in.Buffered() > 0 { // HTTP servers do not speak first
		return nil, fmt.Errorf("%d bytes behind the answer to CONNECT", in.Buffered())
	}
	return conn, nil
}

// dialProxy connects to a proxy, with TLS if its scheme is https.
func (t *tunnel) dialProxy(ctx context.Context, proxy *url.URL) (net.Conn, error) {
	port := proxy.Port()
	secure := proxy.Scheme == "https"
	switch {
	case port != "":
	case secure:
		port = "443"
	default:
		port = "80"
	}
	addr := net.JoinHostPort(proxy.Hostname(), port)
	if secure && t.direct.DialTLSContext != nil {
		return t.direct.DialTLSContext(ctx, "tcp", addr)
	}
	dial := t.direct.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", addr)
	if err != nil || !secure {
		return conn, err
	}
	cfg := t.direct.TLSClientConfig.Clone()
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		cfg.ServerName = proxy.Hostname()
	}
	cfg.NextProtos = nil
	over := tls.Client(conn, cfg)
	if err := over.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return over, nil
}
