// SPDX-License-Identifier: MIT

//go:build !linux

package load

import (
	"errors"
	"time"
)

// process is the id of a process; 0: none.
type process int

// usage is what a process has used since it began.
type usage struct {
	cpu time.Duration
	rss int64
}

func (p process) usage() (usage, error) {
	if p == 0 {
		return usage{}, nil
	}
	return usage{}, errors.New("the CPU time of another process is known on Linux only")
}
