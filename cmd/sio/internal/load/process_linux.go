// SPDX-License-Identifier: MIT

package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// process is the id of a process; 0: none.
type process int

// usage is what a process has used since it began.
type usage struct {
	cpu time.Duration // user and system, of all threads
	rss int64         // bytes
}

// tick is the unit of CPU times in /proc: USER_HZ is 100 everywhere.
const tick = 10 * time.Millisecond

// usage asks the kernel. See proc_pid_stat(5).
func (p process) usage() (u usage, err error) {
	if p == 0 {
		return u, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", int(p)))
	if err != nil {
		return u, fmt.Errorf("no process %d", int(p))
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // the name may have spaces
	if len(fields) < 22 {
		return u, fmt.Errorf("cannot read the times of process %d", int(p))
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(string(fields[i]), 10, 64); return n }
	u.cpu = time.Duration(number(11)+number(12)) * tick
	u.rss = number(21) * int64(os.Getpagesize())
	return u, nil
}
