// SPDX-License-Identifier: MIT

package dial

import "time"

// Sleep makes the session's clock on the wall go on, as when the machine sleeps.
func Sleep(s *Session, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heartbeat.wall = s.heartbeat.wall.Add(-d)
}
