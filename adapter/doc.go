// SPDX-License-Identifier: MIT

// Package adapter makes one of many servers: what is sent to a room reaches its sockets
// wherever they are connected.
//
// A [Bus] carries the [Message] values that servers tell each other over a backend.
// sio.Config.Bus takes one, and that is all that an application needs of this package.
// [Loopback] is a backend within one process; others have modules of their own.
//
// # For authors of buses
//
// What a message does, who has to answer it, who is there, is the business of [Node], of
// which each server has one for each namespace. A bus supplies transport only: its
// constructor returns a [Bus], whose Join returns a [Link] for each namespace. Where the
// backend can do more, the link is a [Counter], a [Router] or a [Log] too, and [Combine]
// makes it so by configuration. A bus sends no messages of its own: heartbeats come from the
// Node, unless it has a Counter.
//
// Arguments travel as packet.Args, which are valid, read-only, and have binary data as
// attachments; [Args] makes them. Package envelope has the wire formats that the official
// adapters share. An [Emitter] sends from programs that are no servers: a bus supplies the
// function that sends. adaptertest.Run says whether all is well, and [Loopback] is an example.
//
// Row ids such as A2.14 in comments name the behaviour of the official adapters.
package adapter
