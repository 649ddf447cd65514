// SPDX-License-Identifier: MIT

// Package forward hands requests of clients to the server of a cluster that has their
// session, for load balancers that do not know. The id of a session begins with a tag of
// its server; where the server with a tag is, the others ask over the bus.
package forward

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Config has the settings of a Forwarder.
type Config struct {
	Address   *url.URL // scheme and host at which the other servers reach this one
	Secret    []byte   // shared by all servers
	Transport http.RoundTripper
	Logger    *slog.Logger
	// Ask and Tell send a line to all other servers, which give it to Asked or Told.
	// They do not wait.
	Ask, Tell func(line string)
}

// Forwarder is one server's part. It must be made with New. All methods are safe for
// concurrent use. It has no goroutine.
type Forwarder struct {
	cfg     Config
	secret  secret
	tag     string
	servers directory
	proxy   httputil.ReverseProxy
	ctx     context.Context //nolint:containedctx // ends with Close
	cancel  context.CancelFunc
	logged  atomic.Int64 // when forged has written to the log, in ns since 1970
}

// New returns a Forwarder.
func New(cfg Config) *Forwarder {
	f := &Forwarder{cfg: cfg, secret: cfg.Secret}
	f.tag = f.secret.newTag()
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.servers = directory{ask: cfg.Ask, peers: make(map[string]*peer), asks: make(map[string]*question)}
	f.proxy = httputil.ReverseProxy{
		Rewrite:      f.rewrite,
		Transport:    cfg.Transport,
		ErrorHandler: f.failed,
		ErrorLog:     slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return f
}

// Close ends the requests and connections that are being forwarded. It does not wait for them.
func (f *Forwarder) Close() { f.cancel() }

// SessionID makes the id of a session of this server out of one that is unique here.
func (f *Forwarder) SessionID(id string) string { return f.tag + id }

// Asked answers a line of Config.Ask, if it is for this server.
func (f *Forwarder) Asked(line string) {
	if line == f.tag {
		address := f.cfg.Address.String()
		f.cfg.Tell(f.tag + " " + address + " " + f.secret.text(forAddress, f.tag, address))
	}
}

var errAddress = errors.New("forward: what another server says of its address is not signed with our secret")

// Told takes a line of Config.Tell.
func (f *Forwarder) Told(line string) error {
	tag, rest, _ := strings.Cut(line, " ")
	address, signature, _ := strings.Cut(rest, " ")
	if !f.secret.isTag(tag) || !equal(signature, f.secret.text(forAddress, tag, address)) {
		return errAddress
	}
	base, err := url.Parse(address)
	if err != nil {
		return err
	}
	if tag != f.tag {
		f.servers.learn(tag, base)
	}
	return nil
}

// Serve forwards a request, if it is of a session of another server, and reports that.
// Otherwise it returns the request to be handled here: if another server has forwarded
// it, with the address of the client.
func (f *Forwarder) Serve(w http.ResponseWriter, r *http.Request) (here *http.Request, done bool) {
	if r.Header.Get(header) != "" {
		remote, ok := f.secret.verifyRequest(r)
		if !ok {
			f.forged(r)
			http.Error(w, "not forwarded by a server of this cluster", http.StatusForbidden)
			return nil, true
		}
		// What comes from another server is never forwarded again.
		here = r.Clone(r.Context())
		here.RemoteAddr = remote
		here.Header.Del(header)
		return here, false
	}
	tag := f.foreign(r)
	if tag == "" {
		return r, false
	}
	base := f.servers.find(r.Context(), tag)
	if base == nil {
		return r, false // a session that this server does not know
	}
	target, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return r, false
	}
	target.Scheme, target.Host = base.Scheme, base.Host
	h := &hop{tag: tag, target: target}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), hopKey{}, h))
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { h.unreachable.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { h.unreachable.Store(false) },
	})
	f.proxy.ServeHTTP(writer{w}, r.WithContext(ctx))
	return nil, true
}

// logEvery is the time between two lines about requests that are forged.
const logEvery = 10 * time.Second

// forged writes to the log, but not as often as clients want.
func (f *Forwarder) forged(r *http.Request) {
	now, last := time.Now().UnixNano(), f.logged.Load()
	if (last == 0 || now-last >= int64(logEvery)) && f.logged.CompareAndSwap(last, now) {
		f.cfg.Logger.Warn("a request claims to be forwarded, and is not", "remote", r.RemoteAddr)
	}
}

// foreign returns the tag of the session that a request is of, if it is another server's.
func (f *Forwarder) foreign(r *http.Request) string {
	if !strings.Contains(r.URL.RawQuery, "sid=") {
		return ""
	}
	sid := r.URL.Query().Get("sid")
	if len(sid) <= tagLength {
		return ""
	}
	tag := sid[:tagLength]
	if tag == f.tag || !f.secret.isTag(tag) {
		return ""
	}
	return tag
}

// hop is where a request goes, in its context.
type hop struct {
	tag    string
	target *url.URL
	// unreachable says that no connection was made, though one was wanted. Other errors may
	// be the client's fault, and must not keep other clients from their server.
	unreachable atomic.Bool
}

type hopKey struct{}

// kept are fields that a proxy in front of the servers has set, and that
// httputil.ReverseProxy would drop.
var kept = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

func (f *Forwarder) rewrite(p *httputil.ProxyRequest) {
	h, _ := p.In.Context().Value(hopKey{}).(*hop)
	p.Out.URL, p.Out.Host = h.target, p.In.Host
	for _, name := range kept {
		if v := p.In.Header.Values(name); v != nil {
			p.Out.Header[name] = v
		}
	}
	p.Out.Header.Set(header, f.secret.signRequest(p.Out, p.In.RemoteAddr))
}

// writer takes over connections that can only be closed as a whole. Of others, httputil.ReverseProxy
// closes one direction when the other server has ended, and a client that does not mind could
// have it wait for ever.
type writer struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (w writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return struct{ net.Conn }{conn}, buf, nil
}

// Unwrap is for http.ResponseController.
func (w writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// failed answers a request that got no response.
func (f *Forwarder) failed(w http.ResponseWriter, r *http.Request, err error) {
	h, _ := r.Context().Value(hopKey{}).(*hop)
	switch {
	case r.Context().Err() != nil: // the client has gone, or this server
	case h.unreachable.Load():
		f.servers.lost(h.tag)
		f.cfg.Logger.Warn("the server of a session cannot be reached", "server", h.target.Host, "err", err)
	default:
		f.cfg.Logger.Debug("a request was not forwarded", "server", h.target.Host, "err", err)
	}
	w.WriteHeader(http.StatusBadGateway)
}
