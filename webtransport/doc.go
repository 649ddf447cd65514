// SPDX-License-Identifier: MIT

// Package webtransport lets clients of Engine.IO and Socket.IO connect over WebTransport,
// with github.com/quic-go/webtransport-go: Handler is for servers, Dialer for clients. It is
// a module of its own, so that only those who want it depend on QUIC.
//
// WebTransport runs over HTTP/3, and that over UDP: clients have to reach the server's UDP
// port, through firewalls and load balancers too. A page names only one address, so the
// port is that of the polling URL, usually 443 for both TCP and UDP. Where UDP does not get
// through, a client whose transports are "polling", "websocket" and "webtransport" stays
// with the others. Browsers want a certificate that they trust, or one that the page names
// by its hash (serverCertificateHashes: ECDSA, valid for two weeks at most).
//
// The server tells clients of WebTransport only if engine.Config.Transports names it. It
// is not one of the default transports:
//
//	io := sio.NewServer(&sio.Config{Engine: engine.Config{
//		Transports: []string{engine.Polling, engine.WebSocket, engine.WebTransport},
//	}})
//
// A client in Go:
//
//	c, err := client.New("https://example.com", &client.Config{Engine: dial.Config{
//		DialWebTransport: new(webtransport.Dialer).Dial,
//	}})
//
// It begins with polling, and moves to WebTransport, or else to WebSocket.
//
// A client in a browser that says goodbye ends the session at once, and what it has just sent may get
// lost with it: the server sees "transport close" instead of "client namespace disconnect".
//
// QUIC drops connections that were silent for quic.Config.MaxIdleTimeout, by default 30 s,
// which has to be more than engine.Config.PingInterval.
//
// Handler then stands before the server, at the same path. See the example for a whole
// program.
package webtransport
