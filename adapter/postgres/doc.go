// SPDX-License-Identifier: MIT

// Package postgres connects the servers of a cluster through PostgreSQL, by LISTEN and NOTIFY, and
// speaks the language of @socket.io/postgres-adapter: servers in Go and Node can be mixed.
package postgres
