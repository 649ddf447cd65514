// SPDX-License-Identifier: MIT

package load

import "syscall"

// smallBuffers makes a socket one for which the two kernels keep little: over the loopback,
// with its large segments, a server could write megabytes to a client that never reads.
func smallBuffers(_, _ string, c syscall.RawConn) error {
	const buffer, segment = 4 << 10, 1448
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, buffer)
		if failed == nil {
			failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, segment)
		}
	})
	if err != nil {
		return err
	}
	return failed
}
