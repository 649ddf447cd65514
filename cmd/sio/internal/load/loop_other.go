// SPDX-License-Identifier: MIT

//go:build !linux

package load

import "net"

// socket is a connection as the loop sees it.
type socket struct{ conn net.Conn }

func newLoop() loop { return new(crowd) }
