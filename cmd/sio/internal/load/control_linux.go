// SPDX-License-Identifier: MIT

package load

import "syscall"

// smallBuffers makes a socket one for which the two kernels keep little: over the loopback,
// with its large segments, a server could write megabytes to a client that never reads.
func smallBuffers(_, _ string, c syscall.RawConn) error {
	const buffer, segment = 4 << 10, 1448
	return options(c,
		[3]int{syscall.SOL_SOCKET, syscall.SO_RCVBUF, buffer},
		[3]int{syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, segment})
}

// latePort makes the kernel choose the port of a socket when it knows the other side: an
// address has 28,000 ports for each of them instead of for all.
func latePort(_, _ string, c syscall.RawConn) error {
	const bindAddressNoPort = 24 // IP_BIND_ADDRESS_NO_PORT
	return options(c, [3]int{syscall.IPPROTO_IP, bindAddressNoPort, 1})
}

// options sets options: level, name and value.
func options(c syscall.RawConn, list ...[3]int) (failed error) {
	err := c.Control(func(fd uintptr) {
		for _, o := range list {
			if failed == nil {
				failed = syscall.SetsockoptInt(int(fd), o[0], o[1], o[2])
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}
