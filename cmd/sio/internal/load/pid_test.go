// SPDX-License-Identifier: MIT

package load

import (
	"os"
	"runtime"
)

// pid is a process whose usage can be asked for; 0: none.
func pid() int {
	if runtime.GOOS != "linux" {
		return 0
	}
	return os.Getpid()
}
