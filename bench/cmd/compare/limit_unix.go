// SPDX-License-Identifier: MIT

//go:build unix

package main

import "syscall"

// descriptors returns how many a process may have.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Max, 1<<20)) //nolint:gosec // it fits
}
