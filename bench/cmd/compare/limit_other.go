// SPDX-License-Identifier: MIT

//go:build !unix

package main

// descriptors returns how many a process may have.
func descriptors() int { return 1024 }
