// SPDX-License-Identifier: MIT

package sio

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/internal/forward"
)

// Forward lets clients poll without sticky sessions: a request that reaches another
// server than the one that has its session is handed on to that one. Both fields are
// required, and so is Config.Bus, over which servers tell each other their addresses.
//
// It is a safety net and not a replacement for sticky sessions: with n servers, n-1 of n requests
// pass two servers and the network between them, and a connection that upgrades to
// WebSocket at the wrong server takes two connections, and two goroutines with buffers of
// 32 KiB, there, for as long as it lasts. Close and Shutdown end what passes the server. Clients
// with transports: ["websocket"] need neither.
//
// Servers of other implementations in the same cluster do not take part.
type Forward struct {
	// Address is the URL at which the other servers reach this one: a scheme and a host,
	// such as "http://10.0.0.5:3000", and nothing more. What is mounted there must be
	// what clients see: the path of a request stays as it is.
	Address string
	// Secret is known to all servers of the cluster and nobody else: 16 bytes or more. It
	// signs the address of a server, and what is handed on: method, URL, the client's
	// address and the time, which may differ by 5 minutes. Bodies and responses are neither
	// signed nor encrypted: use https or a network that nobody else can read.
	Secret []byte
	// Transport carries requests to other servers. nil means one with up to 256 idle
	// connections to each server and 2 s to connect.
	Transport http.RoundTripper
}

// forwardEvent is the name of the server-side events by which servers find each other.
const forwardEvent = "sio:forward"

func newForwarder(srv *Server, cfg *Forward) *forward.Forwarder {
	address, err := url.Parse(cfg.Address)
	switch {
	case srv.cfg.Bus == nil:
		err = errors.New("Config.Bus is required")
	case err != nil:
	case address.Scheme != "http" && address.Scheme != "https", address.Host == "",
		address.Path != "" && address.Path != "/", address.RawQuery != "", address.User != nil:
		err = errors.New("the Address must be a scheme and a host")
	case len(cfg.Secret) < 16:
		err = errors.New("the Secret is too short")
	}
	if err != nil {
		panic("sio: Config.Forward: " + err.Error()) //nolint:forbidigo // a programmer's error
	}
	transport := cfg.Transport
	if transport == nil {
		t := &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			TLSHandshakeTimeout: 2 * time.Second,
			MaxIdleConnsPerHost: 256,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,
		}
		srv.idle = t.CloseIdleConnections
		transport = t
	}
	return forward.New(forward.Config{
		Address: address, Secret: cfg.Secret, Transport: transport, Logger: srv.cfg.Logger,
		Ask:  func(line string) { srv.tellServers("ask", line) },
		Tell: func(line string) { srv.tellServers("tell", line) },
	})
}

// tagged makes ids of sessions that say which server has them.
func (srv *Server) tagged(generate func(*http.Request) (string, error)) func(*http.Request) (string, error) {
	if generate == nil {
		return func(*http.Request) (string, error) { return srv.forward.SessionID(engine.NewID()), nil }
	}
	return func(r *http.Request) (string, error) {
		id, err := generate(r)
		return srv.forward.SessionID(id), err
	}
}

// tellServers sends the others something that is for their Forwarder.
func (srv *Server) tellServers(verb, line string) {
	srv.mu.RLock()
	ns := srv.namespaces["/"] // srv.Namespace may not be set yet
	srv.mu.RUnlock()
	if args, err := adapter.Args(forwardEvent, verb, line); err == nil {
		ns.cluster.tell(&adapter.Message{Type: adapter.ServerSideEmit, Args: args})
	}
}

// told takes what tellServers of another server has sent.
func (srv *Server) told(args Args) {
	var verb, line string
	if srv.forward == nil || args.Unmarshal(0, &verb) != nil || args.Unmarshal(1, &line) != nil {
		return
	}
	switch verb {
	case "ask":
		srv.forward.Asked(line)
	case "tell":
		if err := srv.forward.Told(line); err != nil {
			srv.cfg.Logger.Warn("the address of another server is refused", "err", err)
		}
	}
}
