// SPDX-License-Identifier: MIT

package sio

import (
	"errors"
	"fmt"
	"net"

	"github.com/sio-go/sio/engine"
)

// closedError is the type of ErrClosed; it also matches net.ErrClosed.
type closedError struct{}

func (closedError) Error() string        { return "sio: socket disconnected" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }

// ErrClosed is returned for a socket that is disconnected or about to be.
// errors.Is(ErrClosed, net.ErrClosed) is true.
var ErrClosed error = closedError{}

var (
	// ErrQueueFull is returned by Emit when too much waits to be sent to the client
	// already, and the event is not sent. Config.Overflow says whether the connection is
	// closed. Emit to several clients returns it, and sends the event to nobody, if Config.Bus
	// keeps broadcasts for Config.Recovery and 65,536 events of the namespace, or 64 MiB, wait
	// for it. Join returns it when a RoomHook does not keep up.
	ErrQueueFull = engine.ErrQueueFull
	// ErrNotConnected is returned by EmitWithAck in a middleware: the client cannot
	// answer before it is connected.
	ErrNotConnected = errors.New("sio: socket not yet connected")
	// ErrTooManyAcks is returned by EmitWithAck when Config.MaxPendingAcks answers are
	// awaited.
	ErrTooManyAcks = errors.New("sio: too many pending acknowledgements")
	// ErrTooManyRooms is returned by Join beyond Config.MaxRooms.
	ErrTooManyRooms = errors.New("sio: too many rooms")
	// ErrNoAck is returned by Message.Reply when the client did not ask for an answer.
	ErrNoAck = errors.New("sio: no acknowledgement was asked for")
	// ErrReplied is returned by Message.Reply when an answer has been sent already.
	ErrReplied = errors.New("sio: already acknowledged")

	errNoTarget = errors.New("sio: zero Target")
)

// DisconnectError says that a socket was disconnected. It is the cause of the
// cancellation of Socket.Context, and what EmitWithAck returns when the answer can
// no longer come. It matches ErrClosed and net.ErrClosed.
type DisconnectError struct {
	Reason Reason
	Err    error // the cause, or nil
}

// Error implements error.
func (e *DisconnectError) Error() string {
	text := "sio: disconnected: " + string(e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is reports whether target is ErrClosed or net.ErrClosed.
func (e *DisconnectError) Is(target error) bool {
	return target == ErrClosed || target == net.ErrClosed
}

// Unwrap returns the cause.
func (e *DisconnectError) Unwrap() error { return e.Err }

// ConnectError is returned by a middleware to refuse a client. The client's
// "connect_error" gets an error with this message and data. Any other error refuses
// the client too; its text is the message, and there is no data.
type ConnectError struct {
	Message string
	Data    any // sent as JSON; nil: none
}

// Error implements error.
func (e *ConnectError) Error() string { return e.Message }

// PanicError is the error of a handler that panicked. PanicHook and the log get it.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as from debug.Stack
}

// Error implements error. It does not include the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("sio: panic: %v", e.Value) }

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// sendError maps an error of a session to one of this package.
func sendError(err error) error {
	if errors.Is(err, engine.ErrClosed) {
		return ErrClosed
	}
	return err
}
