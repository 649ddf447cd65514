// SPDX-License-Identifier: MIT

package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// process is the id of a process; 0: none.
type process int

// usage is what a process has used since it began.
type usage struct {
	cpu time.Duration // user and system, of all threads
	rss int64         // bytes
}

// usage asks the kernel. See clock_getcpuclockid(3) and proc_pid_stat(5): the times of the
// latter are in units of 10 ms, the clock's in nanoseconds, and it has those of threads
// that have ended.
func (p process) usage() (u usage, err error) {
	if p == 0 {
		return u, nil
	}
	var spec syscall.Timespec
	clock := ^uintptr(p)<<3 | 2                                                                                          // CPUCLOCK_SCHED of a process
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&spec)), 0); errno != 0 { //nolint:gosec // a system call
		return u, fmt.Errorf("no process %d", int(p))
	}
	u.cpu = time.Duration(spec.Nano())
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", int(p)))
	if err != nil {
		return u, fmt.Errorf("no process %d", int(p))
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // the name may have spaces
	if len(fields) < 22 {
		return u, fmt.Errorf("cannot read the memory of process %d", int(p))
	}
	pages, _ := strconv.ParseInt(string(fields[21]), 10, 64)
	u.rss = pages * int64(os.Getpagesize())
	return u, nil
}
