// SPDX-License-Identifier: MIT

// Package interop tests sio against programs that know nothing of it: the
// official JavaScript clients of versions 2 to 4 and those of Engine.IO below
// them, python-socketio, WebSocket clients that compress, a browser, and bare bytes
// on the wire. Clients run as child processes, one for each version of a client;
// the server is `sio serve` or one of package testserver.
//
// With SIO_CONTROL=1 the same tests run against the official server
// (node/reference.mjs) instead: what fails there is a mistake of the test.
//
// A foreign tool that is not installed is a skipped test, or with CI=true a
// failed one; `make setup` installs them all.
package interop
