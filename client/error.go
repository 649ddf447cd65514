// SPDX-License-Identifier: MIT

package client

import (
	"errors"
	"fmt"
	"net"

	"github.com/sio-go/sio/engine"
)

// closedError is the type of ErrClosed; it also matches net.ErrClosed.
type closedError struct{}

func (closedError) Error() string        { return "client: socket disconnected" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }

// ErrClosed is returned for what a socket cannot do any more: an answer after the
// connection over which the question came has ended, and everything after Close.
// errors.Is(ErrClosed, net.ErrClosed) is true.
var ErrClosed error = closedError{}

var (
	// ErrBufferFull is returned by Emit when Config.BufferPackets or BufferBytes are
	// waiting already, or when the server has not read too much of what was sent.
	// Nothing is sent.
	ErrBufferFull = errors.New("client: send buffer full")
	// ErrTooManyAcks is returned by EmitWithAck when Config.MaxPendingAcks answers are
	// awaited.
	ErrTooManyAcks = errors.New("client: too many pending acknowledgements")
	// ErrDropped is returned by EmitWithAck for a volatile event that was not sent.
	ErrDropped = errors.New("client: volatile event dropped")
	// ErrNoAck is returned by Message.Reply when the server did not ask for an answer.
	ErrNoAck = errors.New("client: no acknowledgement was asked for")
	// ErrReplied is returned by Message.Reply when an answer has been sent already.
	ErrReplied = errors.New("client: already acknowledged")
	// ErrNoAnswer is the error of EmitWithAck, and what Hooks.Dropped is told, when an
	// event was sent as often as SocketConfig.Retries allows, or once within
	// SocketConfig.AckTimeout, and was not acknowledged.
	ErrNoAnswer = errors.New("client: not acknowledged in time")

	errOldServer = errors.New("client: the server has sent no socket id: it speaks the protocol of Socket.IO 2, which this client does not (C3.5)")
	errEarly     = errors.New("client: too many events before CONNECT")
)

// ConnectError says that the server refused a socket: a middleware did, or there is no
// such namespace. The socket is not active any more, and Connect has to be called again.
type ConnectError struct {
	Namespace string
	Message   string
	Data      any // the decoded JSON value that came with it, or nil
}

// Error implements error.
func (e *ConnectError) Error() string {
	return fmt.Sprintf("client: namespace %q refused: %s", e.Namespace, e.Message)
}

// DisconnectError says that a socket was disconnected. It is the cause of the cancellation
// of a handler's context, and what EmitWithAck returns when the answer can no longer come.
// It matches ErrClosed and net.ErrClosed.
type DisconnectError struct {
	Reason Reason
	Err    error // the cause, or nil
}

// Error implements error.
func (e *DisconnectError) Error() string {
	text := "client: disconnected: " + string(e.Reason)
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

// PanicError is the error of a handler that panicked.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as from debug.Stack
}

// Error implements error. It does not include the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("client: panic: %v", e.Value) }

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Reason says why a socket was disconnected. The texts are those of the official client
// (C3.9).
type Reason string

// The reasons of a disconnection. After all but the first two the manager reconnects,
// unless that is switched off.
const (
	// ReasonServerDisconnect: the server has disconnected the socket.
	ReasonServerDisconnect Reason = "io server disconnect"
	// ReasonClientDisconnect: Disconnect or Close was called, or a handler panicked.
	ReasonClientDisconnect Reason = "io client disconnect"
	// ReasonPingTimeout: the server's ping did not come in time.
	ReasonPingTimeout = Reason(engine.ReasonPingTimeout)
	// ReasonTransportClose: the connection was closed or lost.
	ReasonTransportClose = Reason(engine.ReasonTransportClose)
	// ReasonTransportError: I/O failed, or the server broke a rule of the transport.
	ReasonTransportError = Reason(engine.ReasonTransportError)
	// ReasonParseError: the server sent something that is no packet.
	ReasonParseError = Reason(engine.ReasonParseError)
	// ReasonForcedClose: the connection was closed by this side, as the last socket that
	// used it had gone.
	ReasonForcedClose = Reason(engine.ReasonForcedClose)
)

// Terminal reports whether a socket that was disconnected for this reason stays so until
// Connect or Open is called.
func (r Reason) Terminal() bool {
	return r == ReasonServerDisconnect || r == ReasonClientDisconnect
}
