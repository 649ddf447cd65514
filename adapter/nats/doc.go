// SPDX-License-Identifier: MIT

// Package nats connects servers by way of NATS. Broadcasts go by core NATS, on a subject for
// each namespace and room, so that a server receives only what concerns it; with Config.Log
// they are kept by JetStream, so that clients can return to any server. Package embedded has
// a NATS server within the process, for clusters with nothing to install.
//
//	conn, err := nats.Connect("nats://127.0.0.1:4222", nats.MaxReconnects(-1))
//	...
//	srv := sio.NewServer(&sio.Config{Bus: sionats.NewBus(conn, nil)})
//
// There is no official adapter for NATS to be compatible with. Subjects and formats are
// documented in docs/cluster-nats.md.
//
// Core NATS delivers at most once: what is published while a server is not connected does
// not reach it. Messages of one server come to another one in the order in which they were
// published, whatever namespace and room they are for.
package nats
