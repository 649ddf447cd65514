// SPDX-License-Identifier: MIT

package sio

import "github.com/sio-go/sio/engine"

// Reason says why a socket was disconnected. The texts are those of the official
// server (S6).
type Reason string

// The reasons of a disconnection.
const (
	// ReasonServerDisconnect: Socket.Disconnect was called, OnConnect returned an
	// error, or a handler panicked.
	ReasonServerDisconnect Reason = "server namespace disconnect"
	// ReasonClientDisconnect: the client left the namespace.
	ReasonClientDisconnect Reason = "client namespace disconnect"
	// ReasonExpired: the time of Socket.SetExpiry has come. The client is told the same as
	// with ReasonServerDisconnect.
	ReasonExpired Reason = "session expired"
	// ReasonShutdown: Server.Close or Server.Shutdown was called.
	ReasonShutdown Reason = "server shutting down"
	// ReasonPingTimeout: the client did not answer a ping in time.
	ReasonPingTimeout = Reason(engine.ReasonPingTimeout)
	// ReasonTransportClose: the client closed the connection, or it broke.
	ReasonTransportClose = Reason(engine.ReasonTransportClose)
	// ReasonTransportError: the client broke a rule of the transport, or I/O failed.
	ReasonTransportError = Reason(engine.ReasonTransportError)
	// ReasonParseError: the client sent something that is no Engine.IO packet.
	ReasonParseError = Reason(engine.ReasonParseError)
	// ReasonForcedClose: the server closed the connection because the client sent an
	// invalid Socket.IO packet or broke a rule of that protocol.
	ReasonForcedClose = Reason(engine.ReasonForcedClose)
	// ReasonSlowConsumer: the client did not read what was sent to it, until the limit of
	// its outbox was reached.
	ReasonSlowConsumer = Reason(engine.ReasonSlowConsumer)
	// ReasonFlood: the client sent faster than Engine.Flood allows.
	ReasonFlood = Reason(engine.ReasonFlood)
	// ReasonForcedServerClose is part of the official list (S6.9). This server never
	// gives it.
	ReasonForcedServerClose Reason = "forced server close"
)

// local reports whether this side ended the socket on purpose, so that what the
// client has sent before it knew is not wanted any more.
func (r Reason) local() bool {
	return r == ReasonServerDisconnect || r == ReasonShutdown || r == ReasonExpired
}
