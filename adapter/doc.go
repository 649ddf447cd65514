// SPDX-License-Identifier: MIT

// Package adapter makes one of many servers: what is sent to a room reaches its sockets
// wherever they are connected.
//
// A [Bus] carries the [Message] values that servers tell each other over a backend.
// Packages such as adapter/redis have one; sio.Config.Bus takes it, and that is all that
// an application needs of this package. [Loopback] is a backend within one process.
//
// Everything else is for the authors of buses. What a message does, who has to answer
// it, who is there, is the business of [Node], of which each server has one for each
// namespace. A bus supplies transport only, and adaptertest says whether it does so well.
// Package envelope has the wire formats of the official adapters. An [Emitter] sends
// from programs that are no servers.
//
// Row ids such as A2.14 in comments name the behaviour of the official adapters.
package adapter
