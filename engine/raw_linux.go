// SPDX-License-Identifier: MIT

//go:build linux && !386 && !s390x

package engine

import (
	"syscall"
	"unsafe"
)

// rawCalls says that rawRead and rawWrite exist. They must be given the descriptor of
// a non-blocking socket, as all sockets of package net are.
const rawCalls = true

// RawSyscall does not tell the scheduler: a call that may block would stall a whole
// processor, but one that cannot is spared the price of leaving and entering Go,
// which at modest rates is more than half of the cost of a message.

func rawRead(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

func rawWrite(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)),
		syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
