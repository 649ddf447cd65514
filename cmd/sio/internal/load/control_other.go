// SPDX-License-Identifier: MIT

//go:build !linux

package load

import "syscall"

// smallBuffers changes nothing here.
func smallBuffers(_, _ string, _ syscall.RawConn) error { return nil }

// latePort changes nothing here.
func latePort(_, _ string, _ syscall.RawConn) error { return nil }
