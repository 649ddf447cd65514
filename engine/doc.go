// SPDX-License-Identifier: MIT

// Package engine implements Engine.IO sessions, protocol revision 4: the
// handshake, HTTP long-polling, WebSocket, the upgrade from the first to the
// second, the heartbeat, and an outbox for each session that sends many packets
// with one system call.
//
// A [Server] is an [net/http.Handler]. It asks Config.OnSession for a [Receiver]
// for each new [Session]; what the peer sends goes to the receiver, and
// [Session.Send] takes what goes to the peer. Package sio is such a receiver.
//
// The protocol is described in "Engine.IO Protocol", revision 4. Row ids such as
// E3.4 in comments name the behaviour of the official server: see docs/behaviour.md,
// and docs/deviations.md for where this package differs.
package engine
