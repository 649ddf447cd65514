// SPDX-License-Identifier: MIT

// Package postgres connects the servers of a cluster through PostgreSQL, by LISTEN and NOTIFY.
//
// It speaks the language of @socket.io/postgres-adapter 0.5 and @socket.io/postgres-emitter, so that
// servers and emitters in Go and Node can be mixed. [NewBus] takes the pool that the program
// has anyway, [Open] a URL; [NewEmitter] and [OpenEmitter] are for programs that are no servers.
//
// What a NOTIFY cannot carry, binary data and messages of 8,000 bytes and more, is put into a table, which
// is made when it is needed, or by the statements that [Schema] returns. With a [Log], broadcasts
// and sessions are kept in tables as well, and clients can return to any server in Go.
//
// The connection that listens must go to PostgreSQL itself, or by way of a pooler that gives each
// session a connection of its own.
package postgres
