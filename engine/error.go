// SPDX-License-Identifier: MIT

package engine

import (
	"errors"
	"fmt"
	"net"
)

// closedError is the type of ErrClosed; it also matches net.ErrClosed.
type closedError struct{}

func (closedError) Error() string        { return "engine: session closed" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }

// ErrClosed is returned by Send on a session that is closing or closed.
// errors.Is(ErrClosed, net.ErrClosed) is true.
var ErrClosed error = closedError{}

// ErrQueueFull is returned by Send when the outbox is at its limit. The session is
// closed: a peer that does not read cannot be told anything else.
var ErrQueueFull = errors.New("engine: outbox full")

// Code is an error code of the handshake (E2.0 to E2.5).
type Code int

// The codes of the official server. They are part of the protocol: clients see them
// in the body of a refused request.
const (
	CodeTransportUnknown   Code = 0
	CodeSessionUnknown     Code = 1
	CodeBadHandshakeMethod Code = 2
	CodeBadRequest         Code = 3
	CodeForbidden          Code = 4
	CodeUnsupportedVersion Code = 5
)

func (c Code) message() string {
	switch c {
	case CodeTransportUnknown:
		return "Transport unknown"
	case CodeSessionUnknown:
		return "Session ID unknown"
	case CodeBadHandshakeMethod:
		return "Bad handshake method"
	case CodeForbidden:
		return "Forbidden"
	case CodeUnsupportedVersion:
		return "Unsupported protocol version"
	case CodeBadRequest:
	}
	return "Bad request"
}

// RequestError says why a request was refused. Config.OnRequestError receives it.
type RequestError struct {
	Code    Code
	Message string // what the peer is told
	Detail  string // what the log is told: the context of the official server
	Err     error  // the cause, or nil
	status  int    // HTTP status for polling; 0 means 400
}

// Error implements error.
func (e *RequestError) Error() string {
	text := fmt.Sprintf("engine: request refused: %s (code %d)", e.Message, e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Err }

func refuse(code Code, detail string) *RequestError {
	return &RequestError{Code: code, Message: code.message(), Detail: detail}
}

// Causes of a session's end, beside its Reason.
var (
	errOverlapGET   = errors.New("engine: overlap from client")
	errOverlapPOST  = errors.New("engine: data request overlap from client")
	errPollGone     = errors.New("engine: poll connection closed prematurely")
	errPostGone     = errors.New("engine: data request connection closed prematurely")
	errContentType  = errors.New("engine: invalid content")
	errPingFromPeer = errors.New("engine: invalid heartbeat direction")
)
