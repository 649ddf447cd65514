// SPDX-License-Identifier: MIT

// Package dial holds the end of Engine.IO sessions that dials, protocol revision 4: long-polling,
// WebSocket, WebTransport, and the upgrade from the first to the others. Package engine is the
// other end. WebTransport takes a function that opens connections: see
// Config.DialWebTransport.
//
// A Dialer opens sessions, each of which hands what it receives to a Receiver. It does
// not reconnect, and does not know what messages mean: package client does.
//
// An idle session over WebSocket takes one goroutine and 4 KiB for its buffer besides
// the connection; over polling it takes two connections of net/http.
package dial

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sio-go/sio/engine"
)

// Dialer opens sessions with one server. It is safe for concurrent use.
type Dialer struct {
	cfg      Config
	url      url.URL // of requests, without their query
	query    url.Values
	own      *http.Transport // to be closed; nil if it is the user's
	requests *http.Client    // for polling
	sockets  *http.Client    // for WebSockets
	worked   atomic.Bool     // the last WebSocket worked (C4.3)
}

// New returns a Dialer for the server at a URL with the scheme http, https, ws or wss. Of
// the URL count the scheme, the host, the port, the user, who is named to the server by
// basic authentication, and the query if Config.Query is nil (C1.3).
func New(rawURL string, cfg *Config) (*Dialer, error) {
	if len(rawURL) > maxURL {
		return nil, errURLTooLong
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("dial: invalid URL: %w", withoutURL(err))
	}
	d := &Dialer{cfg: cfg.withDefaults()}
	if d.url, err = d.base(u); err != nil {
		return nil, err
	}
	if len(d.cfg.Transports) == 0 {
		return nil, ErrNoTransports
	}
	if d.query = d.cfg.Query; d.query == nil {
		if d.query, err = url.ParseQuery(u.RawQuery); err != nil {
			return nil, fmt.Errorf("dial: invalid query: %w", err)
		}
	}
	transport := d.cfg.Transport
	if transport == nil {
		d.own = newTransport()
		transport = d.own
	}
	d.requests = &http.Client{Transport: transport, Jar: d.cfg.Jar, CheckRedirect: checkRedirect}
	d.sockets = &http.Client{
		Transport:     newTunnel(transport),
		Jar:           d.cfg.Jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d, nil
}

// newTransport returns a transport that belongs to one Dialer.
func newTransport() *http.Transport {
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else { // somebody has replaced it
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	}
	t.MaxResponseHeaderBytes = maxHeader
	t.IdleConnTimeout = idleTimeout
	return t
}

// base returns the URL of requests for what the user has given.
func (d *Dialer) base(u *url.URL) (url.URL, error) {
	scheme, port := strings.ToLower(u.Scheme), ""
	switch scheme {
	case "http", "ws":
		scheme, port = "http", ":80"
	case "https", "wss":
		scheme, port = "https", ":443"
	default:
		return url.URL{}, fmt.Errorf("dial: scheme %q of the URL is not http, https, ws or wss", u.Scheme)
	}
	if u.Hostname() == "" {
		return url.URL{}, errors.New("dial: no host in the URL")
	}
	path := d.cfg.Path
	if path == "" {
		path = "/engine.io/"
	}
	path = "/" + strings.TrimPrefix(strings.TrimSuffix(path, "/"), "/")
	if !d.cfg.NoTrailingSlash && path != "/" {
		path += "/"
	}
	host := strings.TrimSuffix(strings.TrimSuffix(u.Host, port), ":") // C4.18: the default is left out
	return url.URL{Scheme: scheme, User: u.User, Host: host, Path: path}, nil
}

// URL returns the URL of requests, without their query: its scheme is http or https, and
// the default port is left out. It belongs to the caller.
func (d *Dialer) URL() *url.URL {
	u := d.url
	return &u
}

// Close closes the idle connections of the Dialer's own http.Transport. It does not end
// sessions, and the Dialer can be used on.
func (d *Dialer) Close() {
	if d.own != nil {
		d.own.CloseIdleConnections()
	}
}

// Receiver takes what a session receives: see engine.Receiver.
type Receiver = engine.Receiver

// Watcher is what a Receiver may be besides. Its methods are called like those of the
// Receiver: one at a time, never after Closed, and they must not block.
type Watcher interface {
	// Ping is told of each ping of the server.
	Ping()
	// Upgraded is told that the session has moved to another transport.
	Upgraded(transport string)
	// UpgradeFailed is told that it has not, and stays where it is. While two transports
	// are tried, that is said of each that fails, and the other one may still do.
	UpgradeFailed(err error)
}

// Dial opens a session, and returns when the server has opened it (C4.19). It waits as
// long as ctx allows, which means nothing to the open session. newReceiver is called once
// for each session that is opened, before any message is received, possibly while Dial
// has not returned; a nil receiver closes the session. The error is an *Error, and with
// Config.TryAllTransports may be several.
func (d *Dialer) Dial(ctx context.Context, newReceiver func(*Session) Receiver) (*Session, error) {
	names := d.cfg.Transports
	if d.cfg.RememberUpgrade && d.worked.Load() && slices.Contains(names, engine.WebSocket) {
		names = slices.Clone(names)
		names = slices.Insert(slices.DeleteFunc(names, func(name string) bool { return name == engine.WebSocket }), 0, engine.WebSocket)
	}
	if !d.cfg.TryAllTransports {
		names = names[:1]
	}
	var errs []error
	for _, name := range names {
		var s *Session
		var err error
		if name == engine.Polling {
			s, err = d.openPolling(ctx, newReceiver)
		} else {
			s, err = d.openDuplex(ctx, name, newReceiver)
		}
		if err == nil {
			d.cfg.Logger.Debug("session opened", "sid", s.shortID(), "transport", name)
			return s, nil
		}
		d.cfg.Logger.Debug("session not opened", "err", err)
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, errors.Join(errs...)
}
