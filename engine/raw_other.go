// SPDX-License-Identifier: MIT

//go:build !linux || 386 || s390x

package engine

import "syscall"

// rawCalls says that rawRead and rawWrite exist: here the methods of net.Conn serve.
const rawCalls = false

func rawRead(uintptr, []byte) (int, syscall.Errno)  { return 0, syscall.EINVAL }
func rawWrite(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }
