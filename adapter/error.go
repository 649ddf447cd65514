// SPDX-License-Identifier: MIT

package adapter

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrQueueFull says that a message was dropped because too many wait to be sent.
	ErrQueueFull = errors.New("adapter: too many messages wait to be sent")
	// ErrClosed says that a Bus or Link was closed.
	ErrClosed = errors.New("adapter: closed")
	// ErrNoSession says that there is nothing to return to.
	ErrNoSession = errors.New("adapter: no such session")
)

// MalformedError says that something was received that is no message of a cluster.
type MalformedError struct {
	Channel string // where it came from
	Err     error
}

// Error implements error.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("adapter: malformed message on %q: %v", e.Channel, e.Err)
}

// Unwrap returns the cause.
func (e *MalformedError) Unwrap() error { return e.Err }

// LostError says that messages were accepted but not sent.
type LostError struct {
	Count int
	Err   error
}

// Error implements error.
func (e *LostError) Error() string {
	return fmt.Sprintf("adapter: %d messages lost: %v", e.Count, e.Err)
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// TimeoutError says that nodes did not answer in time. It matches the cause, for example
// context.DeadlineExceeded.
type TimeoutError struct {
	Got, Want int      // nodes that have answered, and that were to
	Missing   []string // UIDs of those that have not, sorted; nil if the bus only counts nodes
	Err       error
}

// Error implements error, in words like those of the official adapters (A2.8, A2.15).
func (e *TimeoutError) Error() string {
	if len(e.Missing) > 0 {
		return fmt.Sprintf("adapter: timeout reached: missing %d responses, of %s", len(e.Missing), strings.Join(e.Missing, " "))
	}
	return fmt.Sprintf("adapter: timeout reached: only %d responses received out of %d", e.Got, e.Want)
}

// Unwrap returns the cause.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Timeout reports true, like that of net.Error.
func (e *TimeoutError) Timeout() bool { return true }
