// SPDX-License-Identifier: MIT

package dial_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/memnet"
)

// certificates returns the settings of a TLS server, and of its clients.
func certificates(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"example.com", "proxy.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// TestTLS_C4_16 speaks TLS: a WebSocket needs HTTP/1.1, also if polling takes HTTP/2.
func TestTLS_C4_16(t *testing.T) {
	t.Parallel()
	server, client := certificates(t)
	protocols := make(chan string, 100)
	srv := engine.NewServer(&engine.Config{OnSession: func(s *engine.Session) engine.Receiver {
		return &peer{session: s, ended: make(chan struct{})}
	}})
	l := memnet.Listen()
	h := &http.Server{TLSConfig: server, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols <- r.URL.Query().Get("transport") + " " + r.Proto
		srv.ServeHTTP(w, r)
	})}
	done := make(chan error)
	go func() { done <- h.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		assert.NoError(t, srv.Close())
		assert.NoError(t, h.Close())
		<-done
	})
	for name, transports := range map[string][]string{"C4.16: websocket": webSocketOnly, "C4.16: upgrade": nil} {
		t.Run(name, func(t *testing.T) {
			transport := &http.Transport{DialContext: l.DialContext, TLSClientConfig: client, ForceAttemptHTTP2: true}
			d, err := dial.New("wss://example.com", &dial.Config{Transport: transport, Transports: transports})
			assert.NoError(t, err)
			r, err := open(t, d, nil)
			assert.NoError(t, err)
			r.send("x")
			r.want("x")
			if transports == nil {
				<-r.upgraded
				assert.Equal(t, <-protocols, "polling HTTP/2.0")
			}
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
			transport.CloseIdleConnections()
			last := ""
			for len(protocols) > 0 {
				if p := <-protocols; p[0] == 'w' {
					last = p
				}
			}
			assert.Equal(t, last, "websocket HTTP/1.1")
		})
		t.Run(name+", not trusted", func(t *testing.T) {
			d, err := dial.New("https://example.com", &dial.Config{Transport: &http.Transport{DialContext: l.DialContext}, Transports: transports})
			assert.NoError(t, err)
			_, err = open(t, d, nil)
			var unknown x509.UnknownAuthorityError
			assert.True(t, errors.As(err, &unknown), "%v", err)
		})
	}
}

// proxyServer is an HTTP proxy that connects everything to one listener.
func proxyServer(t *testing.T, to *memnet.Listener, through net.Listener, refuse bool, asked chan<- string) {
	t.Helper()
	h := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
		if refuse {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if r.Method != http.MethodConnect {
			out := r.Clone(r.Context())
			out.RequestURI = ""
			transport := &http.Transport{DialContext: to.DialContext, DisableKeepAlives: true}
			res, err := transport.RoundTrip(out)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			w.WriteHeader(res.StatusCode)
			_, _ = io.Copy(w, res.Body)
			_ = res.Body.Close()
			return
		}
		there, err := to.Dial(r.Context())
		assert.NoError(t, err)
		here, rw, err := http.NewResponseController(w).Hijack()
		assert.NoError(t, err)
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(here, there)
			_ = here.Close()
		}()
		_, _ = io.Copy(there, io.Reader(bufio.NewReader(rw.Reader)))
		_ = there.Close()
	})}
	done := make(chan error)
	go func() { done <- h.Serve(through) }()
	t.Cleanup(func() {
		_ = h.Close()
		<-done
	})
}

// TestProxy_C4_16: WebSockets go through proxies by CONNECT, with TLS and without.
func TestProxy_C4_16(t *testing.T) {
	t.Parallel()
	server, client := certificates(t)
	for name, test := range map[string]struct {
		url, proxy string
		refuse     bool
		asked      string
		err        string
	}{
		"C4.16: ws":                       {"ws://example.com", "http://u:p@proxy.example:8080", false, "CONNECT example.com:80 Basic dTpw", ""},
		"C4.16: wss":                      {"wss://example.com", "http://u:p@proxy.example:8080", false, "CONNECT example.com:443 Basic dTpw", ""},
		"C4.16: ws, a proxy with TLS":     {"ws://example.com", "https://proxy.example", false, "CONNECT example.com:80 ", ""},
		"C4.16: ws, refused":              {"ws://example.com", "http://u:p@proxy.example:8080", true, "CONNECT example.com:80 Basic dTpw", "dial: websocket GET ws://example.com/engine.io/: proxy proxy.example:8080: status 403 to CONNECT"},
		"C4.16: polling":                  {"http://example.com", "http://proxy.example", false, "", ""},
		"C4.16: the proxy does not exist": {"ws://example.com", "http://nowhere.example", false, "", "dial: websocket GET ws://example.com/engine.io/: proxy nowhere.example: no such host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := engine.NewServer(&engine.Config{OnSession: func(s *engine.Session) engine.Receiver {
				return &peer{session: s, ended: make(chan struct{})}
			}})
			l, through := memnet.Listen(), memnet.Listen()
			h := &http.Server{Handler: srv, ReadHeaderTimeout: time.Minute}
			done := make(chan error)
			u, err := url.Parse(test.url)
			assert.NoError(t, err)
			go func() {
				if u.Scheme == "wss" {
					done <- h.Serve(tls.NewListener(l, server))
					return
				}
				done <- h.Serve(l)
			}()
			t.Cleanup(func() {
				assert.NoError(t, srv.Close())
				_ = h.Close()
				<-done
			})
			p, err := url.Parse(test.proxy)
			assert.NoError(t, err)
			asked := make(chan string, 100)
			if p.Scheme == "https" {
				proxyServer(t, l, tls.NewListener(through, server), test.refuse, asked)
			} else {
				proxyServer(t, l, through, test.refuse, asked)
			}
			transports := webSocketOnly
			if u.Scheme == "http" {
				transports = pollingOnly
			}
			transport := &http.Transport{
				Proxy: http.ProxyURL(p), TLSClientConfig: client,
				DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
					if host, _, _ := net.SplitHostPort(addr); host != "proxy.example" {
						return nil, errors.New("no such host")
					}
					return through.Dial(ctx)
				},
			}
			t.Cleanup(transport.CloseIdleConnections)
			d, err := dial.New(test.url, &dial.Config{Transport: transport, Transports: transports})
			assert.NoError(t, err)
			r, err := open(t, d, nil)
			if test.err != "" {
				assert.True(t, err != nil && err.Error() == test.err, "%v", err)
				return
			}
			assert.NoError(t, err)
			r.send("x")
			r.want("x")
			if test.asked != "" {
				assert.Equal(t, <-asked, test.asked)
			}
			r.session.Close()
			r.wantClosed(engine.ReasonForcedClose, "")
		})
	}
}
