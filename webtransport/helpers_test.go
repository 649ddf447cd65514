// SPDX-License-Identifier: MIT

package webtransport_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	quic "github.com/quic-go/webtransport-go"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/webtransport"
)

// TestMain fails the run if goroutines are left when all tests are over.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(5 * time.Second); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines left:\n\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leaked returns the stacks of other goroutines that run code of ours or of QUIC, after
// giving them some time to end.
func leaked(patience time.Duration) string {
	for start := time.Now(); ; runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		var left []string
		for i, stack := range strings.Split(string(stacks), "\n\n") {
			if i > 0 && (strings.Contains(stack, "sio-go/sio/") || strings.Contains(stack, "quic-go/")) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Since(start) > patience {
			return strings.Join(left, "\n\n")
		}
	}
}

// receiver records what a session receives.
type receiver struct {
	session *engine.Session
	echoes  bool
	got     chan string
	ended   chan struct{}
	reason  engine.Reason
	err     error
}

func (r *receiver) Receive(data []byte, binary bool) {
	switch {
	case !r.echoes:
		r.got <- string(data)
	case binary:
		_ = r.session.Send(engine.NewBinary(data), engine.SendOptions{})
	default:
		_ = r.send(string(data))
	}
}

func (r *receiver) ReceiveEnd() {}

func (r *receiver) Closed(reason engine.Reason, err error) {
	r.reason, r.err = reason, err
	close(r.ended)
}

func (r *receiver) send(text string) error {
	return r.session.Send(engine.NewMessage(append(engine.NewBuffer(len(text)), text...), nil), engine.SendOptions{})
}

func (r *receiver) wantClosed(t *testing.T, reason engine.Reason) {
	t.Helper()
	<-r.ended
	assert.Equal(t, r.reason, reason)
}

// host is a server on a free port of 127.0.0.1.
type host struct {
	t         *testing.T
	srv       *engine.Server
	wt        *quic.Server
	url       string
	tls       *tls.Config // of clients
	receivers chan *receiver
}

// serve starts a host that allows all transports, if cfg names none. It ends with the
// test.
func serve(t *testing.T, cfg engine.Config, echoes bool) *host {
	t.Helper()
	return serveWith(t, cfg, echoes, func(h http.Handler) http.Handler { return h })
}

// serveWith is serve with something around the handler of all requests.
func serveWith(t *testing.T, cfg engine.Config, echoes bool, around func(http.Handler) http.Handler) *host {
	t.Helper()
	h := &host{t: t, receivers: make(chan *receiver, 16)}
	if cfg.Transports == nil {
		cfg.Transports = []string{engine.Polling, engine.WebSocket, engine.WebTransport}
	}
	cfg.OnSession = func(s *engine.Session) engine.Receiver {
		r := &receiver{session: s, echoes: echoes, got: make(chan string, 16), ended: make(chan struct{})}
		h.receivers <- r
		return r
	}
	h.srv = engine.NewServer(&cfg)
	h.listen("/engine.io/", h.srv, around)
	return h
}

// listen serves a path over TCP and UDP, at the same port.
func (h *host) listen(path string, next http.Handler, around func(http.Handler) http.Handler) {
	t := h.t
	t.Helper()
	server, client := certificates(t)
	h.tls = client
	mux := http.NewServeMux()
	h.wt = &quic.Server{H3: &http3.Server{TLSConfig: http3.ConfigureTLSConfig(server), Handler: around(mux)}}
	mux.Handle(path, webtransport.Handler(h.srv, h.wt, next))
	udp, tcp := bothPorts(t)
	h.url = "https://" + udp.LocalAddr().String() + path
	web := &http.Server{TLSConfig: server, Handler: next, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan error, 2)
	go func() { done <- h.wt.Serve(udp) }()
	go func() { done <- web.ServeTLS(tcp, "", "") }()
	t.Cleanup(func() {
		assert.NoError(t, h.srv.Close())
		assert.NoError(t, h.wt.Close())
		assert.NoError(t, web.Close())
		<-done
		<-done
		for end := time.Now().Add(10 * time.Second); h.srv.Count() > 0; runtime.Gosched() {
			// A session that is about to begin ends by itself.
			assert.True(t, time.Now().Before(end), "%d sessions left", h.srv.Count())
		}
		_ = udp.Close()
	})
}

// bothPorts listens at a port that is free for both.
func bothPorts(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		udp, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", "127.0.0.1:0")
		assert.NoError(t, err)
		tcp, err := new(net.ListenConfig).Listen(context.Background(), "tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		_ = udp.Close()
	}
	t.Fatal("no free port")
	return nil, nil
}

// certificates returns the settings of a server at 127.0.0.1 and of its clients.
func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// dial begins a WebTransport session. The session is nil unless the status is 200.
func (h *host) dial(header http.Header) (*quic.Session, int) {
	h.t.Helper()
	d := &quic.Transport{TLSClientConfig: h.tls}
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	res, session, err := d.Dial(ctx, h.url, header)
	if res == nil {
		h.t.Fatalf("no response: %v", err)
	}
	if err == nil {
		h.t.Cleanup(func() { _ = session.CloseWithError(0, "") })
	}
	h.t.Cleanup(func() { _ = d.Close() })
	return session, res.StatusCode
}

// client is a client's session and its stream.
type client struct {
	t       *testing.T
	session *quic.Session
	stream  *quic.Stream
	r       *bufio.Reader
}

// stream begins a session and opens its stream.
func (h *host) stream() *client {
	h.t.Helper()
	session, status := h.dial(nil)
	assert.Equal(h.t, status, 200)
	stream, err := session.OpenStream()
	assert.NoError(h.t, err)
	assert.NoError(h.t, stream.SetDeadline(time.Now().Add(30*time.Second)))
	return &client{h.t, session, stream, bufio.NewReader(stream)}
}

// connect opens a session of the engine.
func (h *host) connect() (*client, *receiver) {
	h.t.Helper()
	c := h.stream()
	c.send("0", false)
	got, _, err := c.read()
	assert.NoError(h.t, err)
	assert.True(h.t, strings.HasPrefix(got, `0{"sid":"`), "packet %q, want an open packet", got)
	return c, <-h.receivers
}

func (c *client) send(data string, binary bool) {
	c.t.Helper()
	_, err := c.stream.Write(append(wire.AppendStreamHeader(nil, len(data), binary), data...))
	assert.NoError(c.t, err)
}

func (c *client) read() (data string, binary bool, err error) {
	head, err := c.r.Peek(1)
	if err != nil {
		return "", false, err
	}
	head, err = c.r.Peek(map[byte]int{126: 3, 127: 9}[head[0]&0x7f])
	if err != nil {
		return "", false, err
	}
	if len(head) == 0 {
		head, _ = c.r.Peek(1)
	}
	size, n, binary := wire.ParseStreamHeader(head)
	_, _ = c.r.Discard(size)
	packet := make([]byte, n)
	_, err = io.ReadFull(c.r, packet)
	return string(packet), binary, err
}

func (c *client) want(data string, binary bool) {
	c.t.Helper()
	got, isBinary, err := c.read()
	assert.NoError(c.t, err)
	if got != data || isBinary != binary {
		c.t.Fatalf("got packet %.60q, binary %t, want %.60q, binary %t", got, isBinary, data, binary)
	}
}

// wantEnd waits for the end of the session.
func (c *client) wantEnd() {
	c.t.Helper()
	_, _, err := c.read()
	assert.Error(c.t, err)
	<-c.session.Context().Done()
}
