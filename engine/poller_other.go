// SPDX-License-Identifier: MIT

//go:build !linux || 386 || s390x || sio_goroutines

package engine

import (
	"net"
	"time"
)

// poller takes no connection here: each has a goroutine.
type poller struct{}

func (*poller) adopt(*duplex, net.Conn) *polled { return nil }
func (*poller) each(func(*duplex))              {}
func (*poller) wait()                           {}

// polled does not exist here.
type polled struct{}

func (*polled) start()                                   {}
func (*polled) end(error)                                {}
func (*polled) pause(bool)                               {}
func (*polled) mayBlock()                                {}
func (*polled) hangUp()                                  {}
func (*polled) setDeadline(time.Time)                    {}
func (*polled) tryWrite([]*Message) (net.Buffers, error) { return nil, net.ErrClosed }
func (*polled) writeLater([]*Message, net.Buffers)       {}
func (*polled) abandon()                                 {}
func (*polled) close()                                   {}
